"""Follows names: what binds them."""

import ast

from nodes import printable
from scopes import Scope
from targets import OTHER, Target, either


class Names(ast.NodeVisitor):
    def __init__(self, source, task, own_module, path, project):
        self.source = source
        self.path = path
        self.project = project
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
        self.later = []  # (node, scope, visit): bodies that run when the module is complete

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
            if self.is_of_package(alias.name):
                self.bind(bound, Target("module", module, module))
                continue
            file = self.project.file_of(module, 0, self.path)
            self.bind(bound, Target("file", module, path=file) if file is not None else OTHER)

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
        file = None if self.is_of_package(module) else self.project.file_of(node.module or "", node.level, self.path)
        for alias in node.names:
            if alias.name == "*" and self.is_of_package(module):
                self.star_module = module
            elif alias.name == "*" and file is not None:
                for name, target in self.project.all_exported(file).items():
                    self.bind(name, target)
            elif alias.name == "*":
                self.foreign_stars.append(module)
            elif file is not None and self.project.finder_of(file) is not None:
                self.bind(alias.asname or alias.name, self.imported_from_file(node, file, alias.name))
            else:
                self.bind(alias.asname or alias.name, self.imported(node, module, alias.name))

    def imported_from_file(self, node, file, name):
        target = self.project.exported(file, name)
        if target.is_class():
            target = target.brought_by([len(self.imports)])
            self.imports.append([node, target, False])
        return target

    def imported(self, node, module, name):
        ours = self.is_of_package(module)
        if name in self.classes:
            target = Target("class", name, module, origins=[len(self.imports)])
            if not ours:
                target = target.doubted(f"imported from {module}: is that the released class?")
            self.imports.append([node, target, False])
            return target
        return Target("module", f"{module}.{name}", f"{module}.{name}") if ours else OTHER
