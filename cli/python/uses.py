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
run after the module around them is complete, from one of the files into another that imports it, and, as unsure ones, through
dictionaries, loops over what is written out, attributes of self, functools.partial. What is not followed: other containers,
attributes and calls; the class is then listed where it is named (reference).
"""

import ast
import contextlib
import io
import json
import sys
import tokenize

from finder import Finder
from nodes import printable
from project import Project

BYTES_MAX = 16 << 20


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


class Sources:
    """Reads each file once, when it is asked for."""

    def __init__(self, task):
        self.task = task
        self.paths = [path.encode("latin-1") for path in task["paths"]]
        self.trees = {}
        self.results = {}
        self.project = Project(self.paths, self.parsed, self.seen)

    def parsed(self, path):
        """A Finder that has seen nothing yet, or None."""
        result = {"error": None, "encoding": "", "import_after": 0, "helpers": {}, "uses": []}
        self.results[path] = result
        with self.errors_of(path):
            data, source, result["encoding"] = read(path)
            self.trees[path] = ast.parse(data)
            return Finder(source, self.task, own_module(path, self.task["package"]), path, self.project)
        return None

    def seen(self, path, finder):
        """Whether the whole module could be looked at."""
        with self.errors_of(path):
            finder.visit(self.trees[path])
            finder.run_later()
            return True
        return False

    @contextlib.contextmanager
    def errors_of(self, path):
        try:
            yield
        except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
            line = f"line {error.lineno}: " if getattr(error, "lineno", None) else ""
            reason = getattr(error, "msg", None) or getattr(error, "strerror", None) or str(error)
            self.results[path]["error"] = printable(f"{type(error).__name__}: {line}{reason}")

    def result(self, path):
        finder = self.project.finder_of(path)
        result = self.results[path]
        if finder is None or result["error"] is not None:
            return result
        finder.add_unused_imports()
        finder.uses.sort(key=lambda use: (use["line"], use["column"], use["end_line"], use["end_column"]))
        finder.uses = [use for i, use in enumerate(finder.uses) if use not in finder.uses[:i]]  # "Pair[A, A]" in one string
        result.update(uses=finder.uses, import_after=import_after(self.trees[path]), helpers=helpers_of(finder))
        return result


def main():
    task = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    task["classes"] = set(task["classes"])
    sources = Sources(task)
    json.dump({"files": [sources.result(path) for path in sources.paths]}, sys.stdout)


if __name__ == "__main__":
    main()
