"""The metrics of the log: each pattern matches lines that the functions write, and no dimension names an owner, key or file."""

import re
import unittest

import log_metrics
from transform import ROOT, load_template

FILTERS = log_metrics.filters(load_template(ROOT / "template.yaml"))
SOURCES = [*(ROOT / "functions").glob("*/src/**/*.rs"), ROOT / "shared/files-api/src/service.rs"]
# A line of the log in the source: its fields and its message.
LINE = re.compile(r'\b(?:info|warn|error)!\(([^;]*?)"([^"]*)"\s*\)', re.DOTALL)
# What every line has.
ALWAYS = {"message"}


def written():
    """Yields the fields of each message that a function logs, as (message, fields)."""
    for source in SOURCES:
        for arguments, message in LINE.findall(source.read_text(encoding="utf-8")):
            names = {re.split(r"[ =]", part.strip().lstrip("%?"))[0] for part in arguments.split(",") if part.strip()}
            yield message, names | ALWAYS


def line(message, **fields):
    return {"message": message, **fields}


class Filters(unittest.TestCase):
    def published(self, *arguments, **fields):
        return log_metrics.published(FILTERS, line(*arguments, **fields))

    def test_attempts_and_their_failures(self):
        attempt, failure = {"DeliveryAttempts": (1, {})}, {"DeliveryAttempts": (1, {}), "DeliveryFailures": (1, {})}
        for status in (200, 204, 299):
            self.assertEqual(self.published("attempted", status=status), attempt)
        for status in (301, 410, 500):
            self.assertEqual(self.published("attempted", status=status), failure)
        self.assertEqual(self.published("attempted", error="the receiver did not respond"), failure)

    def test_refusals_by_reason(self):
        for message, status, reason in (("refused", 429, "too_many_requests"), ("failed", 503, "too_busy"), ("refused for one file", 404, "not_found")):
            self.assertEqual(self.published(message, status=status, reason=reason), {"Refusals": (1, {"Reason": reason})})
        self.assertEqual(self.published("responded", status=200), {})

    def test_imports(self):
        self.assertEqual(self.published("imported", size_bytes=100, seconds=7), {"ImportedBytes": (100, {}), "ImportSeconds": (7, {})})
        self.assertEqual(self.published("import failed", reason="the source responded with 404"), {"FailedImports": (1, {})})

    def test_probes_by_verdict(self):
        self.assertEqual(self.published("probed", verdict="media", outcome="saved"), {"Probes": (1, {"Verdict": "media"})})
        self.assertEqual(self.published("probed"), {}, "the line of probe-file itself")

    def test_each_filter_reads_what_a_function_writes(self):
        lines = list(written())
        for name, resource in FILTERS.items():
            pattern = resource["Properties"]["FilterPattern"]
            read = log_metrics.fields(pattern)
            for _, _, value, dimensions in log_metrics.transformations(resource):
                read |= log_metrics.fields(" ".join([value, *dimensions.values()]))
            wanted = log_metrics.messages(pattern)
            fitting = [message for message, fields in lines if read <= fields and (message in wanted or not wanted)]
            self.assertTrue(fitting, f"{name}: no function logs a line with {sorted(read)}")
            self.assertEqual(wanted - set(fitting), set(), name)

    def test_no_dimension_grows_with_the_use(self):
        dimensions = {value for resource in FILTERS.values() for *_, found in log_metrics.transformations(resource) for value in found.values()}
        self.assertEqual(dimensions, {"$.reason", "$.verdict"})

    def test_patterns_that_are_not_modelled_are_refused(self):
        for text in ('{ $.a != 1 }', '{ $.a = }', '[a, b]', '{ ($.a = 1 }'):
            with self.subTest(text), self.assertRaises((ValueError, IndexError)):
                log_metrics.Pattern(text)


if __name__ == "__main__":
    unittest.main()
