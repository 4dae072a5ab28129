import torch
from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2

SEGMENTS = [1024, 2048]


def build(rates):
    return RingDilatedAttentionV2(SEGMENTS, rates, dropout=0.1, enable_memory_pool=True)


attention = RingDilatedAttentionV2([1024, 2048], [1, 2], 0.0, None, torch.device("cuda"), torch.bfloat16)
