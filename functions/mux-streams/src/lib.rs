//! The Lambda function `mux-streams`: joins a picture and a sound to one file with ffmpeg, without transcoding.
//!
//! ffmpeg reads untrusted bytes. The function has no rights: it gets presigned URLs of two temporary objects and of the parts of the
//! joined one, and can do nothing but use them (decision 8). ffmpeg itself gets only addresses on the loopback interface.

mod alignment;
mod assembly;
mod command;
mod mux;
mod object;
mod packed;
mod parts;
mod sink;

pub use assembly::{Assembled, Assembly, AssemblyError};
pub use command::Limits;
pub use mux::{Ffmpeg, MuxError, Run, Streams};
pub use object::ObjectError;
pub use parts::{PartStore, PresignedParts, StoreError};
pub use sink::SinkError;

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use http::Uri;
use http::uri::InvalidUri;
use lambda_runtime::LambdaEvent;
use lambda_startup::Downloads;
use mux_protocol::{MuxRequest, MuxResponse, PART_BYTES};
use tracing::{info, warn};

type BoxError = Box<dyn Error + Send + Sync>;

/// The time before the deadline of the invocation that is kept for the response.
const RESPONSE_TIME: Duration = Duration::from_secs(5);

/// The handler.
#[derive(Debug)]
pub struct MuxStreams {
    client: Downloads,
    ffmpeg: Ffmpeg,
    tainted: AtomicBool,
}

impl MuxStreams {
    /// Creates a handler.
    #[must_use]
    pub fn new(client: Downloads, ffmpeg: Ffmpeg) -> Self {
        Self { client, ffmpeg, tainted: AtomicBool::new(false) }
    }

    /// Joins the streams of a request.
    ///
    /// # Errors
    /// An object could not be read, a part could not be stored, or ffmpeg could not be started.
    pub async fn handle(&self, event: LambdaEvent<MuxRequest>) -> Result<MuxResponse, BoxError> {
        let left = event.context.deadline().duration_since(SystemTime::now()).unwrap_or_default();
        let time = Duration::from_secs(event.payload.seconds).min(left.saturating_sub(RESPONSE_TIME));
        let (streams, assembly) = self.prepare(event.payload, time)?;
        let run = self.ffmpeg.join(self.client.clone(), streams, assembly).await?;
        self.tainted.fetch_or(run.killed, Ordering::Relaxed);
        Ok(match run.outcome {
            Ok(Assembled { parts, size }) => {
                info!(parts, size_bytes = size, "joined");
                MuxResponse::Joined { parts, size }
            }
            Err(refusal) => {
                info!(?refusal, "not joined");
                MuxResponse::Refused(refusal)
            }
        })
    }

    fn prepare(
        &self,
        request: MuxRequest,
        time: Duration,
    ) -> Result<(Streams, Assembly<PresignedParts>), InvalidUri> {
        let MuxRequest { picture, sound, container, parts, part_size, .. } = request;
        let streams =
            Streams { picture: Uri::try_from(picture)?, sound: Uri::try_from(sound)?, container, time };
        let urls = parts.into_iter().map(Uri::try_from).collect::<Result<_, _>>()?;
        let part_size = usize::try_from(part_size.min(PART_BYTES)).unwrap_or(usize::MAX);
        Ok((streams, Assembly::new(PresignedParts::new(self.client.clone(), urls), part_size)))
    }

    /// Ends this process if an ffmpeg was killed in it, so that nothing that a stream left behind sees the next one. Lambda starts a
    /// new process. To be called after the response has been sent.
    pub fn exit_if_tainted(&self) {
        if self.tainted.load(Ordering::Relaxed) {
            warn!("this process ends: ffmpeg was killed in it");
            std::process::exit(1);
        }
    }
}
