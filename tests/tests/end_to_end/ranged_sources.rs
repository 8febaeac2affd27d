//! Sources with ranges, correct or not: the import is one complete version of the file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use files_tests::faults::are_injected;
use files_tests::owner::id;
use files_tests::{
    Behavior, Cloud, Content, Owner, RangedSource, Response, Usage, skip_on_deployment, until,
};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;
/// The size of a part of an import that is not very large.
const PART: u64 = 8 * MIB;

async fn import(owner: &Owner, source: &RangedSource) -> Value {
    owner.wait_until_terminal(&owner.import(&source.url("/film.mp4")).await).await
}

async fn assert_is(owner: &Owner, file: &Value, content: &Content) {
    assert_eq!((&file["status"], &file["size"]), (&json!("success"), &json!(content.size())), "{file:#}");
    assert!(owner.download(file).await == content.bytes(), "other bytes");
}

#[tokio::test]
async fn a_large_file_is_fetched_over_several_connections() {
    let owner = Cloud::shared().await.owner().await;
    let content = Content::new(90 * MIB + 7, 1);
    let source = RangedSource::start(content.clone()).await;
    let file = import(&owner, &source).await;
    assert_is(&owner, &file, &content).await;
    assert!(file["checksum"]["crc64nvme"].is_string(), "{file:#}");
    assert_eq!(file["name"], "film.mp4");
    assert!(source.most_open() > 2, "{} connections", source.most_open());
    let ranges = source.requests().len();
    assert!((12..=13).contains(&ranges) || are_injected(), "{ranges} requests for 12 parts");
}

#[tokio::test]
async fn an_import_with_a_sha256_is_read_in_order_from_one_response() {
    let owner = Cloud::shared().await.owner().await;
    let content = Content::new(40 * MIB, 2);
    let source = RangedSource::start(content.clone()).await;
    for (sha256, status) in [(content.sha256(), "success"), ("00".repeat(32), "failed")] {
        let before = source.requests().len();
        let body = json!({"file_url": source.url("/a.bin"), "checksum_sha256": sha256});
        let file = Response::to(owner.json(&body)).await.expect(202).json();
        let file = owner.wait_until_terminal(&file).await;
        assert_eq!(file["status"], status, "{file:#}");
        assert!(source.requests().len() - before == 1 || are_injected());
        if status == "success" {
            assert_eq!(file["checksum"], json!({"sha256": sha256}));
            assert_is(&owner, &file, &content).await;
        } else {
            assert_eq!(file["error"], "the source's bytes do not have the announced SHA-256");
        }
        owner.delete(&file).await.expect(204);
    }
}

#[tokio::test]
async fn a_source_without_ranges_or_a_validator_is_read_in_one_stream() {
    let owner = Cloud::shared().await.owner().await;
    let content = Content::new(40 * MIB, 3);
    let source = RangedSource::start(content.clone()).await;
    for etag in [None, Some("W/\"1\""), Some("\"1\"")] {
        source.serve(content.clone(), etag);
        if etag == Some("\"1\"") {
            source.set_behavior(|_| Behavior::Whole);
        }
        let before = source.requests().len();
        let file = import(&owner, &source).await;
        assert_is(&owner, &file, &content).await;
        assert!(file["checksum"]["sha256"].is_string(), "{file:#}");
        assert!(source.requests().len() - before == 1 || are_injected(), "{etag:?}");
    }
}

#[tokio::test]
async fn wrong_ranges_are_not_used() {
    let owner = Cloud::shared().await.owner().await;
    let content = Content::new(40 * MIB, 4);
    // The ranges of other connections have wrong bytes: the first response is read to its end.
    for behavior in
        [Behavior::Shifted(1), Behavior::NoContentRange, Behavior::WrongTotal(41 * MIB), Behavior::Whole]
    {
        let source = RangedSource::start(content.clone()).await;
        let later_behavior = behavior.clone();
        source.set_behavior(
            move |request| if request.nth == 0 { Behavior::Serve } else { later_behavior.clone() },
        );
        let file = import(&owner, &source).await;
        assert_is(&owner, &file, &content).await;
        owner.delete(&file).await.expect(204);
        if let Some(backend) = owner.local_backend() {
            assert_eq!(backend.objects().await, Vec::<String>::new(), "{behavior:?}");
            assert_eq!(backend.usage().await, Usage::default());
        }
    }
    // A source that is wrong from the first request is requested without a range.
    let source = RangedSource::start(content.clone()).await;
    for behavior in [Behavior::NoContentRange, Behavior::Shifted(1)] {
        source.set_behavior(move |_| behavior.clone());
        assert_is(&owner, &import(&owner, &source).await, &content).await;
    }
}

