//! The record's side of a probe: says what `probe-file` may read, and saves what it found.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use lambda_startup::Startup;
use probe_protocol::ProbeRequest;
use probe_record::ProbeRecord;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let probe = Arc::new(ProbeRecord { records: startup.records()?, objects: startup.objects()? });
    startup.connect_to_dynamodb_and_s3(1, 1).await;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<ProbeRequest>| {
        let probe = Arc::clone(&probe);
        async move { probe.handle(event.payload, lambda_startup::now()).await }
    }))
    .await
}
