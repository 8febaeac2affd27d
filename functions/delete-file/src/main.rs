//! `DELETE /v1/files/{id}`

use std::sync::Arc;

use delete_file::DeleteFile;
use lambda_http::Error;
use lambda_startup::Startup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects) = (startup.records_with_keys()?, startup.objects()?);
    startup.connect_to_dynamodb_and_s3(1, 2).await;
    let handler = Arc::new(DeleteFile { records, objects });
    files_api::serve(move |request| {
        let handler = Arc::clone(&handler);
        async move { handler.answer(&request, lambda_startup::now()).await }
    })
    .await
}
