"""Checks the template for what fails or costs money only in a real account: a first deployment that cannot be repeated, more
concurrency than a new account has, log lines that Lambda drops. Each check returns a list of faults.

AWS documents the numbers:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

import re

from check_platform import of_type
from values import Values

# Concurrent executions of a new account, and how many of them imports, probes, deliveries, dead letters and sweep must leave for the API
# when all of them are at their maximum.
SMALL_ACCOUNT = 10
ROOM_FOR_THE_API = 1
LEAST_MAXIMUM_CONCURRENCY = 2
# Types whose content cannot be restored.
KEPT = ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::DynamoDB::Table")
LOG_GROUP_PREFIX = "/aws/vendedlogs/"
LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SYSTEM_LEVELS = ("DEBUG", "INFO", "WARN")
MAX_SWEEP_AGE = 60


def retain_faults(template):
    """Finds data that is deleted with the stack, names that a failed first deployment would block, and tables that CloudFormation
    could not delete in a rollback."""
    faults = []
    for name, resource in template["Resources"].items():
        policy, properties = resource.get("DeletionPolicy", "Delete"), resource.get("Properties", {})
        if resource["Type"] not in KEPT:
            continue
        if properties.get("DeletionProtectionEnabled"):
            expected = "Retain"  # otherwise the rollback would end in ROLLBACK_FAILED
        elif "TableName" in properties or resource["Type"].startswith("AWS::S3::"):
            expected = "RetainExceptOnCreate"
        else:
            continue
        if policy != expected:
            faults.append(f"{name}: its DeletionPolicy is {policy}, {expected} is needed")
    return faults


def concurrency_faults(template):
    """Finds queues whose readers could use all of a small account's concurrency, or have no parameter for it."""
    faults, taken = [], 1  # sweep
    values, parameters = Values(template), template.get("Parameters", {})
    for name, mapping in of_type(template, "AWS::Lambda::EventSourceMapping"):
        limit = mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
        parameter = limit.get("Ref") if isinstance(limit, dict) else None
        if parameter not in parameters:
            faults.append(f"{name}: its MaximumConcurrency is no parameter")
            continue
        if int(parameters[parameter].get("MinValue", 0)) < LEAST_MAXIMUM_CONCURRENCY:
            faults.append(f"{parameter}: AWS requires at least {LEAST_MAXIMUM_CONCURRENCY}, which must be its MinValue")
        taken += int(values.of(limit))
    if taken + ROOM_FOR_THE_API > SMALL_ACCOUNT:
        faults.append(f"of {SMALL_ACCOUNT} concurrent executions the defaults take {taken} and leave too few for the API")
    for name, function in of_type(template, "AWS::Lambda::Function"):
        if isinstance(values.of(function.get("ReservedConcurrentExecutions", {"Ref": "AWS::NoValue"})), int | str):
            faults.append(f"{name}: reserves concurrency by default, which an account of {SMALL_ACCOUNT} cannot")
    return faults


def batch_faults(template):
    """Finds queues with batches: a function returns an error for a failed message, so that Lambda counts it, and the whole batch would
    be repeated."""
    mappings = of_type(template, "AWS::Lambda::EventSourceMapping")
    return [f"{name}: its BatchSize is {m.get('BatchSize')}, not 1" for name, m in mappings if m.get("BatchSize") != 1]


def log_level_faults(template, publishers):
    """Finds functions whose lines Lambda would drop although LogLevel lets them pass. `publishers` publish metrics, which are lines of
    level INFO."""
    faults = []
    functions = of_type(template, "AWS::Lambda::Function")
    for level in template.get("Parameters", {}).get("LogLevel", {}).get("AllowedValues", []):
        values = Values(template, LogLevel=level)
        for name, function in functions:
            logging = values.of(function.get("LoggingConfig", {}))
            application, system = logging.get("ApplicationLogLevel"), logging.get("SystemLogLevel")
            wanted = level.upper()
            if name in publishers and LEVELS.index(wanted) > LEVELS.index("INFO"):
                wanted = "INFO"
            if application != wanted:
                faults.append(f"{name}: with LogLevel {level} its ApplicationLogLevel is {application}, not {wanted}")
            if system not in SYSTEM_LEVELS or LEVELS.index(system) > max(LEVELS.index(wanted), LEVELS.index("WARN")):
                faults.append(f"{name}: with LogLevel {level} its SystemLogLevel is {system}")
    return faults


