//! Starts the function of `POST /v1/files/delete`.

use delete_files::DeleteFiles;
use files_deletion::Deletion;
use lambda_http::Error;
use lambda_startup::Startup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let deletion = Deletion { records: startup.client_records()?, objects: startup.objects()? };
    let deliveries = startup.delivery_queue()?;
    startup.connect_to_dynamodb_and_s3(4, 4).await;
    files_api::serve(DeleteFiles { deletion, deliveries }).await
}
