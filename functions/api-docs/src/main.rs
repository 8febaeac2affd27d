//! Starts the function of `GET /v1/openapi.json` and `GET /docs`.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use lambda_startup::Startup;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Startup::begin()?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        Ok::<_, Error>(api_docs::response(event.payload["rawPath"].as_str().unwrap_or_default()))
    }))
    .await
}
