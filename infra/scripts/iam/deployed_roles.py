"""Evaluates the policies of the deployed functions: SAM's translator transforms the template, moto's CloudFormation creates its roles,
and moto's IAM evaluates their policies. It shares no code with the local cloud's parser and evaluator."""

import ast
import json
import os

ACCOUNT, REGION, STACK = "000000000000", "us-east-1", "files-local"
# moto and boto3 read these on import. No call leaves the process.
os.environ.update(MOTO_ACCOUNT_ID=ACCOUNT, AWS_DEFAULT_REGION=REGION)
os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")

import boto3
from moto import mock_aws
from moto.iam.access_control import IAMPolicy, PermissionResult

from transform import PYTHON, code_uris, crate_of, transformed

# Values for which each condition of a policy is true: moto cannot read a list with AWS::NoValue.
PARAMETERS = {
    "EventBus": "media",  # as the tests name it
    "ResolveSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:files",
}
# Types that policies refer to. Functions are not created, because they would need their code.
CREATED = {"AWS::IAM::Role", "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue"}
# The local cloud uses the same names, so recorded resources exist here.
NAMED = {"AWS::DynamoDB::Table": "TableName", "AWS::SQS::Queue": "QueueName"}


def function_arn(name):
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-{name}"


def with_arns(node, functions):
    """Returns a part of a template in which the references to functions' ARNs are replaced with these ARNs."""
    if isinstance(node, list):
        return [with_arns(item, functions) for item in node]
    if not isinstance(node, dict):
        return node
    if (target := node.get("Fn::GetAtt")) and target[0] in functions and target[1] == "Arn":
        return function_arn(target[0])
    return {key: with_arns(value, functions) for key, value in node.items()}


def reduced(result):
    """Returns the transformed template, reduced to the roles and the resources that they refer to."""
    functions = {name for name, one in result["Resources"].items() if one["Type"] == "AWS::Lambda::Function"}
    resources = {}
    for name, one in result["Resources"].items():
        kind, properties = one["Type"], dict(one.get("Properties", {}))
        if kind not in CREATED:
            continue
        if kind in NAMED:
            properties[NAMED[kind]] = f"{STACK}-{name}"
        if kind == "AWS::S3::Bucket":
            properties = {"BucketName": properties["BucketName"]}
        resources[name] = {"Type": kind, "Properties": with_arns(properties, functions)}
    return {"Parameters": result["Parameters"], "Conditions": result.get("Conditions", {}), "Resources": resources}


def policy_documents(template):
    """Returns the resolved policies that the template defines, by the role's name. Policies that SAM adds have other names, and are left out."""
    with mock_aws():
        cloudformation, iam = boto3.client("cloudformation"), boto3.client("iam")
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()]
        body = json.dumps(reduced(transformed(template, PARAMETERS)), default=str)
        cloudformation.create_stack(
            StackName=STACK, TemplateBody=body, Parameters=parameters, Capabilities=["CAPABILITY_IAM"]
        )
        written_out = {name for name, one in template["Resources"].items() if one["Type"] == "AWS::IAM::Role"}
        documents = {}
        for resource in cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]:
            if resource["ResourceType"] != "AWS::IAM::Role":
                continue
            role, name = resource["PhysicalResourceId"], resource["LogicalResourceId"]
            names = iam.list_role_policies(RoleName=role)["PolicyNames"]
            names = [policy for policy in names if name in written_out or policy.startswith(name)]
            read = [iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"] for policy in names]
            documents[name] = [as_document(document) for document in read]
        return documents


def as_document(document):
    """Returns a policy as a map. moto stores a policy of CloudFormation as the `repr` of a map."""
    return document if isinstance(document, dict) else ast.literal_eval(document)


class Roles:
    """The policies of the functions' roles, by the names of their crates or folders."""

    def __init__(self, template):
        documents = policy_documents(template)
        self.policies = {
            crate_of(uri) or crate_of(uri, PYTHON): [IAMPolicy(json.dumps(one)) for one in documents.get(f"{name}Role", [])]
            for name, uri in code_uris(template).items()
        }

    def functions(self):
        return sorted(self.policies)

    def allow(self, function, action, resource):
        """Returns whether a statement allows `action` on `resource`, and none denies it."""
        policies = self.policies.get(function, [])
        results = {policy.is_action_permitted(action, resource) for policy in policies}
        return PermissionResult.PERMITTED in results and PermissionResult.DENIED not in results
