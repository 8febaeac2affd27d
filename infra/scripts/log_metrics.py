"""The metrics that the template derives from the functions' log: a model of the part of CloudWatch's filter patterns that it uses.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import re

from cloudwatch import named

TOKEN = re.compile(r'\s*(\$\.[\w.]+|"[^"]*"|\d+|NOT EXISTS|&&|\|\||[(){}]|[=<>])')


def value_of(line, path):
    """Returns the value of `$.a.b` in a line; None if it is missing."""
    for name in path.removeprefix("$.").split("."):
        line = line.get(name) if isinstance(line, dict) else None
    return line


class Pattern:
    """A filter pattern of JSON lines: comparisons with =, <, > and NOT EXISTS, joined by && or ||, in parentheses."""

    def __init__(self, text):
        self.tokens, self.position = TOKEN.findall(text), 0
        if "".join(self.tokens).replace(" ", "") != text.replace(" ", ""):
            raise ValueError(f"not modelled: {text}")
        self.take("{")
        self.matches = self.any()
        self.take("}")

    def take(self, expected=None):
        token = self.tokens[self.position]
        if expected and token != expected:
            raise ValueError(f"{expected} is missing before {token}")
        self.position += 1
        return token

    def any(self):
        parts = [self.all()]
        while self.tokens[self.position] == "||":
            self.take()
            parts.append(self.all())
        return lambda line: any(part(line) for part in parts)

    def all(self):
        parts = [self.one()]
        while self.tokens[self.position] == "&&":
            self.take()
            parts.append(self.one())
        return lambda line: all(part(line) for part in parts)

    def one(self):
        if self.tokens[self.position] == "(":
            self.take()
            inner = self.any()
            self.take(")")
            return inner
        path, sign = self.take(), self.take()
        if sign == "NOT EXISTS":
            return lambda line: value_of(line, path) is None
        wanted = self.take()
        if wanted.startswith('"'):
            text = re.compile(re.escape(wanted[1:-1]).replace(r"\*", ".*"))
            return lambda line: isinstance(value_of(line, path), str) and bool(text.fullmatch(value_of(line, path)))
        number = int(wanted)
        compare = {"=": lambda value: value == number, "<": lambda value: value < number, ">": lambda value: value > number}[sign]
        return lambda line: isinstance(value_of(line, path), int) and compare(value_of(line, path))


def fields(text):
    """Returns the fields that a pattern reads."""
    return set(re.findall(r"\$\.([\w.]+)", text))


def messages(text):
    """Returns the values of `message` that a pattern names."""
    return set(re.findall(r'\$\.message = "([^"]*)"', text))


def filters(template):
    """Returns the metric filters by name."""
    return {name: r for name, r in template["Resources"].items() if r["Type"] == "AWS::Logs::MetricFilter"}


def transformations(resource):
    """Yields (namespace, metric, value, dimensions) of a metric filter."""
    for one in resource["Properties"]["MetricTransformations"]:
        dimensions = {dimension["Key"]: dimension["Value"] for dimension in one.get("Dimensions", [])}
        yield named(one["MetricNamespace"]), one["MetricName"], one["MetricValue"], dimensions


def unconditional(template):
    """Returns (namespace, metric) of the metrics that each deployment has."""
    wanted = [resource for resource in filters(template).values() if "Condition" not in resource]
    return {found[:2] for resource in wanted for found in transformations(resource)}


def published(resources, line):
    """Returns {metric: (value, dimensions)} of the metrics that a line of the log gives."""
    found = {}
    for resource in resources.values():
        if not Pattern(resource["Properties"]["FilterPattern"]).matches(line):
            continue
        for _, metric, value, dimensions in transformations(resource):
            number = value_of(line, value) if value.startswith("$") else int(value)
            sides = {key: value_of(line, path) for key, path in dimensions.items()}
            if number is not None and None not in sides.values():
                found[metric] = (number, sides)
    return found
