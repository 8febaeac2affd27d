"""The template that `make test-deploy` deploys has all routes and triggers."""

import unittest

import emulator
from check_template import dependencies, find_cycle
from deployment import expected_triggers
from expand_api import expand
from transform import ROOT, artefacts, load_template, transformed


def template_routes(template):
    """Returns (METHOD, path) of every HttpApi event."""
    routes = set()
    for resource in template["Resources"].values():
        if resource.get("Type") != "AWS::Serverless::Function":
            continue
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] != "HttpApi":
                continue
            properties = event.get("Properties", {})
            path = properties.get("Path", "$default")
            if path != "$default":
                routes.add((properties.get("Method", "ANY").upper(), path))
    return routes


class Expansion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.template = load_template(ROOT / "template.yaml")
        cls.result = transformed(cls.template)
        cls.bodies = expand(cls.result)

    def of_type(self, kind):
        return {name: one["Properties"] for name, one in self.result["Resources"].items() if one["Type"] == kind}

    def test_each_route_of_the_template_becomes_a_route_with_its_function(self):
        wanted = {f"{method} {path}" for method, path in template_routes(self.template)} | {"$default"}
        routes, integrations = self.of_type("AWS::ApiGatewayV2::Route"), self.of_type("AWS::ApiGatewayV2::Integration")
        self.assertEqual({route["RouteKey"] for route in routes.values()}, wanted)
        self.assertEqual(len(routes), expected_triggers(self.template)["HttpApi"])
        functions = {
            f"{event['Properties'].get('Method', 'ANY')} {event['Properties']['Path']}".removeprefix("ANY "): name
            for name, one in self.template["Resources"].items()
            if one["Type"] == "AWS::Serverless::Function"
            for event in one["Properties"].get("Events", {}).values()
            if event["Type"] == "HttpApi"
        }
        for route in routes.values():
            name = route["Target"]["Fn::Sub"].removeprefix("integrations/${").removesuffix("}")
            uri = integrations[name]["IntegrationUri"]["Fn::Sub"]
            self.assertIn(f"${{{functions[route['RouteKey']]}.Arn}}", uri)
            self.assertEqual(integrations[name]["PayloadFormatVersion"], "2.0")

    def test_a_route_of_a_conditional_function_has_its_condition(self):
        conditions = {
            one["Properties"]["RouteKey"]: one.get("Condition")
            for one in self.result["Resources"].values()
            if one["Type"] == "AWS::ApiGatewayV2::Route"
        }
        self.assertEqual(conditions["GET /docs"], "HasApiDocs")
        self.assertIsNone(conditions["GET /v1/files"])

    def test_the_body_is_removed_and_cors_is_kept(self):
        for api, properties in self.of_type("AWS::ApiGatewayV2::Api").items():
            self.assertNotIn("Body", properties)
            self.assertIn("X-API-KEY", self.bodies[api].cors["allowHeaders"])
        self.assertIsNone(find_cycle(dependencies(self.result)))

    def test_every_kind_of_trigger_is_counted(self):
        self.assertLessEqual({"HttpApi", "SQS", "S3", "ScheduleV2"}, expected_triggers(self.template).keys())

    def test_all_uploads_are_local_files_in_the_template(self):
        for name, (_, uri) in artefacts(self.template).items():
            self.assertRegex(uri, r"^(target/lambda|layers)/.+\.zip$", name)


class Emulator(unittest.TestCase):
    def test_an_emulator_that_exits_on_start_is_an_error_with_its_last_lines(self):
        class Process:
            poll = staticmethod(lambda: 1)

        class Log:
            read_text = staticmethod(lambda errors: "first\nlast words\n")

        with self.assertRaisesRegex(emulator.EmulatorError, "last words"):
            emulator.wait_until_ready(emulator.Cloud(emulator.free_port(), "", Log), Process)


if __name__ == "__main__":
    unittest.main()
