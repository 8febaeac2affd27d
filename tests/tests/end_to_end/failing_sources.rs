//! Imports that fail: status `failed` with a reason for the user, and nothing else remains.

use std::net::{IpAddr, ToSocketAddrs};

use files_tests::faults::are_injected;
use files_tests::owner::id;
use files_tests::{Cloud, Owner, Reply, Response, SourceServer, Usage, media, skip_on_deployment, until};
use http::StatusCode;
use serde_json::{Value, json};

/// Checks that the import fails for this reason, and that only its record remains.
async fn assert_fails(owner: &Owner, file: &Value, reason: &str) {
    let file = owner.wait_until_terminal(file).await;
    assert_failed(owner, file, reason).await;
}

async fn assert_failed(owner: &Owner, file: Value, reason: &str) {
    assert_eq!((&file["status"], &file["error"]), (&json!("failed"), &json!(reason)), "{file:#}");
    assert_eq!(
        (&file["progress"], &file["ffprobe"], &file["ffprobe_error"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    if let Some(backend) = owner.local_backend() {
        assert_eq!(backend.usage().await, Usage { files: 1, bytes: 0, imports: 0 });
        assert_eq!(backend.objects().await, Vec::<String>::new());
    }
    owner.get(Owner::download_url(&file)).await.expect_error(409, "no_bytes_yet");
    owner.delete(&file).await.expect(204);
    if let Some(backend) = owner.local_backend() {
        assert_eq!(backend.sort_keys().await, ["usage"]);
    }
}

#[tokio::test]
async fn a_source_that_refuses_is_requested_once() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    for status in [404_u16, 403, 410, 204, 206] {
        let path = format!("/{status}");
        let url = source.serve(&path, Reply::status(StatusCode::from_u16(status).expect("a status")));
        let advice = match status {
            403 => "; if it asks for a login or a token, send that in `headers`",
            _ => "",
        };
        let reason = format!("the source responded {status}{advice}");
        assert_fails(&owner, &owner.import(&url).await, &reason).await;
        let requests = source.requests(&path);
        match status {
            403 => assert!(requests > 2, "with and without a range, and by yt-dlp: {requests}"),
            206 => assert_eq!(requests, 2, "with and without a range"),
            _ => assert_eq!(requests, 1),
        }
    }
}

#[tokio::test]
async fn a_failing_source_is_retried_a_limited_number_of_times() {
    skip_on_deployment!("advances the clock");
    let cloud = Cloud::start().await;
    let (owner, source) = (cloud.owner().await, SourceServer::start().await);
    let url = source.serve("/500", Reply::status(StatusCode::INTERNAL_SERVER_ERROR));
    let file = cloud.end_of_import(&owner, &owner.import(&url).await).await;
    assert_failed(&owner, file, "the source responded 500").await;
    let requests = source.requests("/500");
    let expected = 4 * 3 * 2;
    assert!(
        requests == expected || are_injected(),
        "{requests}, not three tries, with and without a range, in each of four runs"
    );
}

#[tokio::test]
async fn a_source_that_recovers_is_imported() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let url = source.serve("/flaky", Reply::status(StatusCode::SERVICE_UNAVAILABLE));
    let file = owner.import(&url).await;
    source.wait_for_requests("/flaky", 1).await;
    source.serve("/flaky", Reply::bytes(media::PNG.clone()));
    let file = owner.wait_until_success(&file).await;
    assert_eq!(owner.download(&file).await, *media::PNG);
}

#[tokio::test]
async fn half_a_body_fails_the_import() {
    skip_on_deployment!("advances the clock");
    let cloud = Cloud::start().await;
    let (owner, source) = (cloud.owner().await, SourceServer::start().await);
    // The second source is cut in its second part, when the first part is stored already.
    for (path, bytes) in [("/short", media::MP4.clone()), ("/long", media::noise(50 << 20, 3))] {
        let url = source.serve(path, Reply::bytes(bytes).half());
        let file = cloud.end_of_import(&owner, &owner.import(&url).await).await;
        assert_failed(&owner, file, "the source sent less than it announced").await;
    }
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_not_followed() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    for (path, to) in [
        ("/metadata", "http://169.254.169.254/latest/meta-data/".to_owned()),
        ("/private", "http://10.0.0.1/".to_owned()),
        ("/localhost", source.url("/secret").replace("127.0.0.1", "localhost")),
    ] {
        let url = source.serve(path, Reply::redirect(&to));
        let reason = "the source is not at a public address (a redirect led there)";
        assert_fails(&owner, &owner.import(&url).await, reason).await;
    }
    let url = source.serve("/file", Reply::redirect("file:///etc/passwd"));
    let reason = "only http and https URLs can be fetched (a redirect led there)";
    assert_fails(&owner, &owner.import(&url).await, reason).await;
    let url = source.serve("/loop", Reply::redirect("/loop"));
    assert_fails(&owner, &owner.import(&url).await, "the source redirected too many times").await;
    assert_eq!(source.requests("/secret"), 0);
}

/// Returns a name that this machine resolves to a private address, other than `localhost`, which is refused as a name.
fn private_name() -> String {
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let names =
        [own.trim(), "ip6-localhost", "ip6-loopback", "localhost.localdomain", "localhost4", "localhost6"];
    let private = |address: IpAddr| match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    };
    let leads_home = |name: &&&str| {
        let addresses = (**name, 80).to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
        !addresses.is_empty() && addresses.iter().all(|address| private(address.ip()))
    };
    let found = names.iter().find(leads_home);
    (*found.expect("a name in /etc/hosts for a private address: its own, or ip6-localhost")).to_owned()
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_not_fetched() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.import(&format!("http://{}/clip.mp4", private_name())).await;
    assert_fails(&owner, &file, "the source is not at a public address").await;
}

