from functools import partial

from dilated_attention_pytorch.ring.base import RingDilatedAttentionSDPA as Sdpa
from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2

KINDS = {"v2": RingDilatedAttentionV2, "none": None}
by_key = KINDS["v2"]([64], [1])
by_name = KINDS[name]([64], [1])
by_get = KINDS.get("v2")([64], [1])
nothing = KINDS["none"], KINDS["other"]

for kind in (RingDilatedAttentionV2, Sdpa):
    kind([64], [1])
for label, kind in KINDS.items():
    kind([64], [1])
    label([64])
made = [kind([64], [1]) for kind in KINDS.values()]

build = partial(Sdpa, 8, 2)
layer = build([64], [1])
