"""What an expression stands for, as far as names tell."""

import ast

from names import Names
from nodes import last_name
from targets import OTHER, Target, either

CHOSEN = "one of several, chosen when it runs"


class Meanings(Names):
    def bound(self, name):
        """The Target that the nearest scope gives the name, or None."""
        scope, runs_later = self.scope, False
        while scope is not None:
            # Names of a class body are not seen from its methods.
            if scope is self.scope or scope.kind != "class":
                found = (scope.ever if runs_later else scope.names).get(name)
                if found is not None:
                    return found
            runs_later = runs_later or scope.kind == "function"
            scope = scope.parent
        return None

    def known(self, name, table):
        """What the nearest scope that binds the name noted in `dicts` or `values`; None where it is rebound elsewhere."""
        scope = self.scope
        while scope is not None:
            if name in getattr(scope, table) and (scope is self.scope or scope.kind != "class"):
                return getattr(scope, table)[name]
            scope = scope.parent
        return None

    def resolve(self, node):
        """The Target that an expression means, or None."""
        if isinstance(node, ast.Name):
            return self.bound(node.id) or self.unbound(node.id)
        if isinstance(node, ast.Attribute):
            return self.attribute(node)
        if isinstance(node, ast.NamedExpr):
            return self.resolve(node.value)
        if isinstance(node, ast.Call):
            return self.looked_up(node)
        if isinstance(node, ast.Subscript):
            return self.entry(node)
        options = self.options(node)
        found = None
        for option in options:
            found = either(found, self.resolve(option) or OTHER, CHOSEN)
        return found.doubted(CHOSEN) if found is not None and found.is_class() else found

    @staticmethod
    def options(node):
        if isinstance(node, ast.IfExp):
            return [node.body, node.orelse]
        return node.values if isinstance(node, ast.BoolOp) else []

    def unbound(self, name):
        if name not in self.classes:
            return None
        if self.star_module:
            return Target("class", name, self.star_module)
        if self.foreign_stars:
            return Target("class", name, "", [f"comes from a star import ({', '.join(self.foreign_stars)}), if at all"])
        return Target("class", name, "", ["its import was not found"])

    def one_of(self, nodes):
        """The released class that expressions mean of which one is chosen when it runs, or None."""
        found = None
        for node in nodes:
            found = either(found, self.resolve(node) or OTHER, CHOSEN)
        return found.doubted(CHOSEN) if found is not None and found.is_class() else None

    def entry(self, node):
        """Of a dictionary that is written out in this file: dictionary["key"], dictionary[key]."""
        key = node.slice.value if type(node.slice).__name__ == "Index" else node.slice  # of Python 3.8
        return self.entry_of(node.value, key)

    def entry_of(self, dictionary, key):
        entries = self.dict_entries(dictionary)
        if entries is None:
            return None
        if not isinstance(key, ast.Constant):
            return self.one_of([value for _, value in entries])
        found = [self.resolve(value) for name, value in entries if name == key.value]
        is_class = len(found) == 1 and found[0] is not None and found[0].is_class()
        return found[0].doubted(f"an entry of {self.text_of(dictionary)}") if is_class else None

    def owner_of(self, node):
        """The scope of the class whose instance, or which itself, a method's first parameter is; None: it is no such name."""
        scope = self.scope
        while isinstance(node, ast.Name) and scope is not None:
            if scope.owner is not None and scope.owner_name == node.id:
                return scope.owner if scope.ever.get(node.id) is OTHER or scope.ever[node.id].is_class() else None
            if node.id in scope.ever and scope.kind != "class":
                return None
            scope = scope.parent
        return None

    def class_of_self(self, owner):
        return owner.derived_from.doubted("the class of self, or a subclass") if owner is not None and owner.derived_from else None

    def attribute(self, node):
        owner = self.owner_of(node.value)
        if owner is not None and node.attr == "__class__":
            return self.class_of_self(owner)
        if owner is not None:
            found = owner.member(node.attr)
            is_class = found is not None and found.is_class()
            return found.doubted(f"an attribute of {node.value.id}") if is_class else None
        base = self.resolve(node.value)
        if base is not None and base.kind == "file" and self.project.finder_of(base.path) is not None:
            return self.project.exported(base.path, node.attr)
        if base is not None and base.kind == "local":
            return base.scope.member(node.attr)
        if base is not None and base.kind == "module":
            kind = "class" if node.attr in self.classes else "module"
            if kind == "class":
                return Target("class", node.attr, base.module, base.unsure)
            return Target("module", f"{base.name}.{node.attr}", f"{base.module}.{node.attr}", base.unsure)
        if node.attr in self.classes and isinstance(node.value, (ast.Name, ast.Attribute)):
            return Target("class", node.attr, "", [f"an attribute of {self.text_of(node.value)}"])
        return None

    def looked_up(self, call):
        """Of getattr(x, "Name"), dictionary.get("key"), importlib.import_module("…"), type(self), functools.partial(Class, …)."""
        name = last_name(call.func)
        if name == "get" and isinstance(call.func, ast.Attribute) and call.args:
            return self.entry_of(call.func.value, call.args[0])
        if name == "type" and len(call.args) == 1:
            return self.class_of_self(self.owner_of(call.args[0]))
        if name == "partial" and call.args:
            target = self.resolve(call.args[0])
            return target.doubted("through functools.partial, which has arguments too") if target and target.is_class() else None
        if name == "getattr" and len(call.args) >= 2 and isinstance(call.args[1], ast.Constant):
            if isinstance(call.args[1].value, str) and call.args[1].value in self.classes:
                base = self.resolve(call.args[0])
                module = base.module if base is not None and base.kind == "module" else ""
                return Target("class", call.args[1].value, module, ["named by a string in getattr"])
        if name in ("import_module", "__import__") and call.args and isinstance(call.args[0], ast.Constant):
            module = call.args[0].value
            if isinstance(module, str) and self.is_of_package(module):
                bound = module.split(".")[0] if name == "__import__" else module
                return Target("module", bound, bound)
        return None
