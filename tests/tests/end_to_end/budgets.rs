//! AWS calls per operation, counted by the cloud, against the design's budgets. The processes are warm. A process that does not
//! know a key reads it by a `BatchGetItem`, together with its owner's limits; an import reads these by a `GetItem`.

use std::time::Instant;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use files_domain::FileId;
use files_tests::cloud::now;
use files_tests::owner::id;
use files_tests::{
    Cloud, Content, Form, Owner, RangedSource, Reply, Response, SourceServer, WebhookReceiver, media,
};
use serde_json::{Value, json};

/// Returns whether a key that the process did not know, or an owner's limits, were read alone, or the day of a key's use was stored.
fn reads_key(function: &str, calls: &Value) -> bool {
    let reads_with_key = match function {
        "create-file" | "list-files" => 0,
        _ => 1, // with the file
    };
    let batches = calls["dynamodb"]["BatchGetItem"].as_u64().unwrap_or(0);
    let stores_use = function != "import-file" && calls["dynamodb"].get("UpdateItem").is_some();
    batches > reads_with_key || stores_use || calls["dynamodb"].get("GetItem").is_some()
}

/// Returns the calls of one warm run of an operation, and its result.
async fn warm<T>(cloud: &Cloud, function: &str, mut operation: impl AsyncFnMut() -> T) -> (Value, T) {
    for _ in 0..10 {
        cloud.reset_calls().await;
        let outcome = operation().await;
        let calls = cloud.calls(function).await;
        if !reads_key(function, &calls) {
            return (calls, outcome);
        }
    }
    panic!("{function} does not get warm");
}

#[tokio::test]
async fn requests_stay_within_their_budgets() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let file = owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;

    let (calls, _) = warm(&cloud, "get-file", async || owner.file(id(&file)).await).await;
    assert_eq!(calls, json!({"dynamodb": {"BatchGetItem": 1}}));
    let (calls, _) =
        warm(&cloud, "download-file", async || owner.get(Owner::download_url(&file)).await.expect(302)).await;
    assert_eq!(calls, json!({"dynamodb": {"BatchGetItem": 1}}));
    let poster = async || owner.get(file["poster_url"].as_str().expect("a poster")).await.expect(302);
    let (calls, _) = warm(&cloud, "get-poster", poster).await;
    assert_eq!(calls, json!({"dynamodb": {"BatchGetItem": 1}}));
    let (calls, _) = warm(&cloud, "list-files", async || owner.list("").await).await;
    assert_eq!(calls, json!({"dynamodb": {"Query": 1}}));

    let (calls, _) =
        warm(&cloud, "create-file", async || owner.announce("a.mp4", 5, "video/mp4").await).await;
    assert_eq!(calls, json!({"dynamodb": {"TransactWriteItems": 1}}));
    let (calls, _) = warm(&cloud, "create-file", async || owner.upload("b.png", &media::PNG).await).await;
    assert_eq!(calls, json!({"dynamodb": {"TransactWriteItems": 1}, "s3": {"PutObject": 1}}));
    let (calls, _) = warm(&cloud, "create-file", async || owner.import("http://127.0.0.1:9/").await).await;
    assert_eq!(calls, json!({"dynamodb": {"TransactWriteItems": 1}, "sqs": {"SendMessage": 1}}));
    let body = json!({"name": "a.mp4", "size": 5, "metadata": {"a": "b"}, "expires_in": 60});
    let (calls, _) = warm(&cloud, "create-file", async || {
        let request = owner.json(&body).header("idempotency-key", FileId::new(now()).to_string());
        Response::to(request).await.expect(201)
    })
    .await;
    assert_eq!(calls, json!({"dynamodb": {"TransactWriteItems": 1}}), "with all options");

    let mut name = 0;
    let (calls, _) = warm(&cloud, "update-file", async || {
        name += 1;
        let body =
            json!({"name": format!("{name}.png"), "metadata": {"a": name.to_string()}, "expires_in": 3600});
        owner.update(&file, &body).await.expect(200)
    })
    .await;
    assert_eq!(calls, json!({"dynamodb": {"BatchGetItem": 1, "TransactWriteItems": 1}}));

    let (calls, _) = warm(&cloud, "delete-file", async || {
        let file = owner.wait_until_success(&owner.upload("c.png", &media::PNG).await).await;
        owner.delete(&file).await.expect(204)
    })
    .await;
    let expected = json!({
        "dynamodb": {"BatchGetItem": 1, "TransactWriteItems": 1, "DeleteItem": 1}, "s3": {"DeleteObject": 3},
    });
    assert_eq!(calls, expected);

    let (calls, _) = warm(&cloud, "delete-file", async || {
        let file = owner.announce("d.png", 5, "image/png").await;
        owner.delete(&file).await.expect(204)
    })
    .await;
    let expected = json!({
        "dynamodb": {"BatchGetItem": 1, "TransactWriteItems": 1}, "s3": {"PutObject": 1, "DeleteObject": 2},
    });
    assert_eq!(calls, expected, "an empty object blocks the presigned PUT");

    // A refused request costs at most one read.
    let stranger = owner.with_key("fm_garbage");
    let (calls, _) =
        warm(&cloud, "get-file", async || stranger.get(&format!("/files/{}", id(&file))).await.expect(401))
            .await;
    assert_eq!(calls, json!({}), "a malformed key costs no read");
    let (calls, _) =
        warm(&cloud, "create-file", async || Response::to(owner.form(Form::new())).await.expect(422)).await;
    assert_eq!(calls, json!({}));
    let (calls, _) = warm(&cloud, "not-found", async || owner.get("/nothing").await.expect(404)).await;
    assert_eq!(calls, json!({}));
}

