//! Starts the function of `GET /v1/usage`.

use get_usage::GetUsage;
use lambda_http::Error;
use lambda_startup::Startup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let records = startup.client_records()?;
    startup.connect_to_dynamodb(1).await;
    files_api::serve(GetUsage { records }).await
}
