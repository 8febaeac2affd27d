//! Renders an OpenAPI document as a web page. `build.rs` uses this module.

use pulldown_cmark::{Options, Parser, html};
use serde_norway::Value;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:auto;padding:1rem;color:#222;background:#fff}\
    code,pre{font:14px/1.4 ui-monospace,monospace;background:#f3f3f5}pre{padding:.7rem;overflow:auto}\
    table{border-collapse:collapse;width:100%}td,th{border-top:1px solid #ccc;padding:.3rem .6rem;text-align:left;vertical-align:top}\
    h2{margin-top:2.5rem;border-bottom:1px solid #ccc}td p{margin:0}b.method{color:#046}";
const METHODS: [&str; 5] = ["get", "head", "post", "patch", "delete"];

/// Returns the page: introduction, list of operations, operations, schemas.
pub(crate) fn page(document: &Value) -> String {
    let info = &document["info"];
    let title = escape(text(&info["title"]));
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title} API</title>\
         <style>{STYLE}</style></head><body><h1>{title} API {}</h1>",
        escape(text(&info["version"]))
    );
    out += &markdown(text(&info["description"]));
    out += &keys(&document["components"]["securitySchemes"]);
    out += "<p><a href=\"v1/openapi.json\">This document as OpenAPI (JSON)</a></p><ul>";
    for (method, path, operation) in operations(document) {
        let (id, summary) = (text(&operation["operationId"]), escape(text(&operation["summary"])));
        out += &format!("<li><a href=\"#{id}\"><code>{method} {}</code></a> {summary}</li>", escape(path));
    }
    out += "</ul>";
    for (method, path, operation) in operations(document) {
        out += &section(document, &method, path, operation);
    }
    out += "<h2>Schemas</h2>";
    for (name, schema) in entries(&document["components"]["schemas"]) {
        out += &format!("<h3 id=\"schema-{name}\">{name}</h3>{}", described(schema));
    }
    out + "</body></html>\n"
}

/// Returns the ways to send the API key.
fn keys(schemes: &Value) -> String {
    let ways = entries(schemes).map(|(_, scheme)| {
        let name = match (text(&scheme["type"]), text(&scheme["in"])) {
            ("apiKey", "query") => format!("?{}=…", text(&scheme["name"])),
            ("apiKey", _) => format!("{}: …", text(&scheme["name"])),
            _ => "Authorization: Bearer …".to_owned(), // RFC 6750, section 2.1
        };
        format!(
            "<tr><td><code>{}</code></td><td>{}</td></tr>",
            escape(&name),
            markdown(text(&scheme["description"]))
        )
    });
    let rows: String = ways.collect();
    if rows.is_empty() { rows } else { format!("{}{rows}</table>", table(&["API key", "description"])) }
}

/// Returns the start of a table with its header row.
fn table(columns: &[&str]) -> String {
    let cells: String = columns.iter().map(|column| format!("<th>{column}</th>")).collect();
    format!("<table><thead><tr>{cells}</tr></thead>")
}

/// Returns the method, path and definition of each operation.
fn operations(document: &Value) -> Vec<(String, &str, &Value)> {
    let paths = entries(&document["paths"]);
    let all =
        paths.flat_map(|(path, item)| METHODS.iter().map(move |method| (*method, path, &item[*method])));
    all.filter(|(_, _, operation)| !operation.is_null())
        .map(|(method, path, operation)| (method.to_uppercase(), path, operation))
        .collect()
}

fn section(document: &Value, method: &str, path: &str, operation: &Value) -> String {
    let id = text(&operation["operationId"]);
    let mut out = format!(
        "<h2 id=\"{id}\"><b class=\"method\">{method}</b> <code>{}</code></h2><p><b>{}</b></p>{}",
        escape(path),
        escape(text(&operation["summary"])),
        markdown(text(&operation["description"]))
    );
    let shared = items(&document["paths"][path]["parameters"]);
    let parameters: Vec<&Value> = shared
        .chain(items(&operation["parameters"]))
        .map(|parameter| resolved(document, parameter))
        .collect();
    if !parameters.is_empty() {
        out += "<h3>Parameters</h3>";
        out += &table(&["parameter", "type", "description"]);
        for parameter in parameters {
            let place = format!("{} ({})", text(&parameter["name"]), text(&parameter["in"]));
            out += &row(&escape(&place), &kind(&parameter["schema"]), text(&parameter["description"]));
        }
        out += "</table>";
    }
    for (media_type, body) in entries(&operation["requestBody"]["content"]) {
        out += &format!("<h3>Body: <code>{media_type}</code></h3><p>{}</p>", kind(&body["schema"]));
        out += &examples(body);
    }
    out += "<h3>Responses</h3>";
    out += &table(&["status", "body", "description"]);
    let mut shown = String::new();
    for (status, response) in entries(&operation["responses"]) {
        let response = resolved(document, response);
        let bodies: Vec<&Value> = entries(&response["content"]).map(|(_, body)| body).collect();
        let kinds: Vec<String> = bodies.iter().map(|body| kind(&body["schema"])).collect();
        out += &row(status, &kinds.join(", "), text(&response["description"]));
        if status.starts_with('2') {
            shown.extend(bodies.into_iter().map(examples));
        }
    }
    out + "</table>" + &shown
}

fn examples(body: &Value) -> String {
    let examples = entries(&body["examples"]).map(|(name, example)| {
        let json = serde_json::to_string_pretty(&example["value"]).unwrap_or_default();
        let summary = example["summary"].as_str().unwrap_or(name);
        format!("<p>{}:</p><pre>{}</pre>", escape(summary), escape(&json))
    });
    examples.collect()
}

/// Returns a schema: its description, its bases, and a table of its own fields.
fn described(schema: &Value) -> String {
    let mut out = markdown(text(&schema["description"]));
    out += &format!("<p>{}</p>", kind(schema));
    let own = std::iter::once(schema).chain(items(&schema["allOf"]));
    for part in own.filter(|part| !part["properties"].is_null()) {
        let required: Vec<&str> = items(&part["required"]).map(text).collect();
        out += &table(&["field", "type", "description"]);
        for (name, field) in entries(&part["properties"]) {
            let mark = if required.contains(&name) { "" } else { " (optional)" };
            out += &row(&format!("{name}{mark}"), &kind(field), text(&field["description"]));
        }
        out += "</table>";
    }
    out
}

/// Returns the type of a schema in one line, with links to other schemas.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for (keyword, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " with ")] {
        if !schema[keyword].is_null() {
            let parts: Vec<String> = items(&schema[keyword]).map(kind).collect();
            return parts.join(between);
        }
    }
    let mut words = match &schema["type"] {
        Value::Sequence(types) => types.iter().map(text).collect::<Vec<_>>().join(" or "),
        name => text(name).to_owned(),
    };
    if !schema["items"].is_null() {
        words = format!("{words} of {}", kind(&schema["items"]));
    }
    let values: Vec<String> =
        items(&schema["enum"]).map(|value| format!("<code>{}</code>", escape(text(value)))).collect();
    if !values.is_empty() {
        words = values.join(" | ");
    }
    for keyword in ["format", "minimum", "maximum", "minLength", "maxLength", "maxItems", "default"] {
        match &schema[keyword] {
            Value::String(word) => words += &format!(", {keyword} {}", escape(word)),
            Value::Number(number) => words += &format!(", {keyword} {number}"),
            Value::Bool(value) => words += &format!(", {keyword} {value}"),
            _ => {}
        }
    }
    words
}

