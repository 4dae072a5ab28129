from research.layers import *

attention = RingDilatedAttentionV2([64], [1])
