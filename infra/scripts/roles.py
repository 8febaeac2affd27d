"""Writes what each function's role may do, by the template, into the table of infra/docs/security-review.md.

    python roles.py             writes the table
    python roles.py --check     fails if the table differs from the template
"""

import re
import sys

from transform import PYTHON, ROOT, code_uris, crate_of, load_template, transformed

PAGE = ROOT / "infra/docs/security-review.md"
BEGIN, END = "<!-- roles: written by infra/scripts/roles.py -->\n", "<!-- /roles -->"
SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:files"
BUCKET = "arn:${AWS::Partition}:s3:::${AWS::StackName}-files-${AWS::AccountId}-${AWS::Region}"


def short(resource):
    """Returns the short name of a resource: `FilesTable`, `FilesBucket/files/*`, `FilesTable/index/due`."""
    if isinstance(resource, str):
        return resource
    ((kind, value),) = resource.items()
    if kind == "Fn::GetAtt":
        return value[0]
    if kind == "Ref":
        return value
    value = re.sub(r"^arn:.*:event-bus/\$\{(\w+)\}$", r"\1", value)
    return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", value.replace(BUCKET, "FilesBucket"))


def as_list(value):
    return value if isinstance(value, list) else [value]


def statements(role):
    """Yields the statements of a role's own policies, the optional ones too."""
    for policy in role.get("Policies", []):
        policy = policy["Fn::If"][1] if "Fn::If" in policy else policy
        yield from as_list(policy["PolicyDocument"]["Statement"])


def rights(role):
    """Returns resources with the actions on them, `service:Action` shortened to `Action`, without the function's own log stream."""
    found = {}
    for statement in statements(role):
        if statement["Effect"] != "Allow" or "Condition" in statement:
            raise SystemExit(f"roles.py does not know how to show {statement}")
        actions = [action for action in as_list(statement["Action"]) if not action.startswith("logs:")]
        for resource in as_list(statement["Resource"]) if actions else []:
            found.setdefault(short(resource), []).extend(action.split(":")[1] for action in actions)
    return found


def polled(result, function):
    """Returns the queues that Lambda polls with the function's role."""
    mappings = [one["Properties"] for one in result["Resources"].values() if one["Type"] == "AWS::Lambda::EventSourceMapping"]
    return [short(one["EventSourceArn"]) for one in mappings if one["FunctionName"] == {"Ref": function}]


def table(template):
    result = transformed(template, {"ResolveSecretArn": SECRET})
    rows = ["| function | may |", "| --- | --- |"]
    for name, uri in sorted(code_uris(template).items(), key=lambda item: str(item[1])):
        found = rights(result["Resources"][f"{name}Role"]["Properties"])
        for queue in polled(result, name):
            found.setdefault(queue, []).extend(["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"])
        texts = [f"`{resource}`: {', '.join(dict.fromkeys(actions))}" for resource, actions in found.items()]
        rows.append(f"| `{crate_of(uri) or crate_of(uri, PYTHON)}` | {'; '.join(texts) or 'nothing'} |")
    return "\n".join(rows) + "\n"


def main(arguments):
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest[rest.index(END) :]
    updated = before + BEGIN + table(load_template(ROOT / "template.yaml")) + after
    if arguments == ["--check"]:
        if updated != text:
            print(f"{PAGE.relative_to(ROOT)} differs from the template: run `make roles`.", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(updated, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
