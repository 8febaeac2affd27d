//! Compares the catalogue of errors with the OpenAPI document and with the page about the API.

use std::collections::BTreeSet;
use std::path::Path;

use serde_norway::Value;

const CATALOGUE: &str = include_str!("../src/reason.rs");

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the word and the status of each entry: the text before each `S::…`.
fn catalogue() -> Vec<(&'static str, &'static str)> {
    let entries: Vec<&str> = CATALOGUE.split("S::").collect();
    let word = |before: &'static str| before.rsplit('"').nth(1).expect("a word");
    let status = |after: &'static str| after.split(',').next().expect("a status");
    entries.windows(2).map(|pair| (word(pair[0]), status(pair[1]))).collect()
}

#[test]
fn the_document_lists_the_words_of_the_catalogue() {
    let document: Value = serde_norway::from_str(&read("infra/api/openapi.yaml")).expect("YAML");
    let listed = document["components"]["schemas"]["Reason"]["enum"].as_sequence().expect("words");
    let listed: BTreeSet<&str> = listed.iter().filter_map(Value::as_str).collect();
    let known: BTreeSet<&str> = catalogue().into_iter().map(|(word, _)| word).collect();
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
    let missing: Vec<_> = catalogue()
        .into_iter()
        .filter(|(word, status)| {
            *status == "UNPROCESSABLE_ENTITY" && !described.contains(&format!("`{word}`"))
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
