//! Starts the function of S3's `ObjectCreated` events.

use std::sync::Arc;

use lambda_runtime::tower::util::MapResponseLayer;
use lambda_runtime::{Error, LambdaEvent, Runtime, layers, service_fn};
use lambda_startup::{Startup, optional, required};
use media_probe::{Ffprobe, Limits};
use probe_file::{ProbeFile, ProbeRecord};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let record = required("FILES_PROBE_RECORD_FUNCTION", "the name of the function probe-record")?;
    let record = ProbeRecord::new(startup.lambda(), record);
    let path = required("FILES_FFPROBE", "the path of ffprobe")?.into();
    let limits = Limits {
        max_output_bytes: probe_protocol::MAX_FULL_BYTES as u64,
        max_poster_bytes: probe_protocol::MAX_POSTER_BYTES as u64,
        ..Limits::default()
    };
    let ffmpeg = optional("FILES_FFMPEG").map(Into::into);
    let ffprobe = Ffprobe { path, limits, ffmpeg };
    let asked = ffprobe.clone();
    let version = tokio::task::spawn_blocking(move || asked.version());
    let (version, ()) = tokio::join!(version, startup.connect_to_lambda(1));
    let version = version?.inspect_err(|error| tracing::error!(%error, "ffprobe cannot be run")).ok();
    tracing::info!(version, "ffprobe");
    let probe = Arc::new(ProbeFile::new(record, startup.downloads(), ffprobe, version));
    let handler = Arc::clone(&probe);
    let handler = service_fn(move |event: LambdaEvent<_>| {
        let probe = Arc::clone(&handler);
        async move { probe.handle(event.payload).await }
    });
    let runtime = Runtime::new(handler).layer(layers::TracingLayer::new());
    // After the service has sent the response.
    runtime.layer(MapResponseLayer::new(move |()| probe.exit_if_tainted())).run().await
}
