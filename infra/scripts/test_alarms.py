"""Each alarm of the template fires in exactly the cases of its description, on the metrics of a model of AWS."""

import copy
import re
import unittest

import cloudwatch
import log_metrics
from cloudwatch import MINUTE, Alarm, Metrics, Queue
from transform import ROOT, load_template

HOUR = 3600
TEMPLATE = load_template(ROOT / "template.yaml")
RESOURCES = TEMPLATE["Resources"]
ALARMS = {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == "AWS::CloudWatch::Alarm"}


def visibility(queue):
    return RESOURCES[queue]["Properties"]["VisibilityTimeout"]


def succeeds(_receive):
    return 1, True


def fails(_receive):
    return 1, False


def fails_first(times):
    return lambda receive: (1, receive > times)


def takes(seconds):
    return lambda _receive: (seconds, True)


class World:
    """The template's queues with their functions and metrics."""

    def __init__(self, workers=2, letters=succeeds, letter_workers=2):
        self.metrics = Metrics()
        dead = Queue(self.metrics, "DeadLetterQueue", "FailFileFunction", visibility("DeadLetterQueue"), letter_workers)
        dead.work = letters
        arguments = {"workers": workers, "dead_letters": dead}
        self.dead = dead
        self.imports = Queue(self.metrics, "ImportQueue", "ImportFileFunction", visibility("ImportQueue"), **arguments)
        self.probes = Queue(self.metrics, "ProbeQueue", "ProbeFileFunction", visibility("ProbeQueue"), **arguments)
        self.deliveries = Queue(self.metrics, "DeliveryQueue", "DeliverWebhookFunction", visibility("DeliveryQueue"), **arguments)

    def run(self, hours):
        cloudwatch.run([self.imports, self.probes, self.deliveries, self.dead], int(hours * HOUR))
        return self.metrics


def counted(namespace, name, resource, values):
    """Returns metrics with one value per minute; None is no value."""
    metrics = Metrics()
    for minute, value in enumerate(values):
        if value is not None:
            metrics.publish(namespace, name, resource, minute * MINUTE, value)
    return metrics


def api(values):
    return counted("AWS/ApiGateway", "5xx", "FilesApi", values)


def latency(*minutes):
    """Returns the latency of requests in milliseconds: the requests of each minute."""
    metrics = Metrics()
    for minute, requests in enumerate(minutes):
        for value in requests:
            metrics.publish("AWS/ApiGateway", "Latency", "FilesApi", minute * MINUTE, value)
    return metrics


def throttled(name, resource, values):
    return counted("AWS/DynamoDB", name, resource, values)


def attempted(*minutes):
    """Returns attempts to deliver: how many in each minute, and how many of them failed."""
    metrics = Metrics()
    for minute, (attempts, failures) in enumerate(minutes):
        for name, number in (("DeliveryAttempts", attempts), ("DeliveryFailures", failures)):
            for _ in range(number):  # a line of the log each
                metrics.publish("Files/${AWS::StackName}", name, None, minute * MINUTE, 1)
    return metrics


def lambdas(name, resource, values):
    return counted("AWS/Lambda", name, resource, values)


def sweeps(values):
    return lambdas("Invocations", "SweepFunction", values)


def overdue(values):
    return counted("Files", "OldestDueAge", "SweepFunction", values)


def imports(*works, hours=4, **world):
    world = World(**world)
    for work in works:
        world.imports.send(0, work)
    return world.run(hours)


def probes(*works, hours=4, **world):
    world = World(**world)
    for work in works:
        world.probes.send(0, work)
    return world.run(hours)


def deliveries(*works, hours=4, **world):
    world = World(**world)
    for work in works:
        world.deliveries.send(0, work)
    return world.run(hours)


def letters(*works, hours=2, every=0, **world):
    world = World(**world)
    for number, work in enumerate(works):
        world.dead.redrive(number * every, work)
    return world.run(hours)