#[tokio::test]
async fn multipart_uploads_stay_within_their_budgets() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let (calls, _) = warm(&cloud, "create-file", async || owner.announce_parts("a.mp4", 3).await).await;
    assert_eq!(calls, json!({"dynamodb": {"TransactWriteItems": 1}}), "no call to S3");
    let single = owner.announce("a.mp4", 3, "video/mp4").await;
    let (calls, _) = warm(&cloud, "sign-upload", async || {
        Response::to(owner.post_upload(&single, "sign")).await.expect(200)
    })
    .await;
    assert_eq!(calls, json!({"dynamodb": {"BatchGetItem": 1}}));

    let (calls, _) = warm(&cloud, "sign-parts", async || {
        owner.sign_parts(&owner.announce_parts("a.mp4", 3).await, &[1]).await
    })
    .await;
    let first = json!({
        "dynamodb": {"BatchGetItem": 1, "TransactWriteItems": 1}, "s3": {"CreateMultipartUpload": 1},
    });
    assert_eq!(calls, first, "the first parts of an upload");
    let large = owner.announce_parts("a.mp4", 8_000 << 20).await;
    owner.sign_parts(&large, &[1]).await;
    let thousand: Vec<u32> = (1..=1_000).collect();
    let (calls, _) = warm(&cloud, "sign-parts", async || owner.sign_parts(&large, &thousand).await).await;
    assert_eq!(calls, json!({"dynamodb": {"BatchGetItem": 1}}), "a thousand parts of a created upload");

    let (calls, _) = warm(&cloud, "list-parts", async || owner.stored_parts(&large, 0).await).await;
    assert_eq!(calls, json!({"dynamodb": {"BatchGetItem": 1}, "s3": {"ListParts": 1}}));
    let (calls, _) = warm(&cloud, "complete-upload", async || {
        let file = owner.announce_parts("a.mp4", 3).await;
        owner.send_parts(&file, &"abc".into(), &[1]).await;
        owner.complete(&file).await.expect(202)
    })
    .await;
    let complete = json!({
        "dynamodb": {"BatchGetItem": 1, "TransactWriteItems": 1},
        "s3": {"ListParts": 1, "CompleteMultipartUpload": 1},
    });
    assert_eq!(calls, complete);
}