/// Returns responses of sources that refuse to send the file again.
fn notices() -> Vec<Behavior> {
    vec![
        Behavior::Notice("text/plain", "Too many connections"),
        Behavior::Notice("text/html", "<!doctype html><title>Log in</title>"),
        Behavior::Notice("application/octet-stream", ""),
        Behavior::Notice("video/mp4", "limit 1"),
        Behavior::Notice("application/vnd.apple.mpegurl", "#EXTM3U\n"),
        Behavior::Status(202, Vec::new()),
        Behavior::Status(302, vec![("location", "http://10.0.0.1/".to_owned())]),
        Behavior::Status(416, Vec::new()),
    ]
}

#[tokio::test]
async fn a_notice_to_a_further_connection_leaves_the_first_response() {
    let owner = Cloud::shared().await.owner().await;
    let content = Content::new(24 * MIB, 21);
    for notice in notices() {
        let source = RangedSource::start(content.clone()).await;
        let later = notice.clone();
        source.set_behavior(move |request| if request.nth == 0 { Behavior::Serve } else { later.clone() });
        let file = import(&owner, &source).await;
        assert_eq!(file["status"], "success", "{notice:?} {file:#}");
        assert_is(&owner, &file, &content).await;
        owner.delete(&file).await.expect(204);
    }
}

#[tokio::test]
async fn a_notice_instead_of_the_rest_is_not_stored() {
    let owner = Cloud::shared().await.owner().await;
    for (size, etag) in [(9 * MIB, Some("\"1\"")), (9 * MIB, None), (40 * MIB, Some("\"1\""))] {
        for notice in [
            Behavior::Notice("text/plain", "Too many connections"),
            Behavior::Notice("application/octet-stream", ""),
        ] {
            let content = Content::new(size, 22);
            let source = RangedSource::start(content.clone()).await;
            source.serve(content.clone(), etag);
            let (later, broken) = (notice.clone(), Behavior::Break(4 * MIB));
            // The source recovers after it has sent the notice once.
            source.set_behavior(move |request| match request.nth {
                0 => broken.clone(),
                1 => later.clone(),
                _ => Behavior::Serve,
            });
            let file = import(&owner, &source).await;
            assert_is(&owner, &file, &content).await;
            owner.delete(&file).await.expect(204);
        }
    }
}

