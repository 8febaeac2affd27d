//! Dependencies between crates: functions → adapters → domain, and never in the other direction.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Returns the direct dependencies, without those of tests, of every workspace member, by name.
fn members() -> BTreeMap<String, BTreeSet<String>> {
    packages(|dependency| dependency["kind"] != "dev")
}

/// Returns the direct dependencies of every workspace member for which `wanted` is true, by name.
fn packages(wanted: impl Fn(&Value) -> bool) -> BTreeMap<String, BTreeSet<String>> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .output()
        .expect("cargo runs");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("cargo's JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let dependencies = |package: &Value| {
        let all = package["dependencies"].as_array().expect("dependencies");
        all.iter().filter(|one| wanted(one)).map(|one| text(&one["name"])).collect()
    };
    packages.iter().map(|package| (text(&package["name"]), dependencies(package))).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a name").to_owned()
}

fn assert_without(members: &BTreeMap<String, BTreeSet<String>>, crate_name: &str, forbidden: &[&str]) {
    let dependencies = members.get(crate_name).unwrap_or_else(|| panic!("no crate {crate_name}"));
    for dependency in dependencies {
        let known = forbidden.iter().any(|name| match name.strip_suffix('*') {
            Some(prefix) => dependency.starts_with(prefix),
            None => dependency == name,
        });
        assert!(!known, "{crate_name} must not depend on {dependency}");
    }
}

/// Returns the crates in a folder of the project. Packages in other languages have no `Cargo.toml`.
fn crates_in(folder: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let entries = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    entries
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().into_string().expect("UTF-8"))
        .collect()
}

#[test]
fn the_domain_depends_on_neither_aws_nor_http() {
    let members = members();
    let outside = [
        "aws-*", "aws_*", "lambda_*", "lambda-*", "http", "http-*", "hyper*", "reqwest", "tokio*", "files-*",
    ];
    assert_without(&members, "files-domain", &outside);
}

#[test]
fn adapters_depend_on_their_own_service_and_the_domain() {
    let members = members();
    let http = ["http", "lambda_*", "lambda-*", "reqwest", "files-api"];
    let other_services: [(&str, &[&str]); 5] = [
        ("files-records", &["aws-sdk-s3", "aws-sdk-sqs", "files-objects", "files-queues"]),
        ("files-objects", &["aws-sdk-dynamodb", "aws-sdk-sqs", "files-records", "files-queues"]),
        ("files-queues", &["aws-sdk-dynamodb", "aws-sdk-s3", "files-records", "files-objects"]),
        ("safe-fetch", &["aws-*", "files-*", "lambda*"]),
        ("media-probe", &["aws-*", "files-*", "lambda*", "reqwest"]),
    ];
    for (adapter, services) in other_services {
        assert_without(&members, adapter, services);
        if adapter.starts_with("files-") {
            assert_without(&members, adapter, &http);
        }
    }
}

#[test]
fn crates_that_parse_untrusted_bytes_depend_on_no_stores() {
    let inside = ["files-records", "files-objects", "aws-sdk-dynamodb", "aws-sdk-s3", "aws-sdk-sqs"];
    assert_without(&members(), "probe-file", &inside);
    for data in ["media-facts", "probe-protocol"] {
        assert_without(&members(), data, &["files-*", "aws-*", "lambda*", "tokio*", "http*", "media-probe"]);
    }
}

#[test]
fn the_cli_depends_on_no_server_crate() {
    let inside =
        ["aws-*", "lambda*", "files-records", "files-objects", "files-queues", "files-api", "files-local"];
    assert_without(&members(), "files-cli", &inside);
}

#[test]
fn no_crate_depends_on_a_function() {
    let members = members();
    let (functions, shared) = (crates_in("functions"), crates_in("shared"));
    assert!(functions.len() >= 10 && shared.len() >= 10, "{functions:?} {shared:?}");
    let names: Vec<&str> = functions.iter().map(String::as_str).collect();
    for crate_name in functions.iter().chain(&shared) {
        assert_without(&members, crate_name, &names);
    }
}

#[test]
fn the_local_cloud_depends_on_no_crate_of_the_application() {
    let (all, members) = (packages(|_| true), members());
    let product: Vec<&str> =
        members.keys().map(String::as_str).filter(|name| *name != "files-local").collect();
    assert_without(&all, "files-local", &product);
}

#[test]
fn only_tests_depend_on_the_test_app() {
    let members = members();
    assert!(members.contains_key("test-app"));
    for crate_name in members.keys() {
        assert_without(&members, crate_name, &["test-app"]);
    }
}

#[test]
fn main_of_a_function_is_short() {
    let functions =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../functions")).expect("functions/");
    for function in functions {
        let folder = function.expect("an entry").path();
        if folder.join("requirements.txt").is_file() {
            continue; // a Python function has no main.rs
        }
        let main = folder.join("src/main.rs");
        let lines = std::fs::read_to_string(&main).expect("main.rs").lines().count();
        assert!(lines < 40, "{} has {lines} lines", main.display());
    }
}
