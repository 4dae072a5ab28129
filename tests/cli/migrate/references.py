from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2
from dilated_attention_pytorch.ring_dilated_attention_v2_robust import RingDilatedAttentionV2Robust

REGISTRY = {"v2": RingDilatedAttentionV2}


@register(RingDilatedAttentionV2)
def build(kind=RingDilatedAttentionV2):
    return kind([64], [1])


def is_old(module):
    return isinstance(module, RingDilatedAttentionV2)
