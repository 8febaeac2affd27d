//! Sources that are slow, endless or send wrong lengths: the import fails within its limits of time and memory, and leaves
//! nothing.

use files_tests::owner::id;
use files_tests::{Cloud, Owner, RawSource, Script, Usage};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// Starts a cloud whose imports have runs of six seconds, with two for cleaning up, and a small size limit.
async fn cloud_with_short_runs() -> Cloud {
    let setup = Cloud::setup().template_with("      Timeout: 300", "      Timeout: 8");
    setup.template_with("Default: 53687091200", "Default: 2000000").start().await
}

async fn import(cloud: &Cloud, owner: &Owner, source: &RawSource) -> Value {
    cloud.end_of_import(owner, &owner.import(&source.url("/film.mp4")).await).await
}

/// Imports from these sources, and returns the errors.
async fn failures(
    (cloud, owner): (&Cloud, &Owner),
    cases: Vec<(&'static str, Script)>,
) -> Vec<(&'static str, String)> {
    let imports = cases.into_iter().map(async |(what, script)| {
        let source = RawSource::start(script).await;
        let file = import(cloud, owner, &source).await;
        assert_eq!(file["status"], "failed", "{what}: {file}");
        let error = file["error"].as_str().expect("a reason").to_owned();
        assert!(!error.contains("127.0.0.1") && !error.contains("film"), "{what}: {error}");
        owner.delete(&file).await.expect(204);
        (what, error)
    });
    join_all(imports).await
}

async fn assert_nothing_is_left(owner: &Owner) {
    owner.backend.drained("ImportQueue").await;
    assert_eq!(owner.backend.usage().await, Usage::default());
    assert_eq!(owner.backend.objects().await, Vec::<String>::new());
}

fn head(headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn slow_and_endless_sources_fail() {
    let cloud = cloud_with_short_runs().await;
    let owner = cloud.owner().await;
    let chunk = format!("{:x}\r\n{}\r\n", 64 << 10, "x".repeat(64 << 10)).into_bytes();
    let plain = vec![b'x'; 64 << 10];
    let errors = failures(
        (&cloud, &owner),
        vec![
            ("silence", Script::Silence),
            ("a slow status line", Script::Drip(b"HTTP/1.1 ".to_vec(), b'2')),
            ("slow headers", Script::Drip(b"HTTP/1.1 200 OK\r\nX-A: ".to_vec(), b'a')),
            ("a slow body", Script::Drip(head("Content-Length: 1000000"), b'a')),
            (
                "a slow chunk",
                Script::Drip([head("Transfer-Encoding: chunked"), b"ffffff\r\n".to_vec()].concat(), b'a'),
            ),
            ("a slow chunk length", Script::Drip(head("Transfer-Encoding: chunked"), b'0')),
        ],
    )
    .await;
    for (what, error) in errors {
        let expected = ["the source took too long", "the response of the source is not valid HTTP"];
        assert!(
            expected.iter().any(|text| error.starts_with(text)) || what == "a slow chunk length",
            "{what}: {error}"
        );
    }
    let errors = failures(
        (&cloud, &owner),
        vec![
            ("endless chunks", Script::Endless(head("Transfer-Encoding: chunked"), chunk)),
            ("an endless body without a length", Script::Endless(head("Connection: close"), plain.clone())),
            ("a length beyond the limit", Script::Endless(head("Content-Length: 2000001"), plain.clone())),
            ("a length beyond all numbers", Script::Bytes(head("Content-Length: 18446744073709551615"))),
            ("endless headers", Script::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-A: b\r\n".to_vec())),
            (
                "an endless header",
                Script::Endless(b"HTTP/1.1 200 OK\r\nX-A: ".to_vec(), b"aaaaaaaaaaaaaaaa".to_vec()),
            ),
        ],
    )
    .await;
    for (what, error) in &errors[..3] {
        assert_eq!(error, "the source is larger than your limit of 2 MB", "{what}");
    }
    assert_nothing_is_left(&owner).await;
}

#[tokio::test]
async fn wrong_lengths_fail_the_import() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let bytes = |headers: &str, body: &str| Script::Bytes([head(headers), body.into()].concat());
    let errors = failures(
        (&cloud, &owner),
        vec![
            ("fewer bytes than announced", bytes("Content-Length: 100", "ten bytes.")),
            ("a last chunk that is missing", bytes("Transfer-Encoding: chunked", "a\r\nten bytes.\r\n")),
            ("a chunk that is too short", bytes("Transfer-Encoding: chunked", "64\r\nten bytes.")),
            ("a chunk that is too long", bytes("Transfer-Encoding: chunked", "2\r\nten bytes.\r\n0\r\n\r\n")),
            ("two lengths", bytes("Content-Length: 10\r\nContent-Length: 5", "ten bytes.")),
            ("a length that is no number", bytes("Content-Length: ten", "ten bytes.")),
            ("a length below zero", bytes("Content-Length: -1", "ten bytes.")),
            ("no HTTP at all", Script::Bytes(b"220 ftp.example ready\r\n".to_vec())),
            ("nothing", Script::Bytes(Vec::new())),
            ("a compressed body", bytes("Content-Encoding: br\r\nContent-Length: 10", "ten bytes.")),
        ],
    )
    .await;
    assert_eq!(errors[0].1, "the source sent less than it announced");
    assert_nothing_is_left(&owner).await;

    // Bytes after the end of a response are ignored.
    let source = RawSource::start(bytes("Content-Length: 4", "ten bytes.")).await;
    let file = import(&cloud, &owner, &source).await;
    assert_eq!((&file["status"], &file["size"]), (&json!("success"), &json!(4)), "{}", id(&file));
    assert_eq!(owner.download(&file).await, "ten ");
}
