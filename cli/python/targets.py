"""What a name stands for."""


class Target:
    """What a name means: a released class, a module, a scanned file, a class of this file, None, or something else."""

    def __init__(self, kind, name="", module="", unsure=(), origins=(), scope=None, path=None):
        self.kind = kind  # "class", "module", "file", "local", "none" or "other"
        self.name = name
        self.module = module
        self.unsure = tuple(unsure)
        self.origins = tuple(origins)  # the imports of this file that brought the class
        self.scope = scope  # of a class of this file
        self.path = path  # of a scanned file

    def is_class(self):
        return self.kind == "class"

    def doubted(self, reason):
        unsure = self.unsure if reason in self.unsure else self.unsure + (reason,)
        return Target(self.kind, self.name, self.module, unsure, self.origins, self.scope, self.path)

    def with_body(self, scope):
        """The same, through a subclass with that body."""
        return Target(self.kind, self.name, self.module, self.unsure, self.origins, scope, self.path)

    def brought_by(self, origins):
        """The same, by these imports of a file."""
        return Target(self.kind, self.name, self.module, self.unsure, origins, self.scope, self.path)

    def means_the_same_as(self, other):
        mine = (self.kind, self.name, self.module, self.scope, self.path)
        return mine == (other.kind, other.name, other.module, other.scope, other.path)


OTHER = Target("other")
NONE = Target("none")


def either(first, second, reason):
    """What a name means that is one or the other."""
    if first is None or second is None:
        return first or second
    origins = first.origins + second.origins
    if first.means_the_same_as(second):
        return (first if len(first.unsure) >= len(second.unsure) else second).brought_by(origins)
    if "none" in (first.kind, second.kind):  # calling None fails
        return second if first.kind == "none" else first
    for target in (first, second):
        if target.is_class():
            return target.brought_by(origins).doubted(reason)
    for target in (first, second):
        if target.kind in ("module", "file"):
            return target.doubted(reason)
    return OTHER
