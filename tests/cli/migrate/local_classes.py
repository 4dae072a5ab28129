from torch import nn


class RingDilatedAttentionV2(nn.Module):
    """Our own, which happens to have that name."""


class Zoo:
    class RingDilatedAttentionV3:
        pass


def DilatedAttention(query):
    return query


ours = RingDilatedAttentionV2()
inner = Zoo.RingDilatedAttentionV3()
DilatedAttention(ours)


def scoped():
    class RingDilatedAttentionSDPA:
        pass

    return RingDilatedAttentionSDPA()
