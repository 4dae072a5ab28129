from dilated_attention_pytorch import RingDilatedAttention
from dilated_attention_pytorch.ring_dilated_attention_fixed import RingDilatedAttentionFixed
from dilated_attention_pytorch.ring_dilated_attention_true import TrueRingDilatedAttention as Second
from dilated_attention_pytorch.ring_dilated_attention_v3 import RingDilatedAttentionV3
from dilated_attention_pytorch.true_ring_dilated_attention import TrueRingDilatedAttention as First

unclear = RingDilatedAttention([64], [1])
fixed = RingDilatedAttentionFixed([64], [1])
bucketed = RingDilatedAttentionV3([64], [1], bucket_size=512)
second = Second([64], [1])
first = First([64], [1])
