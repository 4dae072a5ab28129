"""The first example of the migration guide, in a file of its own."""

from dilated_attention_pytorch.ring.base import RingDilatedAttentionCorrect

attention = RingDilatedAttentionCorrect(
    segment_lengths=[2048, 4096],
    dilation_rates=[1, 2],
    dropout=0.1
)
