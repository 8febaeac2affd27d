"""The template of a gradual deployment, as SAM transforms it: every function has a version and an alias, everything that invokes a function
invokes its alias, and CodeDeploy goes back on the alarms that tell a bad deployment."""

import copy
import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import gradual
from check_platform import access_log_faults, boundary_faults, key_faults, log_faults, of_type, role_faults, stranger_faults
from check_template import dependencies, find_cycle, names_in
from cloudwatch import MINUTE, Alarm, Metrics
from transform import ROOT, artefacts, load_template, transformed

TEMPLATE = load_template(ROOT / "template.yaml")
FUNCTIONS = gradual.functions(TEMPLATE)
CANARY = "Canary10Percent5Minutes"


def code(folder):
    """Returns the zips that the template names, each with content of its own."""
    for name, (_, uri) in artefacts(TEMPLATE).items():
        path = folder / uri
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def alias(function):
    return f"{function}Aliaslive"


def statements(role):
    for policy in role.get("Policies", []):
        policy = policy["Fn::If"][1] if "Fn::If" in policy else policy
        yield from policy["PolicyDocument"]["Statement"]


class Gradual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        code(cls.root)
        cls.source = cls.gradual(cls)
        cls.result = transformed(copy.deepcopy(cls.source))
        cls.resources = cls.result["Resources"]

    def gradual(self, template=TEMPLATE, kind=CANARY, **given):
        return gradual.gradual(template, kind, gradual.digests(self.root, template, given))

    def of_type(self, kind):
        return dict(of_type(self.result, kind))

    def versions(self, template=TEMPLATE, **given):
        """Returns the logical id of each function's version."""
        result = transformed(self.gradual(template, **given))
        return {resource["FunctionName"]["Ref"]: name for name, resource in of_type(result, "AWS::Lambda::Version")}

    def changed(self, before, after):
        return {name for name in FUNCTIONS if before[name] != after[name]}

    def test_each_function_has_a_version_an_alias_and_a_deployment_group(self):
        versions = self.of_type("AWS::Lambda::Version")
        for name in FUNCTIONS:
            found = self.resources[alias(name)]
            target = found["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]
            self.assertEqual((found["Properties"]["Name"], versions[target]["FunctionName"]), ("live", {"Ref": name}))
            self.assertEqual(self.resources[target]["DeletionPolicy"], "Retain")
            update = found["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
            self.assertEqual(update["DeploymentGroupName"], {"Ref": f"{name}DeploymentGroup"})
            group = self.resources[f"{name}DeploymentGroup"]["Properties"]
            self.assertEqual(group["DeploymentConfigName"]["Fn::Sub"][1], {"ConfigName": CANARY})
            self.assertIn("DEPLOYMENT_STOP_ON_ALARM", group["AutoRollbackConfiguration"]["Events"])
        counts = {kind: len(self.of_type(f"AWS::{kind}")) for kind in ("Lambda::Version", "Lambda::Alias", "CodeDeploy::DeploymentGroup")}
        self.assertEqual(set(counts.values()), {len(FUNCTIONS)}, counts)
        self.assertEqual(list(self.of_type("AWS::CodeDeploy::Application")), ["ServerlessDeploymentApplication"])

    def test_a_deployment_stops_on_the_alarms_of_its_function(self):
        def alarms(name):
            found = self.resources[f"{name}DeploymentGroup"]["Properties"]["AlarmConfiguration"]
            self.assertTrue(found["Enabled"])
            return [one["Name"].get("Ref") or one["Name"]["Fn::Sub"] for one in found["Alarms"]]

        api = ["${AWS::StackName}-ApiErrorsAlarm", "${AWS::StackName}-ApiLatencyAlarm"]
        self.assertEqual(alarms("GetFileFunction"), ["GetFileFunctionNewVersionAlarm", *api])
        self.assertEqual(alarms("SweepFunction"), ["SweepFunctionNewVersionAlarm", "SweepErrorsAlarm"])
        self.assertEqual(alarms("ResolveUrlFunction"), ["ResolveUrlFunctionNewVersionAlarm"])
        for name in FUNCTIONS:
            self.assertLessEqual(len(alarms(name)), 10, "CodeDeploy's maximum")
            dimensions = {one["Name"]: one["Value"] for one in self.resources[f"{name}NewVersionAlarm"]["Properties"]["Dimensions"]}
            version = self.resources[alias(name)]["Properties"]["FunctionVersion"]
            wanted = {"FunctionName": {"Ref": name}, "Resource": {"Fn::Sub": f"${{{name}}}:live"}, "ExecutedVersion": version}
            self.assertEqual(dimensions, wanted)
        for name in gradual.API_ALARMS:
            self.assertEqual(self.resources[name]["Properties"]["AlarmName"], {"Fn::Sub": f"${{AWS::StackName}}-{name}"})

    def test_the_alarm_of_a_new_version_fires_for_errors_in_two_of_five_minutes(self):
        alarm = Alarm(self.resources["GetFileFunctionNewVersionAlarm"]["Properties"])
        (key,) = alarm.keys()

        def fires(errors, key=key):
            metrics = Metrics()
            for minute, count in enumerate(errors):
                metrics.publish(*key, minute * MINUTE, count)
            return alarm.first_fired(metrics, len(errors) * MINUTE)

        self.assertEqual(fires([0, 2, 0, 0, 1, 0, 0]), 5 * MINUTE)
        self.assertEqual(fires([1, 1]), 2 * MINUTE)
        for harmless in ([0] * 20, [9, 0, 0, 0, 0, 0] * 3, []):
            self.assertIsNone(fires(harmless))
        self.assertIsNone(fires([1] * 20, ("AWS/Lambda", "Errors", "GetFileFunction")), "those of all versions")

    def test_every_background_function_with_an_alarm_on_errors_stops_on_it(self):
        own = {one for name in FUNCTIONS for one in gradual.alarms_on_errors(TEMPLATE, name)}
        self.assertEqual(own, {name for name, alarm in of_type(TEMPLATE, "AWS::CloudWatch::Alarm") if alarm.get("MetricName") == "Errors"})

    def test_nothing_invokes_a_function_without_its_alias(self):
        integrations = re.findall(r"functions/\$\{(\w+)[.}]", json.dumps(of_type(self.result, "AWS::ApiGatewayV2::Api")))
        self.assertEqual(set(integrations), {alias(n) for n, f in FUNCTIONS.items() if "HttpApi" in json.dumps(f["Properties"].get("Events", {}))})
        targets = [one["FunctionName"] for kind in ("Permission", "EventSourceMapping") for one in self.of_type(f"AWS::Lambda::{kind}").values()]
        targets += [one["Target"]["Arn"] for one in self.of_type("AWS::Scheduler::Schedule").values()]
        for _, bucket in of_type(self.result, "AWS::S3::Bucket"):
            targets += [one["Function"] for one in bucket["NotificationConfiguration"]["LambdaConfigurations"]]
        for _, config in of_type(self.result, "AWS::Lambda::EventInvokeConfig"):
            self.assertEqual(config["Qualifier"], "live")
        aliases = {alias(name) for name in FUNCTIONS}
        self.assertGreater(len(targets), len(integrations))
        for target in targets:
            self.assertIn(target.get("Ref"), aliases)

    def test_functions_invoke_the_aliases_of_others_and_may_invoke_them_alone(self):
        called = {}
        for name, function in of_type(self.result, "AWS::Lambda::Function"):
            variables = function["Environment"]["Variables"]
            self.assertEqual(names_in(variables) & FUNCTIONS.keys(), set(), name)
            if found := names_in(variables) & {alias(one) for one in FUNCTIONS}:
                called[name] = found
                role = self.resources[function["Role"]["Fn::GetAtt"][0]]["Properties"]
                allowed = [one["Resource"] for one in statements(role) if one["Action"] == "lambda:InvokeFunction"]
                resources = allowed[0] if isinstance(allowed[0], list) else allowed
                self.assertEqual({one["Ref"] for one in resources}, found)
        self.assertEqual(called, {
            "PreviewUrlFunction": {alias("ResolveUrlFunction")},
            "ImportFileFunction": {alias("ResolveUrlFunction"), alias("MuxStreamsFunction")},
            "ProbeFileFunction": {alias("ProbeRecordFunction")}})
        for name, role in of_type(self.result, "AWS::IAM::Role"):
            self.assertEqual(names_in(list(statements(role))) & FUNCTIONS.keys(), set(), name)

    def test_codedeploy_may_shift_these_functions_and_nothing_else(self):
        roles = {group["ServiceRoleArn"]["Fn::GetAtt"][0] for group in self.of_type("AWS::CodeDeploy::DeploymentGroup").values()}
        self.assertEqual(roles, {gradual.ROLE})
        role = self.resources[gradual.ROLE]["Properties"]
        self.assertNotIn("ManagedPolicyArns", role)
        aliases, alarms = self.resources[gradual.POLICY]["Properties"]["PolicyDocument"]["Statement"]
        self.assertEqual(set(re.findall(r"\$\{(\w+)\.Arn\}\*", json.dumps(aliases["Resource"]))), FUNCTIONS.keys())
        self.assertEqual(len(aliases["Resource"]), len(FUNCTIONS))
        self.assertEqual((alarms["Action"], alarms["Resource"]), ("cloudwatch:DescribeAlarms", "*"))

    def test_the_policy_of_codedeploy_is_within_the_limit_of_a_role(self):
        arn = f"arn:aws:lambda:ap-southeast-1:123456789012:function:{'f' * 64}*"  # the longest name
        policy = json.dumps(self.resources[gradual.POLICY]["Properties"]["PolicyDocument"], separators=(",", ":"))
        without = re.sub(r'\{"Fn::(Sub|If)":[^{}]*(\{[^{}]*\}[^{}]*)*\}', "", policy)
        self.assertLess(len(without) + len(FUNCTIONS) * (len(arn) + 3), 10_240)

    def test_what_exists_on_a_condition_has_all_its_parts_on_it(self):
        (name,) = [name for name, function in FUNCTIONS.items() if "Condition" in function]
        for part in (name, alias(name), f"{name}DeploymentGroup", f"{name}NewVersionAlarm"):
            self.assertEqual(self.resources[part]["Condition"], FUNCTIONS[name]["Condition"])

    def test_the_template_has_no_circular_dependency(self):
        self.assertIsNone(find_cycle(dependencies(self.result)))

    def test_alarms_of_the_api_by_reference_would_be_a_circular_dependency(self):
        source = copy.deepcopy(self.source)
        for one in source["Resources"].values():
            for named in one.get("Properties", {}).get("DeploymentPreference", {}).get("Alarms", []):
                if "Fn::Sub" in named:
                    named["Ref"] = named.pop("Fn::Sub").removeprefix("${AWS::StackName}-")
        self.assertIn("ApiErrorsAlarm", find_cycle(dependencies(transformed(source))))

    def test_it_is_within_the_limits_of_cloudformation(self):
        self.assertLess(len(self.resources), 500)
        self.assertLess(len(json.dumps(self.result)), 1_000_000)

    def test_what_an_operator_relies_on_stays(self):
        for check in (log_faults, access_log_faults, boundary_faults, role_faults, key_faults, stranger_faults):
            self.assertEqual(check(self.result), [])

    def test_only_what_is_needed_differs_from_the_template(self):
        before, after = TEMPLATE["Resources"], self.source["Resources"]
        added = {gradual.ROLE, gradual.POLICY, *map(gradual.new_version_alarm, FUNCTIONS)}
        self.assertEqual(after.keys() - before.keys(), added)
        changed = {name for name in before if before[name] != after[name]}
        self.assertEqual(changed, {*FUNCTIONS, *gradual.API_ALARMS, "ProbeFileFunctionRole"})
        self.assertEqual({k: v for k, v in self.source.items() if k != "Resources"}, {k: v for k, v in TEMPLATE.items() if k != "Resources"})

    def test_it_lies_beside_the_template_where_sam_looks_for_the_code_and_its_configuration(self):
        self.assertEqual(artefacts(self.source), artefacts(TEMPLATE))
        self.assertEqual((ROOT / gradual.OUTPUT).parent, (ROOT / "samconfig.toml").parent)
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        self.assertIn(f"--template-file {gradual.OUTPUT})", makefile)

    def test_a_version_is_new_if_its_code_its_layer_or_a_parameter_changes(self):
        before = self.versions()
        self.assertEqual(self.changed(before, self.versions()), set())
        for path, expected in (
            ("target/lambda/get-file/bootstrap.zip", {"GetFileFunction"}),
            ("layers/ffprobe/dist/ffprobe-layer-arm64.zip", {"ProbeFileFunction"}),
            ("layers/ffmpeg/dist/ffmpeg-layer-arm64.zip", {"ProbeFileFunction", "MuxStreamsFunction"}),
        ):
            kept = (self.root / path).read_text()
            (self.root / path).write_text("other code")
            self.addCleanup((self.root / path).write_text, kept)
            self.assertEqual(self.changed(before, self.versions()), expected)
            (self.root / path).write_text(kept)
        for given, expected in (
            ({"LogLevel": "debug"}, set(FUNCTIONS)),
            ({"MaxJoinedHeight": "1080"}, {"ResolveUrlFunction", "PreviewUrlFunction", "ImportFileFunction"}),
            ({"DomainName": "files.example.com"}, {"DeliverWebhookFunction"}),
            ({"AlarmEmail": "oncall@example.com", "ImportConcurrency": "9", "ReservedConcurrency": "20"}, set()),
        ):
            self.assertEqual(self.changed(before, self.versions(**given)), expected, given)

    def test_a_value_that_is_the_default_counts_as_given(self):
        # The stack may have kept another one.
        self.assertEqual(self.changed(self.versions(), self.versions(LogLevel="info")), set(FUNCTIONS))

    def test_a_version_is_new_if_a_property_changes(self):
        template = copy.deepcopy(TEMPLATE)
        template["Resources"]["GetFileFunction"]["Properties"]["MemorySize"] = 1024
        self.assertEqual(self.changed(self.versions(), self.versions(template)), {"GetFileFunction"})

    def test_a_change_of_all_at_once_keeps_the_aliases_and_needs_neither_codedeploy_nor_alarms(self):
        result = transformed(self.gradual(kind="AllAtOnce"))
        self.assertEqual(of_type(result, "AWS::CodeDeploy::DeploymentGroup") + of_type(result, "AWS::CodeDeploy::Application"), [])
        for name in FUNCTIONS:
            self.assertNotIn("UpdatePolicy", result["Resources"][alias(name)])
        for kind in ("Version", "Alias", "Permission"):
            self.assertEqual(dict(of_type(result, f"AWS::Lambda::{kind}")), self.of_type(f"AWS::Lambda::{kind}"))
        self.assertIsNone(find_cycle(dependencies(result)))

    def test_another_type_is_refused(self):
        with self.assertRaisesRegex(gradual.Fault, "GRADUAL is Canary5, expected one of Canary10Percent5Minutes, .*AllAtOnce"):
            self.gradual(kind="Canary5")

    def test_an_invocation_in_another_form_is_refused(self):
        template = copy.deepcopy(TEMPLATE)
        template["Resources"]["PreviewUrlFunction"]["Properties"]["Environment"]["Variables"]["F"] = {"Fn::Sub": "${ResolveUrlFunction}"}
        with self.assertRaisesRegex(gradual.Fault, "PreviewUrlFunction: its Environment refers to ResolveUrlFunction"):
            self.gradual(template)

    def test_code_that_is_not_built_is_named(self):
        with tempfile.TemporaryDirectory() as empty, self.assertRaisesRegex(gradual.Fault, "missing: target/lambda/create-file/bootstrap.zip"):
            gradual.digests(Path(empty), TEMPLATE, {})

    def test_the_linter_of_cloudformation_accepts_it(self):
        path = self.root / gradual.OUTPUT
        path.write_text(json.dumps(self.source))
        linter = ROOT / ".tools/venv/bin/cfn-lint"
        done = subprocess.run([linter, "--regions", "us-east-1", "--template", path], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stdout), (0, ""), done.stderr)


if __name__ == "__main__":
    unittest.main()
