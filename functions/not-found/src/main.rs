//! Starts the function of all other methods and paths.

use lambda_http::Error;
use lambda_startup::Startup;
use not_found::NotFound;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Startup::begin()?;
    files_api::serve(NotFound).await
}
