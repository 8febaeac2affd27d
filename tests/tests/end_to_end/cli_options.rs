//! The CLI `files`: paths, standard input, headers, links, and interrupted imports.

use std::process::Stdio;

use files_tests::cli::{CliResult, Machine, interrupt};
use files_tests::owner::id;
use files_tests::{Cloud, Reply, SourceServer, WAIT_TIMEOUT, media, skip_on_deployment, until};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::ChildStderr;
use tokio::time::timeout;

#[tokio::test]
async fn all_paths_are_checked_before_the_first_upload() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    machine.file("a.png", &media::PNG);
    let ran = machine.run(&["upload", "a.png", "missing", "*.mp4"]).await.expect(1);
    assert!(ran.err.contains("missing: ") && ran.err.contains("*.mp4: matches no file"), "{}", ran.err);
    machine.file("b.png", &media::PNG);
    let named = machine.run(&["upload", "a.png", "b.png", "--name", "x"]).await.expect(2);
    assert!(named.err.contains("--name"), "{}", named.err);
    assert_eq!(owner.list("").await["files"], json!([]));
}

#[tokio::test]
async fn folders_and_patterns_are_uploaded() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    std::fs::create_dir_all(machine.home().join("shoot/raw")).expect("a folder");
    for name in ["shoot/b.png", "shoot/raw/a.png", "c.png", "d.txt"] {
        machine.file(name, &media::PNG);
    }
    let ran = machine.run(&["upload", "shoot", "*.png", "--json"]).await.expect(0);
    let names: Vec<Value> = ran.json().iter().map(|file| file["name"].clone()).collect();
    assert_eq!(names, ["b.png", "a.png", "c.png"]);
}

#[tokio::test]
async fn standard_input_is_uploaded_under_a_name() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    let piped = async |arguments: &[&str]| {
        let mut child = machine.command(arguments).stdin(Stdio::piped()).spawn().expect("the command");
        let mut input = child.stdin.take().expect("a pipe");
        let _ = input.write_all(&media::WAV).await; // a rejected command does not read its input
        drop(input);
        CliResult::of(child).await
    };
    let ran = piped(&["upload", "-", "--name", "take.wav", "--wait", "--json"]).await.expect(0);
    let file = &ran.json()[0];
    assert_eq!((&file["name"], &file["size"]), (&json!("take.wav"), &json!(media::WAV.len())));
    let refused = piped(&["upload", "-"]).await.expect(2);
    assert!(refused.err.contains("--name"), "{}", refused.err);
}

#[tokio::test]
async fn a_link_needs_no_key() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    let file = owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    let link = machine.run(&["link", id(&file)]).await.expect(0).out;
    let fetched = reqwest::get(link.trim()).await.expect("a response");
    assert_eq!(fetched.bytes().await.expect("bytes"), *media::PNG);
    let inline =
        machine.run(&["link", id(&file), "--inline", "--expires-in", "60", "--json"]).await.expect(0);
    let link = &inline.json()[0];
    assert_eq!(link["id"], file["id"]);
    let shown = reqwest::get(link["url"].as_str().expect("a URL")).await.expect("a response");
    assert!(shown.headers()["content-disposition"].to_str().expect("text").starts_with("inline"));
    machine.run(&["link", id(&file), "--expires-in", "59"]).await.expect(2);
}

#[tokio::test]
async fn wrong_values_are_refused_before_any_request() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner).at("http://127.0.0.1:1");
    for arguments in [
        &["list", "--limit", "0"][..],
        &["list", "--status", "done"],
        &["list", "--type", "film"],
        &["import", "https://example.com/a", "--header", "Referer"],
        &["upload", "x", "--metadata", "a=1", "--metadata", "a=2"],
    ] {
        let refused = machine.run(arguments).await.expect(2);
        assert!(!refused.err.contains("--url <URL>"), "{}", refused.err);
    }
    let refused = machine.run(&["list", "--limit", "0"]).await.expect(2);
    assert!(refused.err.contains("must be at least 1"), "{}", refused.err);
    machine.file("x", b"x");
    let without_folder = machine.run(&["download", "x", "-o", "nodir/x"]).await.expect(1);
    assert!(without_folder.err.contains("nodir: is not a folder"), "{}", without_folder.err);
    let empty = machine.command(&["list"]).env("FILES_URL", "").spawn().expect("the command");
    let empty = CliResult::of(empty).await.expect(1);
    assert!(empty.err.contains("set FILES_URL"), "{}", empty.err);
}

/// Returns the number of journal entries.
fn journal(machine: &Machine) -> usize {
    let folder = machine.home().join(".local/state/files/creations");
    std::fs::read_dir(folder).map(|entries| entries.count()).unwrap_or(0)
}

#[tokio::test]
async fn a_file_is_uploaded_once_however_often_it_is_given() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    machine.file("a.png", &media::PNG);
    std::fs::create_dir(machine.home().join("b")).expect("a folder");
    let ran = machine.run(&["upload", "a.png", "./a.png", "b/../a.png", "--json"]).await.expect(0);
    assert_eq!(ran.json().len(), 1);
    assert_eq!(ran.err.matches("is given twice").count(), 2, "{}", ran.err);
    assert_eq!(owner.list("").await["files"].as_array().map(Vec::len), Some(1));
    assert_eq!(journal(&machine), 0);
}

