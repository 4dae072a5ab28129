"""RingDilatedAttentionV2([64], [1]) was what we used here."""

# from dilated_attention_pytorch import RingDilatedAttentionV2
NAME = "RingDilatedAttentionV2"
text = f"{NAME} and RingDilatedAttentionSDPA(64, 4, [64], [1])"
options = {"class": "RingDilatedAttentionV3", "RingDilatedAttentionV2": 1}
options["RingDilatedAttentionV2"] = 2
print(text, options, sep="RingDilatedAttentionV2")


def keyword_of_that_name(RingDilatedAttentionV2=None):
    return RingDilatedAttentionV2


keyword_of_that_name(RingDilatedAttentionV2=3)
