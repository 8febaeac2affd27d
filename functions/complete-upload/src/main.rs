//! `POST /v1/uploads/{id}/complete`

use std::sync::Arc;

use complete_upload::CompleteUpload;
use lambda_http::Error;
use lambda_startup::{Startup, optional};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects) = (startup.records_with_keys()?, startup.objects()?);
    startup.connect_to_dynamodb_and_s3(1, 1).await;
    let handler = Arc::new(CompleteUpload { records, objects, public_url: optional("FILES_PUBLIC_URL") });
    files_api::serve(move |request| {
        let handler = Arc::clone(&handler);
        async move { handler.answer(&request, lambda_startup::now()).await }
    })
    .await
}
