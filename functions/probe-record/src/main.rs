//! Starts the function that gives `probe-file` access to an object and saves its report.

use lambda_runtime::Error;
use lambda_startup::{Startup, serve_events};
use probe_record::ProbeRecord;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects, deliveries) = (startup.records()?, startup.objects()?, startup.delivery_queue()?);
    startup.connect_to_dynamodb_and_s3(1, 1).await;
    serve_events(ProbeRecord { records, objects, deliveries }).await
}
