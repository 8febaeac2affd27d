//! Starts the dead-letter handler, which ends imports and probes that failed repeatedly.

use fail_file::FailFile;
use lambda_runtime::Error;
use lambda_startup::{Startup, serve_events};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects, deliveries) = (startup.records()?, startup.objects()?, startup.delivery_queue()?);
    startup.connect_to_dynamodb(1).await;
    serve_events(FailFile { records, objects, deliveries }).await
}
