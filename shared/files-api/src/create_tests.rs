use super::*;
use serde_json::{Value, json};

async fn json(body: Value) -> Result<CreateRequest, ApiError> {
    let request = http::Request::builder().header("content-type", "application/json; charset=utf-8");
    CreateRequest::read(request.body(Body::Text(body.to_string())).unwrap(), Timestamp::EPOCH)
}

fn urlencoded(body: &str) -> Result<CreateRequest, ApiError> {
    let request = http::Request::builder().header("content-type", "application/x-www-form-urlencoded");
    CreateRequest::read(request.body(Body::Text(body.to_owned())).unwrap(), Timestamp::EPOCH)
}

#[tokio::test]
async fn each_source_of_the_bytes_is_recognised() {
    let presigned = json(json!({"name": "a.mp4", "size": 7, "content_type": "video/mp4"})).await.unwrap();
    assert!(matches!(
        presigned.source,
        CreateSource::Presigned { size: 7, content_type: Some(_), multipart: false }
    ));
    let by_parts = json(json!({"name": "a.mp4", "size": 7, "multipart": true})).await.unwrap();
    assert!(matches!(by_parts.source, CreateSource::Presigned { multipart: true, .. }));
    let import = json(json!({"file_url": "https://example.com/a", "name": "b"})).await.unwrap();
    assert!(matches!(import.source, CreateSource::Url { url, headers }
        if url == "https://example.com/a" && headers.is_empty()));
}

