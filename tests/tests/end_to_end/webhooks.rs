//! Webhooks to receivers on this machine, through the real binaries.

use files_tests::cli::Machine;
use files_tests::owner::id;
use files_tests::webhook_receiver::Webhook;
use files_tests::{Cloud, Owner, Reply, Response, SourceServer, WebhookReceiver, media, until};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use standardwebhooks::Webhook as Verifier;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// Checks the signature of an event as its receiver would, and returns its body.
fn verified(secret: &Value, webhook: &Webhook) -> Value {
    let verifier = Verifier::new(secret.as_str().expect("a secret")).expect("a secret");
    verifier.verify(&webhook.body, &webhook.headers).expect("a good signature");
    assert!(webhook.body.len() < 20_000);
    webhook.json()
}

async fn post(owner: &Owner, path: &str, body: &Value) -> Response {
    let request = owner.request(Method::POST, path).header("content-type", "application/json");
    Response::to(request.body(body.to_string())).await
}

async fn deliveries(owner: &Owner, query: &str) -> Vec<Value> {
    let page = owner.get(&format!("/deliveries?{query}")).await.expect(200).json();
    page["deliveries"].as_array().expect("deliveries").clone()
}

/// Waits until a file has one delivery with this status.
async fn delivery(owner: &Owner, file: &Value, status: &str) -> Value {
    until(&format!("the delivery is {status}"), async || {
        deliveries(owner, &format!("file={}&status={status}", id(file))).await.pop()
    })
    .await
}

#[tokio::test]
async fn a_file_sends_an_event_to_its_webhook() {
    let owner = Cloud::shared().await.owner().await;
    let receiver = WebhookReceiver::start(&[]).await;
    let rotated = post(&owner, "/webhook-endpoints/default/rotate", &json!({})).await.expect(200).json();
    let body = json!({"name": "a.png", "size": media::PNG.len(), "content_type": "image/png", "webhook": receiver.url});
    let file = owner.announce_as(&body).await;
    owner.put(&file, media::PNG.clone()).await.expect(200);
    let waited = owner.wait_for(&file, |file| file["status"] == "success").await;
    let event = verified(&rotated["secret"], &receiver.wait_for(1).await[0]);
    assert_eq!((&event["type"], &event["data"]["id"]), (&json!("file.succeeded"), &file["id"]));
    assert_eq!(event["data"]["download_url"], waited["download_url"]);
    let delivered = delivery(&owner, &file, "delivered").await;
    assert_eq!(delivered["endpoint"], "default");
}

#[tokio::test]
async fn a_request_waits_until_the_status_is_terminal() {
    let owner = Cloud::shared().await.owner().await;
    let file = owner.upload("a.png", &media::PNG).await;
    let done = until("a wait ends with the file", async || {
        let file = owner.file(&format!("{}?wait=20", id(&file))).await;
        (file["status"] == "success").then_some(file)
    })
    .await;
    assert_eq!(done["ffprobe"]["width"], owner.file(id(&file)).await["ffprobe"]["width"]);
}

#[tokio::test]
async fn a_failed_import_is_delivered_after_the_receiver_recovers() {
    let owner = Cloud::shared().await.owner().await;
    let (receiver, source) = (WebhookReceiver::start(&[500]).await, SourceServer::start().await);
    let endpoint = json!({"url": receiver.url, "events": ["file.failed"]});
    let endpoint = post(&owner, "/webhook-endpoints", &endpoint).await.expect(201).json();
    let url = source.serve("/gone.mp4", Reply::status(StatusCode::NOT_FOUND));
    let file = owner.import(&url).await;
    let events = receiver.wait_for(2).await;
    let event = verified(&endpoint["secret"], &events[1]);
    assert_eq!((&event["type"], &event["data"]["status"]), (&json!("file.failed"), &json!("failed")));
    assert_eq!((events[0].id(), &events[0].body), (events[1].id(), &events[1].body));
    let delivered = delivery(&owner, &file, "delivered").await;
    let statuses: Vec<_> = delivered["attempts"].as_array().expect("attempts").iter().collect();
    assert_eq!((&statuses[0]["status"], &statuses[1]["status"]), (&json!(500), &json!(204)));

    let listed = owner.get("/webhook-endpoints").await.expect(200).json();
    assert_eq!(listed["endpoints"][0]["id"], endpoint["id"]);
    assert!(listed["endpoints"][0].get("secret").is_none(), "{listed}");
    let path = format!("/webhook-endpoints/{}", id(&endpoint));
    Response::to(owner.request(Method::DELETE, &path)).await.expect(204);
}

