"""Asks the account, before anything is sent, whether it will take the deployment: the first step of `make deploy`.

    python check_deployment.py [PARAMETERS [ARGUMENTS]]     (as make has them: "Name=value …", and options of `sam deploy`)

Stops on what is certain to fail. Without the AWS CLI, or without an answer, it says what to look at and goes on.
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

from transform import ROOT, default_values, load_template  # noqa: E402: it sets a region for its translator, which is none of ours

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
MAX_BUCKET_NAME = 63
FORBIDDEN_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
ACCOUNT_ID = "0" * 12
LONGEST_REGION = "ap-southeast-1"
# What the account keeps for functions without a reservation:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED = 100
ROOM_FOR_THE_API = 3
# Concurrencies: a share of the account's, and between which numbers.
SHARES = {"ImportConcurrency": (20, 2, 20), "ProbeConcurrency": (40, 2, 10), "DeadLetterConcurrency": (100, 2, 5)}
DEPLOY_PAGE = "infra/docs/deploy.md#when-the-first-deployment-fails"


class Fault(Exception):
    """Something that would make the deployment fail."""


class NoAnswer(Exception):
    """The account could not be asked."""


def read_options(arguments, environment, samconfig):
    """Stack, region and profile, as `sam deploy` will take them."""
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
    """The bucket is named after the stack, and S3 is stricter than CloudFormation."""
    longest = MAX_BUCKET_NAME - len(bucket_name("", region))
    rule = f"small letters, digits and hyphens, at most {longest} of them, a letter first"
    if not re.fullmatch(r"[a-z][a-z0-9-]*", stack) or stack.startswith(FORBIDDEN_PREFIXES):
        raise Fault(f"The stack cannot be called {stack}: its bucket is named after it. Take {rule}.")
    if len(stack) > longest:
        raise Fault(f"The stack's name {stack} is too long: its bucket is named after it, and may have {MAX_BUCKET_NAME} letters. Take {rule}.")
    return rule


def ask(options, *command):
    """What the AWS CLI says, as JSON."""
    command = ["aws", *command, "--output", "json"]
    for name in ("region", "profile"):
        if value := getattr(options, name):
            command += [f"--{name}", value]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAnswer(str(error)) from error
    if result.returncode:
        raise NoAnswer(result.stderr.strip() or f"aws ended with {result.returncode}")
    return json.loads(result.stdout or "null")


def deployed_stack(options):
    """The stack as it is, or None."""
    try:
        return ask(options, "cloudformation", "describe-stacks", "--stack-name", options.stack_name)["Stacks"][0]
    except NoAnswer as error:
        if "does not exist" in str(error):
            return None
        raise


def check_status(stack):
    """A stack that failed when it was made can only be deleted."""
    if stack["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED"):
        name = stack["StackName"]
        raise Fault(
            f"The stack {name} is {stack['StackStatus']}: it can only be deleted and made again. What failed:\n"
            f"  aws cloudformation describe-stack-events --stack-name {name} "
            """--query "StackEvents[?ends_with(ResourceStatus,'FAILED')].[LogicalResourceId,ResourceStatusReason]"\n"""
            f"Then: aws cloudformation delete-stack --stack-name {name}. See {DEPLOY_PAGE}."
        )


def proposal(limit):
    """Concurrencies for an account that has so much."""
    return {name: max(least, min(most, limit // share)) for name, (share, least, most) in SHARES.items()}


def check_concurrency(settings, values, reserved_before, functions):
    """Whether the account has as much as the parameters say. Gives what to tell."""
    limits = settings["AccountLimit"]
    limit, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"] + reserved_before
    chosen = {name: int(values[name]) for name in SHARES}
    proposed = " ".join(f"{name}={value}" for name, value in proposal(limit).items())
    told = f"The account has {limit} concurrent executions"
    taken = sum(chosen.values()) + 1  # and sweep
    if taken + ROOM_FOR_THE_API > limit:
        now = " ".join(f"{name}={value}" for name, value in chosen.items())
        raise Fault(
            f"{told}; {now} may take {taken} of them, and leave the API fewer than {ROOM_FOR_THE_API}.\n"
            f'Say PARAMETERS="{proposed}", or ask for more: the quota L-B99A9384 of AWS Service Quotas.'
        )
    reserved = int(values["ReservedConcurrency"])
    if reserved and unreserved - reserved * functions < UNRESERVED:
        raise Fault(
            f"{told}, {unreserved} of them not reserved. ReservedConcurrency={reserved} takes {reserved * functions} of these for "
            f"{functions} functions, and {UNRESERVED} must be left. Say ReservedConcurrency=0: "
            f"the queues keep to their own concurrencies without it."
        )
    if reserved and reserved < max(chosen["ImportConcurrency"], chosen["ProbeConcurrency"]):
        raise Fault(f"ReservedConcurrency={reserved} is less than what the queues may take: messages would fail unread.")
    return f"{told}. For them: {proposed}" if chosen != proposal(limit) else f"{told}; the parameters fit."


def stack_parameters(stack):
    return {p["ParameterKey"]: p["ParameterValue"] for p in (stack or {}).get("Parameters", [])}


def check(given, options, template):
    """All of it. Yields what to tell."""
    rule = check_stack_name(options.stack_name, options.region)
    if options.guided:
        yield f"The stack's name: {rule}."
    try:
        stack = deployed_stack(options)
        if stack:
            check_status(stack)
        settings = ask(options, "lambda", "get-account-settings")
    except NoAnswer as error:
        yield f"The account could not be asked: {error}"
        yield "Look yourself: aws lambda get-account-settings --query AccountLimit; see infra/docs/deploy.md, step 1."
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
