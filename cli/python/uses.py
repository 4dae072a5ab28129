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

from finder import Finder
from nodes import printable

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
