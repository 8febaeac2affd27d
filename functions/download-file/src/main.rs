//! Starts the function of `GET` and `HEAD /v1/files/{id}/{filename}`.

use download_file::DownloadFile;
use lambda_http::Error;
use lambda_startup::Startup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects) = (startup.client_records()?, startup.objects()?);
    startup.connect_to_dynamodb(1).await;
    files_api::serve(DownloadFile { records, objects }).await
}
