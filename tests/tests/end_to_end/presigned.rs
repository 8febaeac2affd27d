//! Presigned uploads to S3.

use files_tests::owner::id;
use files_tests::{Cloud, Owner, Response, Usage, media, skip_on_deployment, tampered};
use serde_json::{Value, json};

fn bytes(count: usize) -> i64 {
    count.try_into().expect("small")
}

/// Asserts that S3 has no object of the file, and that the file waits.
async fn assert_waiting(owner: &Owner, file: &Value) {
    assert_eq!(owner.file(id(file)).await["status"], "pending");
    if let Some(backend) = owner.local_backend() {
        assert_eq!(backend.objects().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_presigned_put_becomes_a_file() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.announce("clip.mp4", media::MP4.len(), "video/mp4").await;
    assert_eq!((&file["status"], &file["size"]), (&json!("pending"), &json!(media::MP4.len())));
    // Only signed headers: browsers set Host and Content-Length themselves, and other headers would need CORS.
    assert_eq!(file["upload"]["headers"], json!({"content-type": "video/mp4", "if-none-match": "*"}));
    assert!(file["upload"]["expires_at"].as_str() > file["created_at"].as_str());
    let usage = Usage { files: 1, bytes: bytes(media::MP4.len()), imports: 0 };
    if let Some(backend) = owner.local_backend() {
        assert_eq!(backend.usage().await, usage, "bytes are reserved from the start");
    }

    owner.put(&file, media::MP4.clone()).await.expect(200);
    let done = owner.wait_until_success(&file).await;
    assert_eq!((&done["ffprobe"]["width"], &done["ffprobe"]["video_codec"]), (&json!(320), &json!("h264")));
    assert_eq!(done.get("upload"), None);
    let checksum = done["checksum"].as_object().expect("a checksum");
    assert_eq!(checksum.len(), 1, "{checksum:?}");
    assert_eq!(owner.download(&done).await, *media::MP4);
    if let Some(backend) = owner.local_backend() {
        assert_eq!(backend.usage().await, usage);
    }

    let second = owner.put(&file, media::MP4.clone()).await;
    assert_eq!(second.status, 412, "{}", String::from_utf8_lossy(&second.body));
    assert_eq!(owner.file(id(&file)).await, done, "a second PUT changes nothing");
}

#[tokio::test]
async fn s3_refuses_a_put_that_differs_from_the_announced_one() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.announce("clip.mp4", 10, "video/mp4").await;
    for (what, body, headers) in [
        ("shorter", "123456789", vec![]),
        ("longer", "12345678901", vec![]),
        ("empty", "", vec![]),
        ("another type", "1234567890", vec![("content-type", "text/html")]),
        ("over an existing object", "1234567890", vec![("if-none-match", "\"x\"")]),
    ] {
        let response = owner.put_with(&file, body, &headers).await;
        assert_eq!(response.status, 403, "{what}: {}", String::from_utf8_lossy(&response.body));
        assert_waiting(&owner, &file).await;
    }
    owner.put(&file, "1234567890").await.expect(200);
    owner.wait_until_success(&file).await;
}

#[tokio::test]
async fn an_announced_checksum_is_verified_and_stored() {
    let owner = Cloud::shared().await.owner().await;
    let sha256 = media::sha256(&media::PNG);
    let body = json!({
        "name": "a.png", "size": media::PNG.len(), "content_type": "image/png", "checksum_sha256": sha256,
    });
    let file = owner.announce_as(&body).await;
    let mut wrong = media::PNG.to_vec();
    wrong[100] ^= 1;
    let response = owner.put(&file, wrong).await;
    assert_eq!(response.status, 400, "{}", String::from_utf8_lossy(&response.body));
    assert_waiting(&owner, &file).await;

    owner.put(&file, media::PNG.clone()).await.expect(200);
    let done = owner.wait_until_success(&file).await;
    assert_eq!(done["checksum"], json!({ "sha256": sha256 }));
}

#[tokio::test]
async fn a_type_is_guessed_from_the_name() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.announce_as(&json!({"name": "song.mp3", "size": 3})).await;
    assert_eq!(file["content_type"], "audio/mpeg");
    assert_eq!(file["upload"]["headers"]["content-type"], "audio/mpeg");
    owner.put(&file, "abc").await.expect(200);
    owner.wait_until_success(&file).await;
}

