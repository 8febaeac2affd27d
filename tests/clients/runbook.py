"""Runs the commands of the runbook as they stand, in order, in one shell, with the AWS CLI against the local cloud.

What only an account has is listed in ONLY_IN_AWS: there the AWS CLI checks the command's arguments and sends the request to a server of
this proof.
"""

import contextlib
import hashlib
import http.server
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import urllib.parse
from pathlib import Path

import yaml

from counts import Client

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "infra/docs/runbook.md"
AWS_CLI = ROOT / ".tools/venv-aws/bin/aws"
# A block in a list is indented.
BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# Operations that the local cloud does not have, and why.
ONLY_IN_AWS = {
    "cloudformation describe-stacks": "the local cloud reads the template itself; this proof returns its resources",
    "cloudformation describe-stack-resource": "the local cloud reads the template itself; this proof returns its resources",
    "cloudformation describe-stack-events": "the local cloud has no stack",
    "cloudformation list-stack-resources": "the local cloud reads the template itself; this proof returns its functions",
    "cloudformation cancel-update-stack": "the local cloud has no stack",
    "deploy list-deployments": "the local cloud has no deployments",
    "deploy get-deployment": "the local cloud has no deployments",
    "lambda get-alias": "the local cloud's functions have no versions; this proof returns one",
    "lambda list-versions-by-function": "the local cloud's functions have no versions; this proof returns four",
    "lambda update-alias": "the local cloud's functions have no versions",
    "lambda delete-function": "the local cloud's functions have no versions",
    "lambda get-account-settings": "the local cloud has no account",
    "scheduler get-schedule": "the local cloud has schedules, but no API for them",
    "lambda list-event-source-mappings": "the local cloud has event source mappings, but no API for them",
    "iam put-role-policy": "the local cloud reads the roles from the template only",
    "iam delete-role-policy": "the local cloud reads the roles from the template only",
    "dynamodb restore-table-to-point-in-time": "the local DynamoDB keeps no history; this proof copies the table, then loses records",
    "dynamodb update-table": "the local DynamoDB has no warm throughput",
    "xray batch-get-traces": "the local cloud has no X-Ray; --xray-daemon names a receiver of segments",
    "s3api list-object-versions": "the local S3 keeps no versions",
    "s3api delete-object": "the local S3 keeps no versions",
}
# Output of the commands for the one file of the test.
RESULTS = ("Requested 0 probes.", "Compared 1 records with 1 objects", "Copied 1 items", "Found 0 differences, repaired 0.")
# The versions of each function, the one that its alias names, and the results of the page's commands.
VERSIONS, LIVE, ROLLED_BACK_TO, DELETED = ["$LATEST", "8", "9", "10", "11"], "10", "9", ("8", "11")
FUNCTIONS = ("files-GetFileFunction", "files-SweepFunction")
PRELUDE = "set -euo pipefail\n"


def steps(text):
    """Yields the blocks of commands."""
    for indent, language, commands in BLOCK.findall(text):
        if language == "sh":
            yield re.sub(rf"^{indent}", "", commands, flags=re.MULTILINE)


def operations(text):
    """Returns the operations of the AWS CLI that the page uses."""
    return {f"{service} {operation}" for service, operation in re.findall(r"\baws ([a-z0-9]+) ([a-z-]+)", text) if operation != "wait"}


def resource(value, resources):
    """Returns the local value of a reference of the template; None if the value is not a reference to a resource that runs here."""
    return resources.get(value["Ref"]) if isinstance(value, dict) and "Ref" in value else None


class Loader(yaml.SafeLoader):
    """Reads the template's tags: `!Ref NAME` as {"Ref": NAME}, the others as their value."""


def reference(loader, suffix, node):
    if suffix == "Ref":
        return {"Ref": node.value}
    return None


Loader.add_multi_constructor("!", reference)


def stack_outputs(resources):
    """Returns the outputs of the template, with the values of the local cloud."""
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader)  # noqa: S506  (a SafeLoader)
    found = {name: resource(output["Value"], resources) for name, output in template["Outputs"].items()}
    return {name: value for name, value in found.items() if value}


def xml(action, inner):
    return f'<{action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><{action}Result>{inner}</{action}Result></{action}Response>'


