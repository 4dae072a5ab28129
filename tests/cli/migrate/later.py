from functools import partial


def build():
    return RingDilatedAttentionV2([64], [1])


def load():
    global Lazy
    from dilated_attention_pytorch.ring_dilated_attention_v2_robust import RingDilatedAttentionV2Robust as Lazy


def use_lazy():
    return Lazy([64], [1])


make = lambda lengths: RingDilatedAttentionV2(lengths, [1])

from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2

half = partial(RingDilatedAttentionV2, [64])
if (walrus := RingDilatedAttentionV2([64], [1])) is not None:
    layers = [RingDilatedAttentionV2([w], [1]) for w in (64, 128)]
