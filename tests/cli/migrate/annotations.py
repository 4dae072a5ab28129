from typing import Dict, List, Literal, Optional

from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2 as Old

layers: "Dict[Old, Old]" = {}
name: Literal["Old"] = "Old"
text = "Old([64], [1])"


def use(
    one: Optional["Old"],
    *rest: "List['Old']",
    broken: "not a ( type" = None,
) -> "Old":
    return one