class Account(http.server.BaseHTTPRequestHandler):
    """Responds in place of the services that the local cloud does not have."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.respond(b"")

    def do_PUT(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.server.rolled_back.add(body["FunctionVersion"])
        self.respond(b"")

    def do_DELETE(self):
        self.server.requests += 1
        self.server.deleted += urllib.parse.parse_qs(self.path.partition("?")[2]).get("Qualifier", [])
        self.send_response(204)
        self.end_headers()

    def do_POST(self):
        self.respond(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def respond(self, body):
        form = dict(urllib.parse.parse_qsl(body.decode(errors="replace")))
        stack = "Stack" in form.get("Action", "")
        content = self.cloudformation(form) if stack else json.dumps(self.function()).encode()
        if form.get("Action", "").endswith("RolePolicy"):
            content = f'<{form["Action"]}Response xmlns="https://iam.amazonaws.com/doc/2010-05-08/"/>'.encode()
        if "versions" in self.path.partition("?")[2]:
            content = b"<ListVersionsResult/>"
        self.server.requests += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def function(self):
        """Returns a function's versions or alias."""
        path = self.path.partition("?")[0]
        if path.endswith("/versions"):
            return {"Versions": [{"Version": version} for version in VERSIONS]}
        return {"FunctionVersion": LIVE, "Name": "live"} if "/aliases/" in path else {}

    def cloudformation(self, form):
        resources = self.server.resources
        if form["Action"] == "ListStackResources":
            members = "".join(f"<member><ResourceType>AWS::Lambda::Function</ResourceType><PhysicalResourceId>{name}</PhysicalResourceId></member>"
                              for name in FUNCTIONS)
            return xml("ListStackResources", f"<StackResourceSummaries>{members}</StackResourceSummaries>").encode()
        if form["Action"] not in ("DescribeStacks", "DescribeStackResource"):
            return xml(form["Action"], "").encode()
        if form["Action"] == "DescribeStacks":
            members = "".join(f"<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>"
                              for name, value in stack_outputs(resources).items())
            stack = f"<member><StackName>{form['StackName']}</StackName><Outputs>{members}</Outputs></member>"
            return xml("DescribeStacks", f"<Stacks>{stack}</Stacks>").encode()
        name = form["LogicalResourceId"]
        physical = resources.get(name, f"{form['StackName']}-{name}-LOCAL")
        detail = f"<LogicalResourceId>{name}</LogicalResourceId><PhysicalResourceId>{physical}</PhysicalResourceId>"
        return xml("DescribeStackResource", f"<StackResourceDetail>{detail}</StackResourceDetail>").encode()


@contextlib.contextmanager
def account(resources):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Account) as server:
        server.resources, server.requests = resources, 0
        server.rolled_back, server.deleted = set(), []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def lose_records(arguments):
    """Creates a table with the items of the old one, as point-in-time recovery does, then deletes the files of the old one."""
    names = dict(zip(arguments, arguments[1:]))
    source, target = names["--source-table-name"], names["--target-table-name"]
    call("dynamodb", "create-table", "--table-name", target, "--billing-mode", "PAY_PER_REQUEST", "--attribute-definitions",
         "AttributeName=pk,AttributeType=S", "AttributeName=sk,AttributeType=S", "--key-schema", "AttributeName=pk,KeyType=HASH",
         "AttributeName=sk,KeyType=RANGE")
    for item in json.loads(call("dynamodb", "scan", "--table-name", source))["Items"]:
        call("dynamodb", "put-item", "--table-name", target, "--item", json.dumps(item))
        if item["sk"]["S"].startswith("file#"):
            key = {name: item[name] for name in ("pk", "sk")}
            call("dynamodb", "delete-item", "--table-name", source, "--key", json.dumps(key))


def call(*arguments):
    return subprocess.run([AWS_CLI, *arguments], check=True, capture_output=True, text=True).stdout


