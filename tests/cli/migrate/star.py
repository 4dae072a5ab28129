from dilated_attention_pytorch.ring.base import *

attention = RingDilatedAttentionMemoryEfficient(512, 8, dropout=0.1)
