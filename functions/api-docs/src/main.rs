//! Starts the function of `GET /v1/openapi.json` and `GET /docs`.

use api_docs::Request;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use lambda_startup::Startup;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Startup::begin()?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Request>| {
        Ok::<_, Error>(api_docs::response(&event.payload))
    }))
    .await
}
