//! Every minute: does what is due and not done.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use lambda_startup::Startup;
use serde_json::Value;
use sweep::Sweep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let sweep = Arc::new(Sweep {
        records: startup.records()?,
        objects: startup.objects()?,
        imports: startup.import_queue()?,
        probes: startup.probe_queue()?,
    });
    startup.connect_to_dynamodb(1).await;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let sweep = Arc::clone(&sweep);
        async move { sweep.run(event.context.deadline()).await }
    }))
    .await
}
