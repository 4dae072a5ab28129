# As the guide prints it: nothing says where the name comes from.
attention = RingDilatedAttentionV3(
    segment_lengths=[2048, 4096],
    dilation_rates=[1, 2],
    dropout=0.1,
    use_flash_attention=True,
    memory_efficient=True,
    # ... many inconsistent parameters
)
