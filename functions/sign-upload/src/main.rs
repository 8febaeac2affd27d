//! Starts the function of `POST /v1/uploads/{id}/sign`.

use lambda_http::Error;
use lambda_startup::Startup;
use sign_upload::SignUpload;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects) = (startup.client_records()?, startup.objects()?);
    startup.connect_to_dynamodb(1).await;
    files_api::serve(SignUpload { records, objects }).await
}
