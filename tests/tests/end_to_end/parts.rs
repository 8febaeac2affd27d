//! Multipart uploads.

use files_tests::owner::id;
use files_tests::parts::{number, slice};
use files_tests::{Cloud, Owner, Response, Usage, faults, media, skip_on_deployment, until};
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

const PART: u64 = 8 << 20;

/// Returns the bytes of two parts and a short third one.
fn large() -> bytes::Bytes {
    static BYTES: std::sync::LazyLock<bytes::Bytes> =
        std::sync::LazyLock::new(|| media::noise((16 << 20) + 5, 9));
    BYTES.clone()
}

fn length(bytes: &bytes::Bytes) -> u64 {
    bytes.len() as u64
}

/// Announces an upload of [`large`], and sends the parts with these numbers. Returns the file as created.
async fn with_parts(owner: &Owner, numbers: &[u32]) -> Value {
    let bytes = large();
    let file = owner.announce_parts("a.bin", length(&bytes)).await;
    owner.send_parts(&file, &bytes, numbers).await;
    file
}

#[tokio::test]
async fn a_deletion_of_several_files_aborts_their_uploads() {
    let owner = Cloud::shared().await.owner().await;
    let bytes = large();
    let file = owner.announce_parts("clip.mp4", length(&bytes)).await;
    owner.send_parts(&file, &bytes, &[1]).await;
    let other = owner.announce("a.png", media::PNG.len(), "image/png").await;
    let ids = json!({"ids": [id(&file), id(&other)]}).to_string();
    let request = owner.request(Method::POST, "/files/delete").header("content-type", "application/json");
    let results = Response::to(request.body(ids)).await.expect(200).json()["results"].clone();
    assert_eq!(results, json!([{"id": id(&file), "status": 204}, {"id": id(&other), "status": 204}]));
    if let Some(backend) = owner.local_backend() {
        assert_eq!(backend.unfinished_uploads().await, []);
        assert_eq!(backend.usage().await, Usage { files: 0, bytes: 0, imports: 0 });
    }
}

#[tokio::test]
async fn parts_become_a_file() {
    let owner = Cloud::shared().await.owner().await;
    let bytes = large();
    let file = owner.announce_parts("clip.mp4", length(&bytes)).await;
    assert_eq!((&file["status"], &file["content_type"]), (&json!("pending"), &json!("video/mp4")));
    let upload = file["upload"].as_object().expect("an upload");
    assert_eq!((upload.len(), &upload["part_size"], &upload["part_count"]), (3, &json!(PART), &json!(3)));
    let held = Usage { files: 1, bytes: i64::try_from(bytes.len()).expect("small"), imports: 0 };
    if let Some(backend) = owner.local_backend() {
        assert_eq!(backend.usage().await, held, "bytes are reserved at the creation");
    }
    let none = json!({"parts": [], "next": null, "part_size": PART, "part_count": 3});
    assert_eq!(owner.stored_parts(&file, 0).await, none);
    if let Some(backend) = owner.local_backend() {
        assert_eq!(
            backend.objects().await,
            Vec::<String>::new(),
            "no upload is created before the first part"
        );
    }

    let signed = owner.sign_parts(&file, &[3, 1, 2]).await;
    assert_eq!(signed.iter().map(number).collect::<Vec<_>>(), [3, 1, 2], "in the requested order");
    assert_eq!(signed[0]["headers"], json!({}), "a browser needs no CORS permission for headers");
    for part in &signed {
        owner.put_part(part, slice(&file, &bytes, number(part))).await.expect(200);
    }
    let sizes = json!([
        {"part_number": 1, "size": PART}, {"part_number": 2, "size": PART}, {"part_number": 3, "size": 5},
    ]);
    assert_eq!(owner.stored_parts(&file, 0).await["parts"], sizes);
    assert_eq!(owner.stored_parts(&file, 2).await["parts"], json!([{"part_number": 3, "size": 5}]));

    let completed = owner.complete(&file).await.expect(202).json();
    assert_eq!(completed["id"], file["id"]);
    // With injected faults this can be the response to a retry, after the probe has ended.
    assert!(
        completed["status"] == "running" || (faults::are_injected() && completed["status"] == "success"),
        "{completed}"
    );
    let done = owner.wait_until_success(&file).await;
    assert_eq!(owner.download(&done).await, bytes);
    if let Some(backend) = owner.local_backend() {
        assert!(done["checksum"]["crc64nvme"].is_string(), "of the whole object: {}", done["checksum"]);
        assert_eq!(backend.usage().await, held);
    }
    let again = owner.complete(&file).await.expect(202).json();
    assert_eq!(
        (&again["id"], &again["status"]),
        (&file["id"], &json!("success")),
        "completion can be repeated"
    );
    if let (Some(backend), false) = (owner.local_backend(), faults::are_injected()) {
        assert_eq!(backend.unfinished_uploads().await, []); // the bucket's lifecycle aborts uploads of killed functions
    }
}

