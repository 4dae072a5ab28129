#!/usr/bin/env python3
"""Checks JSON files against a schema: check_json.py SCHEMA FILE…  Exit code 1 and one line for each error. Needs python3-jsonschema."""

import json
import sys

import jsonschema


def refuse_duplicates(pairs):
    keys = [key for key, _ in pairs]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"duplicate keys: {', '.join(twice)}")
    return dict(pairs)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file, object_pairs_hook=refuse_duplicates)


def errors_of(validator, path):
    try:
        document = load(path)
    except ValueError as error:
        return [f"{path}: {error}"]
    return [
        f"{path}: /{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in sorted(validator.iter_errors(document), key=lambda e: list(map(str, e.absolute_path)))
    ]


def main(schema_path, *paths):
    schema = load(schema_path)
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    found = [error for path in paths for error in errors_of(kind(schema), path)]
    print("\n".join(found + [f"{schema_path}: {len(paths)} files, {len(found)} errors"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
