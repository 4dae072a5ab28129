import dilated_attention_pytorch as dap
import dilated_attention_pytorch.ring.base as base
from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2 as Ring

first = Ring(segment_lengths=[64], dilation_rates=[1])
second = base.RingDilatedAttentionV3(embed_dim=64, num_heads=4, segment_lengths=[64], dilation_rates=[1])
third = dap.ring.base.RingDilatedAttentionSDPA(64, 4, [64], [1])
Again = Ring
fourth = Again([128], [2])