def vended_log_faults(template):
    """Finds access logs whose log group would extend the account's resource policy for log delivery, which has a size limit."""
    groups, faults = dict(of_type(template, "AWS::Logs::LogGroup")), []
    for name, stage in of_type(template, "AWS::ApiGatewayV2::Stage"):
        destination = stage.get("AccessLogSettings", {}).get("DestinationArn", {})
        target = destination.get("Fn::GetAtt", [None])[0] if isinstance(destination, dict) else None
        named = groups.get(target, {}).get("LogGroupName", "")
        text = named.get("Fn::Sub", "") if isinstance(named, dict) else named
        if not text.startswith(LOG_GROUP_PREFIX):
            faults.append(f"{name}: its access log's group is not under {LOG_GROUP_PREFIX}")
    return faults


def detailed_metrics_faults(template):
    """Finds stages that publish metrics of each route by default, which AWS charges for."""
    values = Values(template)
    stages = of_type(template, "AWS::ApiGatewayV2::Stage")
    settings = [(name, values.of(stage.get("DefaultRouteSettings", {}))) for name, stage in stages]
    on = [name for name, setting in settings if str(setting.get("DetailedMetricsEnabled", False)).lower() != "false"]
    return [f"{name}: detailed metrics are on by default" for name in on]


def schedule_faults(template):
    """Finds schedules whose event could still run when the next one arrives."""
    configs = {c["FunctionName"].get("Ref"): c for _, c in of_type(template, "AWS::Lambda::EventInvokeConfig")}
    faults = []
    for name, schedule in of_type(template, "AWS::Scheduler::Schedule"):
        target = schedule["Target"]
        function = target["Arn"]["Fn::GetAtt"][0]
        for what, policy in (("its RetryPolicy", target.get("RetryPolicy", {})), (f"{function}'s EventInvokeConfig", configs.get(function, {}))):
            if policy.get("MaximumEventAgeInSeconds", 6 * 3600) > MAX_SWEEP_AGE or policy.get("MaximumRetryAttempts") != 0:
                faults.append(f"{name}: {what} lets an event live longer than {MAX_SWEEP_AGE} s, or arrive twice")
    return faults


def size_faults(template, limits, documents):
    """Finds another largest object than that of the domain's limits, in the template or in a document (text by name)."""
    number = {}
    for name, expression in re.findall(r"pub const (\w+): u(?:32|64) = ([\d_* ]+);", limits):
        number[name] = eval(expression.replace("_", ""), {"__builtins__": {}})  # digits and products only: see the pattern
    largest = number["MAX_PARTS"] * number["MAX_SINGLE_PUT_BYTES"]
    tebibytes = f"{largest / 2**40:.1f}"
    bound = template.get("Parameters", {}).get("MaxFileBytes", {}).get("MaxValue")
    faults = [] if bound == largest else [f"MaxFileBytes: its MaxValue is {bound}, S3's largest object has {largest}"]
    for name, text in documents.items():
        faults += [f"{name}: {found} TiB, S3's largest object has {tebibytes}" for found in re.findall(r"([\d.,]+) TiB", text) if found != tebibytes]
    return faults


def publishers(template, root):
    """Returns the functions whose code publishes metrics."""
    found = set()
    for name, function in of_type(template, "AWS::Serverless::Function"):
        crate = re.fullmatch(r".*/([\w-]+)/bootstrap\.zip", str(function.get("CodeUri", "")))
        sources = (root / "functions" / crate[1] / "src").rglob("*.rs") if crate else ()
        if any("publish_metric(" in source.read_text(encoding="utf-8") for source in sources):
            found.add(name)
    return found


def documents(root):
    """Returns the documents that must agree with the template."""
    files = [root / "README.md", root / "CHANGELOG.md", root / "template.yaml", *sorted((root / "infra").rglob("*.md"))]
    files += [root / "infra/api/openapi.yaml", root / "shared/files-domain/src/limits.rs"]
    return {str(f.relative_to(root)): f.read_text(encoding="utf-8") for f in files if f.is_file() and "node_modules" not in f.parts}


def account_faults(source, template, root):
    """Runs all checks on a template, its transformation and its source tree."""
    checks = (retain_faults, concurrency_faults, batch_faults, vended_log_faults, detailed_metrics_faults, schedule_faults)
    faults = [fault for check in checks for fault in check(template)]
    faults += log_level_faults(template, publishers(source, root))
    limits = (root / "shared/files-domain/src/limits.rs").read_text(encoding="utf-8")
    return faults + size_faults(source, limits, documents(root))
