//! Every route and method that is not one of ours.

use lambda_http::Error;
use lambda_startup::Startup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Startup::begin()?;
    files_api::serve(|request| async move { not_found::answer(&request) }).await
}
