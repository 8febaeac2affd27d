//! Refused requests of multipart uploads: by the API, and by S3.

use files_tests::owner::id;
use files_tests::parts::slice;
use files_tests::{Cloud, Response, media, skip_on_deployment, tampered};
use http::Method;
use serde_json::{Value, json};

const SIZE: usize = (8 << 20) + 5;

fn code(response: &Response) -> String {
    let body = String::from_utf8_lossy(&response.body);
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    format!("{} {}", response.status, code.map_or("", |(code, _)| code))
}

/// Returns the signed part with another URL.
fn at(part: &Value, url: String) -> Value {
    let mut part = part.clone();
    part["url"] = url.into();
    part
}

#[tokio::test]
async fn s3_accepts_only_the_signed_part() {
    let owner = Cloud::shared().await.owner().await;
    let bytes = media::noise(SIZE, 3);
    let file = owner.announce_parts("a.bin", SIZE as u64).await;
    let other = owner.announce_parts("b.bin", SIZE as u64).await;
    let signed = owner.sign_parts(&file, &[1, 2]).await;
    let of_other = owner.sign_parts(&other, &[1, 2]).await;
    let url = |part: &Value| part["url"].as_str().expect("a URL").to_owned();
    let upload = |part: &Value| {
        let url = url(part);
        url.split(['?', '&']).find(|pair| pair.starts_with("uploadId=")).expect("an upload").to_owned()
    };
    let last = slice(&file, &bytes, 2);
    let tampered = tampered(&url(&signed[1]));
    for (what, url, body) in [
        ("longer", url(&signed[1]), "123456".into()),
        ("shorter", url(&signed[1]), "1234".into()),
        ("empty", url(&signed[1]), bytes::Bytes::new()),
        ("another part", url(&signed[1]).replace("partNumber=2", "partNumber=1"), last.clone()),
        ("another upload", url(&signed[1]).replace(&upload(&signed[1]), &upload(&of_other[1])), last.clone()),
        ("another key", url(&signed[1]).replace(id(&file), id(&other)), last.clone()),
        ("longer life", url(&signed[1]).replace("X-Amz-Expires=3600", "X-Amz-Expires=36000"), last.clone()),
        ("tampered", tampered, last.clone()),
    ] {
        let response = owner.put_part(&at(&signed[1], url), body).await;
        assert_eq!(code(&response), "403 SignatureDoesNotMatch", "{what}");
    }
    for method in [Method::GET, Method::DELETE, Method::POST] {
        let request = owner.bare_request(method.clone(), &url(&signed[1])).header("content-length", 0);
        assert_eq!(code(&Response::to(request).await), "403 SignatureDoesNotMatch", "{method}");
    }
    assert_eq!(owner.stored_parts(&file, 0).await["parts"], json!([]));
    owner.put_part(&signed[1], last).await.expect(200);
}

