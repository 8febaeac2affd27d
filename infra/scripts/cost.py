"""Computes what a month costs: the calls that tests count (cost/counts.json) times AWS's list prices (cost/prices.yaml).

    python cost.py                                  writes the tables of infra/docs/cost.md
    python cost.py --check                          fails if they differ
    python cost.py --uploads 1e6 --downloads 5e6 …  prints the month of these numbers; --help lists them
"""

import argparse
import json
import sys
from collections import namedtuple
from pathlib import Path

import yaml

from log_metrics import filters
from transform import ROOT, load_template

FOLDER = Path(__file__).resolve().parent / "cost"
PAGE = ROOT / "infra/docs/cost.md"
MARKERS = {name: (f"<!-- {name}: written by infra/scripts/cost.py -->\n", f"<!-- /{name} -->") for name in ("costs", "limits", "prices")}
MILLION = 1_000_000
Line = namedtuple("Line", "what price quantity usd")
PUTS = ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "ListParts", "ListObjectsV2")
FREE = ("DeleteObject", "AbortMultipartUpload")
FAIR_QUEUE = "import-file"  # messages to it have their owner as the group


class Prices:
    def __init__(self):
        self.all = yaml.safe_load((FOLDER / "prices.yaml").read_text())
        self.assumed = {name: one["value"] for name, one in self.all["assumptions"].items()}

    def line(self, what, price, quantity):
        if price in self.all["tiers"]:
            return Line(what, price, quantity, self.tiered(price, quantity))
        return Line(what, price, quantity, quantity * self.all["prices"][price]["usd"])

    def tiered(self, price, quantity):
        usd, below = 0, 0
        for end, step in self.all["tiers"][price]["steps"]:
            usd += max(min(quantity, end) - below, 0) * step
            below = end
        return usd

    def unit(self, price):
        return (self.all["prices"].get(price) or self.all["tiers"][price])["of"]


class Stack:
    """Numbers of the template: memory of each function, alarms, queues, metrics."""

    def __init__(self):
        template = load_template(ROOT / "template.yaml")
        resources = template["Resources"]
        default = template["Globals"]["Function"]["MemorySize"]
        functions = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Serverless::Function"]
        self.memory = {f["CodeUri"].split("/")[-2]: f.get("MemorySize", default) for f in functions}
        self.polled = sum(event["Type"] == "SQS" for f in functions for event in f.get("Events", {}).values())
        alarms = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::CloudWatch::Alarm"]
        self.alarms = len(alarms)
        self.alarm_metrics = sum(len([q for q in a["Metrics"] if "MetricStat" in q]) if "Metrics" in a else 1 for a in alarms)
        self.metrics = 1 + sum("Condition" not in r for r in filters(template).values())  # with OldestDueAge


