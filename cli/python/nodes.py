"""Small questions about nodes of a syntax tree."""

import ast
import json


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
