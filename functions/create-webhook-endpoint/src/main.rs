//! Starts the function of `POST /v1/webhook-endpoints`.

use create_webhook_endpoint::CreateWebhookEndpoint;
use lambda_http::Error;
use lambda_startup::{Startup, optional};
use safe_fetch::Allowed;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let records = startup.client_records()?;
    startup.connect_to_dynamodb(1).await;
    let allowed = Allowed::from_settings(optional);
    files_api::serve(CreateWebhookEndpoint { records, allowed }).await
}
