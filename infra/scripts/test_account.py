"""Each check of check_account.py finds the mistake that it is for."""

import copy
import unittest
from pathlib import Path

import check_account
from transform import ROOT, load_template, transformed

SOURCE = load_template(ROOT / "template.yaml")
TEMPLATE = transformed(SOURCE)
LIMITS = (ROOT / "shared/files-domain/src/limits.rs").read_text(encoding="utf-8")


class Account(unittest.TestCase):
    def setUp(self):
        self.template = copy.deepcopy(TEMPLATE)

    def properties(self, name):
        return self.template["Resources"][name]["Properties"]

    def assert_found(self, check, *parts, count=1):
        faults = check(self.template)
        self.assertEqual(len(faults), count, faults)
        for part in parts:
            self.assertIn(part, faults[0])

    def test_the_template_has_no_fault(self):
        self.assertEqual(check_account.account_faults(SOURCE, TEMPLATE, ROOT), [])

    def test_a_bucket_that_a_failed_first_deployment_leaves_behind_is_found(self):
        for name in ("FilesBucket", "FilesBucketPolicy"):
            for policy in ("Retain", "Delete", None):
                with self.subTest(name, policy=policy):
                    self.setUp()
                    self.template["Resources"][name]["DeletionPolicy"] = policy
                    if policy is None:
                        del self.template["Resources"][name]["DeletionPolicy"]
                    self.assert_found(check_account.retain_faults, name, "RetainExceptOnCreate is needed")

    def test_a_protected_table_that_a_rollback_would_fail_on_is_found(self):
        for policy in ("RetainExceptOnCreate", "Delete"):
            with self.subTest(policy):
                self.template["Resources"]["FilesTable"]["DeletionPolicy"] = policy
                self.assert_found(check_account.retain_faults, "FilesTable", "Retain is needed")

    def test_a_retained_table_with_a_fixed_name_is_found(self):
        table = self.properties("FilesTable")
        table |= {"TableName": "files", "DeletionProtectionEnabled": False}
        self.assert_found(check_account.retain_faults, "FilesTable", "RetainExceptOnCreate is needed")

    def test_fixed_concurrency_of_a_queue_is_found(self):
        for scaling in ({"MaximumConcurrency": 20}, {}, {"MaximumConcurrency": {"Ref": "Elsewhere"}}):
            with self.subTest(scaling):
                self.properties("ImportFileFunctionQueue")["ScalingConfig"] = scaling
                self.assert_found(check_account.concurrency_faults, "ImportFileFunctionQueue", "is no parameter")

    def test_defaults_that_leave_too_few_executions_for_the_api_are_found(self):
        self.template["Parameters"]["ImportConcurrency"]["Default"] = 3
        self.assert_found(check_account.concurrency_faults, "take 10")

    def test_a_concurrency_below_the_minimum_of_aws_is_found(self):
        self.template["Parameters"]["ProbeConcurrency"]["MinValue"] = 1
        self.assert_found(check_account.concurrency_faults, "ProbeConcurrency: AWS requires at least 2")

    def test_concurrency_reserved_by_default_is_found(self):
        self.template["Parameters"]["ReservedConcurrency"]["Default"] = 20
        functions = [r for r in self.template["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
        self.assert_found(check_account.concurrency_faults, "reserves concurrency", count=len(functions))

    def test_batches_of_messages_are_found(self):
        for size in (10, None):
            with self.subTest(size):
                self.properties("FailFileFunctionQueue")["BatchSize"] = size
                self.assert_found(check_account.batch_faults, "FailFileFunctionQueue")

    def log_level_faults(self):
        return check_account.log_level_faults(self.template, check_account.publishers(SOURCE, ROOT))

    def test_lines_that_lambda_would_drop_are_found(self):
        logging = self.properties("GetFileFunction")["LoggingConfig"]
        del logging["ApplicationLogLevel"]
        self.assertEqual(len(self.log_level_faults()), 4)
        logging["ApplicationLogLevel"] = "INFO"  # and so no line of level debug
        self.assertIn("GetFileFunction: with LogLevel debug its ApplicationLogLevel is INFO, not DEBUG", self.log_level_faults())

    def test_system_logs_without_level_are_found(self):
        del self.properties("GetFileFunction")["LoggingConfig"]["SystemLogLevel"]
        self.assertEqual(len(self.log_level_faults()), 4)

    def test_metrics_that_lambda_would_drop_are_found(self):
        self.assertEqual(check_account.publishers(SOURCE, ROOT), {"SweepFunction"})
        logging = self.properties("SweepFunction")["LoggingConfig"]
        logging["ApplicationLogLevel"] = self.properties("GetFileFunction")["LoggingConfig"]["ApplicationLogLevel"]
        faults = [f"SweepFunction: with LogLevel {level} its ApplicationLogLevel is {level.upper()}, not INFO" for level in ("error", "warn")]
        self.assertEqual(self.log_level_faults(), faults)

    def test_an_access_log_that_fills_the_policy_of_the_account_is_found(self):
        for name in ("/files/access", {"Fn::Sub": "/files/${AWS::StackName}/access"}):
            with self.subTest(name):
                self.properties("AccessLogs")["LogGroupName"] = name
                self.assert_found(check_account.vended_log_faults, "/aws/vendedlogs/")

    def test_metrics_by_route_are_found(self):
        self.template["Parameters"]["DetailedMetrics"]["Default"] = "true"
        self.assert_found(check_account.detailed_metrics_faults, "on by default")
        self.setUp()
        self.properties("FilesApiApiGatewayDefaultStage")["DefaultRouteSettings"]["DetailedMetricsEnabled"] = True
        self.assert_found(check_account.detailed_metrics_faults, "on by default")

    def test_a_schedule_with_late_or_repeated_events_is_found(self):
        def invoke_config():
            return self.properties("SweepFunctionEventInvokeConfig")

        def retry_policy():
            return self.properties("SweepFunctionEveryMinute")["Target"]["RetryPolicy"]

        for of in (invoke_config, retry_policy):
            for key, value in (("MaximumEventAgeInSeconds", 120), ("MaximumRetryAttempts", 1), ("MaximumEventAgeInSeconds", None)):
                with self.subTest(of.__name__, key=key, value=value):
                    self.setUp()
                    of()[key] = value
                    if value is None:
                        del of()[key]
                    self.assert_found(check_account.schedule_faults, "SweepFunctionEveryMinute")

    def test_another_largest_object_is_found(self):
        for bound in (5497558138880, None):
            with self.subTest(bound):
                self.template["Parameters"]["MaxFileBytes"]["MaxValue"] = bound
                self.assertEqual(len(check_account.size_faults(self.template, LIMITS, {})), 1)

    def test_another_largest_object_in_a_document_is_found(self):
        faults = check_account.size_faults(TEMPLATE, LIMITS, {"README.md": "up to 5 TiB, or 48.8 TiB"})
        self.assertEqual(faults, ["README.md: 5 TiB, S3's largest object has 48.8"])
        names = check_account.documents(ROOT)
        self.assertLessEqual({"README.md", "template.yaml", str(Path("infra/docs/deploy.md"))}, set(names))


if __name__ == "__main__":
    unittest.main()
