//! Starts the function of the delivery queue, which writes the deliveries of events and posts them to webhook endpoints.

use deliver_webhook::{DeliverWebhook, EventBus};
use files_api::BaseUrl;
use lambda_runtime::Error;
use lambda_startup::{Startup, number, optional, required, serve_events};
use safe_fetch::{Allowed, Limits, SafeClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, queue) = (startup.records()?, startup.delivery_queue()?);
    startup.connect_to_dynamodb(1).await;
    let allowed = Allowed::from_settings(optional);
    let limits = Limits { contact: optional("FILES_IMPORT_CONTACT"), ..Limits::default() };
    let base = match optional("FILES_PUBLIC_URL") {
        Some(url) => BaseUrl::configured(&url),
        None => BaseUrl::configured(&required("FILES_API_URL", "the address of the API")?),
    };
    let client = SafeClient::new(allowed.clone(), limits)?;
    let bus = startup.event_bus().map(|(client, name)| EventBus::new(client, name));
    let owner_share =
        Some(number("FILES_OWNER_SLOW_DELIVERIES", "a number of attempts")?).filter(|share| *share > 0);
    serve_events(DeliverWebhook { records, queue, client, allowed, base, bus, owner_share }).await
}
