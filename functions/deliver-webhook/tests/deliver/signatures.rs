use std::time::Duration;

use files_domain::{EndpointId, EventKind, Timestamp, WebhookSecret};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use standardwebhooks::{Webhook, WebhookError};
use test_app::TestApp;

use crate::receiver::{Received, Receiver};
use crate::setup::{endpoint, event, owner, work};

fn verify(secret: &WebhookSecret, received: &Received) -> Result<(), WebhookError> {
    let verifier = Webhook::new(secret.reveal()).expect("a secret");
    verifier.verify(received.body.as_bytes(), &received.headers)
}

async fn default_secret(app: &TestApp) -> WebhookSecret {
    let found = app.operator().records().find_endpoint(owner(), EndpointId::Default).await;
    found.expect("the records").expect("the default endpoint").secret
}

/// Delivers the success of a file to its webhook.
async fn delivered(app: &TestApp, receiver: &Receiver, now: Timestamp) -> Received {
    let file = app.file("clip.mp4").webhook(&receiver.url).uploaded().await;
    work(app, event(&file, EventKind::Succeeded), now).await;
    receiver.received().pop().expect("a request")
}

#[tokio::test]
async fn a_published_verifier_accepts_only_the_signed_event() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([]).await;
    let received = delivered(&app, &receiver, lambda_startup::now()).await;
    let secret = default_secret(&app).await;
    verify(&secret, &received).expect("the signature");

    let foreign = WebhookSecret::generate().unwrap();
    assert!(matches!(verify(&foreign, &received), Err(WebhookError::InvalidSignature)));
    let changed = Received { body: received.body.replace("success", "succesS"), ..received.clone() };
    assert!(matches!(verify(&secret, &changed), Err(WebhookError::InvalidSignature)));
    let with = |name: &'static str, value: &str| {
        let mut headers: HeaderMap = received.headers.clone();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        Received { headers, ..received.clone() }
    };
    let later = with("webhook-timestamp", &(lambda_startup::now().seconds() - 30).to_string());
    assert!(matches!(verify(&secret, &later), Err(WebhookError::InvalidSignature)));
    let other = with("webhook-id", "another");
    assert!(matches!(verify(&secret, &other), Err(WebhookError::InvalidSignature)));
}

#[tokio::test]
async fn a_verifier_rejects_a_replay_as_too_old() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([]).await;
    let before = Timestamp::from_millis(lambda_startup::now().millis() - 600_000);
    let received = delivered(&app, &receiver, before).await;
    let outcome = verify(&default_secret(&app).await, &received);
    assert!(matches!(outcome, Err(WebhookError::TimestampTooOldError)), "{outcome:?}");
}

#[tokio::test]
async fn an_event_has_the_flat_file_of_a_list() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([]).await;
    let received = delivered(&app, &receiver, lambda_startup::now()).await;
    assert_eq!(received.head, "POST /hook HTTP/1.1");
    assert_eq!(received.header("content-type"), "application/json");
    let body: Value = serde_json::from_str(&received.body).unwrap();
    assert_eq!(body["type"], "file.succeeded");
    let data = &body["data"];
    assert_eq!(
        (&data["status"], &data["name"], &data["ffprobe"]["width"]),
        (&json!("success"), &json!("clip.mp4"), &json!(640))
    );
    let (id, url) = (data["id"].as_str().unwrap(), data["download_url"].as_str().unwrap());
    assert_eq!(url, format!("https://api.example/v1/files/{id}/clip.mp4"));
    assert!(data.get("metadata").is_none() && data["ffprobe"].get("streams").is_none(), "{data}");
    assert_eq!(received.header("webhook-id"), format!("{id}_succeeded_default"));
}

#[tokio::test]
async fn both_secrets_are_valid_during_a_rotation() {
    let app = TestApp::new().await;
    let receiver = Receiver::start([]).await;
    let now = lambda_startup::now();
    let (id, before) = endpoint(&app, &receiver.url, &EventKind::FOR_WEBHOOKS).await;
    let after = before.clone().rotated(WebhookSecret::generate().unwrap(), now);
    app.operator().records().rotate_endpoint(owner(), id, &before, &after).await.unwrap();
    let received = delivered_to_endpoint(&app, &receiver, now).await;
    assert_eq!(received.header("webhook-signature").split(' ').count(), 2);
    verify(&before.secret, &received).expect("the previous secret");
    verify(&after.secret, &received).expect("the new secret");

    let day_later = now.plus(Duration::from_secs(24 * 3600 + 1));
    let received = delivered_to_endpoint(&app, &receiver, day_later).await;
    assert_eq!(received.header("webhook-signature").split(' ').count(), 1);
}

/// Delivers the success of a file to the owner's endpoint.
async fn delivered_to_endpoint(app: &TestApp, receiver: &Receiver, now: Timestamp) -> Received {
    let file = app.file("clip.mp4").uploaded().await;
    work(app, event(&file, EventKind::Succeeded), now).await;
    receiver.received().pop().expect("a request")
}
