//! `GET` and `HEAD /v1/files/{id}/{filename}`

use std::sync::Arc;

use download_file::DownloadFile;
use lambda_http::Error;
use lambda_startup::Startup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let records = startup.records_with_keys()?;
    startup.connect_to_dynamodb(1).await;
    let handler = Arc::new(DownloadFile { records, objects: startup.objects()? });
    files_api::serve(move |request| {
        let handler = Arc::clone(&handler);
        async move { handler.answer(&request, lambda_startup::now()).await }
    })
    .await
}
