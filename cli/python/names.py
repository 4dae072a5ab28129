"""Follows names: what binds them, and what an expression stands for."""

import ast

from nodes import last_name, printable
from scopes import Scope
from targets import OTHER, Target, either


class Names(ast.NodeVisitor):
    def __init__(self, source, task, own_module):
        self.source = source
        self.classes = task["classes"]
        self.package = task["package"]
        self.helpers = task["helpers"]
        self.own_module = own_module  # [package, …, folder] of a file inside the package, else []
        self.module_scope = Scope("module")
        self.scope = self.module_scope
        self.uses = []
        self.imports = []  # [node, Target, is_used]
        self.star_module = ""  # of the package
        self.foreign_stars = []
        self.later = []  # (node, scope): bodies that run when the module is complete

    def text_of(self, node):
        return printable(ast.get_source_segment(self.source, node) or "")

    # --- Binding names ---

    def scope_of_binding(self, name):
        scope = self.scope
        while scope.kind == "comprehension":  # only a walrus binds there, and it binds outside
            scope = scope.parent
        return scope.declared.get(name, scope)

    def bind(self, name, target, scope=None):
        scope = scope or self.scope_of_binding(name)
        scope.names[name] = target
        scope.ever[name] = either(scope.ever.get(name), target, f"{name} is bound more than once")
        # None hides what an outer scope knows under this name.
        scope.dicts[name] = None
        scope.values[name] = None

    def bind_names_of(self, node):
        """Every name that an assignment target binds means something else from now on."""
        for child in ast.walk(node):
            if isinstance(child, ast.Name) and isinstance(child.ctx, (ast.Store, ast.Del)):
                self.bind(child.id, OTHER)
            elif isinstance(child, ast.Subscript) and isinstance(child.value, ast.Name):
                self.forget_dict(child.value.id)

    def forget_dict(self, name):
        scope = self.scope
        while scope is not None:
            if name in scope.dicts:
                scope.dicts[name] = None
            scope = scope.parent

    def is_of_package(self, module):
        return self.package in module.split(".")

    def visit_Import(self, node):
        for alias in node.names:
            bound = alias.asname or alias.name.split(".")[0]
            # `import a.b.c` binds a; `import a.b.c as d` binds a.b.c.
            module = alias.name if alias.asname else bound
            self.bind(bound, Target("module", module, module) if self.is_of_package(alias.name) else OTHER)

    def absolute(self, node):
        """The module that `from … import` names; a relative one starts with dots outside the package."""
        if node.level == 0:
            return node.module or ""
        folder = self.own_module[: len(self.own_module) - (node.level - 1)] if self.own_module else []
        if not folder:
            return "." * node.level + (node.module or "")
        return ".".join(folder + ([node.module] if node.module else []))

    def visit_ImportFrom(self, node):
        module = self.absolute(node)
        for alias in node.names:
            if alias.name == "*" and self.is_of_package(module):
                self.star_module = module
            elif alias.name == "*":
                self.foreign_stars.append(module)
            else:
                self.bind(alias.asname or alias.name, self.imported(node, module, alias.name))

    def imported(self, node, module, name):
        ours = self.is_of_package(module)
        if name in self.classes:
            target = Target("class", name, module, origin=len(self.imports))
            if not ours:
                target = target.doubted(f"imported from {module}: is that the released class?")
            self.imports.append([node, target, False])
            return target
        return Target("module", f"{module}.{name}", f"{module}.{name}") if ours else OTHER

    # --- What names mean ---

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
        options = self.options(node)
        found = None
        for option in options:
            found = either(found, self.resolve(option) or OTHER, "one of several, chosen when it runs")
        return found.doubted("one of several, chosen when it runs") if found is not None and found.is_class() else found

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

    def attribute(self, node):
        base = self.resolve(node.value)
        if base is not None and base.kind == "local":
            return base.scope.ever.get(node.attr)
        if base is not None and base.kind == "module":
            kind = "class" if node.attr in self.classes else "module"
            if kind == "class":
                return Target("class", node.attr, base.module, base.unsure)
            return Target("module", f"{base.name}.{node.attr}", f"{base.module}.{node.attr}", base.unsure)
        if node.attr in self.classes and isinstance(node.value, (ast.Name, ast.Attribute)):
            return Target("class", node.attr, "", [f"an attribute of {self.text_of(node.value)}"])
        return None

    def looked_up(self, call):
        """Of getattr(x, "Name"), importlib.import_module("…")."""
        name = last_name(call.func)
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
