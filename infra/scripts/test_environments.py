"""The environments of samconfig.toml, the workflow that deploys to them, and the Makefile agree."""

import re
import tomllib
import unittest

import yaml

from transform import ROOT

SAMCONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text())
ENVIRONMENTS = SAMCONFIG.keys() - {"version", "default"}
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())
TRIGGER = WORKFLOW[True]["workflow_dispatch"]  # YAML 1.1 reads `on` as true
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


class Environments(unittest.TestCase):
    def test_each_environment_has_all_settings_and_a_stack_and_tags_of_its_own(self):
        wanted = SAMCONFIG["default"]
        self.assertEqual(ENVIRONMENTS, {"dev", "prod"})
        for name in ENVIRONMENTS:
            section = SAMCONFIG[name]
            self.assertEqual(section["global"]["parameters"]["stack_name"], f"files-{name}")
            deploy, default = section["deploy"]["parameters"], wanted["deploy"]["parameters"]
            self.assertEqual(deploy.keys(), default.keys())
            self.assertIn(f"environment={name}", deploy["tags"].split())
            self.assertEqual({k: deploy[k] for k in ("template_file", "capabilities", "resolve_s3")}, {k: default[k] for k in ("template_file", "capabilities", "resolve_s3")})

    def test_the_workflow_offers_the_environments(self):
        self.assertEqual(set(TRIGGER["inputs"]["environment"]["options"]), ENVIRONMENTS)

    def test_the_workflow_deploys_only_after_all_checks(self):
        self.assertEqual(WORKFLOW["jobs"]["deploy"]["needs"], "check")
        self.assertIn(".ci/run", [step.get("run") for step in WORKFLOW["jobs"]["check"]["steps"]])

    def test_only_the_deployment_gets_a_token_for_aws(self):
        self.assertEqual(WORKFLOW["permissions"], {"contents": "read"})
        self.assertEqual(WORKFLOW["jobs"]["deploy"]["permissions"], {"contents": "read", "id-token": "write"})
        self.assertNotIn("permissions", WORKFLOW["jobs"]["check"])
        self.assertNotIn("secrets.", (ROOT / ".github/workflows/deploy.yml").read_text())

    def test_no_value_becomes_text_of_a_script(self):
        for step in STEPS:
            self.assertNotIn("${{", step.get("run", ""))

    def test_the_targets_exist(self):
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        used = {word for step in STEPS for line in step.get("run", "").splitlines() if line.startswith("make ")
                for word in line.split()[1:] if re.fullmatch(r"[a-z-]+", word)}
        self.assertTrue(used)
        self.assertEqual(used - targets, set())


if __name__ == "__main__":
    unittest.main()
