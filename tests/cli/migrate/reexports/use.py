import reexports
import reexports.own as own
from reexports import V3, RingDilatedAttentionV2
from reexports.inner import V3 as Again

from .own import Wide
from .unscanned import RingDilatedAttentionSDPA

a = V3(8, 2, [64], [1])
b = Again(8, 2, [64], [1])
c = reexports.V3(8, 2, [64], [1])
d = Wide(8, 2, [64], [1])
e = own.Wide(8, 2, [64], [1])
f = RingDilatedAttentionSDPA(8, 2, [64], [1])
ours = RingDilatedAttentionV2(), own.RingDilatedAttentionV2(), reexports.RingDilatedAttentionV2()
