# -*- coding: latin-1 -*-
from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2

name = "été"; attention = RingDilatedAttentionV2([64], [1])
