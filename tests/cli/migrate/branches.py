try:
    from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2
except ImportError:
    RingDilatedAttentionV2 = None

if FAST:
    from dilated_attention_pytorch.ring.base import RingDilatedAttentionSDPA as Attention
else:
    from torch.nn import MultiheadAttention as Attention

guarded = RingDilatedAttentionV2([64], [1])
either = Attention(64, 4, [64], [1])
chosen = (RingDilatedAttentionV2 if FAST else Plain)([64], [1])
