"""Each check of this folder finds the mistake that it is for."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import check_template
import transform
from check_examples import example_faults
from check_template import code_faults, cors_faults, dependencies, find_cycle
from samtranslator.public.exceptions import InvalidDocumentException


def cycle_of(**resources):
    return find_cycle(dependencies({"Resources": resources}))


def uses(value):
    return {"Type": "T", "Properties": {"Deep": [{"Er": value}]}}


LEAF = {"Type": "T"}


class Cycles(unittest.TestCase):
    def test_every_kind_of_reference_can_close_a_cycle(self):
        ways = {
            "Ref": {"Ref": "A"},
            "GetAtt as list": {"Fn::GetAtt": ["A", "Arn"]},
            "GetAtt as text": {"Fn::GetAtt": "A.Arn"},
            "Sub": {"Fn::Sub": "x-${A}"},
            "Sub of an attribute": {"Fn::Sub": "x-${A.Arn}/*"},
            "Sub with variables": {"Fn::Sub": ["${V}-${A}", {"V": "v"}]},
            "inside a Sub's variable": {"Fn::Sub": ["${V}", {"V": {"Ref": "A"}}]},
            "inside a condition": {"Fn::If": ["C", {"Ref": "A"}, {"Ref": "AWS::NoValue"}]},
        }
        for way, value in ways.items():
            with self.subTest(way):
                self.assertEqual(cycle_of(A=uses({"Ref": "B"}), B=uses(value)), ["A", "B", "A"])

    def test_depends_on_counts_as_text_and_as_list(self):
        for depends in ("A", ["A"]):
            with self.subTest(depends):
                cycle = cycle_of(A=uses({"Ref": "B"}), B={"Type": "T", "DependsOn": depends})
                self.assertEqual(cycle, ["A", "B", "A"])

    def test_a_cycle_is_reported_without_the_chain_that_leads_to_it(self):
        cycle = cycle_of(A=uses({"Ref": "B"}), B=uses({"Ref": "C"}), C=uses({"Ref": "B"}))
        self.assertEqual(cycle, ["B", "C", "B"])

    def test_a_resource_that_refers_to_itself_is_a_cycle(self):
        self.assertEqual(cycle_of(A=uses({"Ref": "A"})), ["A", "A"])

    def test_two_paths_to_one_resource_are_no_cycle(self):
        self.assertIsNone(cycle_of(A=uses([{"Ref": "B"}, {"Ref": "C"}]), B=uses({"Ref": "C"}), C=LEAF))

    def test_literals_variables_and_parameters_are_no_resources(self):
        for value in (
            {"Fn::Sub": "${!A}"},
            {"Fn::Sub": ["${A}", {"A": "shadows"}]},
            {"Fn::Sub": "${AWS::Region}"},
            {"Ref": "Parameter"},
            "A",
        ):
            with self.subTest(value):
                self.assertIsNone(cycle_of(A=uses(value)))


def function(uri, **events):
    properties = {"CodeUri": uri, "Events": events, "Runtime": "provided.al2023", "Handler": "bootstrap"}
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


def code(crate):
    return transform.CODE.format(crate)


def route(method, path):
    return {"Type": "HttpApi", "Properties": {"Method": method, "Path": path}}


class Code(unittest.TestCase):
    def faults(self, packages, **functions):
        with tempfile.TemporaryDirectory() as root:
            for folder, package in packages.items():
                (Path(root) / folder).mkdir(parents=True)
                (Path(root) / folder / "Cargo.toml").write_text(f'[package]\nname = "{package}"\n')
            return code_faults({"Resources": functions}, Path(root))

    def test_matching_crates_have_no_fault(self):
        self.assertEqual(self.faults({"functions/a": "a"}, A=function(code("a")), Table=LEAF), [])

    def test_a_missing_crate_is_found(self):
        faults = self.faults({}, A=function(code("a")))
        self.assertEqual(faults, [f"A: CodeUri {code('a')}, but there is no functions/a"])

    def test_another_package_is_found(self):
        faults = self.faults({"functions/a": "b"}, A=function(code("a")))
        self.assertEqual(faults, [f"A: CodeUri {code('a')}, but functions/a holds the package b"])

    def test_a_crate_without_function_is_found(self):
        faults = self.faults({"functions/a": "a", "functions/b": "b"}, A=function(code("a")))
        self.assertEqual(faults, ["functions/b: no function of the template uses it"])

    def test_a_function_in_python_has_its_requirements(self):
        uri = transform.PYTHON.format("a")
        self.assertEqual(len(self.faults({}, A=function(uri))), 1)
        with tempfile.TemporaryDirectory() as root:
            folder = Path(root) / "functions/a"
            folder.mkdir(parents=True)
            (folder / "requirements.txt").touch()
            self.assertEqual(code_faults({"Resources": {"A": function(uri)}}, Path(root)), [])
            faults = code_faults({"Resources": {}}, Path(root))
            self.assertEqual(faults, ["functions/a: no function of the template uses it"])

    def test_code_that_is_not_packaged_is_found(self):
        for uri in (None, "functions/a", "target/lambda/bootstrap.zip", "target/lambda/x/a/bootstrap.zip"):
            with self.subTest(uri):
                faults = self.faults({"functions/a": "a"}, A=function(uri))
                self.assertTrue(faults[0].startswith(f"A: CodeUri {uri} is none of target/lambda/"), faults)


class Examples(unittest.TestCase):
    def faults(self, value):
        schemas = {"Name": {"type": "string"}, "Thing": {"properties": {"name": {"$ref": "#/components/schemas/Name"}}}}
        media_type = {"schema": {"$ref": "#/components/schemas/Thing"}, "examples": {"one": {"value": value}}}
        document = {"components": {"schemas": schemas}, "paths": {"/x": {"get": {"content": media_type}}}}
        return example_faults(document)

    def test_an_example_that_fits_has_no_fault(self):
        self.assertEqual(self.faults({"name": "x"}), ([], 1))

    def test_an_example_that_does_not_fit_is_found(self):
        faults, _ = self.faults({"name": 1})
        self.assertEqual(faults, ["/paths//x/get/content/examples/one: $.name: 1 is not of type 'string'"])


class Transform(unittest.TestCase):
    HEAD = {"AWSTemplateFormatVersion": "2010-09-09", "Transform": "AWS::Serverless-2016-10-31"}

    def test_a_function_becomes_cloudformation(self):
        template = self.HEAD | {"Resources": {"A": function("functions/a")}}
        types = {resource["Type"] for resource in transform.transformed(template)["Resources"].values()}
        self.assertEqual(types, {"AWS::Lambda::Function", "AWS::IAM::Role"})

    def test_an_invalid_function_is_refused(self):
        broken = function("functions/a")
        del broken["Properties"]["Runtime"]
        with self.assertRaises(InvalidDocumentException):
            transform.transformed(self.HEAD | {"Resources": {"A": broken}})

    def cors_faults(self, origins, **parameters):
        cors = {"AllowOrigins": origins, "AllowMethods": ["GET"], "AllowHeaders": ["ETag"]}
        get = route("GET", "/v1/x")
        get["Properties"]["ApiId"] = {"Ref": "Api"}
        api = {"Type": "AWS::Serverless::HttpApi", "Properties": {"CorsConfiguration": cors}}
        resources = {"Api": api, "A": function("functions/a", Get=get)}
        template = self.HEAD | {"Parameters": parameters, "Resources": resources}
        return cors_faults(transform.transformed(template))

    def test_cors_origins_of_a_list_parameter_stay_a_list(self):
        parameter = {"Type": "CommaDelimitedList", "Default": "https://a.example, https://b.example"}
        self.assertEqual(self.cors_faults({"Ref": "Origins"}, Origins=parameter), [])

    def test_cors_that_the_translator_drops_is_found(self):
        faults = self.cors_faults({"Fn::Split": [",", "https://a.example"]})
        self.assertEqual(len(faults), 3)
        self.assertIn("Api: allowOrigins", faults[0])

    def test_a_bucket_and_its_function_that_refer_to_each_other_are_a_cycle(self):
        created = {"Type": "S3", "Properties": {"Bucket": {"Ref": "Bucket"}, "Events": "s3:ObjectCreated:*"}}
        knows = function("functions/a", Created=created)
        knows["Properties"]["Environment"] = {"Variables": {"BUCKET": {"Ref": "Bucket"}}}
        template = self.HEAD | {"Resources": {"A": knows, "Bucket": {"Type": "AWS::S3::Bucket"}}}
        cycle = find_cycle(dependencies(transform.transformed(template)))
        self.assertLessEqual({"A", "Bucket"}, set(cycle))


class Commands(unittest.TestCase):
    """Checks the exit codes, which `make lint` reads."""

    def exit_code(self, main, *texts):
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as quiet:
            quiet.enter_context(contextlib.redirect_stdout(io.StringIO()))
            self.errors = quiet.enter_context(contextlib.redirect_stderr(io.StringIO()))
            paths = [Path(folder) / f"{number}.yaml" for number in range(len(texts))]
            for path, text in zip(paths, texts):
                path.write_text(text)
            return main([str(path) for path in paths])

    def test_a_cycle_fails_the_template_check(self):
        text = (
            "Transform: AWS::Serverless-2016-10-31\n"
            "Resources:\n"
            "  A: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !Ref B}}\n"
            "  B: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !GetAtt A.TopicName}}\n"
        )
        self.assertEqual(self.exit_code(check_template.main, text), 1)
        self.assertIn("circular dependency: A -> B -> A", self.errors.getvalue())


if __name__ == "__main__":
    unittest.main()
