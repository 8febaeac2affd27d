"""Each check of check_platform.py finds the mistake that it is for."""

import copy
import unittest

import check_platform

FORMAT = '{"id":"$context.requestId","route":"$context.routeKey","ip":"$context.identity.sourceIp"}'
SOURCE = {"Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": {"RecursiveLoop": "Allow"}}}}
GOOD = {
    "Resources": {
        "F": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"LoggingConfig": {"LogFormat": "JSON", "LogGroup": {"Ref": "Logs"}}, "RecursiveLoop": "Allow"},
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]},
        },
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
        "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {"AccessLogSettings": {"Format": FORMAT}}},
        "Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmActions": [{"Ref": "Topic"}]}},
    }
}


class Platform(unittest.TestCase):
    def faults(self, name, **properties):
        template = copy.deepcopy(GOOD)
        template["Resources"][name]["Properties"].update(properties)
        return check_platform.platform_faults(SOURCE, template)

    def test_a_good_template_has_no_fault(self):
        self.assertEqual(self.faults("F"), [])

    def test_a_log_group_that_lambda_would_create_is_found(self):
        for logging, faults in (
            ({"LogFormat": "JSON"}, 1),
            ({"LogFormat": "JSON", "LogGroup": {"Ref": "Elsewhere"}}, 1),
            ({"LogFormat": "JSON", "LogGroup": "/aws/lambda/f"}, 1),
            ({"LogGroup": {"Ref": "Logs"}}, 1),
            ({}, 2),
        ):
            with self.subTest(logging):
                self.assertEqual(len(self.faults("F", LoggingConfig=logging)), faults)

    def test_a_log_group_without_retention_is_found(self):
        template = copy.deepcopy(GOOD)
        del template["Resources"]["Logs"]["Properties"]["RetentionInDays"]
        self.assertEqual(check_platform.log_faults(template), ["Logs: no RetentionInDays"])

    def test_a_role_without_the_boundary_is_found(self):
        template = copy.deepcopy(GOOD) | {"Parameters": {"PermissionsBoundaryArn": {"Type": "String"}}}
        self.assertEqual(check_platform.platform_faults(SOURCE, template), ["Role: it has no PermissionsBoundary"])
        template["Resources"]["Role"]["Properties"]["PermissionsBoundary"] = {"Ref": "PermissionsBoundaryArn"}
        self.assertEqual(check_platform.platform_faults(SOURCE, template), [])

    def test_an_access_log_with_secrets_is_found(self):
        for field in ("path", "identity.apiKey", "authorizer.claims.sub", "domainName"):
            with self.subTest(field):
                faults = self.faults("Stage", AccessLogSettings={"Format": FORMAT + f"$context.{field}"})
                self.assertEqual(faults, [f"Stage: the access log holds {field}"])

    def test_a_missing_access_log_is_found(self):
        self.assertEqual(len(self.faults("Stage", AccessLogSettings={})), 1)

    def test_an_alarm_without_actions_is_found(self):
        self.assertEqual(self.faults("Alarm", AlarmActions=[]), ["Alarm: it has no AlarmActions"])
        template = copy.deepcopy(GOOD)
        del template["Resources"]["Alarm"]
        self.assertEqual(check_platform.alarm_faults(template), ["there are no alarms"])

    def test_a_managed_policy_is_found(self):
        faults = self.faults("Role", ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonS3FullAccess"])
        self.assertEqual(faults, ["Role: has the managed policy arn:aws:iam::aws:policy/AmazonS3FullAccess"])

    def test_a_way_to_create_api_keys_is_found(self):
        arn = {"Fn::GetAtt": ["KeysTable", "Arn"]}
        files = {"Fn::GetAtt": ["FilesTable", "Arn"]}
        for statement, faults in (
            ({"Action": ["dynamodb:GetItem", "dynamodb:BatchGetItem"], "Resource": arn}, []),
            ({"Action": "dynamodb:ConditionCheckItem", "Resource": [files, arn]}, []),
            ({"Action": "dynamodb:PutItem", "Resource": files}, []),
            ({"Action": "dynamodb:PutItem", "Resource": arn}, ["Role: dynamodb:PutItem on the keys table"]),
            ({"Action": "dynamodb:*", "Resource": [files, arn]}, ["Role: dynamodb:* on the keys table"]),
            ({"Action": "s3:PutObject", "Resource": "*"}, ["Role: s3:PutObject on the keys table"]),
            (
                {"Action": "dynamodb:PutItem", "Resource": files, "Condition": {"Bool": {"a": "b"}}},
                ["Role: a statement with a Condition"],
            ),
        ):
            with self.subTest(statement):
                policies = [{"PolicyDocument": {"Statement": [statement | {"Effect": "Allow"}]}}]
                self.assertEqual(self.faults("Role", Policies=policies), faults)

    def test_rights_of_functions_with_untrusted_bytes_are_found(self):
        template = copy.deepcopy(GOOD)
        function, role = (template["Resources"][name]["Properties"] for name in ("F", "Role"))
        function["Layers"] = [{"Ref": "Layer"}]
        for named in ({}, {"Role": "arn:aws:iam::1:role/r"} | {"Role": {"Fn::GetAtt": ["Elsewhere", "Arn"]}}):
            function.update(named)
            self.assertEqual(len(check_platform.stranger_faults(template)), 1)
        function["Role"] = {"Fn::GetAtt": ["Role", "Arn"]}
        self.assertEqual(len(check_platform.stranger_faults(template)), 1)  # a managed policy
        del role["ManagedPolicyArns"]
        for action, resource, faults in (
            ("lambda:InvokeFunction", "arn:f", 0),
            (["sqs:ReceiveMessage", "sqs:DeleteMessage"], "arn:q", 0),
            ("sqs:ReceiveMessage", "*", 1),
            (["s3:GetObject", "sqs:SendMessage"], "arn:b", 2),
            ("*", "*", 2),
            ("logs:PutLogEvents", "arn:log-group:/files/s/functions:*", 1),
            ("logs:PutLogEvents", {"Fn::Sub": "arn:log-group:/files/s/functions:log-stream:*/s-F-*"}, 0),
        ):
            with self.subTest(action, resource=resource):
                statement = {"Effect": "Allow", "Action": action, "Resource": resource}
                role["Policies"] = [{"PolicyDocument": {"Statement": [statement]}}]
                self.assertEqual(len(check_platform.stranger_faults(template)), faults)

    def test_a_lost_loop_setting_is_found(self):
        template = copy.deepcopy(GOOD)
        del template["Resources"]["F"]["Properties"]["RecursiveLoop"]
        self.assertEqual(check_platform.loop_faults(SOURCE, template), ["F: RecursiveLoop is lost in the transformation"])


if __name__ == "__main__":
    unittest.main()
