"""Bodies of functions and classes, and annotations: what is looked at now, and what later."""

import ast

from arguments import Arguments
from nodes import last_name
from scopes import Scope
from targets import OTHER, Target


class Bodies(Arguments):
    def inside(self, scope, nodes, visit):
        before, self.scope = self.scope, scope
        for node in nodes:
            visit(node)
        self.scope = before

    def visit_FunctionDef(self, node):
        for decorator in node.decorator_list:
            self.visit(decorator)
        if node.returns is not None:
            self.visit_annotation(node.returns)
        self.bind(node.name, OTHER)
        self.own(self.postpone(node, node.args), node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node):
        self.postpone(node, node.args)

    def postpone(self, node, arguments):
        """Defaults and annotations are looked at now, the body, in the returned scope, when everything around it is complete."""
        self.visit(arguments)
        scope = Scope("function", self.scope)
        positional = getattr(arguments, "posonlyargs", []) + arguments.args
        defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
        for parameter, default in list(zip(positional, defaults)) + list(zip(arguments.kwonlyargs, arguments.kw_defaults)):
            self.bind_parameter(scope, parameter, default)
        for parameter in (arguments.vararg, arguments.kwarg):
            if parameter is not None:
                self.bind(parameter.arg, OTHER, scope)
        self.later.append((node, scope, self.visit))
        return scope

    def own(self, scope, node):
        """Of a method: its first parameter is the instance, or the class."""
        decorators = [last_name(decorator) for decorator in node.decorator_list]
        parameters = getattr(node.args, "posonlyargs", []) + node.args.args
        if self.scope.kind != "class" or "staticmethod" in decorators or not parameters:
            return
        scope.owner, scope.owner_name = self.scope, parameters[0].arg
        is_class = "classmethod" in decorators or node.name in ("__new__", "__init_subclass__")
        if is_class and self.scope.derived_from is not None:
            target = self.scope.derived_from.doubted(f"{scope.owner_name}: the class around this method, or a subclass")
            self.bind(scope.owner_name, target, scope)

    def visit_arg(self, node):
        if node.annotation is not None:
            self.visit_annotation(node.annotation)

    def visit_annotation(self, node):
        """Strings in it are expressions, which may name what is bound later."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            self.postpone_text(node)
        elif isinstance(node, ast.Subscript) and last_name(node.value) == "Literal":
            self.visit(node.value)
        elif isinstance(node, (ast.Name, ast.Attribute, ast.Call)):
            self.visit(node)
        else:
            for child in ast.iter_child_nodes(node):
                self.visit_annotation(child)

    def postpone_text(self, constant):
        try:
            tree = ast.parse(constant.value.strip(), mode="eval")
        except (SyntaxError, ValueError):
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.expr):
                ast.copy_location(node, constant)
        self.later.append((tree, Scope("function", self.scope), self.visit_annotation))

    def bind_parameter(self, scope, parameter, default):
        target = self.resolve(default) if default is not None else None
        is_class = target is not None and target.is_class()
        self.bind(parameter.arg, target.doubted("the default of a parameter") if is_class else OTHER, scope)

    def run_later(self):
        """Bodies that bind names of the module, or attributes, come first: the others see what they bind."""
        self.later.sort(key=lambda item: not any(self.binds_outside(node) for node in ast.walk(item[0])))
        while self.later:
            node, scope, visit = self.later.pop(0)
            self.inside(scope, node.body if isinstance(node.body, list) else [node.body], visit)

    @staticmethod
    def binds_outside(node):
        is_attribute = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        return is_attribute or isinstance(node, (ast.Global, ast.Nonlocal))

    def visit_Global(self, node):
        for name in node.names:
            self.scope.declared[name] = self.module_scope

    def visit_Nonlocal(self, node):
        for name in node.names:
            scope = self.scope.parent
            while scope is not None and (scope.kind == "class" or name not in scope.ever):
                scope = scope.parent
            if scope is not None:
                self.scope.declared[name] = scope

    def visit_ClassDef(self, node):
        for decorator in node.decorator_list:
            self.visit(decorator)
        scope = Scope("class", self.scope)
        for base in node.bases:
            target = self.resolve(base)
            if target is not None and target.is_class():
                scope.derived_from = target
                self.add("subclass", target, base, None, [f"class {node.name} is derived from it"])
            else:
                self.visit(base)
            if target is not None and target.scope is not None:
                scope.bases.append(target.scope)
                scope.derived_from = scope.derived_from or target.scope.derived_from
        for keyword in node.keywords:
            self.visit(keyword)
        self.inside(scope, node.body, self.visit)
        derived = scope.derived_from
        own = Target("local", node.name, scope=scope)
        if derived is not None:
            own = derived.doubted(f"through its subclass {node.name}").with_body(scope)
        self.bind(node.name, own)
