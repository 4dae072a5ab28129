from dilated_attention_pytorch.ring.base import RingDilatedAttentionCorrect, RingDilatedAttentionSDPA
from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2


class Block:
    core = RingDilatedAttentionV2

    def __init__(self, kind=None):
        self.attention = self.core([64], [1])
        self.kind = RingDilatedAttentionSDPA
        self.other = kind

    def make(self):
        return self.kind(8, 2, [64], [1]), self.other(8), self.missing()


class Derived(Block):
    def make(self):
        return self.core([32], [1])

    @staticmethod
    def plain(self):
        return self.core([16], [1])


class Small(RingDilatedAttentionCorrect):
    @classmethod
    def make(cls):
        return cls(8, 2, [64], [1])

    def copy(self):
        return type(self)(8, 2, [64], [1]), self.__class__(8, 2, [64], [1])

    def rebound(self):
        self = object()
        return self.__class__()


inside = Block.core([8], [1])
