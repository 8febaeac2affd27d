//! `files webhooks`: endpoints, and a receiver for tries.

use std::env;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

use crate::api::Api;
use crate::arguments::{CreateEndpoint, Listen};
use crate::each::each;
use crate::failure::Failure;
use crate::json::Json;
use crate::print::Print;

const PATH: &str = "/webhook-endpoints";
/// The number of concurrent requests.
const CONCURRENCY: usize = 8;
/// Longest event: the service sends less than 20 kB.
const MAX_EVENT_BYTES: usize = 64 * 1024;
/// Where the receiver takes the secret from: others can see a command line.
const SECRET_VARIABLE: &str = "FILES_WEBHOOK_SECRET";

pub(crate) async fn list(api: &Api, print: &Print) -> Result<(), Failure> {
    let page = api.get(PATH).await?;
    page["endpoints"].as_array().into_iter().flatten().try_for_each(|endpoint| print.endpoint(endpoint))
}

/// Creates an endpoint and prints it with its secret, which is shown only now.
pub(crate) async fn create(api: &Api, options: &CreateEndpoint, print: &Print) -> Result<(), Failure> {
    let mut body = Map::from_iter([("url".to_owned(), json!(options.endpoint_url))]);
    if !options.events.is_empty() {
        let events = options.events.iter().map(ToString::to_string).collect::<Vec<_>>();
        body.insert("events".to_owned(), json!(events));
    }
    print.whole(&api.post(PATH, &Value::Object(body)).await?)
}

/// Replaces the secret of an endpoint and prints the new one.
pub(crate) async fn rotate(api: &Api, id: &str, print: &Print) -> Result<(), Failure> {
    print.whole(&api.post(&format!("{}/rotate", path_of(id)), &json!({})).await?)
}

pub(crate) async fn delete(api: &Api, ids: &[String], print: &Print) -> Result<(), Failure> {
    let delete = async |id: &String| api.delete(&path_of(id)).await;
    each(ids, CONCURRENCY, print, delete, |id, ()| print.done(id, "deleted", None)).await
}

fn path_of(id: &str) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("{PATH}/{id}")
}

/// What the receiver needs for each request.
struct Receiver {
    verifier: Webhook,
    json: bool,
}

/// Receives events on this machine until it is interrupted, and prints those whose signature is valid.
pub(crate) async fn listen(options: &Listen, json: bool, print: &Print) -> Result<(), Failure> {
    let secret = env::var(SECRET_VARIABLE).unwrap_or_default();
    let verifier = Webhook::new(secret.trim()).ok().filter(|_| !secret.trim().is_empty());
    let wrong = || Failure::Settings(format!("set {SECRET_VARIABLE} to the secret of the endpoint, whsec_…"));
    let receiver = Arc::new(Receiver { verifier: verifier.ok_or_else(wrong)?, json });
    let failure = |error: std::io::Error| Failure::local("the port", error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await.map_err(failure)?;
    let address = listener.local_addr().map_err(failure)?;
    print.note(&format!("listening on http://{address}/"));
    let router =
        Router::new().fallback(receive).layer(DefaultBodyLimit::max(MAX_EVENT_BYTES)).with_state(receiver);
    axum::serve(listener, router).await.map_err(failure)
}

async fn receive(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let print = Print::new(receiver.json, false);
    if let Err(error) = receiver.verifier.verify(&body, &headers) {
        print.warn(&format!("an event is refused: {error}"));
        return StatusCode::UNAUTHORIZED;
    }
    match print.whole(&Json::parse(&body)) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR, // nobody reads the output
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use std::time::{SystemTime, UNIX_EPOCH};

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn signed(secret: &str, body: &str) -> HeaderMap {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let signature = Webhook::new(secret).unwrap().sign("id", now.cast_signed(), body.as_bytes());
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", HeaderValue::from_static("id"));
        headers.insert("webhook-timestamp", HeaderValue::from(now));
        headers.insert("webhook-signature", HeaderValue::from_str(&signature.unwrap()).unwrap());
        headers
    }

    #[tokio::test]
    async fn only_an_event_with_a_valid_signature_is_accepted() {
        let receiver = Arc::new(Receiver { verifier: Webhook::new(SECRET).unwrap(), json: true });
        let send = async |headers, body: &'static str| {
            receive(State(Arc::clone(&receiver)), headers, Bytes::from_static(body.as_bytes())).await
        };
        let (body, other) = (r#"{"type":"file.failed"}"#, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        assert_eq!(send(signed(SECRET, body), body).await, StatusCode::NO_CONTENT);
        assert_eq!(send(signed(SECRET, body), "{}").await, StatusCode::UNAUTHORIZED);
        assert_eq!(send(signed(other, body), body).await, StatusCode::UNAUTHORIZED);
        assert_eq!(send(HeaderMap::new(), body).await, StatusCode::UNAUTHORIZED);
    }
}
