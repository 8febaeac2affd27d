//! The function of `GET /v1/openapi.json` and `GET /docs`: serves the OpenAPI document as JSON and as a web page. Both are built
//! at compile time.

use serde::Deserialize;
use serde_json::{Value, json};

#[cfg(test)]
mod page;

/// The document as JSON.
const DOCUMENT: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));
/// The document as a web page.
const PAGE: &str = include_str!(concat!(env!("OUT_DIR"), "/docs.html"));
/// The content security policy of the page, which has inline styles, and no scripts, images or forms.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A request in API Gateway's payload format 2.0, of which only the path is read. The type of `aws_lambda_events` needs crates
/// that nothing else here links.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// The path.
    pub raw_path: String,
}

/// Returns the response in API Gateway's payload format 2.0: the page for `/docs`, otherwise the document.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
#[must_use]
pub fn response(request: &Request) -> Value {
    let (media_type, body) = match request.raw_path.as_str() {
        "/docs" => ("text/html; charset=utf-8", PAGE),
        _ => ("application/json", DOCUMENT),
    };
    json!({
        "statusCode": 200,
        "headers": {
            "content-type": media_type,
            "cache-control": "public, max-age=300",
            "content-security-policy": POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        },
        "body": body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response_to(event: Value) -> Value {
        response(&serde_json::from_value(event).unwrap())
    }

    #[test]
    fn the_document_names_the_deployment_as_its_server() {
        let response = response_to(json!({"version": "2.0", "rawPath": "/v1/openapi.json", "headers": {}}));
        assert_eq!(response["headers"]["content-type"], "application/json");
        let document: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        assert_eq!(document["servers"], json!([{"url": "/"}]));
        assert!(document["paths"]["/v1/files"]["post"].is_object());
    }

    #[test]
    fn the_page_shows_every_operation_and_schema() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let page =
            response_to(json!({"version": "2.0", "rawPath": "/docs"}))["body"].as_str().unwrap().to_owned();
        let operations =
            document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
        for id in operations.filter_map(|(_, operation)| operation["operationId"].as_str()) {
            assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
        }
        assert!(!page.contains("<script") && !page.contains("http-equiv"));
    }
}
