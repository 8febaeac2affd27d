//! A receiver of webhooks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use files_domain::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::until;

/// A request of a receiver.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// When its head had come.
    pub at: SystemTime,
}

impl Webhook {
    /// Returns `webhook-id`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default()
    }

    /// Returns the body.
    ///
    /// # Panics
    /// It is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }

    /// Returns how long the event was on its way: from its `timestamp`, the end of the work on its file, to the receiver.
    ///
    /// # Panics
    /// The body is not an event.
    #[must_use]
    pub fn delay(&self) -> Duration {
        let ended = self.json()["timestamp"].as_str().and_then(Timestamp::parse).expect("a timestamp");
        Duration::from_millis(Timestamp::from(self.at).millis().saturating_sub(ended.millis()))
    }
}

/// What a receiver does with a request.
#[derive(Clone, Copy, Debug)]
enum Reply {
    Status(u16),
    /// Sends nothing until the client closes the connection.
    Silence,
}

struct Inbox {
    replies: VecDeque<u16>,
    then: Reply,
    webhooks: Vec<Webhook>,
}

/// Receives webhooks until it is dropped.
pub struct WebhookReceiver {
    /// Its address.
    pub url: String,
    inbox: Arc<Mutex<Inbox>>,
    server: JoinHandle<()>,
}

impl Drop for WebhookReceiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl WebhookReceiver {
    /// Starts a receiver that responds with these statuses, one each, and then with 204.
    pub async fn start(statuses: &[u16]) -> Self {
        Self::with(statuses, Reply::Status(204)).await
    }

    /// Starts a receiver that responds with this status to each request.
    pub async fn always(status: u16) -> Self {
        Self::with(&[], Reply::Status(status)).await
    }

    /// Starts a receiver that never responds.
    pub async fn silent() -> Self {
        Self::with(&[], Reply::Silence).await
    }

    async fn with(statuses: &[u16], then: Reply) -> Self {
        let inbox = Inbox { replies: statuses.iter().copied().collect(), then, webhooks: Vec::new() };
        let inbox = Arc::new(Mutex::new(inbox));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        // Only webhooks take a reply: another test tries the ports of the machine.
        let router = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&inbox));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, inbox, server }
    }

    /// Returns how many requests have come.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.inbox).webhooks.len()
    }

    /// Returns the requests that have come.
    #[must_use]
    pub fn webhooks(&self) -> Vec<Webhook> {
        lock(&self.inbox).webhooks.clone()
    }

    /// Returns how many requests each `webhook-id` had.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for webhook in &lock(&self.inbox).webhooks {
            *counts.entry(webhook.id().to_owned()).or_default() += 1;
        }
        counts
    }

    /// Waits for `count` requests. Returns all that have come.
    ///
    /// # Panics
    /// They do not come.
    pub async fn wait_for(&self, count: usize) -> Vec<Webhook> {
        until(&format!("{count} webhooks have come"), async || (self.count() >= count).then_some(())).await;
        self.webhooks()
    }
}

fn lock(inbox: &Mutex<Inbox>) -> MutexGuard<'_, Inbox> {
    inbox.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(State(inbox): State<Arc<Mutex<Inbox>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let at = SystemTime::now();
    let reply = {
        let mut inbox = lock(&inbox);
        inbox.webhooks.push(Webhook { headers, body, at });
        inbox.replies.pop_front().map_or(inbox.then, Reply::Status)
    };
    match reply {
        Reply::Status(status) => StatusCode::from_u16(status).expect("a status"),
        Reply::Silence => std::future::pending().await,
    }
}
