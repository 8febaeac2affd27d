//! Starts the function of `DELETE /v1/webhook-endpoints/{id}`.

use delete_webhook_endpoint::DeleteWebhookEndpoint;
use lambda_http::Error;
use lambda_startup::Startup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let records = startup.client_records()?;
    startup.connect_to_dynamodb(1).await;
    files_api::serve(DeleteWebhookEndpoint { records }).await
}
