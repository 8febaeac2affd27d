//! Starts the function of `GET /v1/uploads/{id}/parts`.

use lambda_http::Error;
use lambda_startup::Startup;
use list_parts::ListParts;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects) = (startup.client_records()?, startup.objects()?);
    startup.connect_to_dynamodb_and_s3(1, 1).await;
    files_api::serve(ListParts { records, objects }).await
}
