"""Checks that openapi.yaml describes exactly the routes of template.yaml, `$default` aside.

    python check_routes.py [TEMPLATE] [OPENAPI]
"""

import sys
from pathlib import Path

from transform import ROOT, load_template

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def template_routes(template):
    """(METHOD, path) of every HttpApi event."""
    routes = set()
    for resource in template["Resources"].values():
        if resource.get("Type") != "AWS::Serverless::Function":
            continue
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] != "HttpApi":
                continue
            properties = event.get("Properties", {})
            path = properties.get("Path", "$default")
            if path != "$default":
                routes.add((properties.get("Method", "ANY").upper(), path))
    return routes


def openapi_routes(document):
    """(METHOD, path) of every operation."""
    return {
        (method.upper(), path)
        for path, item in document.get("paths", {}).items()
        for method in item
        if method in METHODS
    }


def differences(template, document):
    """One line for each route that only one of the two has."""
    deployed, described = template_routes(template), openapi_routes(document)
    return [f"{method} {path} is in the template only" for method, path in sorted(deployed - described)] + [
        f"{method} {path} is in the OpenAPI document only" for method, path in sorted(described - deployed)
    ]


def main(arguments):
    template = Path(arguments[0]) if arguments else ROOT / "template.yaml"
    openapi = Path(arguments[1]) if len(arguments) > 1 else ROOT / "infra/api/openapi.yaml"
    document = load_template(openapi)
    faults = differences(load_template(template), document)
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print(f"{openapi.name}: the template's {len(openapi_routes(document))} routes")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
