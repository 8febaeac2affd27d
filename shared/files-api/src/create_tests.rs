use super::*;
use serde_json::Value;

async fn json(body: Value) -> Result<CreateRequest, ApiError> {
    let request = http::Request::builder().header("content-type", "application/json; charset=utf-8");
    CreateRequest::read(request.body(Body::Text(body.to_string())).unwrap())
}

#[tokio::test]
async fn each_source_of_the_bytes_is_recognised() {
    let presigned = json(json!({"name": "a.mp4", "size": 7, "content_type": "video/mp4"})).await.unwrap();
    assert!(matches!(
        presigned.what,
        CreateWhat::Presigned { size: 7, content_type: Some(_), multipart: false }
    ));
    let by_parts = json(json!({"name": "a.mp4", "size": 7, "multipart": true})).await.unwrap();
    assert!(matches!(by_parts.what, CreateWhat::Presigned { multipart: true, .. }));
    let import = json(json!({"file_url": "https://example.com/a", "name": "b"})).await.unwrap();
    assert!(matches!(import.what, CreateWhat::Url { url, headers }
        if url == "https://example.com/a" && headers.is_empty()));
}

#[tokio::test]
async fn headers_for_a_source_are_parsed_and_hidden_in_errors() {
    let import = json!({"file_url": "https://a.example", "headers": {"Referer": "https://hush.example"}});
    let request = json(import).await.unwrap();
    assert!(!format!("{request:?}").contains("hush"), "{request:?}");
    let CreateWhat::Url { headers, .. } = request.what else { panic!("an import") };
    assert_eq!(headers.iter().collect::<Vec<_>>(), [("referer", "https://hush.example")]);

    for (body, known) in [
        (json!({"name": "a", "size": 1, "headers": {"Cookie": "hush"}}), "there is none"),
        (json!({"file_url": "https://a.example", "headers": "Cookie: hush"}), "an object of strings"),
        (json!({"file_url": "https://a.example", "headers": {"Cookie": ["hush"]}}), "an object of strings"),
        (json!({"file_url": "https://a.example", "headers": {"Host": "hush"}}), "Host cannot be sent"),
        (json!({"file_url": "https://a.example", "headers": {"Cookie": "hush\r\n"}}), "visible ASCII"),
    ] {
        let error = json(body).await.unwrap_err();
        assert_eq!(error.reason(), Reason::InvalidHeaders);
        let shown = format!("{error:?}");
        assert!(shown.contains(known) && shown.contains("\"headers\"") && !shown.contains("hush"), "{shown}");
    }
    for none in [json!(null), json!({})] {
        assert!(json(json!({"name": "a", "size": 1, "headers": none})).await.is_ok());
    }
}

#[tokio::test]
async fn an_invalid_field_has_its_reason() {
    for (body, reason) in [
        (json!({}), Reason::FileOrUrlRequired),
        (json!({"name": "a"}), Reason::InvalidSize),
        (json!({"size": 3}), Reason::InvalidName),
        (json!({"name": "..", "size": 3}), Reason::InvalidName),
        (json!({"name": "a", "size": -1}), Reason::InvalidSize),
        (json!({"name": "a", "size": 1, "file_url": "https://x"}), Reason::FileAndUrlGiven),
        (json!({"name": "a", "size": 1, "content_type": "video"}), Reason::InvalidContentType),
        (json!({"name": "a", "size": 1, "content_type": "a/b\r\nx: y"}), Reason::InvalidContentType),
        (json!({"name": "a", "size": 1, "checksum_sha256": "00"}), Reason::InvalidChecksum),
        (json!({"name": "a", "size": 1, "expires_in": 0}), Reason::InvalidExpiry),
        (json!({"name": "a", "size": 1, "metadata": {"k": 1}}), Reason::InvalidMetadata),
        (json!({"name": "a", "size": 1, "webhook": 7}), Reason::InvalidWebhook),
        (json!({"name": "a", "size": 1, "multipart": "yes"}), Reason::InvalidMultipart),
        (json!({"name": 1}), Reason::InvalidName),
        (json!({"name": "a", "size": "1"}), Reason::InvalidSize),
        (json!({"name": "a", "size": 1.5}), Reason::InvalidSize),
        (json!({"file_url": ["https://x"]}), Reason::InvalidUrl),
        (json!({"file_url": "https://x", "metadata": []}), Reason::InvalidMetadata),
        (json!({"file_url": "https://x", "expires_in": "60"}), Reason::InvalidExpiry),
        (json!([]), Reason::MalformedRequest),
        (json!([{"file_url": "https://x"}]), Reason::MalformedRequest),
    ] {
        let shown = body.to_string();
        assert_eq!(json(body).await.unwrap_err().reason(), reason, "{shown}");
    }
}

