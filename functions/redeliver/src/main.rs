//! Starts the function of `POST /v1/deliveries/{id}/redeliver`.

use lambda_http::Error;
use lambda_startup::Startup;
use redeliver::Redeliver;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, queue) = (startup.client_records()?, startup.delivery_queue()?);
    startup.connect_to_dynamodb(1).await;
    files_api::serve(Redeliver { records, queue }).await
}
