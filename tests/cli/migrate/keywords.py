from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2

common = {"segment_lengths": [64, 128], "dilation_rates": [1, 2]}
written_out = RingDilatedAttentionV2(**{"segment_lengths": [64], "dilation_rates": [1]})
from_name = RingDilatedAttentionV2(**common)
joined = RingDilatedAttentionV2(**{**common, "dropout": 0.1})
called = RingDilatedAttentionV2(**dict(segment_lengths=[64], dilation_rates=[1]))


def from_outside(options, lists):
    return RingDilatedAttentionV2(*lists, **options)


changed = dict(common)
changed.update(load())
late = RingDilatedAttentionV2(**changed)