#[tokio::test]
async fn the_same_request_has_the_same_hash_whatever_its_spelling() {
    let hash = |body: &'static str| async move {
        let request = http::Request::builder()
            .header("content-type", "application/json")
            .header("Idempotency-Key", "k");
        let request = CreateRequest::read(request.body(Body::Text(body.into())).unwrap()).unwrap();
        request.idempotency.unwrap().request_hash
    };
    let one = hash(r#"{"name":"a","size":1,"metadata":{"x":"1","y":"2"}}"#).await;
    assert_eq!(one, hash(r#"{"metadata":{"y":"2","x":"1"}, "size":1, "name":"a"}"#).await);
    assert_ne!(one, hash(r#"{"name":"a","size":2,"metadata":{"x":"1","y":"2"}}"#).await);
    let by_parts = r#"{"name":"a","size":1,"metadata":{"x":"1","y":"2"},"multipart":true}"#;
    assert_ne!(one, hash(by_parts).await);
    let import = hash(r#"{"file_url":"https://a.example"}"#).await;
    assert_eq!(import, hash(r#"{"file_url":"https://a.example","headers":null}"#).await);
    assert_eq!(import, hash(r#"{"file_url":"https://a.example","headers":{},"metadata":{}}"#).await);
    let lower = format!(r#"{{"file_url":"https://a.example","checksum_sha256":"{}"}}"#, "ab".repeat(32));
    assert_eq!(hash(lower.clone().leak()).await, hash(lower.replace("ab", "AB").leak()).await);
    let with_headers = hash(r#"{"file_url":"https://a.example","headers":{"Cookie":"a"}}"#).await;
    assert_ne!(import, with_headers);
    assert_ne!(with_headers, hash(r#"{"file_url":"https://a.example","headers":{"Cookie":"b"}}"#).await);
}

#[tokio::test]
async fn a_request_without_bytes_names_the_ways_to_give_them() {
    let error = json(json!({"url": "https://example.com/a"})).await.unwrap_err();
    assert_eq!(error.reason(), Reason::FileOrUrlRequired);
    let body = serde_json::to_value(error.body("r")).unwrap();
    let fields = |body: &Value| -> Vec<String> {
        body["details"].as_array().unwrap().iter().map(|detail| detail["field"].to_string()).collect()
    };
    assert_eq!(fields(&body), ["\"file\"", "\"file_url\"", "\"size\"", "\"url\""]);
    assert_eq!(body["details"][3]["reason"], "unknown_field");
    let form = http::Request::builder().header("content-type", "application/x-www-form-urlencoded");
    let error = CreateRequest::read(form.body(Body::Text("foo=1".into())).unwrap()).unwrap_err();
    assert!(fields(&serde_json::to_value(error.body("r")).unwrap()).contains(&"\"foo\"".to_owned()));
    let empty = CreateRequest::read(http::Request::new(Body::Empty)).unwrap_err();
    assert_eq!(fields(&serde_json::to_value(empty.body("r")).unwrap()).len(), 3);
}
