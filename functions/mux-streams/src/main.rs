//! Joins a picture and a sound to one file with ffmpeg.

use std::sync::Arc;

use lambda_runtime::tower::util::MapResponseLayer;
use lambda_runtime::{Error, LambdaEvent, Runtime, layers, service_fn};
use lambda_startup::{Startup, required};
use mux_protocol::MuxRequest;
use mux_streams::{Ffmpeg, Limits, MuxStreams};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let startup = Startup::begin()?;
    let ffmpeg =
        Ffmpeg { path: required("FILES_FFMPEG", "the path of ffmpeg")?.into(), limits: Limits::default() };
    let mux = Arc::new(MuxStreams::new(startup.downloads(), ffmpeg));
    let handler = Arc::clone(&mux);
    let handler = service_fn(move |event: LambdaEvent<MuxRequest>| {
        let mux = Arc::clone(&handler);
        async move { mux.handle(event).await }
    });
    let runtime = Runtime::new(handler).layer(layers::TracingLayer::new());
    // Outside of what sends the response, so it is sent.
    runtime.layer(MapResponseLayer::new(move |()| mux.exit_if_tainted())).run().await
}
