from dilated_attention_pytorch.ring import (
    RingAttentionConfig,
    StandardRingAttention,
    create_ring_attention,
    get_preset_config,
)

config = RingAttentionConfig(segment_lengths=[2048, 4096], dilation_rates=[1, 2], dropout=0.1)
attention = StandardRingAttention(config)
trained = create_ring_attention("distributed", config=get_preset_config("large_scale"))