#[tokio::test]
async fn two_versions_are_never_mixed() {
    let owner = Cloud::shared().await.owner().await;
    let versions: Vec<_> = (0..4).map(|seed| Content::new((40 + seed % 2) * MIB, 10 + seed)).collect();
    let source = Arc::new(RangedSource::start(versions[0].clone()).await);
    source.limit_speed(20_000_000);
    let file = owner.import(&source.url("/a.bin")).await;
    until("some parts are requested", async || (source.requests().len() > 3).then_some(())).await;
    source.serve(versions[1].clone(), Some("\"2\""));
    let file = owner.wait_until_terminal(&file).await;
    assert_is(&owner, &file, &versions[1]).await;
    owner.delete(&file).await.expect(204);

    // A source that changes all the time is read in one response, or fails.
    let (changing, versions_too) = (source.clone(), versions.clone());
    let flips = tokio::spawn(async move {
        for turn in 0_usize.. {
            changing.serve(versions_too[turn % 4].clone(), Some(&format!("\"{turn}\"")));
            tokio::time::sleep(std::time::Duration::from_millis(150)).await; // the pace of the changes
        }
    });
    let file = import(&owner, &source).await;
    flips.abort();
    if file["status"] == "success" {
        let bytes = owner.download(&file).await;
        assert!(versions.iter().any(|version| version.bytes() == bytes), "mixed");
    } else {
        assert_eq!(file["error"], "the source changed while it was read", "{file:#}");
    }
    owner.delete(&file).await.expect(204);
    if let Some(backend) = owner.local_backend() {
        assert_eq!(backend.objects().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn the_number_of_connections_adapts_to_the_source() {
    let owner = Cloud::shared().await.owner().await;
    let content = Content::new(80 * MIB, 5);
    let source = RangedSource::start(content.clone()).await;
    source.limit_speed(15_000_000);
    source.set_behavior(|request| match request.open {
        0..2 => Behavior::Serve,
        _ => Behavior::Status(429, vec![("retry-after", "1".to_owned())]),
    });
    let file = import(&owner, &source).await;
    assert_is(&owner, &file, &content).await;
    assert!(source.most_open() <= 2);
    let refused = source.requests().iter().filter(|request| request.open >= 2).count();
    assert!(refused <= 6 || are_injected(), "{refused} requests too many");
}

#[tokio::test]
async fn expired_redirects_are_resolved_again() {
    let owner = Cloud::shared().await.owner().await;
    let content = Content::new(60 * MIB, 6);
    let source = RangedSource::start(content.clone()).await;
    let (address, epoch) = (source.url(""), AtomicUsize::new(0));
    source.set_behavior(move |request| match request.path.strip_prefix("/signed?") {
        None => Behavior::Status(
            302,
            vec![("location", format!("{address}/signed?{}", epoch.load(Ordering::Relaxed)))],
        ),
        Some(_) if request.nth == 4 => Behavior::Status(429, vec![("retry-after", "1".to_owned())]),
        Some(signed) if signed.parse() == Ok(epoch.load(Ordering::Relaxed)) => {
            if request.nth == 6 {
                epoch.fetch_add(1, Ordering::Relaxed); // refuses everything that was signed before
            }
            Behavior::Serve
        }
        Some(_) => Behavior::Status(403, Vec::new()),
    });
    let file = import(&owner, &source).await;
    assert_is(&owner, &file, &content).await;
    assert!(source.requests().iter().any(|request| request.path == "/signed?1"));
}

#[tokio::test]
async fn an_interrupted_range_is_resumed() {
    let owner = Cloud::shared().await.owner().await;
    let content = Content::new(40 * MIB, 7);
    let source = RangedSource::start(content.clone()).await;
    source.set_behavior(|_| Behavior::Break(3_000_000));
    let file = import(&owner, &source).await;
    assert_is(&owner, &file, &content).await;
    assert!(source.sent() < content.size() + 4 * PART || are_injected(), "{} bytes were sent", source.sent());
}

#[tokio::test]
async fn a_connection_that_is_too_slow_is_closed() {
    let owner = Cloud::shared().await.owner().await;
    let content = Content::new(30 * MIB, 8);
    let source = RangedSource::start(content.clone()).await;
    source.set_behavior(|request| if request.nth == 2 { Behavior::Drip } else { Behavior::Serve });
    let file = import(&owner, &source).await;
    assert_is(&owner, &file, &content).await;
}

#[tokio::test]
async fn the_import_of_a_deleted_file_stops() {
    skip_on_deployment!("reads records and objects");
    let owner = Cloud::shared().await.owner().await;
    let source = RangedSource::start(Content::new(400 * MIB, 9)).await;
    source.limit_speed(1_000_000);
    let file = owner.import(&source.url("/a.bin")).await;
    let seen = owner.wait_for(&file, |file| file["progress"]["received"].as_u64() > Some(0)).await;
    assert_eq!(seen["progress"]["total"], 400 * MIB);
    owner.delete(&file).await.expect(204);
    owner.backend.drained("ImportQueue").await;
    until("nothing is left", async || owner.backend.objects().await.is_empty().then_some(())).await;
    assert!(source.sent() < 200 * MIB, "{} bytes were sent", source.sent());
    owner.get(&format!("/files/{}", id(&file))).await.expect_error(404, "not_found");
    assert_eq!(owner.backend.usage().await, Usage::default());
}
