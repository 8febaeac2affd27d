"""Checks the transformed template for what an operator relies on and no test would notice: log retention, an access log without secrets,
alarms with actions, roles without managed policies, and no way to create API keys. Each check returns a list of faults."""

import re

# Managed policies that SAM adds: for logs, and for functions with a queue.
SAM_POLICIES = ("service-role/AWSLambdaBasicExecutionRole", "service-role/AWSLambdaSQSQueueExecutionRole")

# Actions that functions may have on the keys table.
KEY_ACTIONS = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem")

# Fields that the access log may have. No path (it contains file names), no query and no header (they may contain the key).
ACCESS_LOG_FIELDS = {
    "requestId",
    "requestTime",
    "routeKey",
    "status",
    "protocol",
    "responseLength",
    "responseLatency",
    "integrationLatency",
    "integrationStatus",
    "integrationErrorMessage",
    "identity.sourceIp",
    "identity.userAgent",
}


def of_type(template, kind):
    """Returns name and properties of each resource of a type."""
    resources = template["Resources"].items()
    return [(name, resource.get("Properties", {})) for name, resource in resources if resource["Type"] == kind]


def log_faults(template):
    """Finds functions whose log is not JSON or has no log group of the template, and log groups without retention."""
    groups = dict(of_type(template, "AWS::Logs::LogGroup"))
    faults = [f"{name}: no RetentionInDays" for name, group in groups.items() if "RetentionInDays" not in group]
    for name, function in of_type(template, "AWS::Lambda::Function"):
        logging = function.get("LoggingConfig", {})
        group = logging.get("LogGroup", {})
        if not isinstance(group, dict) or group.get("Ref") not in groups:
            faults.append(f"{name}: its LoggingConfig names no log group of this template")
        if logging.get("LogFormat") != "JSON":
            faults.append(f"{name}: its LogFormat is not JSON")
    return faults


def access_log_faults(template):
    """Finds stages of HTTP APIs without an access log, or with other fields than ACCESS_LOG_FIELDS."""
    faults = []
    for name, stage in of_type(template, "AWS::ApiGatewayV2::Stage"):
        fields = re.findall(r"\$context\.([\w.]+)", stage.get("AccessLogSettings", {}).get("Format", ""))
        if not fields:
            faults.append(f"{name}: no access log with an explicit format")
        faults += [f"{name}: the access log holds {field}" for field in fields if field not in ACCESS_LOG_FIELDS]
    return faults


def alarm_faults(template):
    """Finds alarms without actions, and a template without alarms."""
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    faults = [f"{name}: it has no AlarmActions" for name, alarm in alarms if not alarm.get("AlarmActions")]
    return faults if alarms else ["there are no alarms"]


def role_faults(template):
    """Finds roles with managed policies other than those that SAM adds."""
    faults = []
    for name, role in of_type(template, "AWS::IAM::Role"):
        for policy in role.get("ManagedPolicyArns", []):
            if not str(policy).endswith(SAM_POLICIES):
                faults.append(f"{name}: has the managed policy {policy}")
    return faults


def boundary_faults(template):
    """Finds roles that the parameter PermissionsBoundaryArn does not bound."""
    if "PermissionsBoundaryArn" not in template.get("Parameters", {}):
        return []
    roles = of_type(template, "AWS::IAM::Role")
    return [f"{name}: it has no PermissionsBoundary" for name, role in roles if "PermissionsBoundaryArn" not in str(role.get("PermissionsBoundary"))]


def as_list(value):
    return value if isinstance(value, list) else [value]


def key_faults(template):
    """Finds statements that let a function create or change an API key, and statements with a condition: AWS does not document how
    IAM evaluates dynamodb:LeadingKeys in a transaction over two tables."""
    faults = []
    for name, role in of_type(template, "AWS::IAM::Role"):
        for policy in role.get("Policies", []):
            for statement in as_list(policy.get("PolicyDocument", {}).get("Statement", [])):
                actions, resources = as_list(statement.get("Action", [])), as_list(statement.get("Resource", []))
                if "Condition" in statement:
                    faults.append(f"{name}: a statement with a Condition")
                if any(resource == "*" or "KeysTable" in str(resource) for resource in resources):
                    faults += [f"{name}: {a} on the keys table" for a in actions if a not in KEY_ACTIONS]
    return faults


# Actions that the role of a function with untrusted bytes may allow: invoking another function, and what Lambda itself needs.
WITHOUT_RIGHTS = {
    "lambda:InvokeFunction",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}


def stranger_faults(template):
    """Finds functions with a layer, whose program reads untrusted bytes, if their role is not defined in the template or allows more than
    WITHOUT_RIGHTS, or these on every resource."""
    roles, faults = dict(of_type(template, "AWS::IAM::Role")), []
    for name, function in of_type(template, "AWS::Lambda::Function"):
        if not function.get("Layers"):
            continue
        role = roles.get(function.get("Role", {}).get("Fn::GetAtt", [None])[0], {})
        if not role or role.get("ManagedPolicyArns"):
            faults.append(f"{name}: its role must be one of this template, without managed policies")
        for statement in (one for policy in role.get("Policies", []) for one in policy["PolicyDocument"]["Statement"]):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            faults += [f"{name}: its role allows {action}" for action in actions if action not in WITHOUT_RIGHTS]
            if statement["Resource"] == "*":
                faults.append(f"{name}: its role allows {', '.join(actions)} on everything")
            if "logs:PutLogEvents" in actions and f"-{name}-" not in str(statement["Resource"]):
                faults.append(f"{name}: its role allows writing the log streams of other functions")
    return faults


def loop_faults(source, template):
    """Finds functions whose RecursiveLoop is lost in the transformation."""
    named = {name for name, function in of_type(template, "AWS::Lambda::Function") if "RecursiveLoop" in function}
    functions = of_type(source, "AWS::Serverless::Function")
    return [f"{n}: RecursiveLoop is lost in the transformation" for n, f in functions if "RecursiveLoop" in f and n not in named]


def platform_faults(source, template):
    """Runs all checks on a template and its transformation."""
    checks = (log_faults, access_log_faults, alarm_faults, role_faults, boundary_faults, key_faults, stranger_faults)
    return [fault for check in checks for fault in check(template)] + loop_faults(source, template)
