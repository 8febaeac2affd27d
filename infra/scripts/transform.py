"""Turns the SAM template into the CloudFormation template that would be deployed. Needs no AWS account.

    python transform.py [TEMPLATE] [OUTPUT]     (template.yaml, standard output)
"""

import copy
import json
import logging
import os
import sys
from pathlib import Path

# The translator reads it on import. Nothing is sent to a region.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.public.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it warns that no metrics were sent

ROOT = Path(__file__).resolve().parents[2]
# Where `make package` writes the code of a function, like cargo-lambda.
FOLDER = "target/lambda"
CODE = FOLDER + "/{}/bootstrap.zip"
# The same for a function in Python.
PYTHON = FOLDER + "/{}/python.zip"
# The bucket that a transformed template names.
PACKAGES = "packaged"


class NoManagedPolicies:
    """Replaces the lookup of AWS managed policies in IAM, because the template names none."""

    def load(self):
        return {}


def load_template(path):
    """Returns the template as written, with its short tags (`!Ref`) in their long form."""
    return yaml_parse(Path(path).read_text(encoding="utf-8"))


def code_uris(template):
    """Returns the CodeUri of each function, by the function's name in the template."""
    resources = template["Resources"].items()
    functions = {name: resource for name, resource in resources if resource.get("Type") == "AWS::Serverless::Function"}
    return {name: function.get("Properties", {}).get("CodeUri") for name, function in functions.items()}


def crate_of(uri, pattern=CODE):
    """Returns the crate (with PYTHON, the folder of functions/) whose code a CodeUri names, or None."""
    before, after = pattern.split("{}")
    if not isinstance(uri, str) or not (uri.startswith(before) and uri.endswith(after)):
        return None
    crate = uri[len(before) : -len(after)]
    return crate if crate and "/" not in crate else None


def artefacts(template):
    """Returns, by name, the local file of each function's code and of each layer's content."""
    keys = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
    return {
        name: (keys[resource["Type"]], resource.get("Properties", {}).get(keys[resource["Type"]]))
        for name, resource in template["Resources"].items()
        if resource.get("Type") in keys
    }


def packaged(template):
    """Returns the template after `sam package`: the code of each function and layer is an object in a bucket."""
    result = copy.deepcopy(template)
    for name, (key, _) in artefacts(template).items():
        result["Resources"][name].setdefault("Properties", {})[key] = f"s3://{PACKAGES}/{name}.zip"
    return result


def default_values(template):
    """Returns the defaults of the parameters as CloudFormation passes them to the translator, with lists as lists."""
    values = {}
    for name, parameter in template.get("Parameters", {}).items():
        if "Default" in parameter:
            default = parameter["Default"]
            is_list = parameter["Type"] == "CommaDelimitedList" or parameter["Type"].startswith("List<")
            values[name] = [item.strip() for item in str(default).split(",")] if is_list else default
    return values


def transformed(template, parameters=None):
    """Returns the CloudFormation template of a SAM template; `parameters` override the defaults. Raises InvalidDocumentException with all faults."""
    return transform(packaged(template), default_values(template) | (parameters or {}), NoManagedPolicies())


def main(arguments):
    source = Path(arguments[0]) if arguments else ROOT / "template.yaml"
    try:
        result = transformed(load_template(source))
    except InvalidDocumentException as error:
        for cause in error.causes:
            print(f"{source.name}: {cause.message}", file=sys.stderr)
        return 1
    text = json.dumps(result, indent=2, sort_keys=True, default=str) + "\n"
    if len(arguments) > 1:
        Path(arguments[1]).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
