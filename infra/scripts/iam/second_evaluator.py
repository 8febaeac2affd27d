"""Checks the template's policies with independent evaluators, for `make check-policies`.

    python second_evaluator.py REQUESTS CHECK_POLICIES [TEMPLATE]

Each call that functions made in a test run (the folder REQUESTS) must exist in AWS (botocore's models), must request the IAM actions of
AWS's documentation, with actions and kinds of resources of AWS (parliament's copy of the Service Authorization Reference), and moto's
IAM must allow it. Then both evaluators, moto's and the local cloud's (the program CHECK_POLICIES), evaluate the same requests, most of
which must be denied: each recorded request by each other function, on other tables, buckets, queues and prefixes, and all ways to
create an API key. They must agree on each.
"""

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import parliament

from deployed_roles import ACCOUNT, PARAMETERS, REGION, STACK, Roles
from recorded_calls import Models, mapping_faults, read_all
from transform import ROOT, load_template

KEYS_TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{STACK}-KeysTable"
# Actions that write an item or delete or replace the table.
KEY_WRITES = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"]
KEY_WRITES += ["DeleteTable", "UpdateTable", "ImportTable", "RestoreTableToPointInTime", "PutResourcePolicy"]
# Faults that are printed; the others are counted.
MOST_SHOWN = 40


def others(action, resource):
    """Yields the same action on other resources, and other actions on the same resource: most of them must not be allowed."""
    yield action, resource + "x"
    yield action, resource.replace(ACCOUNT, "111111111111") if ACCOUNT in resource else resource
    yield action + "x", resource
    yield action.split(":")[0] + ":*", resource
    yield action, "*"
    service = action.split(":")[0]
    if service == "s3":
        bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
        for prefix in ("files/*", "probes/*", "files", "filesx/1", "other/*", "*"):
            yield action, f"arn:aws:s3:::{bucket}/{prefix}"
        yield action, f"arn:aws:s3:::{bucket}-other/{key}"
        yield action, f"arn:aws:s3:::{bucket}"
        for verb in ("PutObjectAcl", "GetObjectVersion", "DeleteObjectVersion", "PutBucketPolicy", "ListBucketVersions"):
            yield f"s3:{verb}", resource
    if service == "dynamodb":
        table = resource.split("/index/")[0]
        for name in (f"{STACK}-FilesTable", f"{STACK}-KeysTable", f"{STACK}-Other"):
            yield action, table.rsplit("/", 1)[0] + "/" + name
        for index in ("due", "status", "type", "other"):
            yield action, f"{table}/index/{index}"
        for verb in ("Scan", "DeleteTable", "UpdateTimeToLive", "BatchWriteItem", "PartiQLSelect"):
            yield f"dynamodb:{verb}", resource
    if service == "sqs":
        for queue in ("ImportQueue", "ProbeQueue", "DeadLetterQueue"):
            for verb in ("SendMessage", "ReceiveMessage", "DeleteMessage", "PurgeQueue"):
                yield f"sqs:{verb}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{STACK}-{queue}"
    if service == "lambda":
        for verb in ("InvokeFunction", "UpdateFunctionCode", "GetFunction"):
            yield f"lambda:{verb}", resource


def questions(calls, functions):
    """Returns all requests for both evaluators: triples of function, action and resource."""
    asked = {request for call in calls for request in call.requests}
    asked |= {other for request in asked for other in others(*request)}
    asked |= {(f"dynamodb:{verb}", KEYS_TABLE) for verb in KEY_WRITES}
    return sorted((function, *request) for function, request in product(functions, asked))


def own_verdicts(program, template, asked):
    """Returns the local cloud's verdict on each request, with the parameters with which moto evaluates."""
    lines = "".join(json.dumps(dict(zip(("function", "action", "resource"), one))) + "\n" for one in asked)
    command = [program, "--template", template, "--verdicts"]
    command += [f"--parameter={name}={value}" for name, value in PARAMETERS.items()]
    verdicts = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout.split()
    assert len(verdicts) == len(asked), f"{len(asked)} requests, {len(verdicts)} verdicts"
    return [verdict == "allowed" for verdict in verdicts]


def disagreements(asked, own, others):
    names = {True: "allows", False: "denies"}
    return [
        f"{function}: moto {names[second]} {action} on {resource}, the local cloud {names[first]} it"
        for (function, action, resource), first, second in zip(asked, own, others)
        if first != second
    ]


def key_faults(asked, own, others):
    """Returns permissions to create, change or delete an API key."""
    writes = {f"dynamodb:{verb}" for verb in KEY_WRITES}
    return [
        f"{function} may do {action} on the keys table"
        for (function, action, resource), first, second in zip(asked, own, others)
        if resource == KEYS_TABLE and action in writes and (first or second)
    ]


def reference_faults(requests):
    """Returns actions that do not exist in AWS, or do not apply to the resource."""
    faults = []
    for action, resource in sorted(requests):
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        policy = parliament.analyze_policy_string(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        faults += [f"{action} on {resource}: {finding.issue} {finding.detail}" for finding in policy.findings]
    return faults


def check(calls, roles, verdicts):
    """Returns all faults, the number of requests, and how many are allowed. `verdicts` evaluates a list of requests by the local cloud."""
    models, faults = Models(), []
    for call in calls:
        faults += models.faults(call) + mapping_faults(call)
        for action, resource in sorted(call.requests):
            if not roles.allow(call.function, action, resource):
                faults.append(f"{call.function}: {action} on {resource} was requested, and moto denies it")
    faults += reference_faults({request for call in calls for request in call.requests})
    asked = questions(calls, roles.functions())
    own, others = verdicts(asked), [roles.allow(*one) for one in asked]
    faults += disagreements(asked, own, others) + key_faults(asked, own, others)
    return faults, len(asked), sum(own)


def main(arguments):
    folder, program = Path(arguments[0]), arguments[1]
    template = Path(arguments[2]) if len(arguments) > 2 else ROOT / "template.yaml"
    calls = read_all(folder)
    if not calls:
        sys.exit(f"nothing was recorded in {folder}: run the tests first")
    roles = Roles(load_template(template))
    faults, asked, allowed = check(calls, roles, lambda asked: own_verdicts(program, template, asked))
    for fault in faults[:MOST_SHOWN]:
        print(f"{template.name}: {fault}", file=sys.stderr)
    if faults:
        sys.exit(f"{len(faults)} faults")
    operations = {(call.service, call.operation) for call in calls}
    print(
        f"{template.name}: {len(calls)} kinds of calls ({len(operations)} operations) are AWS's, and moto allows them; moto and the "
        f"local cloud agree on {asked} requests, of which {allowed} are allowed"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
