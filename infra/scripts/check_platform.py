"""What an operator relies on and nothing else would notice missing from the transformed template: logs that are kept for a
time only, an access log that holds no secret, alarms that tell somebody, roles without more than the template writes out and
without a way to make API keys.
Each check gives a list of faults."""

import re

# What SAM gives a role by itself: logs for all, the queue for those that a queue invokes.
SAM_POLICIES = ("service-role/AWSLambdaBasicExecutionRole", "service-role/AWSLambdaSQSQueueExecutionRole")

# What a function may do with the keys table.
KEY_ACTIONS = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem")

# What the access log may hold. Not the path (it has the files' names), no query (it may have the key), no header.
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
    """Name and properties of each resource of a type."""
    resources = template["Resources"].items()
    return [(name, resource.get("Properties", {})) for name, resource in resources if resource["Type"] == kind]


def log_faults(template):
    """Functions whose log is not JSON, and logs that are kept for ever: Lambda makes such a one where none is named."""
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
    """Stages of HTTP APIs without an access log, or with one of other fields than ACCESS_LOG_FIELDS."""
    faults = []
    for name, stage in of_type(template, "AWS::ApiGatewayV2::Stage"):
        fields = re.findall(r"\$context\.([\w.]+)", stage.get("AccessLogSettings", {}).get("Format", ""))
        if not fields:
            faults.append(f"{name}: no access log with an explicit format")
        faults += [f"{name}: the access log holds {field}" for field in fields if field not in ACCESS_LOG_FIELDS]
    return faults


def alarm_faults(template):
    """Alarms that tell nobody, and a template without any."""
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    faults = [f"{name}: it has no AlarmActions" for name, alarm in alarms if not alarm.get("AlarmActions")]
    return faults if alarms else ["there are no alarms"]


def role_faults(template):
    """Roles with managed policies other than those that SAM adds."""
    faults = []
    for name, role in of_type(template, "AWS::IAM::Role"):
        for policy in role.get("ManagedPolicyArns", []):
            if not str(policy).endswith(SAM_POLICIES):
                faults.append(f"{name}: has the managed policy {policy}")
    return faults


def as_list(value):
    return value if isinstance(value, list) else [value]


def key_faults(template):
    """Statements of roles by which a function could make or change an API key, or whose condition nobody here can try:
    how IAM evaluates dynamodb:LeadingKeys within a transaction over two tables is not documented."""
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


# What a role may allow whose function touches strangers' bytes: to invoke another function, and what Lambda itself does by it.
WITHOUT_RIGHTS = {
    "lambda:InvokeFunction",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}


def stranger_faults(template):
    """Functions with a layer, which run its program on strangers' bytes, whose role is not written out in the template, or allows
    more than WITHOUT_RIGHTS, or that on every resource."""
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
    """Functions that may lead to their own invocation, and of which CloudFormation would not be told so."""
    told = {name for name, function in of_type(template, "AWS::Lambda::Function") if "RecursiveLoop" in function}
    functions = of_type(source, "AWS::Serverless::Function")
    return [f"{n}: RecursiveLoop is lost in the transformation" for n, f in functions if "RecursiveLoop" in f and n not in told]


def platform_faults(source, template):
    """All of them, for a template as written and as transformed."""
    checks = (log_faults, access_log_faults, alarm_faults, role_faults, key_faults, stranger_faults)
    return [fault for check in checks for fault in check(template)] + loop_faults(source, template)
