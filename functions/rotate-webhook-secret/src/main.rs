//! Starts the function of `POST /v1/webhook-endpoints/{id}/rotate`.

use lambda_http::Error;
use lambda_startup::Startup;
use rotate_webhook_secret::RotateWebhookSecret;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let records = startup.client_records()?;
    startup.connect_to_dynamodb(1).await;
    files_api::serve(RotateWebhookSecret { records }).await
}
