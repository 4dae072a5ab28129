from dilated_attention_pytorch.ring_dilated_attention_production import RingAttentionConfig, RingDilatedAttentionProduction

config = RingAttentionConfig(segment_lengths=[64], dilation_rates=[1], mixed_precision=False, attention_scale=0.25)
named = RingDilatedAttentionProduction(config)
inline = RingDilatedAttentionProduction(RingAttentionConfig(segment_lengths=[64], dilation_rates=[1], dropot=0.1))
