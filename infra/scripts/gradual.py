"""Writes the template of a gradual deployment, template-gradual.json, from template.yaml: each function has versions and the alias
`live`, CodeDeploy shifts the alias from one version to the next, and shifts it back when an alarm fires.

    python gradual.py TYPE [PARAMETERS]     Canary10Percent5Minutes, …, AllAtOnce; "Name=value …"; after `make package layer`
    python gradual.py TYPE --check          only checks TYPE

SAM takes no condition for AutoPublishAlias, so this is no parameter of template.yaml.
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/automating-updates-to-serverless-apps.html
"""

import copy
import hashlib
import json
import re
import shlex
import sys

from check_template import names_in
from transform import ROOT, artefacts, load_template  # sets a region, which the translator reads on import

from samtranslator.model.preferences.deployment_preference_collection import CODEDEPLOY_PREDEFINED_CONFIGURATIONS_LIST as TYPES

# Beside template.yaml: there the SAM CLI looks for samconfig.toml and for the zips.
OUTPUT = "template-gradual.json"
ALIAS = "live"
ROLE, POLICY = "GradualDeploymentRole", "GradualDeploymentPolicy"
# Without CodeDeploy: for a correction of what the alarms fire for. CodeDeploy would still read the alarms of the group's last update.
AT_ONCE = "AllAtOnce"
# Alarms of the API. They refer to the API and the API to the aliases, so an alias can refer to them only by a name written out.
API_ALARMS = ("ApiErrorsAlarm", "ApiLatencyAlarm")
# Properties of a function that are no part of its versions.
NOT_IN_VERSIONS = ("Events", "EventInvokeConfig", "PermissionsBoundary", "Policies", "RecursiveLoop", "ReservedConcurrentExecutions")


class Fault(Exception):
    """Raised for a problem that the user must solve."""


def check_type(kind):
    if kind not in TYPES:
        raise Fault(f"GRADUAL is {kind}, expected one of {', '.join(TYPES)}")


def functions(template):
    """Returns the functions of the template, by name."""
    return {name: resource for name, resource in template["Resources"].items() if resource["Type"] == "AWS::Serverless::Function"}


def alarms_on_errors(template, function):
    """Yields the template's own alarms on errors of a function."""
    for name, resource in template["Resources"].items():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::CloudWatch::Alarm" and properties.get("MetricName") == "Errors" and function in names_in(properties["Dimensions"]):
            yield name


def new_version_alarm(name):
    return f"{name}NewVersionAlarm"


def alarm(name, resource):
    """Returns an alarm on the errors of a function's newest version. Only CodeDeploy reads it, so it notifies nobody."""
    dimensions = {"FunctionName": {"Ref": name}, "Resource": {"Fn::Sub": f"${{{name}}}:{ALIAS}"}, "ExecutedVersion": {"Fn::GetAtt": [f"{name}.Version", "Version"]}}
    properties = {
        "AlarmDescription": f"The newest version of {name} failed in two of five minutes.",
        "Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 5, "DatapointsToAlarm": 2,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 1, "TreatMissingData": "notBreaching",
    }
    return with_condition({"Type": "AWS::CloudWatch::Alarm", "Properties": properties}, resource)


def with_condition(made, resource):
    """Returns a part of the template under the condition of its function."""
    return made | {key: resource[key] for key in ("Condition",) if key in resource}


