import importlib

import dilated_attention_pytorch

module = importlib.import_module("dilated_attention_pytorch.ring_dilated_attention_v2")
attention = module.RingDilatedAttentionV2([64], [1])
other = getattr(dilated_attention_pytorch, "RingDilatedAttentionV2")([64], [1])
unrelated = getattr(dilated_attention_pytorch, "version")
