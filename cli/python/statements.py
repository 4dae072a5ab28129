"""Walks statements in the order in which Python runs them: bodies, branches, assignments."""

import ast

from bodies import Bodies
from nodes import literal
from scopes import Scope
from targets import NONE, OTHER, either


class Statements(Bodies):
    def visit_comprehension_of(self, node):
        generators = node.generators
        self.visit(generators[0].iter)
        scope = Scope("comprehension", self.scope)
        before, self.scope = self.scope, scope
        for i, generator in enumerate(generators):
            if i > 0:
                self.visit(generator.iter)
            self.bind_elements(generator.target, generator.iter, scope)
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
        self.bind_elements(node.target, node.iter)
        self.branches([node.body, []])
        self.branches([node.orelse, []])

    def bind_elements(self, target, iterated, scope=None):
        """A loop's names: each may be a class of those that are written out in what it runs over."""
        elements = self.elements(iterated)
        for child in ast.walk(target):
            if isinstance(child, ast.Name):
                self.bind(child.id, OTHER, scope)
            elif isinstance(child, ast.Subscript) and isinstance(child.value, ast.Name):
                self.forget_dict(child.value.id)
        if isinstance(target, ast.Name):
            self.bind_one_of(target, elements, scope)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for i, one in enumerate(target.elts):
                parts = [e.elts[i] for e in elements if isinstance(e, (ast.Tuple, ast.List)) and len(e.elts) == len(target.elts)]
                if isinstance(one, ast.Name) and len(parts) == len(elements):
                    self.bind_one_of(one, parts, scope)

    def bind_one_of(self, name, nodes, scope):
        found = self.one_of(nodes)
        if found is not None:
            self.bind(name.id, found, scope)

    def elements(self, node):
        """The expressions that a loop over this one gives, as far as they are written out."""
        if isinstance(node, ast.Name):
            node = self.known(node.id, "values")
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            return node.elts
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.args:
            return []
        entries = self.dict_entries(node.func.value) or []
        if node.func.attr == "items":
            return [ast.Tuple(elts=[ast.Constant(value=key), value], ctx=ast.Load()) for key, value in entries]
        return [value for _, value in entries] if node.func.attr == "values" else []

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
        self.visit_annotation(node.annotation)
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
            self.assign_attribute(target, value)
            return
        is_none = isinstance(value, ast.Constant) and value.value is None
        meant, entries = self.resolve(value), self.dict_entries(value)
        self.bind(target.id, NONE if is_none else meant or OTHER)
        scope = self.scope_of_binding(target.id)
        if entries is not None:
            scope.dicts[target.id] = entries
        elif literal(value)[0] or self.is_configuration(value) or isinstance(value, (ast.List, ast.Tuple)):
            scope.values[target.id] = value

    def assign_attribute(self, target, value):
        """self.name = Class, in a method."""
        owner = self.owner_of(target.value) if isinstance(target, ast.Attribute) else None
        if owner is None:
            return
        meant = self.resolve(value) or OTHER
        owner.attributes[target.attr] = either(owner.attributes.get(target.attr), meant, f"{target.attr} is bound more than once")

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
