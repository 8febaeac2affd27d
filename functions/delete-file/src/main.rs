//! Starts the function of `DELETE /v1/files/{id}`.

use delete_file::DeleteFile;
use files_deletion::Deletion;
use lambda_http::Error;
use lambda_startup::Startup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let deletion = Deletion { records: startup.client_records()?, objects: startup.objects()? };
    let deliveries = startup.delivery_queue()?;
    startup.connect_to_dynamodb_and_s3(1, 2).await;
    files_api::serve(DeleteFile { deletion, deliveries }).await
}
