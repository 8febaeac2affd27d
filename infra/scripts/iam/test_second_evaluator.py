"""The second evaluator finds calls that AWS does not have, requests that do not belong to a call, and evaluators that disagree."""

import copy
import json
import unittest
from fnmatch import fnmatchcase

import second_evaluator
from deployed_roles import Roles
from recorded_calls import Call, Models, mapping_faults
from transform import ROOT, load_template

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/files-local-"
FILES, KEYS = "files-local-FilesTable", "files-local-KeysTable"
BUCKET = "files-local-files-000000000000-us-east-1"


def call(service, operation, shape, requests, function="create-file"):
    requests = [{"action": action, "resource": resource} for action, resource in requests]
    line = {"function": function, "service": service, "operation": operation, "shape": shape, "requests": requests}
    return Call.read(json.dumps(line))


def http(method, path, query=(), headers=()):
    return {"method": method, "path": path, "query": dict(query), "headers": dict(headers)}


CREATE = call(
    "dynamodb",
    "TransactWriteItems",
    {
        "TransactItems": [
            {
                "ConditionCheck": {
                    "TableName": KEYS,
                    "Key": {"pk": {"S": "*"}},
                    "ConditionExpression": "*",
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            },
            {"Put": {"TableName": FILES, "Item": {"pk": {"S": "*"}}}},
            {"Update": {"TableName": FILES, "Key": {"pk": {"S": "*"}}, "UpdateExpression": "*"}},
        ]
    },
    [
        ("dynamodb:ConditionCheckItem", TABLE + "KeysTable"),
        ("dynamodb:PutItem", TABLE + "FilesTable"),
        ("dynamodb:UpdateItem", TABLE + "FilesTable"),
    ],
)
PUT_PART = call(
    "s3",
    "UploadPart",
    http("PUT", f"/{BUCKET}/files/*", {"partNumber": "*", "uploadId": "*"}, {"x-amz-sdk-checksum-algorithm": "CRC64NVME"}),
    [("s3:PutObject", f"arn:aws:s3:::{BUCKET}/files/*")],
)
GOOD = [
    CREATE,
    PUT_PART,
    call(
        "dynamodb",
        "BatchGetItem",
        {"RequestItems": {table: {"Keys": [{"pk": {"S": "*"}}], "ConsistentRead": True} for table in (FILES, KEYS)}},
        [("dynamodb:BatchGetItem", TABLE + "FilesTable"), ("dynamodb:BatchGetItem", TABLE + "KeysTable")],
        "get-file",
    ),
    call(
        "dynamodb",
        "Query",
        {"TableName": FILES, "IndexName": "due", "KeyConditionExpression": "*", "Limit": 1},
        [("dynamodb:Query", TABLE + "FilesTable/index/due")],
        "sweep",
    ),
    call(
        "s3",
        "HeadObject",
        http("HEAD", f"/{BUCKET}/files/*", {}, {"x-amz-checksum-mode": "ENABLED"}),
        [("s3:GetObject", f"arn:aws:s3:::{BUCKET}/files/*")],
        "sweep",
    ),
    call("s3", "HeadObject", None, [("s3:ListBucket", f"arn:aws:s3:::{BUCKET}")], "sweep"),
    call(
        "s3",
        "ListParts",
        http("GET", f"/{BUCKET}/files/*", {"uploadId": "*", "part-number-marker": "*"}),
        [("s3:ListMultipartUploadParts", f"arn:aws:s3:::{BUCKET}/files/*")],
        "list-parts",
    ),
    call(
        "sqs",
        "SendMessage",
        {"QueueUrl": "*/000000000000/files-local-ImportQueue", "MessageBody": "*"},
        [("sqs:SendMessage", "arn:aws:sqs:us-east-1:000000000000:files-local-ImportQueue")],
    ),
    call(
        "lambda",
        "Invoke",
        http("POST", "/2015-03-31/functions/files-local-ResolveUrlFunction/invocations"),
        [("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:000000000000:function:files-local-ResolveUrlFunction")],
        "import-file",
    ),
]


class Calls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.models = Models()

    def faults(self, one):
        return self.models.faults(one) + mapping_faults(one)

    def test_valid_calls_have_no_fault(self):
        for one in GOOD:
            with self.subTest(str(one)):
                self.assertEqual(self.faults(one), [])

    def test_calls_that_do_not_exist_in_aws_are_found(self):
        def changed(one, change, operation=None):
            shape = json.loads(one.shape)
            change(shape)
            return Call(one.function, one.service, operation or one.operation, json.dumps(shape), one.requests)

        def nothing(_shape):
            pass

        items = "TransactItems"
        for one, words in (
            (changed(GOOD[3], nothing, "QueryItems"), "no such operation"),
            (changed(GOOD[3], lambda shape: shape.pop("TableName")), "Missing required parameter"),
            (changed(GOOD[3], lambda shape: shape.update(Limit=0)), "Invalid value"),
            (changed(GOOD[3], lambda shape: shape.update(Limit="*")), "Invalid type"),
            (changed(GOOD[3], lambda shape: shape.update(Select="EVERYTHING")), "is none of"),
            (changed(CREATE, lambda shape: shape[items][1]["Put"].update(Condition="*")), "Unknown parameter"),
            (
                changed(CREATE, lambda shape: shape[items][0]["ConditionCheck"].update(ReturnValuesOnConditionCheckFailure="OLD")),
                "is none of",
            ),
            (changed(PUT_PART, lambda shape: shape["query"].pop("partNumber")), "PartNumber is missing"),
            (changed(PUT_PART, lambda shape: shape["query"].pop("uploadId")), "PutObject"),
            (changed(PUT_PART, lambda shape: shape["query"].update(part="*")), "no parameter part"),
            (changed(PUT_PART, lambda shape: shape["headers"].update({"x-amz-checksum": "*"})), "no parameter x-amz-checksum"),
            (changed(PUT_PART, lambda shape: shape["headers"].update({"x-amz-sdk-checksum-algorithm": "ROT13"})), "is none of"),
            (changed(PUT_PART, lambda shape: shape.update(method="PATCH")), "no operation"),
            (changed(PUT_PART, nothing, "PutObject"), "UploadPart"),
        ):
            with self.subTest(words):
                self.assertIn(words, "\n".join(self.models.faults(one)))

    def test_a_permission_that_a_call_does_not_need_is_found(self):
        arn = f"arn:aws:s3:::{BUCKET}/files/*"
        for one in (
            call("s3", "HeadObject", http("HEAD", f"/{BUCKET}/files/*"), [("s3:HeadObject", arn)]),
            call("s3", "UploadPart", json.loads(PUT_PART.shape), [("s3:UploadPart", arn)]),
            call("s3", "PutObject", http("PUT", f"/{BUCKET}/files/*", {}, {"if-match": "*"}), [("s3:PutObject", arn)]),
            call("s3", "PutObject", None, [("s3:ListBucket", f"arn:aws:s3:::{BUCKET}")]),
            call("dynamodb", "TransactWriteItems", json.loads(CREATE.shape), sorted(CREATE.requests)[1:]),
            call("dynamodb", "Query", json.loads(GOOD[3].shape), [("dynamodb:Query", TABLE + "FilesTable")]),
            call("sqs", "SendMessageBatch", json.loads(GOOD[7].shape), [("sqs:SendMessageBatch", sorted(GOOD[7].requests)[0][1])]),
        ):
            with self.subTest(str(one)):
                self.assertEqual(len(mapping_faults(one)), 1)

    def test_actions_that_do_not_exist_in_aws_are_found(self):
        for action, resource, issue in (
            ("dynamodb:TransactWriteItems", TABLE + "FilesTable", "UNKNOWN_ACTION"),
            ("s3:HeadObject", f"arn:aws:s3:::{BUCKET}/files/*", "UNKNOWN_ACTION"),
            ("s3:ListBucket", f"arn:aws:s3:::{BUCKET}/files/*", "RESOURCE_MISMATCH"),
        ):
            with self.subTest(action):
                (fault,) = second_evaluator.reference_faults([(action, resource)])
                self.assertIn(issue, fault)
        good = {request for one in GOOD for request in one.requests}
        self.assertEqual(second_evaluator.reference_faults(good), [])


class Agreement(unittest.TestCase):
    """A simple evaluator replaces that of the local cloud. It can evaluate another template."""

    @classmethod
    def setUpClass(cls):
        cls.template = load_template(ROOT / "template.yaml")
        cls.roles = Roles(cls.template)

    def changed(self, change):
        template = copy.deepcopy(self.template)
        statements = {
            name.removesuffix("Function"): one["Properties"]["Policies"][0].get("Statement")
            for name, one in template["Resources"].items()
            if one["Type"] == "AWS::Serverless::Function" and one["Properties"].get("Policies")
        }
        change(statements)
        return Roles(template)

    def faults(self, roles, other=None):
        """Returns the faults if moto evaluates `roles`, and the simple evaluator `other`, by default the template's roles."""
        policies = {name: [policy._policy_json for policy in all_of] for name, all_of in (other or self.roles).policies.items()}

        def allows(function, action, resource):
            statements = [statement for policy in policies[function] for statement in policy["Statement"]]
            texts = lambda value: value if isinstance(value, list) else [value]
            return any(
                any(fnmatchcase(action.lower(), pattern.lower()) for pattern in texts(statement["Action"]))
                and any(fnmatchcase(resource, pattern) for pattern in texts(statement["Resource"]))
                for statement in statements
            )

        faults, asked, allowed = second_evaluator.check(GOOD, roles, lambda asked: [allows(*one) for one in asked])
        self.assertGreater(asked, 20 * allowed, "most of them must be denied")
        return faults

    def test_evaluators_that_agree_have_no_fault(self):
        self.assertEqual(self.faults(self.roles), [])

    def test_a_missing_permission_in_either_of_them_is_found(self):
        less = self.changed(lambda statements: statements["CreateFile"][0].update(Action="dynamodb:GetItem"))
        for roles, other in ((less, None), (self.roles, less)):
            faults = self.faults(roles, other)
            self.assertTrue(any("dynamodb:ConditionCheckItem" in fault for fault in faults), faults)

    def test_an_additional_permission_in_either_of_them_is_found(self):
        def widen(statements):
            resources = statements["GetFile"][-1]
            resources["Resource"] = {"Fn::Sub": "${FilesBucket.Arn}/*"}

        more = self.changed(widen)
        for roles, other in ((more, None), (self.roles, more)):
            faults = self.faults(roles, other)
            self.assertTrue(any("get-file" in fault and "s3:GetObject" in fault for fault in faults), faults)

    def test_a_permission_to_create_keys_is_found_even_if_both_allow_it(self):
        write = self.changed(lambda statements: statements["DeleteFile"][0]["Action"].append("dynamodb:PutItem"))
        self.assertEqual(self.faults(write, write), ["delete-file may do dynamodb:PutItem on the keys table"])

    def test_a_recorded_call_that_both_deny_is_found(self):
        less = self.changed(lambda statements: statements["CreateFile"].pop(0))
        faults = self.faults(less, less)
        self.assertEqual(len(faults), 1, faults)
        self.assertIn("was requested, and moto denies it", faults[0])


if __name__ == "__main__":
    unittest.main()