#[tokio::test]
async fn a_list_costs_the_same_at_any_depth() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let form = Form::new().file(&"n".repeat(255), Some("video/mp4"), &media::MP4);
    let file = owner.wait_until_success(&Response::to(owner.form(form)).await.expect(201).json()).await;
    let item = owner.backend.file_item(id(&file)).await;
    for _ in 0..249 {
        let mut copy = item.clone();
        copy.insert("sk".to_owned(), AttributeValue::S(format!("file#{}", FileId::new(now()))));
        owner.backend.put_item(copy).await;
    }
    let (calls, first) = warm(&cloud, "list-files", async || owner.list("?limit=100").await).await;
    assert_eq!(calls, json!({"dynamodb": {"Query": 1}}));
    assert_eq!(first["files"].as_array().map(Vec::len), Some(100));
    let next = format!("?limit=100&cursor={}", first["next_cursor"].as_str().expect("a cursor"));
    let (calls, second) = warm(&cloud, "list-files", async || owner.list(&next).await).await;
    assert_eq!(calls, json!({"dynamodb": {"Query": 1}}));
    assert_eq!(second["files"].as_array().map(Vec::len), Some(100));

    let query = owner
        .backend
        .dynamodb
        .query()
        .table_name(&owner.backend.table)
        .key_condition_expression("pk = :pk AND begins_with(sk, :file)")
        .expression_attribute_values(":pk", AttributeValue::S(format!("owner#{}", owner.backend.owner)))
        .expression_attribute_values(":file", AttributeValue::S("file#".to_owned()))
        .limit(100)
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    let capacity = query.send().await.expect("a page").consumed_capacity.expect("what it costs");
    let units = capacity.capacity_units.expect("a number");
    assert!(units > 1.0 && units <= 13.0, "{units} read units for 100 files with the longest names");
}

#[tokio::test]
async fn a_probe_stays_within_its_budget() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    for (name, bytes) in
        [("a.mp4", &*media::MP4), ("a.webm", &*media::WEBM), ("a.mp3", &*media::MP3), ("a.png", &*media::PNG)]
    {
        let (calls, _) = warm(&cloud, "probe-file", async || {
            owner.wait_until_success(&owner.upload(name, bytes).await).await
        })
        .await;
        assert_eq!(calls, json!({"lambda": {"Invoke": 2}}), "{name}");
        let calls = cloud.calls("probe-record").await;
        assert_eq!(calls["dynamodb"], json!({"GetItem": 1, "TransactWriteItems": 1}), "{name}");
        // With a presigned URL, whose calls count as those of the function that signed it.
        let reads = calls["s3"]["GetObject"].as_u64().expect("reads");
        assert!((1..=8).contains(&reads), "{name}: {reads} reads");
        let mut expected = json!({"HeadObject": 1, "GetObject": reads});
        if name != "a.mp3" {
            expected["PutObject"] = json!(1); // the poster
        }
        assert_eq!(calls["s3"], expected, "{name}");
    }
}

#[tokio::test]
async fn an_event_of_a_finished_or_deleted_file_costs_reads_and_no_probe() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let file = owner.wait_until_success(&owner.upload("a.png", &media::PNG).await).await;
    let deleted = owner.wait_until_success(&owner.upload("b.png", &media::PNG).await).await;
    owner.delete(&deleted).await.expect(204);
    for (file, s3) in [(&file, None), (&deleted, Some(json!({"DeleteObject": 3})))] {
        cloud.reset_calls().await;
        owner.backend.send("ProbeQueue", &owner.backend.stored_event(id(file))).await;
        owner.backend.drained("ProbeQueue").await;
        assert_eq!(cloud.calls("probe-file").await, json!({"lambda": {"Invoke": 1}}));
        let mut expected = json!({"dynamodb": {"GetItem": if s3.is_some() { 2 } else { 1 }}});
        if let Some(s3) = s3 {
            expected["s3"] = s3; // in case its bytes arrived after the delete
        }
        assert_eq!(cloud.calls("probe-record").await, expected);
    }
    assert_eq!(owner.file(id(&file)).await, file);
}

