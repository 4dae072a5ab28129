from dilated_attention_pytorch.ring.base import RingDilatedAttentionV3 as V3

from .own import RingDilatedAttentionV2

__all__ = ["V3"]
