//! `GET /v1/uploads/{id}/parts`

use std::sync::Arc;

use lambda_http::Error;
use lambda_startup::Startup;
use list_parts::ListParts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects) = (startup.records_with_keys()?, startup.objects()?);
    startup.connect_to_dynamodb_and_s3(1, 1).await;
    let handler = Arc::new(ListParts { records, objects });
    files_api::serve(move |request| {
        let handler = Arc::clone(&handler);
        async move { handler.answer(&request, lambda_startup::now()).await }
    })
    .await
}
