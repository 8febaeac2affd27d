//! Calls the handler in this process, with real services.

use std::time::{Duration, Instant};

use files_domain::OwnerId;
use files_records::WaitSlots;
use get_file::GetFile;
use serde_json::json;
use test_app::{Response, TestApp};

/// Two slots, one of them for an owner.
const SLOTS: WaitSlots = WaitSlots { deployment: 2, owner: 1 };

async fn get(app: &TestApp, owner: &str, id: &str, tag: Option<&str>) -> Response {
    let function = app.function("get-file");
    let handler = GetFile {
        records: function.client_records(),
        objects: function.objects(),
        public_url: None,
        slots: SLOTS,
    };
    let request = app.get(&format!("/v1/files/{id}")).key(&app.key(owner).await);
    let request = match tag {
        Some(tag) => request.header("if-none-match", tag),
        None => request,
    };
    function.send(&handler, request).await
}

#[tokio::test]
async fn a_file_takes_one_read() {
    let app = TestApp::new().await;
    let id = app.upload("clip.mp4").await.id.to_string();
    let response = get(&app, "owner", &id, None).await.expect(200);
    let file = response.json();
    assert_eq!((&file["status"], &file["size"]), (&json!("success"), &json!(19)));
    assert_eq!((&file["ffprobe"]["width"], &file["ffprobe"]["duration"]), (&json!(640), &json!(2.5)));
    assert_eq!(file["download_url"], format!("https://api.example/v1/files/{id}/clip.mp4"));
    assert_eq!(app.calls("get-file", "dynamodb", "BatchGetItem"), 1);
    let unchanged = get(&app, "owner", &id, Some(response.header("etag"))).await.expect(304);
    assert!(unchanged.body.is_empty());
    get(&app, "owner", &id, Some("\"v0\"")).await.expect(200);
}

#[tokio::test]
async fn the_responses_for_another_owners_file_and_a_missing_one_are_equal() {
    let app = TestApp::new().await;
    let id = app.upload("clip.mp4").await.id.to_string();
    let mut theirs = get(&app, "another", &id, None).await.expect_error(404, "not_found");
    let mut nobodys = get(&app, "another", "019aa1b2-c3d4-7e5f-8a6b-0123456789ab", None)
        .await
        .expect_error(404, "not_found");
    theirs["request_id"].take();
    nobodys["request_id"].take();
    assert_eq!(theirs, nobodys);
    get(&app, "owner", "7", None).await.expect_error(400, "malformed_id");
}

#[tokio::test]
async fn an_expired_file_is_not_found() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").expires_at(lambda_startup::now()).awaiting_upload().await;
    get(&app, "owner", &file.id.to_string(), None).await.expect_error(404, "not_found");
}

/// Sends a request with `wait` while `meanwhile` runs. Returns the response and its duration.
async fn waited(
    app: &TestApp,
    query: &str,
    slots: WaitSlots,
    meanwhile: impl Future,
) -> (Response, Duration) {
    let function = app.function("get-file");
    let handler =
        GetFile { records: function.client_records(), objects: function.objects(), public_url: None, slots };
    let request = app.get(&format!("/v1/files/{query}")).key(&app.key("owner").await);
    let started = Instant::now();
    let (response, _) = tokio::join!(
        async {
            let response = function.send(&handler, request).await;
            (response, started.elapsed())
        },
        meanwhile
    );
    response
}

#[tokio::test]
async fn a_wait_ends_with_the_work_on_the_file() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").unprobed().await;
    // The request waits once it has its slot.
    let finish = async {
        while app.calls("get-file", "dynamodb", "TransactWriteItems") == 0 {
            tokio::task::yield_now().await;
        }
        app.finish_probe(&file, test_app::video()).await;
    };
    let (response, took) = waited(&app, &format!("{}?wait=20", file.id), SLOTS, finish).await;
    assert_eq!(response.expect(200).json()["status"], "success");
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(app.calls("get-file", "dynamodb", "TransactWriteItems"), 2, "the slot is given back");
    assert_eq!(app.calls("get-file", "dynamodb", "BatchGetItem"), 2);
}

