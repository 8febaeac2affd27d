"""Checks that the parameter Tracing adds nothing while it is off, and no right to the functions that must have none."""

import unittest

from transform import ROOT, load_template, transformed

WITHOUT = {"ProbeFileFunction", "MuxStreamsFunction", "ResolveUrlFunction", "ApiDocsFunction", "NotFoundFunction"}


class Tracing(unittest.TestCase):
    def of(self, value):
        """Returns the functions that are traced, those whose code traces, and the functions whose roles have a policy of X-Ray."""
        resources = transformed(load_template(ROOT / "template.yaml"), {"Tracing": value})["Resources"]
        functions = {name: one["Properties"] for name, one in resources.items() if one["Type"] == "AWS::Lambda::Function"}
        traced = {name for name, function in functions.items() if "TracingConfig" in function}
        reads = {name for name, function in functions.items() if function["Environment"]["Variables"]["FILES_TRACING"] == {"Ref": "Tracing"}}
        roles = {name.removesuffix("Role") for name, one in resources.items() if one["Type"] == "AWS::IAM::Role" and "xray" in str(one).lower()}
        return set(functions), traced, reads, roles

    def test_off_adds_nothing(self):
        _, traced, _, roles = self.of("Disabled")
        self.assertEqual((traced, roles), (set(), set()))

    def test_on_gives_no_right_to_functions_without_rights(self):
        functions, traced, reads, roles = self.of("Active")
        self.assertEqual(traced, functions - WITHOUT)
        self.assertEqual(roles, traced)
        self.assertFalse({"ProbeFileFunction", "MuxStreamsFunction"} & reads)


if __name__ == "__main__":
    unittest.main()
