//! `GET /v1/files/{id}`

use std::sync::Arc;

use get_file::GetFile;
use lambda_http::Error;
use lambda_startup::{Startup, optional};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let records = startup.records_with_keys()?;
    startup.connect_to_dynamodb(1).await;
    let handler =
        Arc::new(GetFile { records, objects: startup.objects()?, public_url: optional("FILES_PUBLIC_URL") });
    files_api::serve(move |request| {
        let handler = Arc::clone(&handler);
        async move { handler.answer(&request, lambda_startup::now()).await }
    })
    .await
}
