//! The second pass over a file, for values that ffprobe does not report or reports wrongly.

use std::convert::Infallible;
use std::pin::Pin;

use media_facts::MediaType;
use tokio::time::timeout_at;

use crate::command::Query;
use crate::depth::DEPTHS;
use crate::media::Media;
use crate::probe::{End, Outcome, Probe, ProbeError};
use crate::rate::{self, RateSource};
use crate::reader::ReadAborted;
use crate::reason::Kind;
use crate::source::RangeSource;
use crate::{content_type, dff, mp4, reason, still};

/// Bytes that identify a container.
const SIGNATURE: u64 = 4096;

/// Formats that ffprobe recognises by frames anywhere in the first bytes, or by the number of plausible ones.
const UNSIGNED: [&str; 17] = [
    "mp3",
    "mjpeg",
    "aac",
    "ac3",
    "eac3",
    "dts",
    "truehd",
    "h264",
    "hevc",
    "m4v",
    "mpegvideo",
    "vc1",
    "obu",
    "mpegts",
    "mpeg",
    "dv",
    "pcx_pipe",
];

impl<S: RangeSource> Probe<'_, S> {
    /// Retries a file that ffprobe did not recognise: by the container of its signature, then by its own headers.
    pub(crate) async fn retry_unreadable(
        &self,
        reason: String,
        serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Result<Outcome, ProbeError> {
        if self.reader.exceeded_budget().is_some() || !reason::is_open(&reason) {
            return Ok(Outcome::Unreadable(reason));
        }
        let head = self.read(self.reader.bytes(0..SIGNATURE.min(self.reader.size()))).await?;
        let mut kind = head.as_deref().and_then(content_type::kind);
        if let Some(Kind::Container(format)) = kind
            && reason == reason::NOT_MEDIA
            && format.ends_with("_pipe")
        {
            let end = self.run(Query::DescribeAs(format, DEPTHS[0]), serving).await?;
            if let Some(reason) = self.halt.take() {
                return Err(reason.into());
            }
            if let Outcome::Media(media) = self.interpret(end)?.outcome
                && media.summary.width.is_some()
                && self.reader.exceeded_budget().is_none()
            {
                return Ok(Outcome::Media(media));
            }
        }
        if let Some(media) = self.read(still::from_headers(&self.reader)).await?.flatten() {
            return Ok(Outcome::Media(Box::new(media)));
        }
        if let Some(media) = self.read(dff::read(&self.reader)).await?.flatten() {
            return Ok(Outcome::Media(Box::new(media)));
        }
        if kind == Some(Kind::Container("mov")) {
            kind = self.read(mp4::kind(&self.reader)).await?.flatten().or(kind);
        }
        Ok(Outcome::Unreadable(reason::by_kind(&reason, kind).to_owned()))
    }

    /// Returns whether ffprobe took a camera's raw file for a stream without a signature, which noise or a preview resembles.
    pub(crate) async fn is_misread(&self, media: &Media) -> Result<bool, ProbeError> {
        if !UNSIGNED.contains(&media.summary.format_name.as_str()) {
            return Ok(false);
        }
        let head = self.read(self.reader.bytes(0..SIGNATURE.min(self.reader.size()))).await?;
        Ok(head.is_some_and(|head| content_type::is_camera_raw(&head)))
    }

    /// Adds values that ffprobe does not report for a file that it could read.
    pub(crate) async fn complete(
        &self,
        media: &mut Media,
        serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Result<(), ProbeError> {
        self.correct_headers(media).await?;
        self.correct_rate(media, serving).await?;
        let is_movie = media.summary.format_name.starts_with("mov,") && media.media_type != MediaType::Image;
        if is_movie && let Some(Some(scheme)) = self.read(mp4::encryption_scheme(&self.reader)).await? {
            media.mark_encrypted(&scheme);
        }
        Ok(())
    }

    async fn correct_headers(&self, media: &mut Media) -> Result<(), ProbeError> {
        self.read(still::correct(&self.reader, media)).await?;
        if mp4::lacks_duration(media)
            && let Some(Some(seconds)) = self.read(mp4::presentation_duration(&self.reader)).await?
        {
            media.set_duration(seconds, self.reader.size());
        }
        Ok(())
    }

    async fn correct_rate(
        &self,
        media: &mut Media,
        serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Result<(), ProbeError> {
        let rate = match rate::rate_source(media) {
            Some(RateSource::Header) => {
                let head = self.read(self.reader.bytes(0..SIGNATURE.min(self.reader.size()))).await?;
                head.and_then(|head| rate::in_header(&head))
            }
            Some(RateSource::Own) => self
                .query_output(Query::Assuming(rate::ASSUMED), serving)
                .await?
                .and_then(|text| rate::own(&text)),
            Some(RateSource::Times(stream)) => {
                let query = Query::Times { stream, packets: rate::PACKETS };
                self.query_output(query, serving).await?.and_then(|text| rate::by_times(&text))
            }
            None => return Ok(()),
        };
        media.set_frame_rate(rate);
        Ok(())
    }

    /// Runs reads of the file itself. `None`: a budget or the deadline is exceeded.
    pub(crate) async fn read<T>(
        &self,
        reading: impl Future<Output = Result<T, ReadAborted>>,
    ) -> Result<Option<T>, ProbeError> {
        let read = timeout_at(self.deadline, reading).await;
        match self.halt.take() {
            Some(reason) => Err(reason.into()),
            None => Ok(read.ok().and_then(Result::ok)),
        }
    }

    /// Returns ffprobe's output for a query; `None` if ffprobe fails or a budget is exceeded.
    async fn query_output(
        &self,
        query: Query,
        serving: Pin<&mut impl Future<Output = Infallible>>,
    ) -> Result<Option<Vec<u8>>, ProbeError> {
        let end = self.run(query, serving).await?;
        match (self.halt.take(), end) {
            (Some(reason), _) => Err(reason.into()),
            (None, End::Ran(Ok(printed)))
                if printed.status.success() && self.reader.exceeded_budget().is_none() =>
            {
                Ok(Some(printed.output))
            }
            _ => Ok(None),
        }
    }
}