def errors_of(function):
    """Returns scenarios in which the alarm on errors of a function must fire, and must not."""
    failing = [1 if minute % 3 == 0 else 0 for minute in range(60)]  # five in a quarter of an hour
    few = [1 if minute % 15 < 4 else 0 for minute in range(60)]  # four
    only_some = [1, None, None] * 20  # invoked only sometimes
    others = "ListFilesFunction"
    return (
        [lambdas("Errors", function, failing), lambdas("Errors", function, only_some)],
        [lambdas("Errors", function, few), lambdas("Errors", others, failing), Metrics(), lambdas("Errors", function, [0] * 60)],
    )


IMPORT_ERRORS, PROBE_ERRORS = errors_of("ImportFileFunction"), errors_of("ProbeFileFunction")
RECORD_ERRORS, MUX_ERRORS = errors_of("ProbeRecordFunction"), errors_of("MuxStreamsFunction")
SWEEP_ERRORS, LETTER_ERRORS = errors_of("SweepFunction"), errors_of("FailFileFunction")
DELIVERY_ERRORS = errors_of("DeliverWebhookFunction")
RUNNING = [1] * 120
FAST, SLOW, WAITING = [40] * 10, [40] * 8 + [4_000] * 2, [40] * 10 + [20_000]
THROTTLED, RARELY = [1] * 30, [0] * 20 + [9] * 9 + [0] * 30

# For each alarm, the scenarios in which it must fire, and in which it must not.
SCENARIOS = {
    "ApiErrorsAlarm": (
        [api([0] * 20 + [1] * 5 + [0] * 20), api([None] * 20 + [5] + [None] * 20)],
        [api([0] * 60), api([1, 0, 1, 0, 0] * 12), api([4, None, None, None, None] * 6), Metrics()],
    ),
    "ApiLatencyAlarm": (
        [latency(*[SLOW] * 30), latency(*[FAST] * 20, *[SLOW] * 20, *[FAST] * 20), latency(*[[3_500], [], []] * 12)],
        [latency(*[FAST] * 60), latency(*[WAITING] * 60), latency(*[FAST] * 20, *[SLOW] * 10, *[FAST] * 30), Metrics()],
    ),
    "TableThrottlesAlarm": (
        [throttled("WriteThrottleEvents", "FilesTable", THROTTLED), throttled("ReadThrottleEvents", "FilesTable", THROTTLED),
         throttled("ReadThrottleEvents", "KeysTable", THROTTLED), throttled("WriteThrottleEvents", "FilesTable/due", THROTTLED),
         throttled("WriteThrottleEvents", "FilesTable/status", THROTTLED), throttled("WriteThrottleEvents", "FilesTable/type", THROTTLED),
         throttled("WriteThrottleEvents", "FilesTable", [0, 0, 3, None, None] * 6)],
        [throttled("WriteThrottleEvents", "FilesTable", RARELY), throttled("WriteThrottleEvents", "FilesTable", [0] * 60),
         throttled("WriteThrottleEvents", "OtherTable", THROTTLED), Metrics()],
    ),
    "DeliveryFailuresAlarm": (
        [attempted(*[(3, 3)] * 45), attempted(*[(10, 6)] * 45), attempted(*[(10, 0)] * 30, *[(10, 10)] * 30, *[(10, 0)] * 30)],
        [attempted(*[(3, 0)] * 60), attempted(*[(1, 1)] * 90), attempted(*[(10, 5)] * 60), attempted(*[(10, 0)] * 30, *[(10, 10)] * 15, *[(10, 0)] * 30),
         Metrics()],
    ),
    "ImportErrorsAlarm": (IMPORT_ERRORS[0] + [imports(*[fails] * 5, hours=1)], IMPORT_ERRORS[1] + [imports(fails_first(2))]),
    "ProbeRecordErrorsAlarm": RECORD_ERRORS,
    "MuxErrorsAlarm": MUX_ERRORS,
    "ProbeErrorsAlarm": (PROBE_ERRORS[0] + [probes(*[fails] * 5, hours=1)], PROBE_ERRORS[1] + [probes(fails_first(2))]),
    "SweepErrorsAlarm": SWEEP_ERRORS,
    "DeliveryErrorsAlarm": DELIVERY_ERRORS,
    "DeadLetterErrorsAlarm": (LETTER_ERRORS[0] + [letters(fails)], LETTER_ERRORS[1] + [letters(succeeds, fails_first(3))]),
    "ThrottlesAlarm": (
        [lambdas("Throttles", None, [1] * 30), lambdas("Throttles", None, [0] * 20 + [0, 0, 3, 0, 0] * 4)],
        [lambdas("Throttles", None, [0] * 60), lambdas("Throttles", None, [0] * 20 + [9] * 9 + [0] * 30), Metrics()],
    ),
    "SweepNotRunAlarm": (
        [sweeps(RUNNING[:60] + [None] * 20), sweeps([1] * 60 + [None] * 12)],
        [sweeps(RUNNING), sweeps(([1] * 10 + [None]) * 10), sweeps([1] * 60 + [None] * 5 + [1] * 60)],
    ),
    "WorkOverdueAlarm": (
        [overdue([0, 30, 59] * 20 + list(range(0, 1200, 60)))],
        [overdue([0, 30, 59] * 40), overdue(list(range(0, 900, 60)) + [0] * 20), overdue([None] * 60), Metrics()],
    ),
    "DeadLettersAlarm": (
        [imports(fails), probes(fails), imports(succeeds, fails, fails_first(4))],
        [imports(fails_first(4)), probes(fails_first(4)), imports(succeeds), Metrics()],
    ),
    "DeadLettersStayAlarm": (
        # Received repeatedly; never received (never in flight); both.
        [letters(fails), letters(succeeds, letter_workers=0), letters(*[fails] * 3, letter_workers=1)],
        [letters(succeeds), letters(fails_first(2)), letters(*[succeeds] * 10, every=600), Metrics()],
    ),
    "ImportsLateAlarm": (
        [imports(*[takes(285)] * 60)],
        [imports(fails, fails, fails), imports(*[takes(285)] * 40), imports(*[takes(285)] * 60, workers=20), Metrics()],
    ),
    "ProbesLateAlarm": (
        [probes(*[takes(60)] * 130)],
        [probes(fails, fails, fails), probes(*[takes(60)] * 100), Metrics()],
    ),
    "DeliveriesLateAlarm": (
        [deliveries(*[takes(20)] * 400)],
        [deliveries(fails, fails, fails), deliveries(*[takes(20)] * 300), Metrics()],
    ),
}