def codedeploy_role(template):
    """Returns the role of CodeDeploy, which has no rights of its own. SAM's may shift the aliases of all functions of the account, and has no
    boundary."""
    trust = [{"Effect": "Allow", "Principal": {"Service": "codedeploy.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    return {"Type": "AWS::IAM::Role", "Properties": {
        "PermissionsBoundary": copy.deepcopy(template["Globals"]["Function"]["PermissionsBoundary"]),
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": trust}}}


def codedeploy_policy(template):
    """Lets CodeDeploy read alarms and shift the aliases of these functions. The aliases need the role, and the functions the bucket, which
    needs an alias: so the role's rights are a resource that no alias waits for. An alias is created without CodeDeploy."""
    arns = []
    for name, resource in functions(template).items():
        arn = {"Fn::Sub": f"${{{name}.Arn}}*"}  # the function and its versions
        arns.append({"Fn::If": [resource["Condition"], arn, {"Ref": "AWS::NoValue"}]} if "Condition" in resource else arn)
    actions = ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"]
    statements = [
        {"Effect": "Allow", "Action": actions, "Resource": arns},
        {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"},
    ]
    return {"Type": "AWS::IAM::Policy", "Properties": {
        "PolicyName": "codedeploy", "Roles": [{"Ref": ROLE}], "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}}


def qualified(node, names):
    """Returns a part of the template that refers to the aliases of functions instead of the functions."""
    match node:
        case {"Ref": name} | {"Fn::GetAtt": [name, "Arn"]} if name in names:
            return {"Ref": f"{name}.Alias"}
        case dict():
            return {key: qualified(value, names) for key, value in node.items()}
        case list():
            return [qualified(value, names) for value in node]
    return node


def call_aliases(template, names):
    """Makes functions invoke the aliases of other functions, and limits their roles to that."""
    for name, resource in template["Resources"].items():
        if resource["Type"] not in ("AWS::Serverless::Function", "AWS::IAM::Role"):
            continue
        properties = resource["Properties"]
        for key in properties.keys() & {"Environment", "Policies"}:
            properties[key] = qualified(properties[key], names)
            if left := names_in(properties[key]) & names.keys():
                raise Fault(f"{name}: its {key} refers to {', '.join(sorted(left))} in a form that cannot be changed to the alias")


def of_version(template, name, given):
    """Returns what a function's version depends on besides its code: its properties, and the parameters, conditions, mappings and layers that
    they mention, at any depth."""
    own = {key: value for key, value in template["Resources"][name]["Properties"].items() if key not in NOT_IN_VERSIONS}
    shared = {key: value for key, value in template["Globals"]["Function"].items() if key not in NOT_IN_VERSIONS}
    pool = template.get("Conditions", {}) | template.get("Mappings", {})
    pool |= {key: [value.get("Default"), given.get(key)] for key, value in template.get("Parameters", {}).items()}
    pool |= {key: value for key, value in template["Resources"].items() if value["Type"] == "AWS::Serverless::LayerVersion"}
    found = {name: [own, shared]}
    while True:
        words = set(re.findall(r"\w+", json.dumps(found)))
        if not (more := {key: pool[key] for key in (words & pool.keys()) - found.keys()}):
            return found
        found |= more


def digest(root, template, name, given):
    """Changes whenever a new version is needed. SAM alone sees no change of a parameter and none of a layer."""
    parts, files = of_version(template, name, given), artefacts(template)
    total = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for one in sorted(parts.keys() & files.keys()):
        total.update(hashlib.sha256((root / files[one][1]).read_bytes()).digest())
    return total.hexdigest()


def digests(root, template, given):
    """Returns the digest of each function. `given` are the parameters of this deployment."""
    missing = [uri for _, uri in artefacts(template).values() if not (root / uri).is_file()]
    if missing:
        raise Fault(f"missing: {', '.join(missing)}; run `make package layer`")
    return {name: digest(root, template, name, given) for name in functions(template)}


def preference(template, name, kind):
    """Returns how CodeDeploy shifts a function, and the alarms that stop it."""
    events = template["Resources"][name]["Properties"].get("Events", {})
    alarms = [{"Ref": one} for one in (new_version_alarm(name), *alarms_on_errors(template, name))]
    if any(event["Type"] == "HttpApi" for event in events.values()):
        alarms += [{"Fn::Sub": f"${{AWS::StackName}}-{one}"} for one in API_ALARMS]
    return {"Type": kind, "Alarms": alarms, "Role": {"Fn::GetAtt": [ROLE, "Arn"]}, "PassthroughCondition": True}


def gradual(template, kind, digests):
    """Returns the template of a gradual deployment."""
    check_type(kind)
    result, names = copy.deepcopy(template), functions(template)
    call_aliases(result, names)
    for name, resource in names.items():
        result["Resources"][name]["Properties"] |= {
            "AutoPublishAlias": ALIAS,
            "AutoPublishCodeSha256": digests[name],
            "DeploymentPreference": {"Enabled": False} if kind == AT_ONCE else preference(template, name, kind),
        }
        result["Resources"][new_version_alarm(name)] = alarm(name, resource)
    for name in API_ALARMS:
        result["Resources"][name]["Properties"]["AlarmName"] = {"Fn::Sub": f"${{AWS::StackName}}-{name}"}
    result["Resources"] |= {ROLE: codedeploy_role(template), POLICY: codedeploy_policy(template)}
    return result


def main(arguments):
    kind, rest = arguments[0], arguments[1:]
    check_type(kind)
    if rest == ["--check"]:
        return
    given = dict(word.split("=", 1) for word in shlex.split(" ".join(rest)) if "=" in word)
    template = load_template(ROOT / "template.yaml")
    result = gradual(template, kind, digests(ROOT, template, given))
    (ROOT / OUTPUT).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"{OUTPUT}: {len(functions(result))} functions change by {kind}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Fault as fault:
        sys.exit(f"gradual: {fault}")
