"""Checks that each example of openapi.yaml matches its schema.

    python check_examples.py [OPENAPI]
"""

import sys
from pathlib import Path

from jsonschema import Draft202012Validator

from transform import ROOT, load_template


def media_types(node, path=""):
    """Yields (where, media type object) for every object that has both a schema and examples."""
    if isinstance(node, dict):
        if "schema" in node and "examples" in node:
            yield path, node
        for key, value in node.items():
            yield from media_types(value, f"{path}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from media_types(value, f"{path}/{number}")


def example_faults(document):
    """Returns a line for each fault, and the number of examples."""
    faults, count = [], 0
    for path, media_type in media_types(document):
        # References of the schema start at the root of the document, so the validator needs its components.
        schema = media_type["schema"] | {"components": document.get("components", {})}
        validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for name, example in media_type["examples"].items():
            count += 1
            for error in validator.iter_errors(example["value"]):
                faults.append(f"{path}/examples/{name}: {error.json_path}: {error.message[:300]}")
    return faults, count


def main(arguments):
    openapi = Path(arguments[0]) if arguments else ROOT / "infra/api/openapi.yaml"
    faults, count = example_faults(load_template(openapi))
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"{openapi.name}: {count} examples match their schemas")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
