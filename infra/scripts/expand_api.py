"""Writes the routes of an HTTP API, which SAM puts into an OpenAPI body, as resources of their own, for clouds that do not
read the body."""

from dataclasses import dataclass

INTEGRATION = "x-amazon-apigateway-integration"
ANY_METHOD = "x-amazon-apigateway-any-method"
CORS = "x-amazon-apigateway-cors"


def operations(body):
    """(route key, integration) of each operation of an OpenAPI body."""
    for path, item in body["paths"].items():
        for method, operation in item.items():
            if INTEGRATION not in operation:
                continue
            key = path if path == "$default" else f"{'ANY' if method == ANY_METHOD else method.upper()} {path}"
            yield key, operation[INTEGRATION]


def route(api, key, integration, name):
    """The two resources of a route."""
    properties = {
        "ApiId": {"Ref": api},
        "IntegrationType": integration["type"].upper(),
        "IntegrationMethod": integration["httpMethod"],
        "IntegrationUri": integration["uri"],
        "PayloadFormatVersion": integration["payloadFormatVersion"],
    }
    target = {"Fn::Sub": f"integrations/${{{name}Integration}}"}
    return {
        f"{name}Integration": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": properties},
        f"{name}Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {"ApiId": {"Ref": api}, "RouteKey": key, "Target": target},
        },
    }


@dataclass
class Body:
    """What stood in an API's body."""

    routes: list
    cors: dict | None


def expand(template):
    """Takes the body out of each HTTP API of a transformed template, which gets resources instead. The bodies, by API."""
    bodies = {}
    for api, resource in list(template["Resources"].items()):
        if resource["Type"] != "AWS::ApiGatewayV2::Api":
            continue
        properties = resource["Properties"]
        body = properties.pop("Body")
        properties |= {"Name": api, "ProtocolType": "HTTP"}
        bodies[api] = Body([], body.get(CORS))
        for number, (key, integration) in enumerate(operations(body)):
            template["Resources"] |= route(api, key, integration, f"{api}{number}")
            bodies[api].routes.append(key)
    return bodies