#[tokio::test]
async fn a_name_that_does_not_exist_fails_the_import() {
    skip_on_deployment!("advances the clock");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    // RFC 2606 reserves the name. Without a resolver its existence is unknown, which has its own reason.
    let file = owner.import("http://files.invalid/clip.mp4").await;
    let file = cloud.end_of_import(&owner, &file).await;
    assert_eq!(file["status"], "failed");
    let error = file["error"].as_str().expect("a reason");
    // The second where packets to the resolver are dropped.
    let expected = ["the host name of the source ", "the source took too long"];
    assert!(expected.iter().any(|text| error.starts_with(text)), "{error}");
}

#[tokio::test]
async fn bytes_with_another_checksum_fail_the_import() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    let url = source.serve("/a.png", Reply::bytes(media::PNG.clone()));
    let body = |sha256: &str| json!({"file_url": url, "checksum_sha256": sha256});
    let file = Response::to(owner.json(&body(&media::sha256(b"other")))).await.expect(202).json();
    assert_fails(&owner, &file, "the source's bytes do not have the announced SHA-256").await;
    let file = Response::to(owner.json(&body(&media::sha256(&media::PNG)))).await.expect(202).json();
    owner.wait_until_success(&file).await;
}

#[tokio::test]
async fn a_source_cannot_choose_a_bad_name() {
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    for (path, disposition, name) in [
        ("/a", "attachment; filename=\"../../etc/passwd\"", "passwd"),
        ("/b", "attachment; filename*=UTF-8''a%00b%0D%0ASet-Cookie%3A%20x", "abSet-Cookie: x"),
        ("/c.wav", "attachment; filename=\"..\"", "c.wav"),
        ("/d%2F..%2Fe.wav", "inline", "e.wav"),
    ] {
        let url = source.serve(path, Reply::bytes("bytes").header("content-disposition", disposition));
        let file = owner.wait_until_success(&owner.import(&url).await).await;
        assert_eq!(file["name"], name, "{disposition}");
        assert_eq!(owner.download(&file).await, "bytes");
    }
}

#[tokio::test]
async fn a_file_deleted_during_its_import_leaves_nothing() {
    skip_on_deployment!("sees the queue, records and objects");
    let owner = Cloud::shared().await.owner().await;
    let source = SourceServer::start().await;
    // The first file has created an upload in S3, the second one has not.
    for (path, length) in [("/large", 40 << 20), ("/small", 1 << 20)] {
        let (reply, release) = Reply::bytes(media::noise(length, 4)).held();
        let file = owner.import(&source.serve(path, reply)).await;
        source.wait_for_requests(path, 1).await;
        if length > 32 << 20 {
            owner.wait_for(&file, |file| file["progress"].is_object()).await;
        } else {
            owner.wait_for(&file, |file| file["status"] == "running").await;
        }
        owner.delete(&file).await.expect(204);
        owner.delete(&file).await.expect(404);
        assert_eq!(owner.backend.usage().await, Usage::default(), "{path}");
        release.send();
        owner.backend.drained("ImportQueue").await;
        until("nothing is left of the import", async || {
            owner.backend.objects().await.is_empty().then_some(())
        })
        .await;
        owner.get(&format!("/files/{}", id(&file))).await.expect_error(404, "not_found");
        assert_eq!(owner.backend.usage().await, Usage::default(), "{path}");
        let left = owner.backend.sort_keys().await;
        assert!(left.iter().all(|sk| sk == "usage" || sk.starts_with("gone#")), "{left:?}");
    }
}
