from .vendored import RingDilatedAttentionV2

attention = RingDilatedAttentionV2([64], [1])
