//! Starts the Lambda function of the import queue.

use import_file::{ImportFile, Muxer};
use lambda_runtime::Error;
use lambda_startup::{Startup, number, optional, serve_events};
use media_source::PageResolver;
use safe_fetch::{Allowed, Limits, SafeClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let (records, keys) = (startup.records()?, startup.keys()?);
    let (objects, queue) = (startup.objects()?, startup.import_queue()?);
    startup.connect_to_dynamodb_and_s3(1, 1).await;
    let allowed = Allowed::from_settings(optional);
    let import = ImportFile {
        records,
        keys,
        objects,
        queue,
        deliveries: startup.delivery_queue()?,
        client: SafeClient::new(
            allowed.clone(),
            Limits { contact: optional("FILES_IMPORT_CONTACT"), ..Limits::default() },
        )?,
        allowed,
        pages: startup.page_function().map(|(client, name)| PageResolver::new(client, name)),
        muxer: optional("FILES_MUX_FUNCTION").map(|name| Muxer::new(startup.lambda(), name)),
        max_joined_height: number("FILES_MAX_JOINED_HEIGHT", "a number of pixels")?,
        owner_share: Some(number("FILES_OWNER_IMPORT_WORKERS", "a number of imports")?)
            .filter(|share| *share > 0),
        max_file_bytes: number("FILES_MAX_FILE_BYTES", "a number of bytes")?,
    };
    serve_events(import).await
}
