"""Collects the uses of released classes in one module."""

import ast

from nodes import last_name
from statements import Statements
from targets import OTHER

READS = ("copy", "get", "items", "keys", "values")  # methods that leave a dictionary as it is


class Finder(Statements):
    def hides_helper(self):
        scope = self.scope
        while scope is not None and scope is not self.module_scope:
            if any(name in scope.ever for name in self.helpers):
                return True
            scope = scope.parent
        return False

    def add(self, kind, target, node, call, doubts=(), skip=0, is_indirect=False):
        listed, more = self.arguments(call, skip) if call is not None else ([], [])
        whole = call if call is not None else node
        for origin in target.origins:
            self.imports[origin][2] = True
        self.uses.append(
            {
                "kind": kind,
                "class": target.name,
                "module": target.module,
                "line": whole.lineno,
                "column": whole.col_offset,
                "end_line": whole.end_lineno,
                "end_column": whole.end_col_offset,
                "arguments": listed,
                "has_comment": call is not None and self.has_comment(call),
                "hides_helper": self.hides_helper(),
                "is_indirect": is_indirect,
                "unsure": list(dict.fromkeys(list(target.unsure) + list(doubts) + more)),
            }
        )

    def add_unused_imports(self):
        for node, target, is_used in self.imports:
            if not is_used:
                self.add("import", target, node, None)

    def derived_from(self):
        """The released class that the class around this method is derived from, or None."""
        scope = self.scope
        while scope is not None and scope.kind != "class":
            scope = scope.parent
        return scope.derived_from if scope is not None else None

    def constructed(self, node):
        """[(Target, callee, doubts, number of arguments before the class's own)] of what a call constructs."""
        func = node.func
        for option in self.options(func):
            if self.options(option):
                return []
        targets = [self.resolve(option) for option in self.options(func) or [func]]
        found = [target for target in targets if target is not None and target.is_class()]
        if found:
            doubts = ["one of several, chosen when it runs"] if len(targets) > 1 else []
            return [(target, func, doubts, 0) for target in found]
        if last_name(func) == "partial" and node.args:
            target = self.resolve(node.args[0])
            if target is not None and target.is_class():
                return [(target, func, ["through functools.partial: more arguments may follow"], 1)]
        if isinstance(func, ast.Attribute) and func.attr == "__init__":
            return self.initialised(func)
        return []

    def initialised(self, func):
        """Of super().__init__(…) and Class.__init__(self, …)."""
        if isinstance(func.value, ast.Call) and last_name(func.value.func) == "super":
            target = self.derived_from()
            return [(target, func, ["called by a subclass"], 0)] if target is not None else []
        target = self.resolve(func.value)
        if target is not None and target.is_class():
            return [(target, func, ["called by a subclass"], 1)]
        return []

    def visit_Call(self, node):
        found = self.constructed(node)
        for target, func, doubts, skip in found:
            is_plain = self.is_name(func) and skip == 0 and not doubts
            self.add("construct", target, func, node, doubts, skip, is_indirect=not is_plain)
        if found and not self.is_name(node.func):
            self.visit_choice(node.func)
        if not found:
            target = self.looked_up(node)
            if target is not None and target.is_class():
                self.add("reference", target, node, None)
            elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and node.func.attr not in READS:
                self.forget_dict(node.func.value.id)  # it may be changed by update, pop, …
            self.visit(node.func)
        for i, argument in enumerate(node.args):
            if not (found and i < found[0][3]):
                self.visit(argument)
        for keyword in node.keywords:
            self.visit(keyword.value)

    @staticmethod
    def is_name(node):
        return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and Finder.is_name(node.value))

    def visit_choice(self, func):
        """What a callee that is no plain name does besides naming the class."""
        if isinstance(func, ast.NamedExpr):
            self.assign(func.target, func.value)
        elif isinstance(func, ast.IfExp):
            self.visit(func.test)

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load):
            self.refer(node)
        else:
            self.bind(node.id, OTHER)

    def visit_Attribute(self, node):
        if not self.refer(node):
            self.generic_visit(node)

    def refer(self, node):
        target = self.resolve(node)
        if target is None or not target.is_class():
            return False
        self.add("reference", target, node, None, ["named, not called"])
        return True
