"""The template's dashboard: valid, without overlapping widgets, and each metric is one that a resource of the template has."""

import json
import re
import unittest

import log_metrics
from transform import ROOT, load_template

TEMPLATE = load_template(ROOT / "template.yaml")
RESOURCES = TEMPLATE["Resources"]
# The dimension of each namespace, and the types of resources whose names or ids it takes.
DIMENSIONS = {
    "AWS/ApiGateway": ("ApiId", "AWS::Serverless::HttpApi"),
    "AWS/SQS": ("QueueName", "AWS::SQS::Queue"),
    "AWS/DynamoDB": ("TableName", "AWS::DynamoDB::Table"),
    "AWS/S3": ("BucketName", "AWS::S3::Bucket"),
    "AWS/Logs": ("LogGroupName", "AWS::Logs::LogGroup"),
    "AWS/Lambda": ("FunctionName", "AWS::Serverless::Function"),
    "Files": ("FunctionName", "AWS::Serverless::Function"),
}
LOG = "Files/${AWS::StackName}"
COLUMNS = 24


def body():
    """Returns the dashboard, with the substitutions unresolved."""
    return json.loads(RESOURCES["FilesDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])


def widgets(kind):
    return [widget["properties"] for widget in body()["widgets"] if widget["type"] == kind]


class Dashboard(unittest.TestCase):
    def test_widgets_do_not_overlap(self):
        taken = set()
        for widget in body()["widgets"]:
            cells = {(x, y) for x in range(widget["x"], widget["x"] + widget["width"]) for y in range(widget["y"], widget["y"] + widget["height"])}
            self.assertFalse(taken & cells, widget["properties"])
            self.assertLessEqual(widget["x"] + widget["width"], COLUMNS)
            taken |= cells

    def test_it_shows_each_alarm(self):
        alarms = {name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"}
        (shown,) = [widget["alarms"] for widget in widgets("alarm")]
        self.assertEqual(shown, [f"${{{name}.Arn}}" for name in RESOURCES if name in alarms])

    def test_each_metric_is_of_a_resource(self):
        logged = {found[:2] for resource in log_metrics.filters(TEMPLATE).values() for found in log_metrics.transformations(resource)}
        for metric in (metric for widget in widgets("metric") for metric in widget["metrics"]):
            texts = [part for part in metric if isinstance(part, str)]
            if not texts:
                continue
            namespace, name, *dimensions = texts
            if namespace == LOG:
                self.assertIn((namespace, name), logged)
            elif dimensions:
                wanted, kind = DIMENSIONS[namespace]
                self.assertEqual(dimensions[0], wanted, metric)
                (resource,) = re.findall(r"^\$\{(\w+)(?:\.QueueName)?\}$", dimensions[1])
                self.assertEqual(RESOURCES[resource]["Type"], kind, metric)

    def test_searches_name_metrics_that_exist(self):
        logged = {(found[0], found[1], tuple(found[3])) for resource in log_metrics.filters(TEMPLATE).values() for found in log_metrics.transformations(resource)}
        searches = [part["expression"] for widget in widgets("metric") for metric in widget["metrics"] for part in metric if isinstance(part, dict) and "expression" in part]
        self.assertTrue(searches)
        for search in searches:
            namespace, dimension, name = re.findall(r"^SEARCH\('\{([^,]+),(\w+)\} MetricName=\"(\w+)\"", search)[0]
            if namespace == LOG:
                self.assertIn((namespace, name, (dimension,)), logged)
            else:
                self.assertEqual((namespace, dimension), ("AWS/Lambda", "FunctionName"))


if __name__ == "__main__":
    unittest.main()
