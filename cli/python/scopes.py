"""Names and what they stand for, scope by scope."""

from targets import either


class Scope:
    """Names of a module, class, function or comprehension."""

    def __init__(self, kind, parent=None):
        self.kind = kind
        self.parent = parent
        self.names = {}  # name -> Target, at the statement that is looked at
        self.ever = {}  # name -> Target, over all statements: what code sees that runs later
        self.dicts = {}  # name -> [(key, node)] of the dictionary that it was given
        self.values = {}  # name -> node of the literal or configuration that it was given
        self.declared = {}  # name -> scope that `global` or `nonlocal` say
        self.derived_from = None  # of a class: the released class
        self.bases = []  # of a class: the scopes of those classes of this file that it is derived from
        self.attributes = {}  # of a class: name -> Target that a method gives self.name
        self.owner = None  # of a method: the scope of its class
        self.owner_name = ""  # and what it calls the instance, or the class

    def state(self):
        return dict(self.names), dict(self.dicts), dict(self.values)

    def restore(self, state):
        self.names, self.dicts, self.values = (dict(table) for table in state)

    def join(self, states):
        """After branches that ended in these states. A name that a branch does not bind is no doubt: using it would fail."""
        names = {}
        for state in states:
            for name, target in state[0].items():
                names[name] = either(names.get(name), target, f"{name} is bound differently in two branches")
        self.names = names
        self.dicts = self.agreed([state[1] for state in states])
        self.values = self.agreed([state[2] for state in states])

    def member(self, name):
        """What a class, or one that it is derived from, binds a name to, or None."""
        found = self.ever.get(name) or self.attributes.get(name)
        for base in self.bases if found is None else ():
            found = found or base.member(name)
        return found

    @staticmethod
    def agreed(tables):
        first = tables[0]
        names = {name for table in tables for name in table}
        return {n: first[n] if all(n in t and t[n] is first.get(n) for t in tables) else None for n in names}