#[tokio::test]
async fn s3_rejects_a_put_after_the_delete_and_no_probe_runs() {
    skip_on_deployment!("reads records and objects");
    let owner = Cloud::shared().await.owner().await;
    let file = owner.announce("a.png", media::PNG.len(), "image/png").await;
    owner.delete(&file).await.expect(204);
    assert_eq!(owner.backend.usage().await, Usage::default());
    // The URL's signature is still valid, but an empty object blocks the PUT.
    for _ in 0..3 {
        owner.put(&file, media::PNG.clone()).await.expect(412);
    }
    let stored = owner.announce("b.png", media::PNG.len(), "image/png").await;
    owner.put(&stored, media::PNG.clone()).await.expect(200);
    owner.wait_until_success(&stored).await;
    owner.delete(&stored).await.expect(204);
    owner.put(&stored, media::PNG.clone()).await.expect(412);
    owner.backend.drained("ProbeQueue").await;
    let sizes = owner.backend.object_sizes().await;
    assert!(sizes.len() == 2 && sizes.values().all(|size| *size == 0), "{sizes:?}");

    for file in [&file, &stored] {
        owner.backend.set_numbers(&format!("gone#{}", id(file)), &[("due_at", 1)]).await;
    }
    Cloud::shared().await.sweep().await;
    files_tests::until("the empty objects are deleted", async || {
        owner.backend.objects().await.is_empty().then_some(())
    })
    .await;
    assert_eq!(owner.backend.usage().await, Usage::default());
    owner.get(&format!("/files/{}", id(&file))).await.expect_error(404, "not_found");
}

#[tokio::test]
async fn s3_accepts_only_the_signed_put() {
    skip_on_deployment!("signs with the operator's keys");
    let owner = Cloud::shared().await.owner().await;
    let file = owner.announce("a.bin", 5, "video/mp4").await;
    let other = owner.announce("b.bin", 5, "video/mp4").await;
    let url = file["upload"]["url"].as_str().expect("a URL").to_owned();
    let tampered = tampered(&url);
    for (what, url) in [
        ("another key", url.replace(id(&file), id(&other))),
        ("a longer life", url.replace("X-Amz-Expires=3600", "X-Amz-Expires=36000")),
        ("another signature", tampered),
    ] {
        let mut changed = file.clone();
        changed["upload"]["url"] = url.into();
        let response = owner.put(&changed, "abcde").await;
        assert_eq!(response.status, 403, "{what}: {}", String::from_utf8_lossy(&response.body));
    }
    for method in [http::Method::GET, http::Method::DELETE, http::Method::POST] {
        let request = owner.bare_request(method.clone(), &url).header("content-length", 0);
        let refused = Response::to(request).await.expect(403);
        assert!(String::from_utf8_lossy(&refused.body).contains("SignatureDoesNotMatch"), "{method}");
    }
    let hour = std::time::Duration::from_secs(3_600);
    let config = aws_sdk_s3::presigning::PresigningConfig::builder().expires_in(hour);
    let config = config.start_time(std::time::SystemTime::now() - 2 * hour).build().expect("a lifetime");
    let put =
        owner.backend.s3.put_object().bucket(&owner.backend.bucket).key(owner.backend.object_key(id(&file)));
    let expired = put.content_length(5).presigned(config).await.expect("a URL");
    let response =
        Response::to(owner.bare_request(http::Method::PUT, expired.uri()).body("abcde")).await.expect(403);
    assert!(String::from_utf8_lossy(&response.body).contains("Request has expired"));
    assert_waiting(&owner, &file).await;
}