#[tokio::test]
async fn completion_names_wrong_parts_and_the_upload_continues() {
    skip_on_deployment!("reads records and objects");
    let owner = Cloud::shared().await.owner().await;
    let bytes = media::noise(SIZE, 4);
    let file = owner.announce_parts("a.bin", SIZE as u64).await;
    let faults = async || {
        let refused = owner.complete(&file).await.expect_error(409, "parts_incomplete");
        let details = refused["details"].as_array().expect("details").clone();
        details
            .into_iter()
            .map(|detail| format!("{}: {}", detail["field"], detail["message"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        faults().await,
        [r#""part_numbers.1": "part 1 is missing""#, r#""part_numbers.2": "part 2 is missing""#]
    );
    owner.send_parts(&file, &bytes, &[2]).await;
    assert_eq!(faults().await, [r#""part_numbers.1": "part 1 is missing""#]);

    // Signed URLs cannot create these parts: only the bucket's keys can.
    let upload_id = owner.backend.file_item(id(&file)).await["upload_id"].as_s().expect("an id").clone();
    let put = async |number: i32, body: &'static [u8]| {
        let part = owner.backend.s3.upload_part().bucket(&owner.backend.bucket).upload_id(&upload_id);
        let part = part.key(owner.backend.object_key(id(&file))).part_number(number);
        let algorithm = aws_sdk_s3::types::ChecksumAlgorithm::Crc64Nvme;
        part.checksum_algorithm(algorithm).body(body.to_vec().into()).send().await.expect("a part");
    };
    put(1, b"short").await;
    put(7, b"foreign").await;
    assert_eq!(
        faults().await,
        [
            r#""part_numbers.1": "part 1 has 5 bytes and should have 8388608""#,
            r#""part_numbers.7": "part 7 is none of this upload""#
        ]
    );
    assert_eq!(owner.file(id(&file)).await["status"], "pending");
    owner.send_parts(&file, &bytes, &[1]).await;
    assert_eq!(faults().await.len(), 1, "a foreign part stays: S3 cannot remove a single part");
    owner.delete(&file).await.expect(204);
}

#[tokio::test]
async fn parts_that_cannot_be_signed_are_refused() {
    skip_on_deployment!("reads records and objects");
    let owner = Cloud::shared().await.owner().await;
    let file = owner.announce_parts("a.bin", SIZE as u64).await;
    for (body, status, reason) in [
        (json!({"part_numbers": []}), 422, "invalid_part_numbers"),
        (json!({"part_numbers": [0]}), 422, "invalid_part_numbers"),
        (json!({"part_numbers": [1, 3]}), 422, "invalid_part_numbers"),
        (json!({"part_numbers": vec![1; 1_001]}), 422, "invalid_part_numbers"),
        (json!({"part_numbers": [-1]}), 422, "invalid_part_numbers"),
        (json!({"part_numbers": [4_294_967_297_u64]}), 422, "invalid_part_numbers"),
        (json!({"part_numbers": "1"}), 422, "invalid_part_numbers"),
        (json!({}), 422, "invalid_part_numbers"),
        (json!([1]), 400, "malformed_request"),
    ] {
        let request = owner.post_upload(&file, "parts").body(body.to_string());
        Response::to(request).await.expect_error(status, reason);
    }
    Response::to(owner.post_upload(&file, "parts")).await.expect_error(422, "invalid_part_numbers");
    for after in ["x", "-1", "10001", ""] {
        let response = owner.get(&format!("/uploads/{}/parts?after={after}", id(&file))).await;
        response.expect_error(400, "malformed_parameter");
    }
    Response::to(owner.post_upload(&file, "sign")).await.expect_error(409, "is_multipart");
    assert_eq!(owner.backend.objects().await, Vec::<String>::new(), "no upload was created for any of these");

    let single = owner.announce("a.png", 3, "image/png").await;
    Response::to(owner.sign_parts_of(&single, &[1])).await.expect_error(409, "not_multipart");
    owner.get(&format!("/uploads/{}/parts", id(&single))).await.expect_error(409, "not_multipart");
    owner.complete(&single).await.expect_error(409, "not_multipart");
}

#[tokio::test]
async fn uploads_belong_to_their_owners() {
    skip_on_deployment!("reads records and objects");
    let cloud = Cloud::shared().await;
    let (owner, stranger) = (cloud.owner().await, cloud.owner().await);
    let file = owner.announce_parts("a.bin", 3).await;
    let reader = owner.with_key(&cloud.key(owner.name(), [files_domain::Scope::Read], None).await);
    let nobody = owner.with_key("fm_garbage");
    for (what, method) in
        [("sign", Method::POST), ("parts", Method::POST), ("parts", Method::GET), ("complete", Method::POST)]
    {
        let path = format!("/uploads/{}/{what}", id(&file));
        for (who, status, reason) in [
            (&stranger, 404, "not_found"),
            (&reader, 403, "missing_scope"),
            (&nobody, 401, "invalid_api_key"),
        ] {
            let request = who.request(method.clone(), &path).body(r#"{"part_numbers":[1]}"#);
            Response::to(request).await.expect_error(status, reason);
        }
        let request = owner.request(method.clone(), &format!("/uploads/x/{what}"));
        Response::to(request.body(r#"{"part_numbers":[1]}"#)).await.expect_error(400, "malformed_id");
    }
}

#[tokio::test]
async fn sizes_have_limits() {
    skip_on_deployment!("another template");
    let cloud = Cloud::setup().template_with("Default: 53687091200", "Default: 53687091200000").start().await;
    let owner = cloud.owner().await;
    let (single, largest) = (5_u64 << 30, 53_687_091_200_000_u64);
    for (size, upload) in [
        (single - 1, None),
        (single, None),
        (single + 1, Some((8 << 20, 641))),
        (largest - 1, Some((5 << 30, 10_000))),
        (largest, Some((5_u64 << 30, 10_000))),
    ] {
        let file = owner.announce_as(&json!({"name": "a.mp4", "size": size})).await;
        let planned = upload.map(|(part_size, part_count)| (json!(part_size), json!(part_count)));
        let found = (file["upload"]["part_size"].clone(), file["upload"]["part_count"].clone());
        assert_eq!(found, planned.unwrap_or_default(), "{size}");
        assert_eq!(file["upload"]["method"] == "PUT", upload.is_none(), "{size}");
    }
    Response::to(owner.json(&json!({"name": "a", "size": largest + 1})))
        .await
        .expect_error(413, "file_too_large");
    let usual = Cloud::shared().await.owner().await;
    for (size, status) in [(50_u64 << 30, 201), ((50_u64 << 30) + 1, 413)] {
        Response::to(usual.json(&json!({"name": "a", "size": size, "multipart": true}))).await.expect(status);
    }
    let hashed = json!({"name": "a", "size": 9, "multipart": true, "checksum_sha256": "00".repeat(32)});
    Response::to(usual.json(&hashed)).await.expect_error(422, "checksum_with_multipart");
}