#[tokio::test]
async fn a_refused_creation_leaves_nothing_behind() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    machine.file("a.png", &media::PNG);
    machine.run(&["upload", "a.png", "--expires-in", "0"]).await.expect(1);
    machine.run(&["import", "ftp://x/y"]).await.expect(1);
    assert_eq!(journal(&machine), 0);
}

#[tokio::test]
async fn files_of_one_name_are_not_downloaded_over_each_other() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    let first = owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    let second = owner.wait_until_success(&owner.upload("a.png", &media::WAV).await).await;
    std::fs::create_dir(machine.home().join("out")).expect("a folder");
    let download = ["download", id(&first), id(&second), "-o", "out", "--force"];
    let ran = machine.run(&download).await.expect(1);
    assert!(ran.err.contains(id(&first)) && ran.err.contains(id(&second)), "{}", ran.err);
    assert!(ran.err.contains("1 of 2 failed"), "{}", ran.err);
    assert_eq!(ran.out.matches("downloaded").count(), 1, "{}", ran.out);
    let twice = machine.run(&["download", id(&first), id(&first), "-o", "out", "--force"]).await.expect(0);
    assert!(twice.err.contains("is given twice"), "{}", twice.err);
    let entries = std::fs::read_dir(machine.home().join("out")).expect("the folder").count();
    assert_eq!(entries, 1, "no temporary file is left");
}

#[tokio::test]
async fn fields_have_the_apis_order_and_no_control_characters() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    machine.file("a.png", &media::PNG);
    let note = "a\u{202e}b\u{9b}c";
    let upload = ["upload", "a.png", "--metadata", &format!("note={note}"), "--wait", "--json"];
    let file = machine.run(&upload).await.expect(0).json().remove(0);
    for arguments in [&["get", id(&file)][..], &["get", id(&file), "--json"]] {
        let shown = machine.run(arguments).await.expect(0).out;
        assert!(shown.contains("a\\u202eb\\u009bc"), "{shown}");
        assert_eq!(serde_json::from_str::<Value>(&shown).expect("JSON")["metadata"]["note"], note);
        let places: Vec<usize> = ["\"id\"", "\"name\"", "\"source\"", "\"status\"", "\"metadata\""]
            .iter()
            .map(|field| shown.find(field).expect("the field"))
            .collect();
        assert!(places.is_sorted(), "{shown}");
    }
}

#[tokio::test]
async fn headers_go_to_the_source() {
    skip_on_deployment!("imports from this machine");
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    let source = SourceServer::start().await;
    let url = source.serve("/a.wav", Reply::bytes(media::WAV.clone()));
    let import = ["import", &url, "--header", "Referer: https://shop.example/", "-H", "X-Token:7", "--wait"];
    machine.run(&import).await.expect(0);
    let sent = source.headers("/a.wav");
    assert_eq!(sent["referer"], "https://shop.example/");
    assert_eq!(sent["x-token"], "7");
    machine.run(&["preview", &url, "-H", "Referer: https://shop.example/"]).await.expect(0);
    machine.run(&["import", &url, "-H", "Host: x"]).await.expect(1);
}

/// Reads lines until one contains a text.
async fn line_with(lines: &mut Lines<BufReader<ChildStderr>>, text: &str) {
    let reading = async {
        while let Some(line) = lines.next_line().await.expect("UTF-8") {
            if line.contains(text) {
                return;
            }
        }
        panic!("the command ended without {text}");
    };
    timeout(WAIT_TIMEOUT, reading).await.unwrap_or_else(|_| panic!("no line with {text}"));
}

#[tokio::test]
async fn an_interrupted_import_is_not_created_twice() {
    skip_on_deployment!("imports from this machine");
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    let source = SourceServer::start().await;
    let (reply, release) = Reply::bytes(media::WAV.clone()).held();
    let url = source.serve("/slow.wav", reply);
    let import = ["import", url.as_str(), "--wait", "--json"];
    let mut child = machine.start(&import);
    let mut errors = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let begun = until("the import is listed", async || owner.list("").await["files"].get(0).cloned()).await;
    // The id is printed before the end, but after the response, which may be lost at first.
    line_with(&mut errors, id(&begun)).await;
    interrupt(&child);
    line_with(&mut errors, "resumes where this one stopped").await;
    assert_eq!(child.wait().await.expect("it ends").code(), Some(130));
    release.send();
    let resumed = machine.run(&import).await.expect(0).json();
    assert_eq!((&resumed[0]["id"], &resumed[0]["status"]), (&begun["id"], &json!("success")));
    assert_eq!(owner.list("").await["files"].as_array().map(Vec::len), Some(1));

    // The creation has completed: the same command creates another file.
    let again = machine.run(&import).await.expect(0).json();
    assert_ne!(again[0]["id"], begun["id"]);
    let missing = source.serve("/missing", Reply::status(StatusCode::NOT_FOUND));
    machine.run(&["import", &missing, "--wait"]).await.expect(5);
}
