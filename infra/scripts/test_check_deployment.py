"""check_deployment.py stops deployments that would fail, and only these. A stand-in for the AWS CLI responds from files."""

import contextlib
import io
import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import check_deployment
from check_deployment import Fault, bucket_name, check_stack_name, proposal, read_options
from transform import ROOT, load_template

FUNCTIONS = sum(r["Type"] == "AWS::Serverless::Function" for r in load_template(ROOT / "template.yaml")["Resources"].values())
AWS = """#!/bin/sh
echo "$@" >>"$FOLDER/calls"
[ -f "$FOLDER/$1.json" ] && exec cat "$FOLDER/$1.json"
echo "An error occurred (ValidationError): Stack with id x does not exist" >&2
exit 254
"""


class StackNames(unittest.TestCase):
    def test_names_that_make_a_valid_bucket_name_pass(self):
        for name in ("files", "f", "files-2", "a" * 29):
            check_stack_name(name, "ap-southeast-1")
            self.assertLessEqual(len(bucket_name(name, "ap-southeast-1")), 63)

    def test_names_that_make_an_invalid_bucket_name_are_rejected(self):
        for name in ("Files", "FILES", "files_2", "2files", "-files", "a" * 30, "", "sthree-files", "xn--files", "fïles"):
            with self.subTest(name), self.assertRaises(Fault):
                check_stack_name(name, "ap-southeast-1")

    def test_a_shorter_region_allows_a_longer_name(self):
        check_stack_name("a" * 34, "us-west-2")
        with self.assertRaises(Fault):
            check_stack_name("a" * 35, "us-west-2")
        with self.assertRaises(Fault):
            check_stack_name("a" * 30, None)  # a region that is not known may be a long one


class Options(unittest.TestCase):
    CONFIGURATION = {
        "default": {"global": {"parameters": {"stack_name": "files"}}, "deploy": {"parameters": {"region": "eu-west-1"}}},
        "staging": {"deploy": {"parameters": {"stack_name": "staging", "profile": "work"}}},
    }

    def read(self, arguments, **environment):
        options = read_options(arguments, environment, self.CONFIGURATION)
        return options.stack_name, options.region, options.profile

    def test_options_are_resolved_like_sam_does(self):
        self.assertEqual(self.read(""), ("files", "eu-west-1", None))
        self.assertEqual(self.read("--stack-name x --region us-east-1 --no-confirm-changeset"), ("x", "us-east-1", None))
        self.assertEqual(self.read("--stack-name=x --tags 'a=b c=d'", AWS_REGION="us-east-2"), ("x", "eu-west-1", None))
        self.assertEqual(self.read("--config-env staging", AWS_REGION="us-east-2"), ("staging", "us-east-2", "work"))


class Account(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "aws").write_text(AWS)
        (self.folder / "aws").chmod(stat.S_IRWXU)

    def account(self, limit, unreserved=None):
        limits = {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": limit if unreserved is None else unreserved}
        (self.folder / "lambda.json").write_text(json.dumps({"AccountLimit": limits}))

    def stack(self, status, **parameters):
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        stack = {"StackName": "files", "StackStatus": status, "Parameters": parameters}
        (self.folder / "cloudformation.json").write_text(json.dumps({"Stacks": [stack]}))

    def check(self, parameters="", arguments=""):
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}", "FOLDER": str(self.folder)}
        with mock.patch.dict(os.environ, environment), contextlib.redirect_stdout(io.StringIO()) as out:
            check_deployment.main([parameters, arguments])
        return out.getvalue()

    def refused(self, *arguments):
        with self.assertRaises(Fault) as caught:
            self.check(*arguments)
        return str(caught.exception)

    def test_the_defaults_fit_a_new_account(self):
        self.account(10)
        self.assertIn("has 10 concurrent executions; the parameters fit", self.check())

    def test_a_large_account_gets_a_proposal(self):
        self.account(1000)
        proposed = "ImportConcurrency=20 ProbeConcurrency=10 DeliveryConcurrency=10 DeadLetterConcurrency=5"
        self.assertIn(proposed, self.check())
        self.assertIn("fit", self.check(proposed))

    def test_every_proposal_leaves_executions_for_the_api(self):
        for limit in (10, 20, 50, 100, 400, 1000, 10000):
            self.account(limit)
            self.check(" ".join(f"{name}={value}" for name, value in proposal(limit).items()))

    def test_more_than_the_account_has_is_rejected(self):
        self.account(10)
        self.assertIn('PARAMETERS="ImportConcurrency=2 ', self.refused("ImportConcurrency=20"))
        self.stack("UPDATE_COMPLETE", ImportConcurrency="20")
        self.refused()  # what is deployed counts when nothing is given
        self.check("ImportConcurrency=2")

    def test_reservations_that_lambda_rejects_are_rejected(self):
        self.account(10)
        self.assertIn("ReservedConcurrency=0", self.refused("ReservedConcurrency=1"))
        self.account(1000, unreserved=20 * FUNCTIONS + 99)
        self.refused("ReservedConcurrency=20")
        self.account(1000, unreserved=20 * FUNCTIONS + 100)
        self.check("ReservedConcurrency=20")
        self.account(1000, unreserved=200)
        self.stack("UPDATE_COMPLETE", ReservedConcurrency="20")  # its own reservation is not counted twice
        self.check("ReservedConcurrency=20")

    def test_a_reservation_below_the_concurrency_of_the_queues_is_rejected(self):
        self.account(1000)
        self.assertIn("below the concurrency of the queues", self.refused("ReservedConcurrency=5 ImportConcurrency=20"))

    def test_a_stack_that_failed_must_be_deleted_first(self):
        self.account(1000)
        for status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED"):
            self.stack(status)
            self.assertIn("delete-stack --stack-name files", self.refused())
        for status in ("UPDATE_ROLLBACK_COMPLETE", "CREATE_COMPLETE"):
            self.stack(status)
            self.check()

    def test_without_a_response_it_prints_what_to_check(self):
        self.assertIn("aws lambda get-account-settings", self.check())

    def test_region_and_profile_are_those_of_the_deployment(self):
        self.account(1000)
        self.check("", "--region eu-north-1 --profile work")
        calls = (self.folder / "calls").read_text().splitlines()
        self.assertEqual(len(calls), 2)
        self.assertTrue(all(call.endswith("--region eu-north-1 --profile work") for call in calls), calls)

    def test_without_a_region_the_aws_cli_uses_its_own(self):
        self.account(1000)
        environment = {"PATH": f"{self.folder}:{os.environ['PATH']}", "FOLDER": str(self.folder)}
        program = [sys.executable, "-B", check_deployment.__file__]
        subprocess.run(program, env=environment, check=True, capture_output=True)
        self.assertNotIn("--region", (self.folder / "calls").read_text())
        refused = subprocess.run([*program, "", f"--stack-name {'a' * 30}"], env=environment, capture_output=True, text=True)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("at most 29,", refused.stderr)

    def test_a_guided_deployment_prints_the_rule_for_names(self):
        self.account(1000)
        self.assertIn("lower-case letters", self.check("", "--guided"))

    def test_an_invalid_name_is_rejected_before_the_account_is_asked(self):
        self.refused("", "--stack-name Files")
        self.assertFalse((self.folder / "calls").exists())


if __name__ == "__main__":
    unittest.main()
