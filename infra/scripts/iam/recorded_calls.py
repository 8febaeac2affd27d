"""Compares the AWS calls that functions made in a test run (`files-local --record-requests`) with botocore's models: whether AWS has the
operation with these parameters, and which IAM actions it needs."""

import json
import re
from dataclasses import dataclass

from botocore.session import Session
from botocore.validate import ParamValidator

from deployed_roles import ACCOUNT, PARAMETERS, REGION

# The action of an S3 operation, if it has another name:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
S3_ACTIONS = {
    "HeadObject": "s3:GetObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "ListParts": "s3:ListMultipartUploadParts",
    "HeadBucket": "s3:ListBucket",
    "ListObjects": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
}
# Parameters that need a separate action.
S3_EXTRA = {"If-Match": "s3:GetObject", "x-amz-tagging": "s3:PutObjectTagging", "x-amz-acl": "s3:PutObjectAcl"}
# The action of a transaction's items: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
ITEM_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
# The SDK for Rust adds this parameter to a query for human readers.
SDK_QUERY = "x-id"


@dataclass(frozen=True)
class Call:
    """A kind of call: one line of a recording."""

    function: str
    service: str
    operation: str
    shape: str
    requests: frozenset

    @classmethod
    def read(cls, line):
        data = json.loads(line)
        requests = frozenset((request["action"], request["resource"]) for request in data["requests"])
        shape = json.dumps(data["shape"], sort_keys=True)
        return cls(data["function"], data["service"], data["operation"], shape, requests)

    def __str__(self):
        return f"{self.function}: {self.service} {self.operation} {self.shape}"


def read_all(folder):
    """Returns all calls in the files of a folder. A line without its end was interrupted by the end of its process, and is ignored."""
    lines = (line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines(keepends=True))
    return sorted({Call.read(line) for line in lines if line.endswith("\n")}, key=str)


class Models:
    """botocore's description of the services."""

    def __init__(self):
        self.session = Session()
        self.models = {}

    def service(self, name):
        if name not in self.models:
            self.models[name] = self.session.get_service_model(name)
        return self.models[name]

    def faults(self, call):
        """Returns the faults for which AWS would refuse a call."""
        service = self.service(call.service)
        if call.operation not in service.operation_names:
            return [f"{call}: {call.service} has no such operation"]
        operation, shape = service.operation_model(call.operation), json.loads(call.shape)
        if shape is None:  # an additional permission check of a call that has its own line
            return []
        faults = rest_faults(service, operation, shape) if service.protocol.startswith("rest") else json_faults(operation, shape)
        return [f"{call}: {fault}" for fault in faults]


def json_faults(operation, shape):
    report = ParamValidator().validate(shape, operation.input_shape)
    faults = report.generate_report().splitlines() if report.has_errors() else []
    return faults + list(enum_faults(operation.input_shape, shape, "input"))


def enum_faults(shape, value, name):
    """Yields texts that are not values of their enumeration. `*` is a placeholder for any text."""
    if shape.type_name == "structure":
        for key in value.keys() & shape.members.keys():
            yield from enum_faults(shape.members[key], value[key], f"{name}.{key}")
    elif shape.type_name == "list":
        for item in value:
            yield from enum_faults(shape.member, item, f"{name}[]")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from enum_faults(shape.value, item, f"{name}.{key}")
    elif getattr(shape, "enum", None) and value != "*" and value not in shape.enum:
        yield f"{name}: {value} is none of {shape.enum}"


# Headers of a chunked body with its checksum in the trailer. They belong to the signature, not to an operation
# (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html).
OF_CHUNKS = {"content-encoding", "x-amz-decoded-content-length", "x-amz-trailer"}


def by_location(operation, location):
    """Returns the parameters of an operation at a location, by their names there in lower case."""
    members = operation.input_shape.members.items() if operation.input_shape else ()
    return {
        member.serialization.get("name", name).lower(): (name, member)
        for name, member in members
        if member.serialization.get("location") == location
    }