#[tokio::test]
async fn a_wait_for_a_finished_file_is_one_read() {
    let app = TestApp::new().await;
    let file = app.upload("clip.mp4").await;
    let (response, _) = waited(&app, &format!("{}?wait=20", file.id), SLOTS, async {}).await;
    response.expect(200);
    assert_eq!(app.calls("get-file", "dynamodb", "BatchGetItem"), 1);
    assert_eq!(app.calls("get-file", "dynamodb", "TransactWriteItems"), 0);
}

#[tokio::test]
async fn a_wait_ends_when_its_time_is_over_and_then_compares_the_entity_tag() {
    let app = TestApp::new().await;
    let id = app.file("clip.mp4").awaiting_upload().await.id;
    let (response, took) = waited(&app, &format!("{id}?wait=1"), SLOTS, async {}).await;
    assert_eq!(response.expect(200).json()["status"], "pending");
    assert!(took >= Duration::from_secs(1), "{took:?}");
    let unchanged = get(&app, "owner", &format!("{id}?wait=1"), Some("\"v1\"")).await;
    unchanged.expect(304);
}

#[tokio::test]
async fn a_wait_ends_when_the_file_is_deleted() {
    let app = TestApp::new().await;
    let file = app.file("clip.mp4").awaiting_upload().await;
    let remove = async {
        while app.calls("get-file", "dynamodb", "TransactWriteItems") == 0 {
            tokio::task::yield_now().await;
        }
        let records = app.operator().records();
        records.remove_file(&file, lambda_startup::now()).await.expect("the file");
    };
    let (response, took) = waited(&app, &format!("{}?wait=20", file.id), SLOTS, remove).await;
    response.expect_error(404, "not_found");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn a_wait_without_a_free_slot_responds_immediately() {
    let app = TestApp::new().await;
    let (id, now) = (app.file("clip.mp4").awaiting_upload().await.id, lambda_startup::now());
    let (mine, lease) = (OwnerId::named("owner"), Duration::from_secs(25));
    let records = app.operator().records();
    let take = |owner, now| records.take_wait_slot(owner, SLOTS, now, lease);
    let query = format!("{id}?wait=20");

    // The owner's slot is taken.
    let slot = take(mine, now).await.unwrap().expect("a slot");
    assert!(take(mine, now).await.unwrap().is_none());
    let (response, took) = waited(&app, &query, SLOTS, async {}).await;
    assert!(response.expect(200).json()["status"] == "pending" && took < Duration::from_secs(10));
    records.release_wait_slot(&slot).await.unwrap();

    // All slots of the deployment are taken.
    let others = [take(OwnerId::named("a"), now).await, take(OwnerId::named("b"), now).await];
    assert!(others.iter().all(|slot| matches!(slot, Ok(Some(_)))), "{others:?}");
    assert!(take(mine, now).await.unwrap().is_none());
    // A crashed process does not release its slot, whose lease expires.
    assert!(take(mine, now.plus(lease + lease)).await.unwrap().is_some());

    // Waiting is disabled.
    let (response, took) = waited(&app, &query, WaitSlots::of_deployment(0), async {}).await;
    assert!(response.expect(200).json()["status"] == "pending" && took < Duration::from_secs(10));
}

#[tokio::test]
async fn a_wait_is_a_whole_number_of_seconds_from_1_to_20() {
    let app = TestApp::new().await;
    let id = app.upload("clip.mp4").await.id;
    for wrong in ["0", "21", "-1", "1.5", "x", ""] {
        let error = get(&app, "owner", &format!("{id}?wait={wrong}"), None).await;
        assert_eq!(error.expect_error(400, "malformed_parameter")["details"][0]["field"], "wait", "{wrong}");
    }
}
