"""Checks with the AWS CLI, before anything is sent, that the account accepts the deployment: the first step of `make deploy`.

    python check_deployment.py [PARAMETERS [ARGUMENTS]]     ("Name=value …", and options of `sam deploy`)

Stops on what would certainly fail. Without the AWS CLI, or without a response, it prints what to check and continues.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib

REGION_IS_SET = "AWS_DEFAULT_REGION" in os.environ

from transform import ROOT, default_values, load_template  # noqa: E402: it sets a region for its translator, which must not be used here

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
MAX_BUCKET_NAME = 63
FORBIDDEN_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
ACCOUNT_ID = "0" * 12
LONGEST_REGION = "ap-southeast-1"
# Executions that Lambda keeps unreserved:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED = 100
ROOM_FOR_THE_API = 1
# Proposed concurrencies: the divisor of the account's limit, minimum and maximum.
SHARES = {
    "ImportConcurrency": (20, 2, 20),
    "ProbeConcurrency": (40, 2, 10),
    "DeliveryConcurrency": (40, 2, 10),
    "DeadLetterConcurrency": (100, 2, 5),
}
DEPLOY_PAGE = "infra/docs/deploy.md#when-the-first-deployment-fails"


class Fault(Exception):
    """Raised for a problem that would make the deployment fail."""


class NoResponse(Exception):
    """Raised if the AWS CLI fails or cannot be started."""


def read_options(arguments, environment, samconfig):
    """Returns stack, region and profile, as `sam deploy` resolves them."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("--stack-name", "--region", "--profile", "--config-env"):
        parser.add_argument(name)
    parser.add_argument("-g", "--guided", action="store_true")
    options, _ = parser.parse_known_args(shlex.split(arguments))
    configuration = samconfig.get(options.config_env or "default", {})
    section = {c: configuration.get(c, {}).get("parameters", {}) for c in ("global", "deploy")}
    for name in ("stack_name", "region", "profile"):
        if getattr(options, name) is None:
            setattr(options, name, section["deploy"].get(name, section["global"].get(name)))
    options.region = options.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    return options


def bucket_name(stack, region):
    return f"{stack}-files-{ACCOUNT_ID}-{region or LONGEST_REGION}"


def check_stack_name(stack, region):
    """Fails if the stack name makes an invalid bucket name. Returns the rule."""
    longest = MAX_BUCKET_NAME - len(bucket_name("", region))
    rule = f"lower-case letters, digits and hyphens, at most {longest}, starting with a letter"
    if not re.fullmatch(r"[a-z][a-z0-9-]*", stack) or stack.startswith(FORBIDDEN_PREFIXES):
        raise Fault(f"The stack name {stack} makes an invalid bucket name. Use {rule}.")
    if len(stack) > longest:
        raise Fault(f"The stack name {stack} is too long: the bucket name contains it and has at most {MAX_BUCKET_NAME} characters. Use {rule}.")
    return rule


def ask(options, *command):
    """Runs the AWS CLI and parses its JSON output."""
    command = ["aws", *command, "--output", "json"]
    for name in ("region", "profile"):
        if value := getattr(options, name):
            command += [f"--{name}", value]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoResponse(str(error)) from error
    if result.returncode:
        raise NoResponse(result.stderr.strip() or f"aws failed with exit code {result.returncode}")
    return json.loads(result.stdout or "null")


def deployed_stack(options):
    """Returns the deployed stack, or None."""
    try:
        return ask(options, "cloudformation", "describe-stacks", "--stack-name", options.stack_name)["Stacks"][0]
    except NoResponse as error:
        if "does not exist" in str(error):
            return None
        raise


def check_status(stack):
    """Fails if the stack can only be deleted, because its creation failed."""
    if stack["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED"):
        name = stack["StackName"]
        raise Fault(
            f"The stack {name} is {stack['StackStatus']}: it can only be deleted and created again. To see what failed:\n"
            f"  aws cloudformation describe-stack-events --stack-name {name} "
            """--query "StackEvents[?ends_with(ResourceStatus,'FAILED')].[LogicalResourceId,ResourceStatusReason]"\n"""
            f"Then: aws cloudformation delete-stack --stack-name {name}. See {DEPLOY_PAGE}."
        )


def proposal(limit):
    """Returns proposed concurrencies for an account with this limit."""
    return {name: max(least, min(most, limit // share)) for name, (share, least, most) in SHARES.items()}


def check_concurrency(settings, values, reserved_before, functions):
    """Fails if the parameters exceed the account's concurrency. Returns a line to print."""
    limits = settings["AccountLimit"]
    limit, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"] + reserved_before
    chosen = {name: int(values[name]) for name in SHARES}
    proposed = " ".join(f"{name}={value}" for name, value in proposal(limit).items())
    account = f"The account has {limit} concurrent executions"
    taken = sum(chosen.values()) + 1  # and sweep
    if taken + ROOM_FOR_THE_API > limit:
        now = " ".join(f"{name}={value}" for name, value in chosen.items())
        raise Fault(
            f"{account}; {now} may use {taken} of them and leave fewer than {ROOM_FOR_THE_API} for the API.\n"
            f'Pass PARAMETERS="{proposed}", or request a higher limit (AWS Service Quotas, L-B99A9384).'
        )
    reserved = int(values["ReservedConcurrency"])
    if reserved and unreserved - reserved * functions < UNRESERVED:
        raise Fault(
            f"{account}, {unreserved} of them unreserved. ReservedConcurrency={reserved} reserves {reserved * functions} of these for "
            f"{functions} functions, and {UNRESERVED} must remain. Pass ReservedConcurrency=0: "
            f"the queues keep to their own limits without it."
        )
    if reserved and reserved < max(chosen["ImportConcurrency"], chosen["ProbeConcurrency"]):
        raise Fault(f"ReservedConcurrency={reserved} is below the concurrency of the queues: messages would be throttled and become dead letters.")
    return f"{account}. Proposed: {proposed}" if chosen != proposal(limit) else f"{account}; the parameters fit."


def stack_parameters(stack):
    return {p["ParameterKey"]: p["ParameterValue"] for p in (stack or {}).get("Parameters", [])}


def check(given, options, template):
    """Runs all checks and yields lines to print."""
    rule = check_stack_name(options.stack_name, options.region)
    if options.guided:
        yield f"Stack name: {rule}."
    try:
        stack = deployed_stack(options)
        if stack:
            check_status(stack)
        settings = ask(options, "lambda", "get-account-settings")
    except NoResponse as error:
        yield f"The account could not be checked: {error}"
        yield "Check it yourself: aws lambda get-account-settings --query AccountLimit; see infra/docs/deploy.md, step 1."
        return
    before = stack_parameters(stack)
    functions = sum(resource["Type"] == "AWS::Serverless::Function" for resource in template["Resources"].values())
    reserved_before = int(before.get("ReservedConcurrency", 0)) * functions
    yield check_concurrency(settings, default_values(template) | before | given, reserved_before, functions)


def main(arguments):
    parameters, options = [*arguments, "", ""][:2]
    given = dict(word.split("=", 1) for word in shlex.split(parameters) if "=" in word)
    samconfig = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    for line in check(given, read_options(options, os.environ, samconfig), load_template(ROOT / "template.yaml")):
        print(line, flush=True)


if __name__ == "__main__":
    if not REGION_IS_SET:
        os.environ.pop("AWS_DEFAULT_REGION", None)
    try:
        main(sys.argv[1:])
    except Fault as fault:
        sys.exit(str(fault))
