from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2


def use(attention: RingDilatedAttentionV2, other: "RingDilatedAttentionV2") -> None:
    print(isinstance(attention, object))