#[tokio::test]
async fn an_upload_can_have_one_small_part() {
    let owner = Cloud::shared().await.owner().await;
    for bytes in [media::MP4.clone(), bytes::Bytes::new()] {
        let file = owner.announce_parts("clip.mp4", length(&bytes)).await;
        assert_eq!(file["upload"]["part_count"], 1);
        owner.send_parts(&file, &bytes, &[1]).await;
        owner.complete(&file).await.expect(202);
        let done = owner.wait_until_success(&file).await;
        assert_eq!(done["ffprobe"]["width"].is_u64(), !bytes.is_empty(), "{done}");
        assert_eq!(owner.download(&done).await, bytes);
    }
}

#[tokio::test]
async fn a_part_can_be_replaced_until_completion() {
    let owner = Cloud::shared().await.owner().await;
    let bytes = large();
    let file = owner.announce_parts("a.bin", length(&bytes)).await;
    let other = media::noise((16 << 20) + 5, 10);
    owner.send_parts(&file, &other, &[1, 3]).await;
    owner.send_parts(&file, &bytes, &[1, 2, 3]).await;
    owner.complete(&file).await.expect(202);
    let done = owner.wait_until_success(&file).await;
    assert_eq!(owner.download(&done).await, bytes);
}

#[tokio::test]
async fn concurrent_clients_create_one_upload() {
    skip_on_deployment!("reads records and objects");
    let owner = Cloud::shared().await.owner().await;
    let file = owner.announce_parts("a.bin", 20 << 20).await;
    let signed =
        join_all((1..=3).map(|number| owner.sign_parts(&file, std::slice::from_ref(&[1, 2, 3][number - 1]))))
            .await;
    let uploads: std::collections::BTreeSet<_> = signed.iter().map(|parts| upload_of(&parts[0])).collect();
    assert_eq!(uploads.len(), 1, "{uploads:?}");
    if !faults::are_injected() {
        assert_eq!(owner.backend.unfinished_uploads().await.len(), 1, "the other uploads are aborted");
    }
}

/// Returns the upload id of a signed part.
fn upload_of(part: &Value) -> String {
    let url = part["url"].as_str().expect("a URL");
    let id = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("uploadId="));
    id.expect("an uploadId").to_owned()
}

#[tokio::test]
async fn concurrent_completions_complete_once() {
    skip_on_deployment!("counts calls");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let file = with_parts(&owner, &[1, 2, 3]).await;
    cloud.reset_calls().await;
    for response in join_all((0..4).map(|_| owner.complete(&file))).await {
        assert_eq!(response.expect(202).json()["id"], file["id"]);
    }
    let done = owner.wait_until_success(&file).await;
    assert_eq!(owner.download(&done).await, large());
    let calls = cloud.calls("complete-upload").await;
    if !faults::are_injected() {
        assert_eq!(calls["s3"]["CompleteMultipartUpload"], 1, "{calls}");
    }
}

