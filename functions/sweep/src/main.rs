//! Starts the function that runs every minute and finishes work whose deadline has passed.

use lambda_runtime::Error;
use lambda_startup::{Startup, serve_events};
use sweep::Sweep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects) = (startup.records()?, startup.objects()?);
    let (imports, probes, deliveries) =
        (startup.import_queue()?, startup.probe_queue()?, startup.delivery_queue()?);
    startup.connect_to_dynamodb(1).await;
    serve_events(Sweep { records, objects, imports, probes, deliveries }).await
}
