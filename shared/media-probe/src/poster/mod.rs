//! The poster of a file: a small JPEG that ffmpeg makes of one frame, read through the same loopback server as the probe.

mod frame;
mod index;
mod tiles;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use media_process::{Group, ProcessLimits};
use tokio::process::Child;
use tokio::time::Instant;

use crate::command::{Query, reading};
use crate::limits::Limits;
use crate::media::Media;
use crate::probe::{End, Probe};
use crate::source::RangeSource;
use frame::{Frame, Source};
use tiles::Tiles;

/// How long ffmpeg may take.
const WALL_CLOCK: Duration = Duration::from_secs(10);
/// Processor time of ffmpeg.
const CPU: Duration = Duration::from_secs(8);
/// Bytes that are read for the poster, beyond those that the probe has read.
const MAX_READ_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes that ffmpeg sees of a fragmented file without an index, beyond those that ffprobe has seen. ffmpeg visits all fragments that it sees before
/// it decodes the first frame.
const MORE_FRAGMENTS: u64 = 2 * 1024 * 1024;

impl<S: RangeSource> Probe<'_, S> {
    /// Makes the poster of a file that ffprobe has read. Returns `None` if the file has no picture, or ffmpeg made none of it: a
    /// poster is never worth an error.
    pub(crate) async fn poster(
        &self,
        program: &Path,
        media: &Media,
        mut serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Option<Vec<u8>> {
        self.reader.truncate(media.visible.map_or(u64::MAX, |end| end.saturating_add(MORE_FRAGMENTS)));
        self.reader.allow(MAX_READ_BYTES);
        let head = self.read(self.reader.bytes(0..index::HEAD.min(self.reader.size()))).await.ok()??;
        let mut frame = Frame::of(media, index::is_missing(media, &head))?;
        match &frame.source {
            Source::First(first) => self.reader.serve_only(first.still.clone()),
            Source::Item(item) => frame.source = Source::Tiles(self.tiles(*item, serving.as_mut()).await?),
            Source::Picture(_) | Source::Film(..) | Source::Tiles(_) => {}
        }
        let limits = self.ffprobe.limits.clone();
        let limits = Limits { cpu: CPU, max_output_bytes: limits.max_poster_bytes, ..limits };
        let deadline = self.deadline.min(Instant::now() + WALL_CLOCK);
        let spawned = spawn(program, &limits, &frame, &self.url);
        let (child, group) =
            spawned.inspect_err(|error| tracing::warn!(%error, "ffmpeg could not be started")).ok()?;
        match self.ended(child, group, &limits, deadline, serving).await {
            End::Ran(Ok(printed)) if printed.status.success() && !printed.output.is_empty() => {
                Some(printed.output)
            }
            End::Ran(Ok(printed)) => {
                let errors = crate::reason::for_log(&printed.errors, &self.url);
                tracing::info!(status = %printed.status, errors, "ffmpeg made no poster");
                None
            }
            ended => {
                tracing::info!(limit = ended.limit(), "ffmpeg made no poster within its limits");
                None
            }
        }
    }

    /// Asks ffprobe for the tiles of an item.
    async fn tiles(&self, item: u32, serving: Pin<&mut impl Future<Output = Infallible>>) -> Option<Tiles> {
        match self.run(Query::Tiles, serving).await {
            Ok(End::Ran(Ok(printed))) if printed.status.success() => Tiles::of(&printed.output, item),
            _ => None,
        }
    }
}

/// Starts ffmpeg on `url` within `limits`, in a process group of its own that ends with the second value.
fn spawn(program: &Path, limits: &Limits, frame: &Frame, url: &str) -> io::Result<(Child, Group)> {
    let mut arguments =
        reading(limits, &["-v", "error", "-hide_banner", "-nostdin", "-filter_complex_threads", "1"]);
    arguments.extend(frame.input());
    arguments.extend(["-i", url].map(str::to_owned));
    arguments.extend(frame.output());
    // Key frames before the position have negative times, which other modes than passthrough drop.
    let output = ["-frames:v", "1", "-fps_mode", "passthrough", "-map_metadata", "-1"];
    let format = ["-c:v", "mjpeg", "-q:v", "4", "-f", "image2pipe", "pipe:1"];
    arguments.extend([&output[..], &format].concat().into_iter().map(str::to_owned));
    let limits = ProcessLimits { address_space: limits.address_space, cpu: limits.cpu, threads: true };
    media_process::spawn(program, arguments, Stdio::piped(), &limits)
}
