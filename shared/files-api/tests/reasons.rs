//! Compares the catalogue of errors with the OpenAPI document and with `api.md`.

use std::collections::BTreeSet;
use std::path::Path;

use files_api::Reason;
use http::StatusCode;
use serde_norway::Value;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_document_lists_the_words_of_the_catalogue() {
    let document: Value = serde_norway::from_str(&read("infra/api/openapi.yaml")).expect("YAML");
    let listed = document["components"]["schemas"]["Reason"]["enum"].as_sequence().expect("words");
    let listed: BTreeSet<&str> = listed.iter().filter_map(Value::as_str).collect();
    let known: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert!(known.len() > 40, "{known:?}");
    assert_eq!(listed, known);
    let page = read("infra/docs/api.md");
    let missing: Vec<_> = known.iter().filter(|word| !page.contains(&format!("`{word}`"))).collect();
    assert!(missing.is_empty(), "not in api.md: {missing:?}");
}

#[test]
fn each_422_is_described_at_a_response() {
    let document: Value = serde_norway::from_str(&read("infra/api/openapi.yaml")).expect("YAML");
    let mut described = document["components"]["responses"]["Unprocessable"]["description"]
        .as_str()
        .expect("a description")
        .to_owned();
    for (_, item) in document["paths"].as_mapping().expect("paths") {
        for (_, operation) in item.as_mapping().expect("operations") {
            described += operation["responses"]["422"]["description"].as_str().unwrap_or_default();
        }
    }
    let missing: Vec<_> = Reason::ALL
        .iter()
        .filter(|reason| reason.status() == StatusCode::UNPROCESSABLE_ENTITY)
        .filter(|reason| !described.contains(&format!("`{}`", reason.as_str())))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