#[tokio::test]
async fn headers_for_a_source_are_parsed_and_hidden_in_errors() {
    let import = json!({"file_url": "https://a.example", "headers": {"Referer": "https://hush.example"}});
    let request = json(import).await.unwrap();
    assert!(!format!("{request:?}").contains("hush"), "{request:?}");
    let CreateSource::Url { headers, .. } = request.source else { panic!("an import") };
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
        (json!({"name": "a", "size": 1, "expires_at": "1970-01-01T00:00:00Z"}), Reason::InvalidExpiry),
        (json!({"name": "a", "size": 1, "expires_at": 60}), Reason::InvalidExpiry),
        (json!({"name": "a", "size": 1, "expires_at": null, "expires_in": 60}), Reason::InvalidExpiry),
        (json!({"name": "a", "size": 1, "expires": 60}), Reason::UnknownField),
        (json!({"file_url": "https://x", "webhook_url": "https://y"}), Reason::UnknownField),
        (json!({"name": "a", "file": "AAAA"}), Reason::UnknownField),
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
        let request =
            CreateRequest::read(request.body(Body::Text(body.into())).unwrap(), Timestamp::EPOCH).unwrap();
        request.idempotency.unwrap().request_hash
    };
    let one = hash(r#"{"name":"a","size":1,"metadata":{"x":"1","y":"2"}}"#).await;
    assert_eq!(one, hash(r#"{"metadata":{"y":"2","x":"1"}, "size":1, "name":"a"}"#).await);
    assert_ne!(one, hash(r#"{"name":"a","size":2,"metadata":{"x":"1","y":"2"}}"#).await);
    let by_parts = r#"{"name":"a","size":1,"metadata":{"x":"1","y":"2"},"multipart":true}"#;
    assert_ne!(one, hash(by_parts).await);
    let import = hash(r#"{"file_url":"https://a.example"}"#).await;
    assert_ne!(import, hash(r#"{"file_url":"https://a.example","expires_in":null}"#).await);
    assert_eq!(import, hash(r#"{"file_url":"https://a.example","headers":null}"#).await);
    assert_eq!(import, hash(r#"{"file_url":"https://a.example","headers":{},"metadata":{}}"#).await);
    let lower = format!(r#"{{"file_url":"https://a.example","checksum_sha256":"{}"}}"#, "ab".repeat(32));
    assert_eq!(hash(lower.clone().leak()).await, hash(lower.replace("ab", "AB").leak()).await);
    let with_headers = hash(r#"{"file_url":"https://a.example","headers":{"Cookie":"a"}}"#).await;
    assert_ne!(import, with_headers);
    assert_ne!(with_headers, hash(r#"{"file_url":"https://a.example","headers":{"Cookie":"b"}}"#).await);
}

#[tokio::test]
async fn a_lifetime_is_given_refused_or_left_to_the_owner() {
    for (field, lifetime) in [
        (json!({}), Lifetime::OfOwner),
        (json!({"expires_in": null}), Lifetime::Endless),
        (json!({"expires_in": 60}), Lifetime::For(Duration::from_secs(60))),
        (json!({"expires_at": null}), Lifetime::Endless),
        (json!({"expires_at": "1970-01-01T00:01:00Z"}), Lifetime::Until(Timestamp::from_millis(60_000))),
    ] {
        let mut body = json!({"name": "a", "size": 1, "metadata": null});
        body.as_object_mut().unwrap().extend(field.as_object().unwrap().clone());
        assert_eq!(json(body).await.unwrap().lifetime, lifetime, "{field}");
    }
    let form = http::Request::builder().header("content-type", "application/x-www-form-urlencoded");
    let form = form.body(Body::Text("file_url=https://a.example&expires_in=".into())).unwrap();
    assert_eq!(CreateRequest::read(form, Timestamp::EPOCH).unwrap().lifetime, Lifetime::OfOwner);
    let until = urlencoded("file_url=https://a.example&expires_at=1970-01-01T00:01:00Z").unwrap();
    assert_eq!(until.lifetime, Lifetime::Until(Timestamp::from_millis(60_000)));
    let two = urlencoded("file_url=https://a.example&expires_at=1970-01-01T00:01:00Z&expires_in=60");
    assert_eq!(two.unwrap_err().reason(), Reason::InvalidExpiry);
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
    let error =
        CreateRequest::read(form.body(Body::Text("foo=1".into())).unwrap(), Timestamp::EPOCH).unwrap_err();
    assert!(fields(&serde_json::to_value(error.body("r")).unwrap()).contains(&"\"foo\"".to_owned()));
    let empty = CreateRequest::read(http::Request::new(Body::Empty), Timestamp::EPOCH).unwrap_err();
    assert_eq!(fields(&serde_json::to_value(empty.body("r")).unwrap()).len(), 3);
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let file = json(json!({"name": "a", "file": "AAAA"})).await.unwrap_err();
    assert!(format!("{file:?}").contains("A file cannot be sent in JSON"), "{file:?}");
    let unknown = json(json!({"name": "a", "size": 1, "expires": 60})).await.unwrap_err();
    assert!(format!("{unknown:?}").contains("expires is not a field"), "{unknown:?}");
    let repeated = urlencoded(r#"name=a&size=1&metadata={"a":"1","a":"2"}"#).unwrap_err();
    assert_eq!(repeated.reason(), Reason::RepeatedField);
    assert!(format!("{repeated:?}").contains("metadata gives a more than once"), "{repeated:?}");
}

#[tokio::test]
async fn requests_that_store_the_same_file_have_the_same_hash() {
    let hash = |content_type: &'static str, body: String| {
        let request =
            http::Request::builder().header("content-type", content_type).header("Idempotency-Key", "k");
        let request = CreateRequest::read(request.body(Body::Text(body)).unwrap(), Timestamp::EPOCH).unwrap();
        request.idempotency.unwrap().request_hash
    };
    let of_json = |body: Value| hash("application/json", body.to_string());
    let first = of_json(json!({"file_url": "https://a.example/B?c", "webhook": "https://w.example/"}));
    for url in ["https://A.EXAMPLE/B?c", "https://a.example:443/B?c", " https://a.example/B?c\n"] {
        assert_eq!(of_json(json!({"file_url": url, "webhook": "https://W.example:443/"})), first, "{url:?}");
    }
    for url in ["http://a.example/B?c", "https://a.example/b?c", "https://a.example:8443/B?c"] {
        assert_ne!(of_json(json!({"file_url": url, "webhook": "https://w.example/"})), first, "{url:?}");
    }
    let announced = of_json(json!({"name": "a.mp4", "size": 1}));
    assert_eq!(of_json(json!({"name": "a.mp4", "size": 1, "content_type": "video/mp4"})), announced);
    assert_ne!(of_json(json!({"name": "a.mp4", "size": 1, "content_type": "video/webm"})), announced);

    let form = |fields: &[(&str, &str)]| {
        let file = "--B\r\nContent-Disposition: form-data; name=file; filename=\"a.mp4\"\r\n\r\nbytes\r\n";
        let field = |(name, text): &(&str, &str)| {
            format!("--B\r\nContent-Disposition: form-data; name={name}\r\n\r\n{text}\r\n")
        };
        let fields: String = fields.iter().map(field).collect();
        hash("multipart/form-data; boundary=B", format!("{fields}{file}--B--\r\n"))
    };
    let stored = form(&[]);
    assert_eq!(form(&[("name", "a.mp4"), ("content_type", "video/mp4")]), stored);
    assert_ne!(form(&[("name", "b.mp4")]), stored);
}
