//! Compares the table of routes with the template, the OpenAPI document and the table in README.md.

use std::collections::BTreeSet;
use std::path::Path;

use files_api::{ROUTES, Route};
use serde_norway::Value;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn load(path: &str) -> Value {
    serde_norway::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Returns (METHOD, path, function) of every HttpApi event. A function's name is the folder of its package.
fn deployed() -> BTreeSet<(String, String, String)> {
    let template = load("template.yaml");
    let mut routes = BTreeSet::new();
    for (_, resource) in template["Resources"].as_mapping().expect("resources") {
        let properties = &resource["Properties"];
        let Some(events) = properties["Events"].as_mapping() else { continue };
        for (_, event) in events.iter().filter(|(_, event)| event["Type"] == "HttpApi") {
            let code = text(&properties["CodeUri"]).expect("a package");
            let function = code.split('/').rev().nth(1).expect("a folder").to_owned();
            let (method, path) = (&event["Properties"]["Method"], &event["Properties"]["Path"]);
            routes.insert((text(method).expect("a method"), text(path).expect("a path"), function));
        }
    }
    routes
}

/// Returns (METHOD, path) of every operation of the OpenAPI document.
fn documented() -> BTreeSet<(String, String)> {
    let document = load("infra/api/openapi.yaml");
    let mut routes = BTreeSet::new();
    for (path, item) in document["paths"].as_mapping().expect("paths") {
        let members = item.as_mapping().expect("operations").keys().filter_map(text);
        let methods = members.filter(|member| METHODS.contains(&member.as_str()));
        routes.extend(methods.map(|method| (method.to_uppercase(), text(path).expect("a path"))));
    }
    routes
}

/// Returns the methods and the paths of each row of the table in README.md.
fn summarised() -> Vec<(Vec<String>, Vec<String>)> {
    let readme = read("README.md");
    let (_, table) = readme.split_once("| method | path | |\n| --- | --- | --- |\n").expect("the table");
    let rows = table.lines().map_while(|line| line.strip_prefix("| "));
    let names = |cell: &str| cell.split(", ").map(|name| name.trim_matches('`').to_owned()).collect();
    rows.map(|row| {
        let mut cells = row.split(" | ").map(names);
        (cells.next().expect("methods"), cells.next().expect("paths"))
    })
    .collect()
}

#[test]
fn the_template_deploys_exactly_these_routes() {
    let owned = |text: &str| text.to_owned();
    let table = ROUTES.iter().map(|route| (owned(route.method), owned(route.path), owned(route.function)));
    assert_eq!(deployed(), table.collect());
}

#[test]
fn the_openapi_document_describes_exactly_these_routes() {
    let table = ROUTES.iter().filter(|route| route.path != "$default");
    let table = table.map(|route| (route.method.to_owned(), route.path.to_owned()));
    assert_eq!(documented(), table.collect());
}

#[test]
fn each_route_is_in_one_row_of_the_readme() {
    let rows = summarised();
    let is_in = |route: &Route, (methods, paths): &(Vec<String>, Vec<String>)| {
        methods.iter().any(|method| method == route.method) && paths.iter().any(|path| path == route.path)
    };
    // README.md names the documents' routes in a sentence.
    let routes: Vec<&Route> =
        ROUTES.iter().filter(|route| !["not-found", "api-docs"].contains(&route.function)).collect();
    for route in &routes {
        assert_eq!(rows.iter().filter(|row| is_in(route, row)).count(), 1, "{route:?}");
    }
    for row in &rows {
        let of_row = || routes.iter().filter(|route| is_in(route, row));
        let methods: BTreeSet<&str> = of_row().map(|route| route.method).collect();
        let paths: BTreeSet<&str> = of_row().map(|route| route.path).collect();
        assert_eq!(methods, row.0.iter().map(String::as_str).collect(), "{row:?}");
        assert_eq!(paths, row.1.iter().map(String::as_str).collect(), "{row:?}");
    }
}
