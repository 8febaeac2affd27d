use std::collections::BTreeSet;

use deliver_webhook::{DeliverWebhook, EventBus};
use files_api::BaseUrl;
use files_domain::{
    Caller, Delivery, DeliveryId, Endpoint, EndpointId, EventKind, EventRef, File, OwnerId, Scope, Timestamp,
    WebhookSecret,
};
use files_queues::DeliveryMessage;
use files_records::DeliveryFilter;
use safe_fetch::{Allowed, Limits, SafeClient};
use test_app::{OWNER, TestApp};

pub(crate) fn owner() -> OwnerId {
    OwnerId::named(OWNER)
}

/// Returns the handler of a deployment with this bus and `allowed` private hosts.
pub(crate) fn handler(app: &TestApp, allowed: &str, bus: Option<EventBus>) -> DeliverWebhook {
    let function = app.function("deliver-webhook");
    let allowed = Allowed::parse(allowed);
    DeliverWebhook {
        records: function.records(),
        queue: function.delivery_queue(),
        client: SafeClient::new(allowed.clone(), Limits::default()).expect("a client"),
        allowed,
        base: BaseUrl::configured("https://api.example"),
        bus,
    }
}

/// Handles a message at the time `now`, on a deployment with this bus and `allowed` private hosts.
pub(crate) async fn work_on(
    app: &TestApp,
    allowed: &str,
    bus: Option<EventBus>,
    message: DeliveryMessage,
    now: Timestamp,
) {
    handler(app, allowed, bus).work(&message, now).await.expect("the records work");
}

pub(crate) async fn work_with(app: &TestApp, allowed: &str, message: DeliveryMessage, now: Timestamp) {
    work_on(app, allowed, None, message, now).await;
}

pub(crate) async fn work(app: &TestApp, message: DeliveryMessage, now: Timestamp) {
    work_with(app, "127.0.0.1", message, now).await;
}

pub(crate) fn event(file: &File, kind: EventKind) -> DeliveryMessage {
    DeliveryMessage::Event(EventRef { owner: file.owner, file: file.id, kind })
}

pub(crate) fn attempt(id: DeliveryId) -> DeliveryMessage {
    DeliveryMessage::Attempt { owner: owner(), delivery: id }
}

pub(crate) fn delivery_of(file: &File, endpoint: EndpointId) -> DeliveryId {
    DeliveryId { file: file.id, kind: EventKind::Succeeded, endpoint }
}

/// Creates an endpoint of [`OWNER`].
pub(crate) async fn endpoint(app: &TestApp, url: &str, events: &[EventKind]) -> (EndpointId, Endpoint) {
    let (now, secret) = (lambda_startup::now(), WebhookSecret::generate().expect("randomness"));
    let events: BTreeSet<_> = events.iter().copied().collect();
    let (id, endpoint) = (EndpointId::new(now), Endpoint::new(Some(url.to_owned()), events, secret, now));
    app.operator().records().create_endpoint(owner(), id, &endpoint).await.expect("an endpoint");
    (id, endpoint)
}

/// Returns all deliveries of [`OWNER`].
pub(crate) async fn deliveries(app: &TestApp) -> Vec<(DeliveryId, Delivery)> {
    let caller =
        Caller { principal: app.key(OWNER).await.into(), scope: Scope::Read, now: lambda_startup::now() };
    let records = app.operator().client_records();
    let page = records.list_deliveries(&caller, DeliveryFilter::default(), 500, None).await;
    page.expect("the deliveries").deliveries
}

/// Returns the only delivery of [`OWNER`].
pub(crate) async fn delivery(app: &TestApp) -> Delivery {
    let mut all = deliveries(app).await;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).1
}
