"""Writes openapi.yaml as OpenAPI 3.0 in JSON, for generators that read no later version, such as progenitor for Rust.

    python openapi_3_0.py OUT [OPENAPI]

OpenAPI 3.0 cannot say all of 3.1. The result keeps the first media type of each request body (JSON), gives all errors one schema, of
which only `message` is required, and drops rules about property names. Examples are left out.
"""

import json
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# Keywords of JSON Schema 2020-12 and fields of OpenAPI 3.1 without a counterpart.
DROPPED = {"propertyNames", "examples", "identifier"}
ANY_ERROR = "#/components/schemas/AnyError"


def is_null(schema):
    return schema == {"type": "null"}


def nullable(schema):
    """Converts `oneOf` with null to `nullable`."""
    others = [part for part in schema["oneOf"] if not is_null(part)]
    rest = {key: value for key, value in schema.items() if key != "oneOf"}
    if len(others) == len(schema["oneOf"]):
        return schema
    return rest | ({"allOf": others} if len(others) == 1 else {"oneOf": others}) | {"nullable": True}


def converted(node):
    """Returns the same schema in OpenAPI 3.0."""
    if isinstance(node, list):
        return [converted(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}  # 3.0 ignores other fields beside it
    if isinstance(node.get("oneOf"), list):
        node = nullable(node)
    node = {key: converted(value) for key, value in node.items() if key not in DROPPED}
    if isinstance(node.get("type"), list):
        [name] = [name for name in node["type"] if name != "null"]
        node |= {"type": name, "nullable": True}
    if "const" in node:
        node["enum"] = [node.pop("const")]
    return node


def one_body(operation):
    """Keeps the first media type of the request."""
    content = operation.get("requestBody", {}).get("content")
    if content:
        first = next(iter(content))
        operation["requestBody"]["content"] = {first: {"schema": content[first]["schema"]}}


def one_error(responses):
    """Gives each error that has a body the same schema."""
    for response in responses:
        for media_type in response.get("content", {}).values():
            media_type["schema"] = {"$ref": ANY_ERROR}


def downgraded(document):
    """Returns the document in OpenAPI 3.0.3."""
    document = converted(document)
    document["openapi"] = "3.0.3"
    document["info"].pop("summary", None)
    parts = document["components"]
    parts["schemas"]["AnyError"] = parts["schemas"]["ApiError"] | {
        "description": "An error of the API, which has all fields, or of the gateway, which has `message` alone.",
        "required": ["message"],
    }
    one_error(parts["responses"].values())
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and "responses" in operation:
                one_body(operation)
                errors = [body for status, body in operation["responses"].items() if status[0] in "45"]
                one_error(errors)
    return document


def main(arguments):
    source = Path(arguments[1]) if len(arguments) > 1 else ROOT / "infra/api/openapi.yaml"
    document = downgraded(yaml.safe_load(source.read_text()))
    Path(arguments[0]).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