def aws(arguments):
    """Runs the command `aws` of the proof: the AWS CLI; operations that the local cloud does not have go to `Account`."""
    operation = " ".join(arguments[:2])
    with open(os.environ["PROOF_CALLS"], "a") as log:
        log.write(operation + "\n")
    if operation not in ONLY_IN_AWS:
        # Version 1 of the AWS CLI does not read the endpoint of SQS from the environment.
        endpoint = ["--endpoint-url", os.environ["AWS_ENDPOINT_URL_SQS"]] if arguments[0] == "sqs" else []
        os.execv(AWS_CLI, [str(AWS_CLI), *arguments, *endpoint])
    done = subprocess.run([AWS_CLI, *arguments, "--endpoint-url", os.environ["PROOF_ACCOUNT"]])
    if done.returncode == 0 and operation == "dynamodb restore-table-to-point-in-time":
        lose_records(arguments)
    return done.returncode


def environment(folder, ready, server):
    """Returns the environment of an operator of the local cloud."""
    shim = folder / "bin"
    shim.mkdir()
    (shim / "aws").write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -B {shlex.quote(__file__)} \"$@\"\n")
    (shim / "aws").chmod(0o755)
    endpoints = {name: ready[name] for name in ("s3", "dynamodb", "sqs", "lambda")}
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FILES_"))} | {
        f"AWS_ENDPOINT_URL_{name.upper()}": url for name, url in endpoints.items()} | {
        "AWS_REGION": ready["region"], "AWS_DEFAULT_REGION": ready["region"], "AWS_ACCESS_KEY_ID": ready["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ready["secret_access_key"], "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "HOME": str(folder),
        "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "PROOF_CALLS": str(folder / "calls.txt"), "PROOF_ACCOUNT": f"http://127.0.0.1:{server.server_address[1]}",
        "PATH": f"{shim}:{os.environ['PATH']}"}


def owner_id(name):
    """Returns the id of an owner, as OwnerId::named of files-domain does."""
    return hashlib.sha256(b"files owner\0" + name.encode()).hexdigest()[:20]


def placeholders(data):
    """Returns the values of the page's placeholders: an owner, and a key of its own that may be revoked."""
    admin = [ROOT / "target/release/files-admin", "--ready", data / "ready.json", "key"]
    owner = "press"
    made = subprocess.run([*admin, "create", "--owner", owner, "--name", "leaked", "--json"], check=True, capture_output=True, text=True)
    return {"KEY-ID": json.loads(made.stdout)["id"], "OWNER": owner, "OWNER-ID": owner_id(owner), "FILE-ID": "019aa1b2-c3d4-7e5f-8a6b-0123456789ab",
            "DEPLOYMENT-ID": "d-123456789"}


def run(folder, env):
    """Runs the page in a folder that looks like the project's. Returns the number of blocks, and the operations that were run and that were not."""
    text = PAGE.read_text()
    data = Path(env["FILES_DATA"])
    ready = json.loads((data / "ready.json").read_text())
    Client(env).upload()
    values = placeholders(data)
    lines = [PRELUDE]
    for commands in steps(text):
        for name, value in sorted(values.items(), key=lambda pair: -len(pair[0])):  # OWNER-ID before OWNER
            commands = re.sub(rf"\b{name}\b", value, commands)
        lines.append(f"printf '+ %s\\n' {shlex.quote(commands)}\n{commands}")
    (folder / "runbook.sh").write_text("".join(lines))
    with account(ready["resources"]) as server:
        done = subprocess.run(["bash", folder / "runbook.sh"], cwd=folder, env=environment(folder, ready, server),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    (folder / "output.txt").write_text(done.stdout)
    assert done.returncode == 0, f"a command of the runbook failed:\n{done.stdout[-4000:]}"
    for result in RESULTS:
        assert result in done.stdout, f"the runbook's commands did not print {result!r}:\n{done.stdout[-4000:]}"
    assert server.rolled_back == {ROLLED_BACK_TO}, f"the runbook rolled back to {server.rolled_back}"
    assert sorted(server.deleted) == sorted([*DELETED] * len(FUNCTIONS)), f"the runbook deleted the versions {server.deleted}"
    made = set((folder / "calls.txt").read_text().split("\n")) - {""}
    used = operations(text)
    assert used <= made, f"the runbook's {', '.join(sorted(used - made))} did not run"
    return len(lines) - 1, sorted(made - ONLY_IN_AWS.keys()), sorted(made & ONLY_IN_AWS.keys())


if __name__ == "__main__":
    sys.exit(aws(sys.argv[1:]))