/// Resolves a reference within the document.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/")) {
        Some(path) => path.split('/').fold(document, |at, name| &at[name]),
        None => value,
    }
}

fn row(name: &str, kind: &str, description: &str) -> String {
    format!("<tr><td><code>{name}</code></td><td>{kind}</td><td>{}</td></tr>", markdown(description))
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let pairs = value.as_mapping().into_iter().flatten();
    pairs.filter_map(|(name, value)| Some((name.as_str()?, value)))
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_sequence().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Renders a description, which is `CommonMark` with tables.
fn markdown(text: &str) -> String {
    let mut out = String::new();
    html::push_html(&mut out, Parser::new_ext(text, Options::ENABLE_TABLES));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_links_schemas_and_escapes_text() {
        let document = "{info: {title: A<b, version: '1'}, paths: {/x: {parameters: [{$ref: '#/components/parameters/Id'}], \
            get: {operationId: getX, summary: S, responses: {'200': {description: '`ok`', content: {application/json: \
            {schema: {$ref: '#/components/schemas/X'}, examples: {one: {value: {a: 1}}}}}}}}}}, \
            components: {securitySchemes: {header: {type: apiKey, in: header, name: X-KEY, description: d}, bearer: {type: http, \
            scheme: bearer, description: e}}, parameters: {Id: {name: id, in: path, schema: {type: string}}}, \
            schemas: {X: {type: object, required: [a], properties: {a: {type: [integer, 'null'], minimum: 0}, b: {enum: [u, v]}}}}}}";
        let page = page(&serde_norway::from_str(document).unwrap());
        for part in [
            "A&lt;b API",
            "<code>X-KEY: …</code></td><td><p>d</p>",
            "<code>Authorization: Bearer …</code></td><td><p>e</p>",
            "<tr><th>parameter</th><th>type</th><th>description</th></tr>",
            "<tr><th>status</th><th>body</th><th>description</th></tr>",
            "<tr><th>field</th><th>type</th><th>description</th></tr>",
            "<a href=\"#getX\"><code>GET /x</code></a> S",
            "<code>id (path)</code>",
            "<a href=\"#schema-X\">X</a>",
            "<p><code>ok</code></p>",
            "integer or null, minimum 0",
            "<code>u</code> | <code>v</code>",
            "b (optional)",
            "&quot;a&quot;: 1",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }
}