def end_of(metrics, name, fires):
    """Returns the end of the observation: 15 minutes after the last value, unless missing values fire the alarm."""
    minutes = [minute for series in metrics.values.values() for minute in series]
    more = 0 if name == "SweepNotRunAlarm" and not fires else 15
    return (max(minutes, default=60) + 1 + more) * MINUTE


def faults_of(name, properties):
    """Returns the faults of an alarm in its scenarios."""
    alarm, faults = Alarm(properties), []
    must, must_not = SCENARIOS[name]
    for index, metrics in enumerate(must):
        if alarm.first_fired(metrics, end_of(metrics, name, True), begin_of(name)) is None:
            faults.append(f"{name} is silent in scenario {index}")
    for index, metrics in enumerate(must_not):
        if alarm.first_fired(metrics, end_of(metrics, name, False), begin_of(name)) is not None:
            faults.append(f"{name} fires in quiet scenario {index}")
    return faults


def begin_of(name):
    """Returns the start of the observation. In a new stack sweep has not run yet, so its alarm is observed after 30 minutes."""
    return 30 * MINUTE if name == "SweepNotRunAlarm" else 0


class Alarms(unittest.TestCase):
    def test_each_alarm_fires_for_its_description_only(self):
        for name, properties in ALARMS.items():
            with self.subTest(name):
                self.assertEqual(faults_of(name, properties), [])

    def test_each_alarm_has_scenarios_of_both_kinds(self):
        self.assertEqual(set(ALARMS), set(SCENARIOS))
        for name, (must, must_not) in SCENARIOS.items():
            self.assertTrue(must and must_not, name)

    def test_each_alarm_has_a_section_of_the_runbook(self):
        text = (ROOT / "infra/docs/runbook.md").read_text(encoding="utf-8")
        sections = set(re.findall(r"^### (\w+Alarm)$", text, re.MULTILINE))
        self.assertEqual(sections, set(ALARMS))

    def test_each_background_function_has_an_alarm_on_its_errors(self):
        watched = {key[2] for p in ALARMS.values() for key in Alarm(p).keys() if key[:2] == ("AWS/Lambda", "Errors")}
        functions = {n: r["Properties"] for n, r in RESOURCES.items() if r["Type"] == "AWS::Serverless::Function"}
        kinds = {name: {event["Type"] for event in f.get("Events", {}).values()} for name, f in functions.items()}
        background = {name for name, events in kinds.items() if events & {"SQS", "S3", "Schedule", "ScheduleV2"}}
        self.assertEqual(background - watched, set())

    def test_the_alarm_on_sweep_fires_and_recovers_within_ten_minutes(self):
        alarm = Alarm(ALARMS["SweepNotRunAlarm"])
        metrics = sweeps([1] * 60 + [None] * 30 + [1] * 30)
        self.assertEqual(alarm.first_fired(metrics, 120 * MINUTE, 30 * MINUTE), 70 * MINUTE)
        self.assertFalse(alarm.fires(metrics, 100 * MINUTE))

    def test_late_values_do_not_fire_the_alarm_on_sweep(self):
        alarm = Alarm(ALARMS["SweepNotRunAlarm"])
        for minute in range(60, 120):
            metrics = sweeps([1] * (minute - 3))  # the values of the last three minutes are late
            self.assertFalse(alarm.fires(metrics, minute * MINUTE), minute)

    def test_alarms_use_only_custom_metrics_that_functions_publish(self):
        library = (ROOT / "shared/lambda-startup/src/metrics.rs").read_text(encoding="utf-8")
        (namespace,) = re.findall(r'const NAMESPACE: &str = "(\w+)";', library)
        published = {}
        for source in (ROOT / "functions").glob("*/src/**/*.rs"):
            for name in re.findall(r'publish_metric\(\s*"(\w+)"', source.read_text(encoding="utf-8")):
                published[namespace, name] = source.relative_to(ROOT / "functions").parts[0]
        codes = {name: r["Properties"].get("CodeUri", "") for name, r in RESOURCES.items() if "Function" in r["Type"]}
        for properties in ALARMS.values():
            for space, metric, resource in Alarm(properties).keys():
                if (space, metric) in log_metrics.unconditional(TEMPLATE):
                    self.assertIsNone(resource)
                elif not space.startswith("AWS/"):
                    self.assertIn((space, metric), published)
                    self.assertIn(f"/{published[space, metric]}/", codes[resource])


