"""What a name stands for."""


class Target:
    """What a name means: a released class, a module, a class of this file, None, or something else."""

    def __init__(self, kind, name="", module="", unsure=(), origin=None, scope=None):
        self.kind = kind  # "class", "module", "local", "none" or "other"
        self.name = name
        self.module = module
        self.unsure = tuple(unsure)
        self.origin = origin  # the import that brought the class
        self.scope = scope  # of a class of this file

    def is_class(self):
        return self.kind == "class"

    def doubted(self, reason):
        unsure = self.unsure if reason in self.unsure else self.unsure + (reason,)
        return Target(self.kind, self.name, self.module, unsure, self.origin, self.scope)

    def means_the_same_as(self, other):
        mine = (self.kind, self.name, self.module, self.scope)
        return mine == (other.kind, other.name, other.module, other.scope)


OTHER = Target("other")
NONE = Target("none")


def either(first, second, reason):
    """What a name means that is one or the other."""
    if first is None or second is None:
        return first or second
    if first.means_the_same_as(second):
        return first if len(first.unsure) >= len(second.unsure) else second
    if "none" in (first.kind, second.kind):  # calling None fails
        return second if first.kind == "none" else first
    for target in (first, second):
        if target.is_class():
            return target.doubted(reason)
    for target in (first, second):
        if target.kind == "module":
            return target.doubted(reason)
    return OTHER
