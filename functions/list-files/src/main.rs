//! Starts the function of `GET /v1/files`.

use lambda_http::Error;
use lambda_startup::{Startup, optional};
use list_files::ListFiles;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let records = startup.client_records()?;
    startup.connect_to_dynamodb(1).await;
    files_api::serve(ListFiles { records, public_url: optional("FILES_PUBLIC_URL") }).await
}
