from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2


def takes_a_factory(RingDilatedAttentionV2):
    return RingDilatedAttentionV2([64], [1])


squares = [RingDilatedAttentionV2 for RingDilatedAttentionV2 in range(3)]
small = (lambda RingDilatedAttentionV2: RingDilatedAttentionV2 + 1)(2)


def rebinds():
    RingDilatedAttentionV2 = make
    return RingDilatedAttentionV2([64], [1])


with open("log") as log:
    attention = RingDilatedAttentionV2([64], [1])
