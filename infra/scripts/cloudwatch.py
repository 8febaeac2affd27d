"""Models CloudWatch's alarms and the metrics that SQS and Lambda publish, as AWS documents them, for tests of the template's alarms.
Time is in seconds; metrics have a resolution of one minute.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
"""

import ast
import math
import operator
from collections import defaultdict

MINUTE = 60
# Older periods that CloudWatch also evaluates when data is missing, as in the tables of its documentation.
OLDER_PERIODS = 2
# From this receive on, SQS leaves a message out of ApproximateAgeOfOldestMessage.
POISON_RECEIVES = 3



def percentile(number):
    """Returns the smallest sample that is not less than `number` percent of all."""
    return lambda samples: sorted(samples)[max(math.ceil(len(samples) * number / 100), 1) - 1]


STATISTICS = {"Sum": sum, "Maximum": max, "Minimum": min, "Average": lambda samples: sum(samples) / len(samples)}
STATISTICS |= {f"p{number}": percentile(number) for number in (50, 90, 99)}
COMPARISONS = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


class Metrics:
    """Published values, by namespace, name and resource (None: all resources)."""

    def __init__(self):
        self.values = defaultdict(lambda: defaultdict(list))

    def publish(self, namespace, name, resource, time, value):
        self.values[namespace, name, resource][time // MINUTE].append(value)

    def series(self, key, period, statistic, now):
        """Returns the value of each period that has ended, by its start. Periods without data are missing."""
        samples = defaultdict(list)
        for minute, values in self.values.get(key, {}).items():
            start = minute * MINUTE // period * period
            if start + period <= now:
                samples[start] += values
        return {start: STATISTICS[statistic](values) for start, values in samples.items()}


def resource_of(dimensions):
    """Returns the resource of the template that the dimensions of a metric name, as in "Table" or "Table/index"; None without dimensions."""
    return "/".join(named(dimension["Value"]) for dimension in dimensions or ()) or None


def named(value):
    """Returns a value of the template as text."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    return argument[0] if function == "Fn::GetAtt" else argument


ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.GtE: operator.ge}


class Expression:
    """Evaluates the part of metric math that the template uses. Where the documentation leaves a case open, it returns the less helpful
    result: FILL does not fill a series without values, and an operator has no value where an operand has none."""

    def __init__(self, text, series, starts):
        self.series, self.starts = series, starts
        self.result = self.of(ast.parse(text, mode="eval").body)

    def of(self, node):
        match node:
            case ast.Name(id=name):
                return {start: value for start, value in self.series[name].items() if start in self.starts}
            case ast.Constant(value=value):
                return dict.fromkeys(self.starts, value)
            case ast.BinOp(left=left, op=sign, right=right):
                return self.both(ARITHMETIC[type(sign)], left, right)
            case ast.Compare(left=left, ops=[sign], comparators=[right]):
                return self.both(ARITHMETIC[type(sign)], left, right)
            case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
                condition, then, otherwise = self.of(condition), self.of(then), self.of(otherwise)
                chosen = {start: (then if true else otherwise).get(start) for start, true in condition.items()}
                return {start: value for start, value in chosen.items() if value is not None}
            case ast.Call(func=ast.Name(id="FILL"), args=[inner, ast.Constant(value=value)]):
                inner = self.of(inner)
                return {start: inner.get(start, value) for start in self.starts} if inner else {}
            case ast.Call(func=ast.Name(id="SUM"), args=[ast.List(elts=elements)]):
                return self.sum([self.of(element) for element in elements])
            case ast.Call(func=ast.Name(id="SUM"), args=[ast.Call(func=ast.Name(id="METRICS"))]):
                return self.sum([{s: v for s, v in one.items() if s in self.starts} for one in self.series.values()])
        raise ValueError(f"not modelled: {ast.unparse(node)}")

    def both(self, function, left, right):
        """Returns a function of two series. A division by 0 has no value."""
        left, right = self.of(left), self.of(right)
        starts = [start for start in left.keys() & right.keys() if function is not operator.truediv or right[start]]
        return {start: function(left[start], right[start]) for start in starts}

    @staticmethod
    def sum(all_series):
        """Ignores series without values. The others must have a value for a start to count."""
        present = [series for series in all_series if series]
        starts = set.intersection(*(set(series) for series in present)) if present else set()
        return {start: sum(series[start] for series in present) for start in starts}


class Alarm:
    """An alarm of the template."""

    def __init__(self, properties):
        self.properties = properties

    @property
    def period(self):
        inner = [query["MetricStat"]["Period"] for query in self.properties.get("Metrics", []) if "MetricStat" in query]
        (period,) = {self.properties["Period"]} if "Period" in self.properties else set(inner)
        return period

    @property
    def statistic(self):
        return self.properties.get("Statistic") or self.properties["ExtendedStatistic"]

    def keys(self):
        """Yields the metrics of the alarm."""
        queries = [query["MetricStat"]["Metric"] for query in self.properties.get("Metrics", []) if "MetricStat" in query]
        for metric in queries or [self.properties]:
            yield named(metric["Namespace"]), metric["MetricName"], resource_of(metric.get("Dimensions"))

    def values(self, metrics, now, starts):
        queries = self.properties.get("Metrics")
        if queries is None:
            (key,) = self.keys()
            return metrics.series(key, self.period, self.statistic, now)
        series, (expression,) = {}, [query["Expression"] for query in queries if query.get("ReturnData", True)]
        for query, key in zip([query for query in queries if "MetricStat" in query], self.keys(), strict=True):
            series[query["Id"]] = metrics.series(key, self.period, query["MetricStat"]["Stat"], now)
        return Expression(expression, series, starts).result

    def fires(self, metrics, now):
        """Returns whether the alarm is in the state ALARM at the end of a period."""
        wanted = self.properties["EvaluationPeriods"]
        last = now // self.period * self.period
        starts = [last - self.period * (index + 1) for index in range(wanted + OLDER_PERIODS)]
        values = self.values(metrics, now, starts)
        found = [values.get(start) for start in starts]
        if None in found[:wanted]:
            found = [value for value in found if value is not None]  # older values before missing ones
        breaching = [COMPARISONS[self.properties["ComparisonOperator"]](v, self.properties["Threshold"]) for v in found[:wanted]]
        missing = self.properties.get("TreatMissingData", "missing")
        if len(breaching) < wanted and missing == "missing" and not breaching:
            return False  # INSUFFICIENT_DATA
        breaching += [missing == "breaching"] * (wanted - len(breaching))
        return sum(breaching) >= self.properties.get("DatapointsToAlarm", wanted)

    def first_fired(self, metrics, end, begin=0):
        """Returns the first moment at which the alarm fires, or None."""
        moments = range(begin // self.period * self.period + self.period, end + 1, self.period)
        return next((now for now in moments if self.fires(metrics, now)), None)


class Message:
    def __init__(self, sent, work):
        self.sent, self.work = sent, work
        self.receives, self.hidden_until = 0, sent


class Queue:
    """A queue and the function that reads it, one message per invocation. `work` of a message returns for each receive its duration in
    seconds and whether it succeeds."""

    def __init__(self, metrics, name, function, visibility, workers, dead_letters=None, max_receives=5):
        self.metrics, self.name, self.function = metrics, name, function
        self.visibility, self.workers = visibility, workers
        self.dead_letters, self.max_receives = dead_letters, max_receives
        self.messages, self.busy = [], []  # busy: until when, which message, whether it succeeds
        self.arrivals = defaultdict(list)

    def send(self, time, work):
        """Schedules the sending of a message."""
        self.arrivals[time].append(("NumberOfMessagesSent", work))

    def redrive(self, time, work):
        """Schedules a message that SQS moves here: NumberOfMessagesSent does not count it, and its age starts at zero."""
        self.arrivals[time].append((None, work))

    def count(self, metric, time, value):
        self.metrics.publish("AWS/SQS", metric, self.name, time, value)

    def tick(self, time):
        for metric, work in self.arrivals.pop(time, ()):
            self.messages.append(Message(time, work))
            if metric:
                self.count(metric, time, 1)
        for entry in [entry for entry in self.busy if entry[0] <= time]:
            self.busy.remove(entry)
            _, message, succeeds = entry
            if succeeds and message in self.messages:
                self.messages.remove(message)
        for message in [message for message in self.messages if message.hidden_until <= time]:
            if len(self.busy) >= self.workers:
                break
            self.receive(time, message)
        if time % MINUTE == 0:
            self.publish(time)

    def receive(self, time, message):
        if self.dead_letters and message.receives >= self.max_receives:
            self.messages.remove(message)
            self.dead_letters.redrive(time, self.dead_letters.work)
            return
        message.receives += 1
        message.hidden_until = time + self.visibility
        seconds, succeeds = message.work(message.receives)
        self.count("NumberOfMessagesReceived", time, 1)
        self.metrics.publish("AWS/Lambda", "Invocations", self.function, time, 1)
        self.metrics.publish("AWS/Lambda", "Errors", self.function, time, 0 if succeeds else 1)
        self.busy.append((time + seconds, message, succeeds))

    def publish(self, time):
        hidden = sum(1 for message in self.messages if message.hidden_until > time)
        self.count("ApproximateNumberOfMessagesVisible", time, len(self.messages) - hidden)
        if hidden:
            self.count("ApproximateNumberOfMessagesNotVisible", time, hidden)
        ages = [time - message.sent for message in self.messages if message.receives < POISON_RECEIVES]
        if ages:
            self.count("ApproximateAgeOfOldestMessage", time, max(ages))


def run(queues, seconds):
    """Advances the time."""
    for time in range(seconds):
        for queue in queues:
            queue.tick(time)
