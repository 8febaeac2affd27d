//! `GET` and `HEAD /v1/posters/{id}`

use get_poster::GetPoster;
use lambda_http::Error;
use lambda_startup::Startup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects) = (startup.client_records()?, startup.objects()?);
    startup.connect_to_dynamodb(1).await;
    files_api::serve(GetPoster { records, objects }).await
}
