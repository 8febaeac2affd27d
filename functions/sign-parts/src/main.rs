//! Starts the function of `POST /v1/uploads/{id}/parts`.

use lambda_http::Error;
use lambda_startup::Startup;
use sign_parts::SignParts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects) = (startup.client_records()?, startup.objects()?);
    startup.connect_to_dynamodb_and_s3(1, 1).await;
    files_api::serve(SignParts { records, objects }).await
}
