"""Replaces the OpenAPI body that SAM generates for an HTTP API by route resources, for clouds that do not read the body."""

from dataclasses import dataclass

INTEGRATION = "x-amazon-apigateway-integration"
ANY_METHOD = "x-amazon-apigateway-any-method"
CORS = "x-amazon-apigateway-cors"


def unconditional(item):
    """Returns an item without the `Fn::If` that SAM puts around the routes of a conditional function, and the condition or None."""
    if "Fn::If" in item:
        condition, present, _ = item["Fn::If"]
        return present, condition
    return item, None


def operations(body):
    """Yields (route key, integration, condition) of each operation of an OpenAPI body."""
    for path, item in body["paths"].items():
        item, outer = unconditional(item)
        for method, operation in item.items():
            operation, inner = unconditional(operation)
            if INTEGRATION not in operation:
                continue
            key = path if path == "$default" else f"{'ANY' if method == ANY_METHOD else method.upper()} {path}"
            yield key, operation[INTEGRATION], inner or outer


def route(api, key, integration, condition, name):
    """Returns the two resources of a route."""
    when = {"Condition": condition} if condition else {}
    properties = {
        "ApiId": {"Ref": api},
        "IntegrationType": integration["type"].upper(),
        "IntegrationMethod": integration["httpMethod"],
        "IntegrationUri": unconditional(integration["uri"])[0],
        "PayloadFormatVersion": integration["payloadFormatVersion"],
    }
    target = {"Fn::Sub": f"integrations/${{{name}Integration}}"}
    return {
        f"{name}Integration": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": properties, **when},
        f"{name}Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {"ApiId": {"Ref": api}, "RouteKey": key, "Target": target},
            **when,
        },
    }


@dataclass
class Body:
    """The content of an API's body."""

    routes: list
    cors: dict | None


def expand(template):
    """Replaces the body of each HTTP API of a transformed template by resources. Returns the bodies by API."""
    bodies = {}
    for api, resource in list(template["Resources"].items()):
        if resource["Type"] != "AWS::ApiGatewayV2::Api":
            continue
        properties = resource["Properties"]
        body = properties.pop("Body")
        properties |= {"Name": api, "ProtocolType": "HTTP"}
        bodies[api] = Body([], body.get(CORS))
        for number, (key, integration, condition) in enumerate(operations(body)):
            template["Resources"] |= route(api, key, integration, condition, f"{api}{number}")
            bodies[api].routes.append(key)
    return bodies
