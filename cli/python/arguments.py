"""The arguments of a call, values where they are written out."""

import ast
import io
import tokenize

from meanings import Meanings
from nodes import cleaned, last_name, literal


class Arguments(Meanings):
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