class Mistakes(unittest.TestCase):
    """Former or plausible alarms that do not work are found."""

    def assert_found(self, name, **changes):
        properties = copy.deepcopy(ALARMS[name])
        properties.update(changes)
        if "MetricName" in changes:
            properties.pop("Metrics", None)
        self.assertNotEqual(faults_of(name, {key: value for key, value in properties.items() if value is not None}), [])

    QUEUE = {"Namespace": "AWS/SQS", "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}}]}

    def test_a_dead_letter_that_is_received_at_once_is_never_visible(self):
        visible = {"MetricName": "ApproximateNumberOfMessagesVisible", "Statistic": "Minimum", "Period": 300}
        self.assert_found("DeadLettersStayAlarm", **self.QUEUE, **visible, EvaluationPeriods=3, DatapointsToAlarm=None)

    def test_a_dead_letter_that_is_never_received_is_never_in_flight(self):
        for expression in ("FILL(hidden, 0)", "visible + hidden", "FILL(visible, 0) + FILL(hidden, 0)"):
            metrics = copy.deepcopy(ALARMS["DeadLettersStayAlarm"]["Metrics"])
            metrics[0]["Expression"] = expression
            with self.subTest(expression):
                self.assert_found("DeadLettersStayAlarm", Metrics=metrics)

    def test_moved_messages_do_not_count_as_sent(self):
        self.assert_found("DeadLettersAlarm", MetricName="NumberOfMessagesSent")

    def test_a_repeatedly_received_message_has_no_age(self):
        age = {"MetricName": "ApproximateAgeOfOldestMessage", "Statistic": "Maximum", "Threshold": 3600}
        self.assert_found("DeadLettersAlarm", Namespace="AWS/SQS", **age)

    def test_a_sum_with_a_missing_metric_has_no_value(self):
        errors = copy.deepcopy(ALARMS["ImportErrorsAlarm"])
        stat = {"Period": 900, "Stat": "Sum"}
        metric = {"Namespace": "AWS/Lambda", "MetricName": "Errors"}
        queries = [{"Id": "all", "Expression": "SUM(METRICS())"}]
        for name in ("ImportFileFunction", "ProbeFileFunction"):
            dimensions = [{"Name": "FunctionName", "Value": {"Ref": name}}]
            identity = name.removesuffix("FileFunction").lower()
            queries.append({"Id": identity, "ReturnData": False, "MetricStat": stat | {"Metric": metric | {"Dimensions": dimensions}}})
        for key in ("Namespace", "MetricName", "Dimensions", "Statistic", "Period"):
            del errors[key]
        alarm = Alarm(errors | {"Metrics": queries})
        metrics = lambdas("Errors", "ImportFileFunction", [None] * 45 + [1] * 45)
        metrics.publish("AWS/Lambda", "Errors", "ProbeFileFunction", 40 * MINUTE, 0)  # later it had no work
        self.assertIsNone(alarm.first_fired(metrics, 75 * MINUTE))
        self.assertEqual(Alarm(ALARMS["ImportErrorsAlarm"]).first_fired(metrics, 75 * MINUTE), 60 * MINUTE)

    def test_thresholds_periods_statistics_and_treatments_matter(self):
        for name, changes in (
            ("ApiErrorsAlarm", {"Statistic": "Maximum"}),
            ("ApiErrorsAlarm", {"Threshold": 4}),
            ("ApiErrorsAlarm", {"Period": 900}),
            ("ApiLatencyAlarm", {"ExtendedStatistic": "p99"}),
            ("ApiLatencyAlarm", {"ExtendedStatistic": "p50"}),
            ("ApiLatencyAlarm", {"EvaluationPeriods": 1}),
            ("TableThrottlesAlarm", {"EvaluationPeriods": 1}),
            ("TableThrottlesAlarm", {"Threshold": 4}),
            ("DeliveryFailuresAlarm", {"Threshold": 40}),
            ("DeliveryFailuresAlarm", {"EvaluationPeriods": 1}),
            ("ImportErrorsAlarm", {"MetricName": "Invocations"}),
            ("ProbeErrorsAlarm", {"TreatMissingData": "breaching"}),
            ("DeadLetterErrorsAlarm", {"Period": 300}),
            ("ThrottlesAlarm", {"EvaluationPeriods": 1}),
            ("SweepNotRunAlarm", {"EvaluationPeriods": 1}),
            ("WorkOverdueAlarm", {"Statistic": "Minimum", "EvaluationPeriods": 9}),
            ("WorkOverdueAlarm", {"Threshold": 30}),
            ("DeadLettersStayAlarm", {"DatapointsToAlarm": 3}),
            ("ImportsLateAlarm", {"Threshold": 3000}),
            ("ProbesLateAlarm", {"Statistic": "Sum"}),
        ):
            with self.subTest(name, **changes):
                self.assert_found(name, **changes)


if __name__ == "__main__":
    unittest.main()
