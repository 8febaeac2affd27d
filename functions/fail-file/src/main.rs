//! Dead letters: ends what could not be imported or probed.

use std::sync::Arc;

use fail_file::FailFile;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use lambda_startup::Startup;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let fail = Arc::new(FailFile { records: startup.records()?, objects: startup.objects()? });
    startup.connect_to_dynamodb(1).await;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let fail = Arc::clone(&fail);
        async move { fail.handle(&event.payload).await }
    }))
    .await
}
