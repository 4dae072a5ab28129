from m1 import Attention as A
layer = A([2048], [1], dropout=0.1)
#---
from dilated_attention_pytorch import RingDilatedAttentionV2 as Attention
