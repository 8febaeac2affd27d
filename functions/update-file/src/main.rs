//! Starts the function of `PATCH /v1/files/{id}`.

use lambda_http::Error;
use lambda_startup::{Startup, optional};
use update_file::UpdateFile;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects) = (startup.client_records()?, startup.objects()?);
    startup.connect_to_dynamodb(1).await;
    files_api::serve(UpdateFile { records, objects, public_url: optional("FILES_PUBLIC_URL") }).await
}