#[tokio::test]
async fn an_import_stays_within_its_budget() {
    let cloud = Cloud::start().await;
    let owner = cloud.owner().await;
    let source = SourceServer::start().await;
    let small = source.serve("/small", Reply::bytes(media::PNG.clone()));
    let (calls, _) = warm(&cloud, "import-file", async || import(&owner, &small).await).await;
    assert_eq!(
        calls,
        json!({"dynamodb": {"UpdateItem": 1, "TransactWriteItems": 1}, "s3": {"PutObject": 1}}),
        "an import of one part"
    );

    let parts = 3;
    let large = source.serve("/large", Reply::bytes(media::noise(parts * (16 << 20), 5)));
    let (calls, seconds) = warm(&cloud, "import-file", async || {
        let started = Instant::now();
        import(&owner, &large).await;
        started.elapsed().as_secs()
    })
    .await;
    let s3 = json!({"CreateMultipartUpload": 1, "UploadPart": parts, "CompleteMultipartUpload": 1});
    assert_eq!(calls["s3"], s3);
    assert_eq!(calls["dynamodb"]["TransactWriteItems"], 1);
    let updates = calls["dynamodb"]["UpdateItem"].as_u64().expect("updates");
    let (claim, first_progress, later) = (1, 1, seconds / 2);
    assert!((2..=claim + first_progress + later).contains(&updates), "{updates} updates in {seconds} s");

    let ranged = RangedSource::start(Content::new(60 << 20, 6)).await;
    let (calls, seconds) = warm(&cloud, "import-file", async || {
        let started = Instant::now();
        import(&owner, &ranged.url("/ranged")).await;
        started.elapsed().as_secs()
    })
    .await;
    let s3 = json!({"CreateMultipartUpload": 1, "UploadPart": 8, "CompleteMultipartUpload": 1});
    assert_eq!(calls["s3"], s3, "over several connections");
    assert_eq!(calls["dynamodb"]["TransactWriteItems"], 1);
    let updates = calls["dynamodb"]["UpdateItem"].as_u64().expect("updates");
    let later = seconds / 2;
    assert!((2..=claim + first_progress + later).contains(&updates), "{updates} updates in {seconds} s");
}

/// Imports a URL, and waits until its worker is idle.
async fn import(owner: &Owner, url: &str) {
    owner.wait_until_success(&owner.import(url).await).await;
    owner.backend.drained("ImportQueue").await;
}

#[tokio::test]
async fn a_webhook_stays_within_its_budget() {
    let cloud = Cloud::start().await;
    let (owner, receiver) = (cloud.owner().await, WebhookReceiver::start(&[204, 204, 500]).await);
    let deliver = async || {
        let form = Form::new().text("webhook", &receiver.url).file("a.png", Some("image/png"), &media::PNG);
        let before = receiver.count();
        let file = Response::to(owner.form(form)).await.expect(201).json();
        receiver.wait_for(before + 1).await;
        owner.backend.drained("DeliveryQueue").await;
        file
    };
    deliver().await; // creates the default endpoint
    cloud.reset_calls().await;
    deliver().await;
    let dynamodb = json!({
        "GetItem": 1, "Query": 1, "TransactWriteItems": 1, // the event and its delivery
        "UpdateItem": 1, "BatchGetItem": 1, "PutItem": 1, // the attempt
    });
    assert_eq!(cloud.calls("deliver-webhook").await, json!({"dynamodb": dynamodb}));

    // The third one fails, and its next attempt comes after 5 s.
    cloud.reset_calls().await;
    deliver().await;
    receiver.wait_for(4).await;
    owner.backend.drained("DeliveryQueue").await;
    let dynamodb = json!({
        "GetItem": 1, "Query": 1, "TransactWriteItems": 1, "UpdateItem": 2, "BatchGetItem": 2, "PutItem": 2,
    });
    assert_eq!(
        cloud.calls("deliver-webhook").await,
        json!({"dynamodb": dynamodb, "sqs": {"SendMessage": 1}})
    );
}
