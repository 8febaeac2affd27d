//! S3 `ObjectCreated`: reads a stored object with ffprobe and finishes its record.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use lambda_startup::{Startup, required};
use media_probe::{Ffprobe, Limits};
use probe_file::ProbeFile;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let records = startup.records()?;
    startup.connect_to_dynamodb(1).await;
    let path = required("FILES_FFPROBE", "the path of ffprobe")?.into();
    // Escaped once more into get-file's answer, it must still fit into Lambda's 6 MB.
    let limits = Limits { max_output_bytes: 2 * 1024 * 1024, ..Limits::default() };
    let ffprobe = Ffprobe { path, limits };
    let version =
        ffprobe.version().inspect_err(|error| tracing::error!(%error, "ffprobe cannot be run")).ok();
    tracing::info!(version, "ffprobe");
    let probe = Arc::new(ProbeFile { records, s3: startup.s3(), ffprobe, version });
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let probe = Arc::clone(&probe);
        async move { probe.answer(&event.payload).await }
    }))
    .await
}