#[tokio::test]
async fn a_410_disables_an_endpoint_and_the_owner_can_redeliver() {
    let owner = Cloud::shared().await.owner().await;
    let receiver = WebhookReceiver::start(&[410]).await;
    let form = files_tests::Form::new().file("a.png", Some("image/png"), &media::PNG);
    let file = Response::to(owner.form(form.text("webhook", &receiver.url))).await.expect(201).json();
    let lost = delivery(&owner, &file, "undelivered").await;
    post(&owner, &format!("/deliveries/{}/redeliver", id(&lost)), &json!({})).await.expect(202);
    let delivered = delivery(&owner, &file, "delivered").await;
    assert_eq!(delivered["id"], lost["id"]);
    let events = receiver.wait_for(2).await;
    assert_eq!(events[0].body, events[1].body);
    Response::to(owner.request(Method::DELETE, "/webhook-endpoints/default")).await.expect(204);

    let gone = WebhookReceiver::start(&[410]).await;
    let endpoint = post(&owner, "/webhook-endpoints", &json!({"url": gone.url})).await.expect(201).json();
    owner.upload("b.png", &media::PNG).await;
    until("the endpoint is disabled", async || {
        let listed = owner.get("/webhook-endpoints").await.expect(200).json();
        let found = listed["endpoints"].as_array()?.iter().find(|one| one["id"] == endpoint["id"]).cloned();
        found.filter(|endpoint| endpoint["enabled"] == false)
    })
    .await;
}

#[tokio::test]
async fn the_expiry_of_a_file_is_delivered() {
    let cloud = Cloud::shared().await;
    let owner = cloud.owner().await;
    let receiver = WebhookReceiver::start(&[]).await;
    let body = json!({"name": "a.png", "size": 5, "expires_in": 1, "webhook": receiver.url});
    let file = owner.announce_as(&body).await;
    until("the file has expired", async || {
        cloud.sweep().await;
        (owner.get(&format!("/files/{}", id(&file))).await.status == 404).then_some(())
    })
    .await;
    until("the event has arrived", async || {
        cloud.sweep().await;
        let page = deliveries(&owner, &format!("file={}", id(&file))).await;
        page.into_iter().find(|delivery| delivery["type"] == "file.expired")
    })
    .await;
    let event = receiver.wait_for(1).await[0].json();
    assert_eq!((&event["type"], &event["data"]["id"]), (&json!("file.expired"), &file["id"]));
}

#[tokio::test]
async fn the_cli_manages_endpoints_and_receives_events() {
    let owner = Cloud::shared().await.owner().await;
    let machine = Machine::new(&owner);
    let hooks = async |arguments: &[&str]| {
        let arguments = [&["webhooks"][..], arguments, &["--json"]].concat();
        machine.run(&arguments).await.expect(0).json()
    };
    let created = hooks(&["create", "https://hooks.example/", "--event", "file.failed"]).await;
    assert_eq!(created[0]["events"], json!(["file.failed"]));
    assert_eq!(hooks(&["list"]).await[0]["url"], "https://hooks.example/");
    hooks(&["delete", id(&created[0])]).await;
    assert_eq!(hooks(&["list"]).await, Vec::<Value>::new());

    machine.run(&["webhooks", "listen"]).await.expect(1);
    let rotated = hooks(&["rotate", "default"]).await;
    let secret = rotated[0]["secret"].as_str().expect("a secret");
    let mut listening = machine.command(&["webhooks", "listen", "--port", "0", "--json"]);
    let mut child = listening.env("FILES_WEBHOOK_SECRET", secret).spawn().expect("the command");
    let mut said = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let line = said.next_line().await.expect("a line").expect("a line");
    let url = line.split_whitespace().last().expect("an address");
    let path = machine.file("a.png", &media::PNG).display().to_string();
    machine.run(&["upload", &path, "--webhook", url, "--wait"]).await.expect(0);
    let mut events = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let event = events.next_line().await.expect("a line").expect("an event");
    let event: Value = serde_json::from_str(&event).expect("JSON");
    assert_eq!((&event["type"], &event["data"]["name"]), (&json!("file.succeeded"), &json!("a.png")));
}
