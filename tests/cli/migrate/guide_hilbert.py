from dilated_attention_pytorch.ring.hilbert import RingDilatedAttentionHilbertOptimizedFixed

attention = RingDilatedAttentionHilbertOptimizedFixed(
    segment_lengths=[2048, 4096],
    dilation_rates=[1, 2],
    use_hilbert=True
)
