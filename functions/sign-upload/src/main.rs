//! `POST /v1/uploads/{id}/sign`

use std::sync::Arc;

use lambda_http::Error;
use lambda_startup::Startup;
use sign_upload::SignUpload;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects) = (startup.records_with_keys()?, startup.objects()?);
    startup.connect_to_dynamodb(1).await;
    let handler = Arc::new(SignUpload { records, objects });
    files_api::serve(move |request| {
        let handler = Arc::clone(&handler);
        async move { handler.answer(&request, lambda_startup::now()).await }
    })
    .await
}
