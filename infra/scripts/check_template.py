"""Checks what cfn-lint does not: the transformed template has no circular dependency and a complete CORS configuration, has what an operator
relies on, and functions and crates match.

    python check_template.py [TEMPLATE]
"""

import re
import sys
import tomllib
from pathlib import Path

from samtranslator.public.exceptions import InvalidDocumentException

from check_account import account_faults
from check_platform import platform_faults
from transform import CODE, PYTHON, ROOT, code_uris, crate_of, load_template, transformed

# `${Name}` and `${Name.Attribute}`, but not the literal `${!Name}`.
SUB_NAME = re.compile(r"\$\{([^!${}][^${}]*)\}")


def names_in_sub(argument):
    """Returns the names that a Fn::Sub refers to, without its own variables."""
    text, variables = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])
    names = {name.strip().split(".")[0] for name in SUB_NAME.findall(text)}
    return (names - set(variables)) | names_in(variables)


def names_in(node):
    """Returns all names that a part of a template refers to, by Ref, Fn::GetAtt or Fn::Sub, at any depth."""
    if isinstance(node, list):
        return set().union(*map(names_in, node))
    if not isinstance(node, dict):
        return set()
    names = set()
    for key, value in node.items():
        if key == "Ref":
            names.add(value)
        elif key == "Fn::GetAtt":
            names.add(value.split(".")[0] if isinstance(value, str) else value[0])
        elif key == "Fn::Sub":
            names |= names_in_sub(value)
        else:
            names |= names_in(value)
    return names


def dependencies(template):
    """Returns, for each resource, the resources that must exist before it."""
    resources = template["Resources"]
    graph = {}
    for name, resource in resources.items():
        explicit = resource.get("DependsOn", [])
        explicit = {explicit} if isinstance(explicit, str) else set(explicit)
        graph[name] = sorted((names_in(resource) | explicit) & resources.keys())
    return graph


def find_cycle(graph):
    """Returns a circular chain of names, whose last name is the first, or None."""
    finished, chain = set(), []

    def visit(name):
        if name in chain:
            return chain[chain.index(name) :] + [name]
        if name in finished:
            return None
        chain.append(name)
        for needed in graph[name]:
            if cycle := visit(needed):
                return cycle
        chain.pop()
        finished.add(name)
        return None

    return next((cycle for name in sorted(graph) if (cycle := visit(name))), None)


def code_faults(template, root):
    """Finds functions whose CodeUri is not a zip that `make package` writes, and folders of functions/ that no function uses."""
    faults, used = [], set()
    for name, uri in code_uris(template).items():
        if folder := crate_of(uri, PYTHON):
            used.add(folder)
            if not (root / "functions" / folder / "requirements.txt").is_file():
                faults.append(f"{name}: CodeUri {uri}, but there is no functions/{folder}/requirements.txt")
            continue
        crate = crate_of(uri)
        if crate is None:
            faults.append(f"{name}: CodeUri {uri} is none of {CODE.format('<crate of functions/>')}")
            continue
        used.add(crate)
        manifest = root / "functions" / crate / "Cargo.toml"
        if not manifest.is_file():
            faults.append(f"{name}: CodeUri {uri}, but there is no functions/{crate}")
            continue
        package = tomllib.loads(manifest.read_text(encoding="utf-8"))["package"]["name"]
        if package != crate:
            faults.append(f"{name}: CodeUri {uri}, but functions/{crate} holds the package {package}")
    manifests = [*(root / "functions").glob("*/Cargo.toml"), *(root / "functions").glob("*/requirements.txt")]
    for manifest in sorted(manifests):
        if manifest.parent.name not in used:
            faults.append(f"functions/{manifest.parent.name}: no function of the template uses it")
    return faults


def cors_faults(template):
    """Finds APIs whose transformed CORS configuration is incomplete. The translator drops it silently if AllowOrigins is a function
    that it cannot resolve, such as Fn::Split."""
    faults = []
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::ApiGatewayV2::Api":
            continue
        cors = resource["Properties"].get("Body", {}).get("x-amazon-apigateway-cors")
        for key in ("allowOrigins", "allowMethods", "allowHeaders") if cors else ():
            if not isinstance(cors.get(key), list):
                faults.append(f"{name}: {key} of its CORS configuration is no list after the transformation")
    return faults


def main(arguments):
    source = Path(arguments[0]) if arguments else ROOT / "template.yaml"
    template = load_template(source)
    faults = code_faults(template, ROOT)
    resources = {}
    try:
        result = transformed(template)
        resources = result["Resources"]
        faults += cors_faults(result) + platform_faults(template, result)
        faults += account_faults(template, result, ROOT) if source == ROOT / "template.yaml" else []
        if cycle := find_cycle(dependencies(result)):
            faults.append("circular dependency: " + " -> ".join(cycle))
    except InvalidDocumentException as error:
        faults += [cause.message for cause in error.causes]
    for fault in faults:
        print(f"{source.name}: {fault}", file=sys.stderr)
    if not faults:
        print(f"{source.name}: transforms into {len(resources)} resources, no circular dependency")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