class Costs:
    """The costs of operations, in lines that are added up by price."""

    def __init__(self, prices, stack, counts):
        self.prices, self.stack, self.counts = prices, stack, counts

    def milliseconds(self, function, seconds):
        assumed = self.prices.assumed
        times = {"probe-file": assumed["probe_ms"], "probe-record": assumed["record_ms"], "deliver-webhook": assumed["deliver_ms"],
                 "sweep": assumed["sweep_ms"], "import-file": seconds * 1000}
        return times.get(function, assumed["api_ms"])

    def invocations(self, operation, function):
        """Returns how often an operation invokes a function: probe-file invokes probe-record, other callers invoke the others once."""
        return self.counts[operation]["probe-file"]["calls"]["lambda.Invoke"] if function == "probe-record" else 1

    def operation(self, name, times, seconds=0, parts=None):
        """Returns the lines of `times` operations. `seconds` and `parts` are those of one import."""
        quantities = {}

        def add(price, quantity):
            quantities[price] = quantities.get(price, 0) + quantity

        found = self.counts[name]
        if name != "sweep":
            add("http_api_request", 1)
            add("log_gb", self.prices.assumed["log_bytes_access"] / 1e9)
        for function, one in found.items():
            invoked = self.invocations(name, function)
            add("lambda_request", invoked)
            add("lambda_gb_second", invoked * self.milliseconds(function, seconds) / 1000 * self.stack.memory[function] / 1024)
            add("log_gb", invoked * self.prices.assumed["log_bytes_invocation"] / 1e9)
            add("dynamodb_read_unit", one["read_units"])
            add("dynamodb_write_unit", one["write_units"] + self.progress(function, one, seconds))
            for call, number in one["calls"].items():
                service, call = call.split(".")
                if service == "s3" and call not in FREE:
                    number = parts if parts and call == "UploadPart" else number
                    add("s3_put" if call in PUTS else "s3_get", number)
                if service == "sqs":
                    add("sqs_request", 3 * number)  # sent, received, deleted
                    if FAIR_QUEUE in found:
                        add("sqs_fair_request", 3 * number)
        return [self.prices.line(name, price, quantity * times) for price, quantity in quantities.items() if quantity]

    @staticmethod
    def progress(function, one, seconds):
        """Returns the write units of the progress of an import beyond what was counted: one update every 2 s, of 3 units with the index."""
        counted = one["calls"].get("dynamodb.UpdateItem", 0)
        return max(3 + seconds / 2 - counted, 0) * 3 if function == "import-file" else 0

    def imports(self, times, megabytes):
        seconds = megabytes / self.prices.assumed["import_mb_per_second"]
        return self.operation("import", times, seconds, parts=-(-megabytes * 10**6 // (8 << 20)))

    def webhooks(self, times):
        """Returns the costs of a webhook beyond its upload."""
        return minus(self.operation("upload_with_webhook", times), self.operation("upload", times))

    def downloads(self, times, megabytes):
        return [*self.operation("download", times), self.prices.line("download", "transfer_out_gb", times * megabytes / 1000)]

    def stored(self, terabytes):
        """Returns the lines of a month of storage, with the records of the files."""
        files = terabytes * 10**6 / self.prices.assumed["file_mb"]
        records = files * self.prices.assumed["record_bytes"] / 1e9
        return [self.prices.line("stored", "s3_gb_month", terabytes * 1000), self.prices.line("stored", "dynamodb_gb_month", records),
                self.prices.line("stored", "dynamodb_pitr_gb_month", records)]

    def idle(self):
        """Returns the lines of a month of an unused deployment."""
        assumed, minutes = self.prices.assumed, self.prices.assumed["days"] * 24 * 60
        polls = self.stack.polled * assumed["polls_second_queue"] * minutes * 60
        month = [("alarm_metric", self.stack.alarm_metrics), ("custom_metric", self.stack.metrics), ("dashboard", 1), ("sqs_request", polls),
                 ("scheduler_invocation", minutes), ("kms_request", assumed["kms_requests_month"])]
        return [*self.operation("sweep", minutes), *[self.prices.line("idle", price, quantity) for price, quantity in month]]

    def kms_key(self):
        return [self.prices.line("idle", "kms_key", 1)]


def minus(lines, others):
    other = {line.price: line for line in others}
    rest = [line._replace(quantity=line.quantity - other[line.price].quantity, usd=line.usd - other[line.price].usd) if line.price in other else line for line in lines]
    return [line for line in rest if line.usd > 1e-9]


def total(lines):
    return sum(line.usd for line in lines)


def quantity(number):
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def small(usd):
    """Formats a price; the price of single requests for a million of them."""
    return f"{usd:g}" if usd >= 0.001 else f"{usd * MILLION:g} for a million"


def dollars(usd):
    return f"{usd:,.2f}"


def table(prices, lines):
    lines = sorted(lines, key=lambda line: -line.usd)
    rows = [f"| {prices.unit(line.price)} | {quantity(line.quantity)} | {dollars(line.usd)} |" for line in lines]
    return "\n".join(["| what | quantity | USD |", "| --- | ---: | ---: |", *rows, f"| **together** | | **{dollars(total(lines))}** |", ""])


def costs_page(costs):
    """Returns the scenarios, each with its lines."""
    scenarios = [
        ("1,000,000 uploads with their probes", "Presigned uploads by one PUT, each with a poster, without storage. Without posters (`Posters=false`) they cost 5.00 less.", costs.operation("upload", MILLION)),
        ("1,000,000 imports of 100 MB", "With their probes, without storage.", costs.imports(MILLION, 100)),
        ("1 PB stored for a month", "10,000,000 files of 100 MB.", costs.stored(1000)),
        ("1,000,000 downloads of 10 MB", "", costs.downloads(MILLION, 10)),
        ("1,000,000 webhooks", "Beyond their uploads, delivered at the first attempt.", costs.webhooks(MILLION)),
        ("1,000,000 requests for one file", "", costs.operation("get", MILLION)),
        ("A month without use", "Sweep, pollers of the queues, alarms, metrics and dashboard.", costs.idle()),
    ]
    text = []
    for title, note, lines in scenarios:
        text += [f"### {title}\n", *([note + "\n"] if note else []), table(costs.prices, lines)]
    return "\n".join(text)


def prices_page(prices):
    """Returns the prices, their sources and the assumptions."""
    rows = [f"| [{one['of']}]({one['source']}) | {small(one['usd'])} |" for one in prices.all["prices"].values()]
    for one in prices.all["tiers"].values():
        steps = ", ".join(f"{usd:g} {'then' if end == float('inf') else f'up to {end / 1000:g} TB'}" for end, usd in one["steps"])
        rows.append(f"| [{one['of']}]({one['source']}) | {steps} |")
    assumed = [f"| {one['of']} | {one['value']:,} |" for one in prices.all["assumptions"].values()]
    return "\n".join([f"List prices of {prices.all['region']}, as of {prices.all['as_of']}, in USD.\n", "| for each | USD |", "| --- | ---: |", *rows, "",
                      "Assumptions, which only an account can confirm:\n", "| | |", "| --- | ---: |", *assumed, ""])


Limit = namedtuple("Limit", "what need most change")
RATES = (10, 1_000, 100_000)
# What AWS grants by default; the quotas of an account can be raised but for those marked as fixed.
PARTITION_WRITES = 1_000   # units a second of a partition of a table or an index, fixed
TRANSACTIONS_ITEM = 100    # transactions a second on one item: each holds it for about 10 ms
DUE_SHARDS = 4
TABLE_WRITES = 40_000      # units a second of a table
CONCURRENCY = 1_000        # executions of an account
API_REQUESTS = 10_000      # requests a second of an account in API Gateway
ESM_CONCURRENCY = 1_000    # MaximumConcurrency of an event source mapping, fixed
S3_PREFIX_PUTS = 3_500     # PUTs a second of a prefix


def needs(costs, rate):
    """Returns the load of `rate` uploads a second, with one get each, and a tenth as many imports of 100 MB."""
    assumed = costs.prices.assumed
    upload = costs.counts["upload"]
    writes = sum(one["write_units"] for one in upload.values())
    busy = (2 * assumed["api_ms"] + assumed["probe_ms"] + 2 * assumed["record_ms"]) / 1000
    import_seconds = 100 / assumed["import_mb_per_second"]
    return {
        "requests": 2 * rate,
        "writes": writes * rate,
        "transactions": 2 * rate,
        "due": 3 * rate,
        "executions": busy * rate,
        "workers": rate / 10 * import_seconds,
        "puts": rate + rate / 10 * 14,
    }


def limits(costs, rate):
    """Returns the limits of one account and region at a rate, with the changes that each needs."""
    need = needs(costs, rate)
    return [
        Limit("requests a second, API Gateway", need["requests"], API_REQUESTS, "`ThrottlingRate`, and the quota; above about 100,000 several accounts behind one domain"),
        Limit("executions at once, Lambda", need["executions"] + need["workers"], CONCURRENCY, "the quota \"Concurrent executions\"; it grows by 1,000 in 10 s for each function"),
        Limit("import workers, one tenth as many imports of 100 MB", need["workers"], ESM_CONCURRENCY, "`ImportConcurrency`; above 1,000 several import queues, by the owner's hash"),
        Limit("write units a second of the files table", need["writes"], TABLE_WRITES, "the quota of the table, and its warm throughput before the peak"),
        Limit("write units a second of the index `due`", need["due"], DUE_SHARDS * PARTITION_WRITES, "`DUE_SHARDS`, which sweep reads in each round"),
        Limit("transactions a second on the usage item, if one owner sends all", need["transactions"], TRANSACTIONS_ITEM, "several owners; for one, a usage item in shards"),
        Limit("write units a second in one owner's partition, if one owner sends all", need["writes"], PARTITION_WRITES, "several owners; for one, the owner's key in shards, which lists must merge"),
        Limit("PUTs a second under one prefix, if one owner sends all", need["puts"], S3_PREFIX_PUTS, "nothing for several owners; for one, S3 divides the prefix by itself within minutes (503 meanwhile), not within one time-ordered range: a random part before the id"),
    ]


def limits_page(costs):
    rows = []
    for at in zip(*(limits(costs, rate) for rate in RATES), strict=True):
        cells = [f"**{quantity(one.need)}**" if one.need > one.most else quantity(one.need) for one in at]
        rows.append(f"| {at[0].what} | {' | '.join(cells)} | {at[0].most:,} | {at[0].change} |")
    head = " | ".join(f"{rate:,} a second" for rate in RATES)
    return "\n".join([f"| needed | {head} | default limit | change |", "| --- | ---: | ---: | ---: | ---: | --- |", *rows, ""])


def with_tables(text, costs):
    pages = {"costs": costs_page(costs), "limits": limits_page(costs), "prices": prices_page(costs.prices)}
    for name, (begin, end) in MARKERS.items():
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}\n{pages[name]}\n{end}{after}"
    return text


def what_if(costs, options):
    """Returns the lines of a month with these numbers, added up by price."""
    lines = [*costs.operation("upload", options.uploads), *costs.imports(options.imports, options.import_mb), *costs.downloads(options.downloads, options.download_mb),
             *costs.webhooks(options.webhooks), *costs.operation("get", options.gets), *costs.operation("list", options.lists), *costs.stored(options.stored_tb)]
    lines += costs.idle() + (costs.kms_key() if options.kms_key else [])
    prices = dict.fromkeys(line.price for line in lines)
    for price in prices:
        quantity = sum(line.quantity for line in lines if line.price == price)
        prices[price] = costs.prices.line("month", price, quantity)
    return [line for line in prices.values() if line.usd]


def parser():
    found = argparse.ArgumentParser(description="Computes what a month costs.")
    found.add_argument("--check", action="store_true", help="fail if the page differs")
    for name, default, text in (("uploads", 0, "uploads with their probes"), ("imports", 0, "imports"), ("import-mb", 100, "MB of an import"),
                                ("downloads", 0, "downloads"), ("download-mb", 10, "MB of a download"), ("webhooks", 0, "webhooks"),
                                ("gets", 0, "requests for one file"), ("lists", 0, "pages of lists"), ("stored-tb", 0, "TB stored")):
        found.add_argument(f"--{name}", type=float, default=default, metavar="N", help=f"{text} [{default}]")
    found.add_argument("--kms-key", action="store_true", help="with a KMS key of your own (TableKeyArn)")
    return found


def main(arguments):
    costs = Costs(Prices(), Stack(), json.loads((FOLDER / "counts.json").read_text()))
    options = parser().parse_args(arguments)
    if arguments and not options.check:
        print(table(costs.prices, what_if(costs, options)))
        return
    text = PAGE.read_text(encoding="utf-8")
    new = with_tables(text, costs)
    if options.check and new != text:
        raise SystemExit("infra/docs/cost.md differs from the counted calls and the prices; run `make cost`")
    PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
