from . import V3


class RingDilatedAttentionV2:
    """Our own, which happens to have that name."""


class Wide(V3):
    pass
