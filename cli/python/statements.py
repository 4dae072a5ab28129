"""Walks statements in the order in which Python runs them: bodies, branches, assignments."""

import ast

from arguments import Arguments
from nodes import literal
from scopes import Scope
from targets import NONE, OTHER, Target


class Statements(Arguments):
    def inside(self, scope, nodes):
        before, self.scope = self.scope, scope
        for node in nodes:
            self.visit(node)
        self.scope = before

    def visit_FunctionDef(self, node):
        for decorator in node.decorator_list:
            self.visit(decorator)
        if node.returns is not None:
            self.visit(node.returns)
        self.bind(node.name, OTHER)
        self.postpone(node, node.args)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node):
        self.postpone(node, node.args)

    def postpone(self, node, arguments):
        """Defaults and annotations are looked at now, the body when everything around it is complete."""
        self.visit(arguments)
        scope = Scope("function", self.scope)
        positional = getattr(arguments, "posonlyargs", []) + arguments.args
        defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
        for parameter, default in list(zip(positional, defaults)) + list(zip(arguments.kwonlyargs, arguments.kw_defaults)):
            self.bind_parameter(scope, parameter, default)
        for parameter in (arguments.vararg, arguments.kwarg):
            if parameter is not None:
                self.bind(parameter.arg, OTHER, scope)
        self.later.append((node, scope))

    def bind_parameter(self, scope, parameter, default):
        target = self.resolve(default) if default is not None else None
        is_class = target is not None and target.is_class()
        self.bind(parameter.arg, target.doubted("the default of a parameter") if is_class else OTHER, scope)

    def run_later(self):
        """Bodies that bind names of the module come first: the others see what they bind."""
        binds_outside = lambda item: any(isinstance(n, (ast.Global, ast.Nonlocal)) for n in ast.walk(item[0]))
        self.later.sort(key=lambda item: not binds_outside(item))
        while self.later:
            node, scope = self.later.pop(0)
            self.inside(scope, node.body if isinstance(node.body, list) else [node.body])

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
        for keyword in node.keywords:
            self.visit(keyword)
        self.inside(scope, node.body)
        derived = scope.derived_from
        own = Target("local", node.name, scope=scope)
        self.bind(node.name, derived.doubted(f"through its subclass {node.name}") if derived is not None else own)

    def visit_comprehension_of(self, node):
        generators = node.generators
        self.visit(generators[0].iter)
        scope = Scope("comprehension", self.scope)
        before, self.scope = self.scope, scope
        for i, generator in enumerate(generators):
            if i > 0:
                self.visit(generator.iter)
            for child in ast.walk(generator.target):
                if isinstance(child, ast.Name):
                    self.bind(child.id, OTHER, scope)
            for condition in generator.ifs:
                self.visit(condition)
        for part in ("key", "value", "elt"):
            if hasattr(node, part):
                self.visit(getattr(node, part))
        self.scope = before

    visit_ListComp = visit_comprehension_of
    visit_SetComp = visit_comprehension_of
    visit_DictComp = visit_comprehension_of
    visit_GeneratorExp = visit_comprehension_of

    # --- Branches ---

    def branches(self, bodies):
        """Visits each list of statements from the state before, then joins what they leave."""
        scope = self.scope
        before, after = scope.state(), []
        for body in bodies:
            scope.restore(before)
            for statement in body:
                self.visit(statement)
            after.append(scope.state())
        scope.join(after)

    def visit_If(self, node):
        self.visit(node.test)
        self.branches([node.body, node.orelse])

    def visit_While(self, node):
        self.visit(node.test)
        self.branches([node.body, []])
        self.branches([node.orelse, []])

    def visit_For(self, node):
        self.visit(node.iter)
        self.visit_target(node.target)
        self.bind_names_of(node.target)
        self.branches([node.body, []])
        self.branches([node.orelse, []])

    visit_AsyncFor = visit_For

    def visit_Try(self, node):
        self.branches([node.body + node.orelse] + [[handler] for handler in node.handlers])
        for statement in node.finalbody:
            self.visit(statement)

    visit_TryStar = visit_Try

    def visit_ExceptHandler(self, node):
        if node.type is not None:
            self.visit(node.type)
        if node.name:
            self.bind(node.name, OTHER)
        for statement in node.body:
            self.visit(statement)

    def visit_Match(self, node):
        self.visit(node.subject)
        self.branches([[case] for case in node.cases] + [[]])

    def visit_MatchAs(self, node):
        self.generic_visit(node)
        if node.name is not None:
            self.bind(node.name, OTHER)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node):
        self.generic_visit(node)
        if node.rest is not None:
            self.bind(node.rest, OTHER)

    # --- Assignments ---

    def visit_Assign(self, node):
        self.visit(node.value)
        for target in node.targets:
            self.assign(target, node.value)

    def visit_AnnAssign(self, node):
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
            self.assign(node.target, node.value)

    def visit_NamedExpr(self, node):
        self.visit(node.value)
        self.assign(node.target, node.value)

    def assign(self, target, value):
        if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
            starred = any(isinstance(element, ast.Starred) for element in target.elts + value.elts)
            if not starred and len(target.elts) == len(value.elts):
                for one, its_value in zip(target.elts, value.elts):
                    self.assign(one, its_value)
                return
        if not isinstance(target, ast.Name):
            self.visit_target(target)
            self.bind_names_of(target)
            return
        is_none = isinstance(value, ast.Constant) and value.value is None
        meant, entries = self.resolve(value), self.dict_entries(value)
        self.bind(target.id, NONE if is_none else meant or OTHER)
        scope = self.scope_of_binding(target.id)
        if entries is not None:
            scope.dicts[target.id] = entries
        elif literal(value)[0] or self.is_configuration(value):
            scope.values[target.id] = value

    def visit_target(self, target):
        """Uses inside a target, such as the index of registry[Class] = …."""
        if not isinstance(target, ast.Name):
            self.visit(target)

    def visit_AugAssign(self, node):
        self.visit(node.value)
        self.visit_target(node.target)
        self.bind_names_of(node.target)
        if isinstance(node.target, ast.Name):
            self.forget_dict(node.target.id)

    def visit_Delete(self, node):
        for target in node.targets:
            self.visit_target(target)
            self.bind_names_of(target)

    def visit_withitem(self, node):
        self.visit(node.context_expr)
        if node.optional_vars is not None:
            self.visit_target(node.optional_vars)
            self.bind_names_of(node.optional_vars)