def rest_faults(service, operation, shape):
    """Returns the parts of a request's method, path, query and headers that the operation does not have."""
    faults = []
    found = operation_of(service, shape)
    if operation.name not in found:
        faults.append(f"{shape['method']} {shape['path']} {sorted(shape['query'])} is {sorted(found) or 'no operation'}")
    queries, fixed = by_location(operation, "querystring"), uri_query(operation)
    for name in shape["query"]:
        if name.lower() not in queries and name not in fixed and name != SDK_QUERY:
            faults.append(f"no parameter {name} in the query")
    headers, maps = by_location(operation, "header"), by_location(operation, "headers")
    for name, value in shape["headers"].items():
        is_known = name in headers or name == "content-type" or any(name.startswith(prefix) for prefix in maps)
        if not is_known and not ("x-amz-trailer" in shape["headers"] and name in OF_CHUNKS):
            faults.append(f"no parameter {name} in the headers")
        elif name in headers:
            faults += enum_faults(headers[name][1], value, name) if headers[name][1].type_name == "string" else ()
    required = set(operation.input_shape.required_members if operation.input_shape else ())
    for known, sent in ((queries, {name.lower() for name in shape["query"]}), (headers, set(shape["headers"]))):
        faults += [f"the required {name} is missing" for key, (name, _) in known.items() if name in required and key not in sent]
    return faults


def uri_query(operation):
    """Returns the query parameters that an operation's URI always has, such as `uploads`."""
    _, _, query = operation.http["requestUri"].partition("?")
    return {pair.split("=")[0] for pair in query.split("&") if pair}


def operation_of(service, shape):
    """Returns the operations that match a request's method, path and query best: those with the most required parameters."""
    found = {}
    for name in service.operation_names:
        operation = service.operation_model(name)
        if operation.http["method"] != shape["method"] or operation.deprecated:
            continue
        path, _, _ = operation.http["requestUri"].partition("?")
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.sub(r"\\\{\w+\\\+\\\}", ".+", re.escape(path))).rstrip("/") + "/?"
        required = set(operation.input_shape.required_members if operation.input_shape else ())
        asked = {key for key, (member, _) in by_location(operation, "querystring").items() if member in required}
        asked |= {key.lower() for key in uri_query(operation)}
        headers = {key for key, (member, _) in by_location(operation, "header").items() if member in required}
        sent = {key.lower() for key in shape["query"]}
        if re.fullmatch(pattern, shape["path"]) and asked <= sent and headers <= set(shape["headers"]):
            found[name] = len(asked) + len(headers)
    return {name for name, count in found.items() if count == max(found.values())}


def table_arn(name):
    return name if name.startswith("arn:") else f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def expected_requests(call):
    """Returns the permissions that a call needs by AWS's documentation: pairs of action and resource."""
    of_services = {"dynamodb": of_dynamodb, "s3": of_s3, "sqs": of_sqs, "lambda": of_lambda, "events": of_events}
    return of_services[call.service](call.operation, json.loads(call.shape))


def of_dynamodb(operation, shape):
    if operation in ("TransactWriteItems", "TransactGetItems"):
        parts = [part for item in shape["TransactItems"] for part in item.items()]
        return {(f"dynamodb:{ITEM_ACTIONS[kind]}", table_arn(part["TableName"])) for kind, part in parts}
    if operation in ("BatchGetItem", "BatchWriteItem"):
        return {(f"dynamodb:{operation}", table_arn(table)) for table in shape["RequestItems"]}
    index = f"/index/{shape['IndexName']}" if "IndexName" in shape else ""
    return {(f"dynamodb:{operation}", table_arn(shape["TableName"]) + index)}


def of_s3(operation, shape):
    # The path is reduced to the part that statements distinguish: /bucket, or /bucket/folder/*.
    resource = f"arn:aws:s3:::{shape['path'].lstrip('/')}"
    requests = {(S3_ACTIONS.get(operation, f"s3:{operation}"), resource)}
    if operation in ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"):
        requests |= {(action, resource) for name, action in S3_EXTRA.items() if name.lower() in shape["headers"]}
    return requests


def of_sqs(operation, shape):
    queue = shape["QueueUrl"].rsplit("/", 1)[-1]
    return {(f"sqs:{operation.removesuffix('Batch')}", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")}


def of_lambda(operation, shape):
    name = re.fullmatch(r"/2015-03-31/functions/([^/]+)/invocations", shape["path"])[1]
    assert operation == "Invoke", operation
    return {("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")}


def of_events(operation, shape):
    # The recording does not keep the name of the bus. The template has one.
    buses = {PARAMETERS["EventBus"] for _ in shape["Entries"]}
    return {(f"events:{operation}", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}") for bus in buses}


def mapping_faults(call):
    """Returns the faults of a call for which the local cloud checks other permissions than AWS."""
    if json.loads(call.shape) is None:
        # With the permission to list the bucket, a missing object is reported as missing:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        known = call.service == "s3" and call.operation in ("GetObject", "HeadObject")
        return [] if known and {action for action, _ in call.requests} == {"s3:ListBucket"} else [f"{call}: unexpected permission"]
    expected = expected_requests(call)
    if expected == call.requests:
        return []
    return [f"{call}: the local cloud checks {sorted(call.requests)}, AWS checks {sorted(expected)}"]
