//! The wire format of webhook endpoints, deliveries and events.

use std::collections::BTreeSet;

use files_domain::{
    Attempt, Delivery, DeliveryId, DeliveryStatus, Endpoint, EndpointId, EventKind, FileEvent, FileId,
    Timestamp, limits,
};
use lambda_http::{Request, RequestExt};
use serde::Serialize;
use serde_json::Value;

use crate::json_object::unknown_field;
use crate::{ApiError, BaseUrl, FileBody, Reason, json_object};

/// Longest error text in an event, in characters, so that an event has less than 20 kB.
const MAX_TEXT_CHARS: usize = 2_000;

/// A request to create a webhook endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointRequest {
    /// The URL as the client wrote it.
    pub url: String,
    /// The kinds of events that it receives.
    pub events: BTreeSet<EventKind>,
}

impl EndpointRequest {
    /// Parses the body. Without `events`, the endpoint receives all kinds.
    ///
    /// # Errors
    /// [`Reason::InvalidWebhook`]: there is no `url`, or it is too long. [`Reason::InvalidEvents`]. [`Reason::UnknownField`]. Those of
    /// [`json_object()`].
    pub fn read(request: &Request) -> Result<Self, ApiError> {
        let mut json = json_object(request)?;
        let missing = || ApiError::from(Reason::InvalidWebhook).on_field("url", Some("missing".to_owned()));
        let url = json.string("url", Reason::InvalidWebhook)?.ok_or_else(missing)?;
        check_webhook_length("url", &url)?;
        let events = json.take("events").map_or(Ok(EventKind::FOR_WEBHOOKS.into()), read_events)?;
        if let Some(field) = json.other_field() {
            return Err(unknown_field(&field));
        }
        Ok(Self { url, events })
    }
}

/// Checks the length of a webhook's URL.
///
/// # Errors
/// [`Reason::InvalidWebhook`].
pub fn check_webhook_length(field: &str, url: &str) -> Result<(), ApiError> {
    if url.len() <= limits::MAX_WEBHOOK_URL_BYTES {
        return Ok(());
    }
    let message = format!("the URL is longer than {} bytes", limits::MAX_WEBHOOK_URL_BYTES);
    Err(ApiError::from(Reason::InvalidWebhook).on_field(field, Some(message)))
}

fn read_events(value: Value) -> Result<BTreeSet<EventKind>, ApiError> {
    let told = |kind: &EventKind| EventKind::FOR_WEBHOOKS.contains(kind);
    let kind = |value: &Value| value.as_str()?.parse().ok().filter(told);
    let kinds: Option<BTreeSet<EventKind>> =
        value.as_array().and_then(|values| values.iter().map(kind).collect());
    kinds
        .filter(|kinds| !kinds.is_empty())
        .ok_or_else(|| ApiError::from(Reason::InvalidEvents).on_field("events", None))
}

fn path_id(request: &Request) -> &str {
    request.path_parameters_ref().and_then(|parameters| parameters.first("id")).unwrap_or_default()
}

/// Parses the id of an endpoint in the path.
///
/// # Errors
/// [`Reason::NotFound`]: the text is not an id of an endpoint.
pub fn endpoint_id(request: &Request) -> Result<EndpointId, ApiError> {
    path_id(request).parse().map_err(|_| Reason::NotFound.into())
}

/// Parses the id of a delivery in the path.
///
/// # Errors
/// [`Reason::NotFound`]: the text is not an id of a delivery.
pub fn delivery_id(request: &Request) -> Result<DeliveryId, ApiError> {
    path_id(request).parse().map_err(|_| Reason::NotFound.into())
}

/// A webhook endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointBody {
    id: String,
    url: Option<String>,
    events: Vec<&'static str>,
    enabled: bool,
    created_at: String,
    previous_secret_expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl EndpointBody {
    /// Returns an endpoint without its secret.
    #[must_use]
    pub fn new(id: EndpointId, endpoint: &Endpoint, now: Timestamp) -> Self {
        let previous = endpoint.previous.as_ref().filter(|previous| previous.until > now);
        Self {
            id: id.to_string(),
            url: endpoint.url.clone(),
            events: endpoint.events.iter().map(|kind| kind.as_str()).collect(),
            enabled: endpoint.enabled,
            created_at: endpoint.created_at.to_string(),
            previous_secret_expires_at: previous.map(|previous| previous.until.to_string()),
            secret: None,
        }
    }

    /// Returns an endpoint with its new secret. No other response has the secret.
    #[must_use]
    pub fn with_secret(id: EndpointId, endpoint: &Endpoint, now: Timestamp) -> Self {
        let secret = Some(endpoint.secret.reveal().to_owned());
        Self { secret, ..Self::new(id, endpoint, now) }
    }
}

/// The webhook endpoints of an owner.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointsBody {
    /// The endpoints.
    pub endpoints: Vec<EndpointBody>,
}

/// A delivery with its attempts.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveryBody {
    id: String,
    r#type: &'static str,
    file: FileId,
    endpoint: String,
    url: String,
    status: DeliveryStatus,
    error: Option<String>,
    created_at: String,
    next_attempt_at: Option<String>,
    attempts: Vec<AttemptBody>,
}

/// An attempt of a delivery.
#[derive(Clone, Debug, Serialize)]
struct AttemptBody {
    at: String,
    duration_ms: u64,
    status: Option<u16>,
    error: Option<String>,
}

impl From<&Attempt> for AttemptBody {
    fn from(attempt: &Attempt) -> Self {
        let Attempt { at, duration_ms, status, error } = attempt.clone();
        Self { at: at.to_string(), duration_ms, status, error }
    }
}

impl DeliveryBody {
    /// Returns a delivery.
    #[must_use]
    pub fn new(id: DeliveryId, delivery: &Delivery) -> Self {
        let is_pending = delivery.status == DeliveryStatus::Pending;
        Self {
            id: id.to_string(),
            r#type: id.kind.as_str(),
            file: id.file,
            endpoint: id.endpoint.to_string(),
            url: delivery.url.clone(),
            status: delivery.status,
            error: delivery.ended_because.clone(),
            created_at: delivery.created_at.to_string(),
            next_attempt_at: is_pending.then(|| delivery.next_at.to_string()),
            attempts: delivery.attempts.iter().map(AttemptBody::from).collect(),
        }
    }
}

/// A page of deliveries.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveriesBody {
    /// The deliveries.
    pub deliveries: Vec<DeliveryBody>,
    /// Cursor of the next page.
    pub next_cursor: Option<String>,
}

/// The body of a webhook: an event.
#[derive(Clone, Debug, Serialize)]
pub struct EventBody {
    r#type: &'static str,
    timestamp: String,
    data: FileBody,
}

impl EventBody {
    /// Returns an event with the file as in a list.
    #[must_use]
    pub fn new(event: &FileEvent, base: &BaseUrl) -> Self {
        Self {
            r#type: event.kind.as_str(),
            timestamp: event.at.to_string(),
            data: FileBody::summary(&event.file, base).with_short_texts(MAX_TEXT_CHARS),
        }
    }
}
