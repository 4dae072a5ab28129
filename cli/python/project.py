"""The scanned files as modules that import each other."""

import os

from nodes import literal
from targets import OTHER, Target

DEPTH_MAX = 30  # files that import each other, one from the other


class Project:
    """Answers what a module of the scanned files binds.

    parsed: path -> Finder that has seen nothing yet, or None where the file cannot be read; seen(path, finder): looks at all of it.
    """

    def __init__(self, paths, parsed, seen):
        self.parsed = parsed
        self.seen = seen
        self.paths = {os.path.abspath(path): path for path in paths}
        self.modules = {}  # name -> path; None where several files have that name
        self.finders = {}
        self.depth = 0
        for path in paths:
            for name in self.names_of(path):
                self.modules[name] = path if name not in self.modules else None

    def names_of(self, path):
        """Under which an absolute import may find it: counted from the folder that holds its packages, or from one above that."""
        folder, file = os.path.split(os.path.abspath(path))
        words = [] if file == b"__init__.py" else [os.path.splitext(file)[0]]
        names = []
        while True:
            is_package = os.path.join(folder, b"__init__.py") in self.paths
            if words and not is_package:
                names.append(b".".join(words).decode("utf-8", "replace"))
            folder, name = os.path.split(folder)
            if not name:
                return names
            words = [name] + words

    def file_of(self, module, level, importer):
        """The scanned file that `from module import …` in `importer` reads, or None. A script finds its neighbours first."""
        folder = os.path.dirname(os.path.abspath(importer))
        words = [os.fsencode(word) for word in module.split(".") if word]
        for _ in range(level - 1):
            folder = os.path.dirname(folder)
        found = self.file_at(os.path.join(folder, *words))
        return found if found is not None or level > 0 else self.modules.get(module)

    def file_at(self, place):
        """A module or package that lies there."""
        for path in (place + b".py", os.path.join(place, b"__init__.py")):
            if path in self.paths:
                return self.paths[path]
        return None

    def finder_of(self, path):
        """None where the file cannot be read. A file that is being read shows what it has bound so far, as it would to Python."""
        if path not in self.finders:
            if self.depth >= DEPTH_MAX:
                return None
            finder = self.finders[path] = self.parsed(path)
            self.depth += 1
            if finder is not None and not self.seen(path, finder):
                self.finders[path] = None
            self.depth -= 1
        return self.finders[path]

    def exported(self, path, name):
        """The Target that a module binds a name to, OTHER where that is nothing of interest."""
        finder = self.finder_of(path)
        found = finder.module_scope.ever.get(name) if finder is not None else None
        if found is not None:
            return found.brought_by(()) if found.kind in ("class", "module", "file") else OTHER
        is_package = os.path.basename(path) == b"__init__.py"
        below = self.file_at(os.path.join(os.path.dirname(os.path.abspath(path)), os.fsencode(name))) if is_package else None
        return Target("file", name, path=below) if below is not None else OTHER

    def all_exported(self, path):
        """{name: Target} of what a star import brings."""
        finder = self.finder_of(path)
        if finder is None:
            return {}
        listed = finder.module_scope.values.get("__all__")
        is_written_out, names = literal(listed) if listed is not None else (False, None)
        if not is_written_out:
            names = [name for name in finder.module_scope.ever if not name.startswith("_")]
        return {name: self.exported(path, name) for name in names if isinstance(name, str)}
