//! Import queue: fetches a URL into an object.

use std::sync::Arc;

use import_file::ImportFile;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use lambda_startup::{Startup, number, optional};
use media_source::PageResolver;
use safe_fetch::{Allowed, Limits, SafeClient};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, objects, queue) = (startup.records()?, startup.objects()?, startup.import_queue()?);
    startup.connect_to_dynamodb_and_s3(1, 1).await;
    let allowed = Allowed::parse(&optional("FILES_IMPORT_ALLOW_HOSTS").unwrap_or_default())
        .except(&optional("AWS_LAMBDA_RUNTIME_API").unwrap_or_default());
    let import = Arc::new(ImportFile {
        records,
        objects,
        queue,
        client: SafeClient::new(
            allowed.clone(),
            Limits { contact: optional("FILES_IMPORT_CONTACT"), ..Limits::default() },
        )?,
        allowed,
        pages: startup.page_function().map(|(client, name)| PageResolver::new(client, name)),
        max_file_bytes: number("FILES_MAX_FILE_BYTES", "a number of bytes")?,
    });
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let import = Arc::clone(&import);
        async move { import.handle(event.payload, event.context.deadline()).await }
    }))
    .await
}