#[tokio::test]
async fn a_deleted_upload_leaves_nothing() {
    skip_on_deployment!("reads records and objects");
    let owner = Cloud::shared().await.owner().await;
    let bytes = large();
    let file = owner.announce_parts("a.bin", length(&bytes)).await;
    let signed = owner.sign_parts(&file, &[1, 2]).await;
    owner.put_part(&signed[0], slice(&file, &bytes, 1)).await.expect(200);
    owner.delete(&file).await.expect(204);
    assert_eq!(owner.backend.objects().await, Vec::<String>::new());
    assert_eq!(owner.backend.usage().await, Usage::default());
    owner.put_part(&signed[1], slice(&file, &bytes, 2)).await.expect(404);
    for what in ["sign", "parts", "complete"] {
        let request = owner.post_upload(&file, what).body(r#"{"part_numbers":[1]}"#);
        Response::to(request).await.expect_error(404, "not_found");
    }
    owner.get(&format!("/uploads/{}/parts", id(&file))).await.expect_error(404, "not_found");
}

#[tokio::test]
async fn an_abandoned_upload_fails_and_releases_its_reserved_bytes() {
    skip_on_deployment!("reads records and objects");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let file = with_parts(&owner, &[1, 3]).await;
    end_deadline(&owner, &file).await;
    cloud.sweep().await;
    let failed = owner.wait_until_terminal(&file).await;
    assert_eq!(failed["status"], "failed", "{failed}");
    assert_eq!(failed["error"], "the upload expired: its bytes did not come in time");
    assert_eq!(owner.backend.objects().await, Vec::<String>::new());
    assert_eq!(owner.backend.usage().await, Usage { files: 1, bytes: 0, imports: 0 });
    owner.complete(&file).await.expect_error(409, "upload_over");
    Response::to(owner.sign_parts_of(&file, &[1])).await.expect_error(409, "upload_over");
}

#[tokio::test]
async fn a_complete_set_of_parts_is_completed_at_the_deadline() {
    skip_on_deployment!("reads records and objects");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let file = with_parts(&owner, &[1, 2, 3]).await;
    end_deadline(&owner, &file).await;
    cloud.sweep().await;
    let done = owner.wait_until_success(&file).await;
    assert_eq!(owner.download(&done).await, large());
}

/// Sets the upload's deadline to the past.
async fn end_deadline(owner: &Owner, file: &Value) {
    owner.backend.set_numbers(&format!("file#{}", id(file)), &[("due_at", 1)]).await;
}

#[tokio::test]
async fn signing_parts_extends_the_deadline() {
    skip_on_deployment!("reads records and objects");
    let owner = Cloud::shared().await.owner().await;
    let file = owner.announce_parts("a.bin", 20 << 20).await;
    let sk = format!("file#{}", id(&file));
    let due = async || {
        let item = owner.backend.file_item(id(&file)).await;
        item["due_at"].as_n().expect("a number").parse::<u64>().expect("a moment")
    };
    let first = due().await;
    let hours = 3_600_000;
    owner.backend.set_numbers(&sk, &[("due_at", first - 2 * hours)]).await;
    owner.sign_parts(&file, &[1]).await;
    assert!(due().await >= first, "the deadline is a day away again");
    owner.backend.set_numbers(&sk, &[("due_at", first - hours / 2)]).await;
    owner.sign_parts(&file, &[2]).await;
    assert_eq!(due().await, first - hours / 2, "extensions of less than an hour are not written");
}

#[tokio::test]
async fn ten_thousand_parts_are_listed() {
    skip_on_deployment!("reads records and objects");
    let owner = Cloud::shared().await.owner().await;
    // A record of the maximum number of parts, but with parts of one byte: S3 checks their size only at completion.
    let file = owner.announce_parts("a.bin", 10_000).await;
    owner.backend.set_numbers(&format!("file#{}", id(&file)), &[("part_size", 1)]).await;
    for thousand in 0..10 {
        let numbers: Vec<u32> = (1..=1_000).map(|number| thousand * 1_000 + number).collect();
        let signed = owner.sign_parts(&file, &numbers).await;
        for some in signed.chunks(32) {
            for response in join_all(some.iter().map(|part| owner.put_part(part, "x"))).await {
                response.expect(200);
            }
        }
    }
    let (mut after, mut seen) = (json!(0), Vec::new());
    while let Some(from) = after.as_u64() {
        let page = owner.stored_parts(&file, from).await;
        seen.extend(page["parts"].as_array().expect("parts").iter().map(number));
        after = page["next"].clone();
    }
    assert_eq!(seen, (1..=10_000).collect::<Vec<_>>());
    owner.delete(&file).await.expect(204);
}

#[tokio::test]
async fn a_repeated_request_returns_the_same_upload() {
    let owner = Cloud::shared().await.owner().await;
    let body = json!({"name": "a.bin", "size": 7, "multipart": true});
    let create = async |body: &Value| Response::to(owner.json(body).header("idempotency-key", "k")).await;
    let first = create(&body).await.expect(201).json();
    assert_eq!(create(&body).await.expect(201).json(), first);
    let other = json!({"name": "a.bin", "size": 7});
    create(&other).await.expect_error(409, "idempotency_conflict");
}

#[tokio::test]
async fn a_single_put_is_signed_again_while_its_bytes_are_missing() {
    let owner = Cloud::shared().await.owner().await;
    let mut file = owner.announce("a.png", media::PNG.len(), "image/png").await;
    let signed = Response::to(owner.post_upload(&file, "sign")).await.expect(200).json();
    assert_eq!(signed["headers"], file["upload"]["headers"]);
    file["upload"] = signed;
    owner.put(&file, media::PNG.clone()).await.expect(200);
    owner.wait_until_success(&file).await;
    Response::to(owner.post_upload(&file, "sign")).await.expect_error(409, "upload_over");
    owner.complete(&file).await.expect_error(409, "upload_over");
}

#[tokio::test]
async fn web_pages_of_another_origin_can_upload_parts() {
    skip_on_deployment!("reads records and objects");
    let owner = Cloud::shared().await.owner().await;
    let origin = ("origin", "https://app.example");
    let file = owner.announce_parts("a.bin", 3).await;
    let signed = owner.sign_parts(&file, &[1]).await;
    let url = signed[0]["url"].as_str().expect("a URL");
    let preflight = |method: &str, url: &str, headers: &str| {
        let request = owner.bare_request(Method::OPTIONS, url).header(origin.0, origin.1);
        let request = request.header("access-control-request-method", method);
        if headers.is_empty() { request } else { request.header("access-control-request-headers", headers) }
    };
    for what in ["sign", "parts", "complete"] {
        let url = format!("/uploads/{}/{what}", id(&file));
        let response = Response::to(preflight("POST", &url, "x-api-key,content-type")).await.expect(204);
        assert_eq!(response.header("access-control-allow-origin"), Some("*"), "{what}");
    }
    let response = Response::to(preflight("PUT", url, "")).await.expect(200);
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    assert!(response.header("access-control-allow-methods").is_some_and(|methods| methods.contains("PUT")));
    let put = owner.bare_request(Method::PUT, url).header(origin.0, origin.1).body("abc");
    let response = Response::to(put).await.expect(200);
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    let exposed = response.header("access-control-expose-headers").expect("exposed headers");
    assert!(exposed.contains("ETag") && response.header("etag").is_some(), "{exposed}");

    // CORS also allows the headers of a single PUT.
    let file = owner.announce("a.png", 3, "image/png").await;
    let headers = file["upload"]["headers"].as_object().expect("headers");
    let names = headers.keys().map(String::as_str).collect::<Vec<_>>().join(",");
    let url = file["upload"]["url"].as_str().expect("a URL");
    let response = Response::to(preflight("PUT", url, &names)).await.expect(200);
    let allowed = response.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
    assert!(headers.keys().all(|name| allowed.contains(name)), "{allowed}");
}

#[tokio::test]
async fn sweep_completes_an_interrupted_completion() {
    skip_on_deployment!("injects faults");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let file = with_parts(&owner, &[1, 2, 3]).await;
    // Each attempt of the S3 client fails after S3 has begun to respond.
    cloud
        .add_faults(&json!({"caller": "complete-upload", "operation": "CompleteMultipartUpload", "action": "error_in_200"}))
        .await;
    owner.complete(&file).await.expect(202);
    assert_eq!(owner.file(id(&file)).await["status"], "running");
    assert_eq!(owner.complete(&file).await.expect(202).json()["status"], "running", "repeated");
    cloud.clear_faults().await;
    owner.backend.set_numbers(&format!("file#{}", id(&file)), &[("due_at", 1)]).await;
    cloud.sweep().await;
    let done = owner.wait_until_success(&file).await;
    assert_eq!(owner.download(&done).await, large());
    until("nothing is left of it", async || {
        owner.backend.unfinished_uploads().await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_slow_completion_gets_a_response_in_time() {
    skip_on_deployment!("injects faults");
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let file = with_parts(&owner, &[1, 2, 3]).await;
    let slow = json!({"caller": "complete-upload", "operation": "CompleteMultipartUpload", "action": {"delay_ms": 60_000}});
    cloud.add_faults(&slow).await;
    // The gateway would respond with 503 after 30 s.
    let pending = owner.complete(&file).await.expect(202).json();
    assert_eq!(pending["status"], "running");
    cloud.clear_faults().await;
    end_deadline(&owner, &file).await;
    cloud.sweep().await;
    assert_eq!(owner.download(&owner.wait_until_success(&file).await).await, large());
}

#[tokio::test]
async fn only_the_origins_of_the_parameter_are_allowed() {
    skip_on_deployment!("another template");
    let cloud = Cloud::setup().template_with("Default: \"*\"", "Default: https://app.example").start().await;
    let owner = cloud.owner().await;
    let file = owner.announce_parts("a.bin", 3).await;
    let url = owner.sign_parts(&file, &[1]).await[0]["url"].as_str().expect("a URL").to_owned();
    let api = format!("{}/uploads/{}/parts", owner.api(), id(&file));
    for (origin, admitted) in
        [("https://app.example", Some("https://app.example")), ("https://elsewhere.example", None)]
    {
        for (method, url) in [("POST", &api), ("PUT", &url)] {
            let asked = owner.bare_request(Method::OPTIONS, url).header("origin", origin);
            let response = Response::to(asked.header("access-control-request-method", method)).await;
            assert_eq!(response.header("access-control-allow-origin"), admitted, "preflight of {method}");
        }
        let get = Response::to(owner.request(Method::GET, &api).header("origin", origin)).await.expect(200);
        assert_eq!(get.header("access-control-allow-origin"), admitted);
        let put = owner.bare_request(Method::PUT, &url).header("origin", origin).body("abc");
        assert_eq!(Response::to(put).await.expect(200).header("access-control-allow-origin"), admitted);
    }
}
