"""Finds uses of released attention classes in Python sources, with Python's own parser (3.8 or newer).

stdin: {"classes": [name, …], "package": "dilated_attention_pytorch", "helpers": [name, …], "paths": [file, …]}
    A path is given as bytes, one character (U+0000 … U+00FF) each.
stdout: {"files": [{"error": reason or null, "encoding", "import_after", "helpers", "uses": [use, …]}, …]}, in the order of paths.
    import_after: the line behind which an import statement can be put; helpers: name -> module that it is imported from, "" where
    it is bound to something else; absent where the module does not bind it.

A use: {"kind": construct | subclass | reference | import, "class", "module" (where it was imported from, or ""), "line", "column",
"end_line", "end_column" (lines from 1, columns in UTF-8 bytes from 0), "arguments": [argument, …], "has_comment" (inside the call),
"hides_helper" (a name of helpers means something else here), "is_indirect" (not written as a plain call of the class),
"unsure": [reason, …]}. An import is listed only where the file does nothing with what it imports.
An argument: {"name" or null, "is_literal", "value" (of a literal), "text", "fields": [argument, …] or null}. fields are the arguments
of a configuration object.

Names are followed the way Python binds them: scopes, branches (a name that is two things in two branches is unsure), functions that
run after the module around them is complete. What is not followed: values through containers, attributes and calls; the class is
then listed where it is named (reference).
"""

import ast
import io
import json
import sys
import tokenize

BYTES_MAX = 16 << 20


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

    @staticmethod
    def agreed(tables):
        first = tables[0]
        names = {name for table in tables for name in table}
        return {n: first[n] if all(n in t and t[n] is first.get(n) for t in tables) else None for n in names}


def literal(node):
    try:
        value = ast.literal_eval(node)
        json.dumps(value, allow_nan=False)
        return True, value
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False, None


def printable(text):
    """Without lone surrogates, which JSON readers refuse."""
    return text.encode("utf-8", "replace").decode("utf-8")


def cleaned(value):
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, (list, tuple)):
        return [cleaned(element) for element in value]
    if isinstance(value, dict):
        return {printable(str(key)): cleaned(element) for key, element in value.items()}
    return value


def last_name(node):
    """`c` of a.b.c, "" of what is no name."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


class Finder(ast.NodeVisitor):
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

    # --- Scopes ---

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

    # --- Arguments ---

    def dict_entries(self, node):
        """[(key, node)] of a dictionary written out with constant keys, else None. A later key replaces an earlier one."""
        if isinstance(node, ast.Name):
            return self.known(node.id, "dicts")
        if isinstance(node, ast.Dict):
            return self.joined_entries([(k.value if isinstance(k, ast.Constant) else k, v) for k, v in zip(node.keys, node.values)])
        if isinstance(node, ast.Call) and last_name(node.func) == "dict" and not node.args:
            return self.joined_entries([(keyword.arg, keyword.value) for keyword in node.keywords])
        return None

    def joined_entries(self, items):
        entries = {}
        for key, value in items:
            if key is None:  # **value
                inner = self.dict_entries(value)
                if inner is None:
                    return None
                entries.update(inner)
            elif isinstance(key, str):
                entries[key] = value
            else:
                return None
        return list(entries.items())

    @staticmethod
    def is_configuration(node):
        return isinstance(node, ast.Call) and last_name(node.func).endswith("Config")

    def argument(self, name, node):
        text = self.text_of(node)
        if isinstance(node, ast.Name):
            node = self.known(node.id, "values") or node
        is_literal, value = literal(node)
        fields = None
        if self.is_configuration(node):
            fields, doubts = self.arguments(node)
            fields = None if doubts else fields
        return {"name": name, "is_literal": is_literal, "value": cleaned(value), "text": text, "fields": fields}

    def arguments(self, call, skip=0):
        listed, doubts = [], []
        for node in call.args[skip:]:
            if isinstance(node, ast.Starred):
                doubts.append(f"*{self.text_of(node.value)}: which arguments these are is known when it runs")
            else:
                listed.append(self.argument(None, node))
        for keyword in call.keywords:
            if keyword.arg is not None:
                listed.append(self.argument(keyword.arg, keyword.value))
                continue
            entries = self.dict_entries(keyword.value)
            words = f"**{self.text_of(keyword.value)}"
            if entries is None:
                doubts.append(f"{words}: which arguments these are is known when it runs")
                continue
            listed += [self.argument(name, value) for name, value in entries]
            if any(isinstance(n, ast.Name) and self.known(n.id, "dicts") is not None for n in ast.walk(keyword.value)):
                doubts.append(f"{words}: read from where it is written out; may it change before the call?")
        return listed, doubts

    def has_comment(self, node):
        text = ast.get_source_segment(self.source, node) or ""
        try:
            tokens = list(tokenize.generate_tokens(io.StringIO(f"({text})").readline))
        except (tokenize.TokenError, SyntaxError):
            return True
        return any(token.type == tokenize.COMMENT for token in tokens)

    # --- Uses ---

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
        if target.origin is not None:
            self.imports[target.origin][2] = True
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
            elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
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


# --- Files ---


def import_after(tree):
    """The last line of the imports at the head of a module, else of its docstring, else what stands before its first statement."""
    line = 0
    for i, statement in enumerate(tree.body):
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        is_docstring = i == 0 and is_text and isinstance(statement.value.value, str)
        if not is_docstring and not isinstance(statement, (ast.Import, ast.ImportFrom)):
            first = min([statement.lineno] + [d.lineno for d in getattr(statement, "decorator_list", [])])
            return line if i > 0 else first - 1
        line = statement.end_lineno
    return line


def helpers_of(finder):
    found = {}
    for name in finder.helpers:
        target = finder.module_scope.ever.get(name)
        if target is not None:
            is_import = target.kind == "module" and not target.unsure and target.module.endswith("." + name)
            found[name] = target.module[: -len(name) - 1] if is_import else ""
    return found


def own_module(path, package):
    """[package, …, folder] of a file inside the package, else []."""
    folders = path.decode("utf-8", "replace").replace("\\", "/").split("/")[:-1]
    if package not in folders:
        return []
    return folders[len(folders) - 1 - folders[::-1].index(package) :]


def read(path):
    """(bytes, text, encoding). SyntaxError for what is no text in the encoding that it says it has."""
    with open(path, "rb") as file:
        data = file.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise ValueError(f"larger than {BYTES_MAX >> 20} MiB")
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data, data.decode(encoding), encoding


def find(path, task):
    result = {"error": None, "encoding": "", "import_after": 0, "helpers": {}, "uses": []}
    try:
        data, source, result["encoding"] = read(path)
        tree = ast.parse(data)
        finder = Finder(source, task, own_module(path, task["package"]))
        finder.visit(tree)
        finder.run_later()
        finder.add_unused_imports()
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
        line = f"line {error.lineno}: " if getattr(error, "lineno", None) else ""
        reason = getattr(error, "msg", None) or getattr(error, "strerror", None) or str(error)
        result["error"] = printable(f"{type(error).__name__}: {line}{reason}")
        return result
    finder.uses.sort(key=lambda use: (use["line"], use["column"], use["end_line"], use["end_column"]))
    result.update(uses=finder.uses, import_after=import_after(tree), helpers=helpers_of(finder))
    return result


def main():
    task = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    task["classes"] = set(task["classes"])
    files = [find(path.encode("latin-1"), task) for path in task["paths"]]
    json.dump({"files": files}, sys.stdout)


if __name__ == "__main__":
    main()
