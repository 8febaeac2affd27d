"""Deploys the packaged template to a cloud with AWS's protocols, and checks that all routes and triggers exist."""

import json
import time

import boto3
from botocore.config import Config

from emulator import KEYS, REGION
from expand_api import expand
from gradual import functions, gradual
from transform import FOLDER, PACKAGES, ROOT, artefacts, load_template, transformed

STACK = "files"
# Seconds until the stack must exist.
STACK_TIMEOUT = 120


class Fault(Exception):
    """Raised if the deployment differs from the template."""


class Deployment:
    """Creates and inspects the stack in a cloud."""

    def __init__(self, address, code):
        self.address = address
        self.code = code
        self.outputs = {}

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.address,
            region_name=REGION,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            config=Config(s3={"addressing_style": "path"}),
        )

    def upload(self, template):
        """Uploads the zips to the keys that the transformed template names. The layer of the other architecture may be missing."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=PACKAGES)
        for name, (_, uri) in artefacts(template).items():
            file = ROOT / uri.replace(f"{FOLDER}/", f"{self.code}/", 1)
            if file.is_file():
                s3.put_object(Bucket=PACKAGES, Key=f"{name}.zip", Body=file.read_bytes())

    def create(self, result, parameters):
        """Creates the stack and waits for its completion."""
        cloudformation = self.client("cloudformation")
        # By URL, like the SAM CLI: a template in the request may have at most 51,200 bytes.
        self.client("s3").put_object(Bucket=PACKAGES, Key="template.json", Body=json.dumps(result, default=str))
        cloudformation.create_stack(
            StackName=STACK,
            TemplateURL=f"{self.address}/{PACKAGES}/template.json",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        deadline = time.monotonic() + STACK_TIMEOUT
        while True:
            (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
            if not stack["StackStatus"].endswith("_IN_PROGRESS") or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        if stack["StackStatus"] != "CREATE_COMPLETE":
            events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
            reasons = [event.get("ResourceStatusReason") for event in events if "FAILED" in event["ResourceStatus"]]
            raise Fault(f"the stack is {stack['StackStatus']}: {reasons}")
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def ids(self, kind):
        """Returns the physical names of all resources of a type, by their logical ids."""
        resources = self.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        of_kind = [resource for resource in resources if resource["ResourceType"] == kind]
        return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in of_kind}

    def serve(self, bodies, host):
        """Sets for each API what the emulator does not read from the template: CORS, and `host` as a custom domain."""
        gateway = self.client("apigatewayv2")
        for api, identifier in self.ids("AWS::ApiGatewayV2::Api").items():
            cors = bodies[api].cors
            if cors:
                configuration = {key[0].upper() + key[1:]: value for key, value in cors.items()}
                gateway.update_api(ApiId=identifier, CorsConfiguration=configuration)
            certificate = f"arn:aws:acm:{REGION}:000000000000:certificate/none"
            gateway.create_domain_name(
                DomainName=host,
                DomainNameConfigurations=[{"CertificateArn": certificate, "EndpointType": "REGIONAL"}],
            )
            gateway.create_api_mapping(ApiId=identifier, DomainName=host, Stage="$default")

    def routes(self):
        """Returns the keys of all deployed routes."""
        gateway = self.client("apigatewayv2")
        apis = self.ids("AWS::ApiGatewayV2::Api").values()
        return sorted(route["RouteKey"] for api in apis for route in gateway.get_routes(ApiId=api)["Items"])

    def triggers(self):
        """Returns the number of deployed triggers of each kind, by SAM's names."""
        s3, buckets = self.client("s3"), self.ids("AWS::S3::Bucket").values()
        notified = [s3.get_bucket_notification_configuration(Bucket=bucket) for bucket in buckets]
        return {
            "HttpApi": len(self.routes()),
            "SQS": len(self.client("lambda").list_event_source_mappings()["EventSourceMappings"]),
            "S3": sum(len(one.get("LambdaFunctionConfigurations", [])) for one in notified),
            "ScheduleV2": len(self.client("scheduler").list_schedules()["Schedules"]),
        }


def expected_triggers(template):
    """Returns the number of triggers of each kind in the template."""
    counts = {}
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            for event in resource["Properties"].get("Events", {}).values():
                counts[event["Type"]] = counts.get(event["Type"], 0) + 1
    return counts


def without_metric_math(result):
    """Removes alarms with metric math, which the emulator does not support."""
    resources = result["Resources"]
    for name in [name for name, resource in resources.items() if "Metrics" in resource.get("Properties", {})]:
        del resources[name]


def with_whole_numbers(result, parameters):
    """Replaces references by numbers in MaximumConcurrency, because the emulator treats a referenced parameter as text."""
    for resource in result["Resources"].values():
        scaling = resource.get("Properties", {}).get("ScalingConfig", {})
        match scaling.get("MaximumConcurrency"):
            case {"Ref": name}:
                scaling["MaximumConcurrency"] = int(parameters.get(name, result["Parameters"][name]["Default"]))


def without_codedeploy(result):
    """Removes the resources that shift the aliases, which the emulator's CloudFormation does not have."""
    resources = result["Resources"]
    for name in [name for name, resource in resources.items() if resource["Type"].startswith("AWS::CodeDeploy::")]:
        del resources[name]
    for resource in resources.values():
        resource.pop("UpdatePolicy", None)


def template_of(kind):
    """Returns template.yaml, or with a type of CodeDeploy its gradual form. Everything is deployed for the first time, so any digest will do."""
    template = load_template(ROOT / "template.yaml")
    return gradual(template, kind, {name: "0" * 64 for name in functions(template)}) if kind else template


def check_aliases(deployment):
    """Fails if a function is without its alias, or a queue invokes a function without it."""
    client = deployment.client("lambda")
    names = deployment.ids("AWS::Lambda::Function").values()
    without = [name for name in names if not client.list_aliases(FunctionName=name)["Aliases"]]
    invoked = [one["FunctionArn"] for one in client.list_event_source_mappings()["EventSourceMappings"]]
    without += [arn for arn in invoked if not arn.endswith(":live")]
    if without:
        raise Fault(f"without an alias: {without}")


def deploy(address, host, parameters, code=FOLDER, kind=None):
    """Deploys template.yaml with the zips of the folder `code`, with `kind` as a gradual deployment. Checks that all its routes and
    triggers exist."""
    deployment = Deployment(address, code)
    template = template_of(kind)
    result = transformed(template, parameters)
    bodies = expand(result)
    without_metric_math(result)
    without_codedeploy(result)
    with_whole_numbers(result, parameters)
    deployment.upload(template)
    deployment.create(result, parameters)
    deployment.serve(bodies, host)
    wanted = sorted(key for body in bodies.values() for key in body.routes)
    if (found := deployment.routes()) != wanted:
        raise Fault(f"the template has the routes {wanted}, deployed are {found}")
    if (counted := deployment.triggers()) != expected_triggers(template):
        raise Fault(f"the template has the triggers {expected_triggers(template)}, deployed are {counted}")
    if kind:
        check_aliases(deployment)
    return deployment
