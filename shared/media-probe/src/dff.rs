//! Reads DSDIFF (Philips, DSDIFF 1.5), which ffprobe does not support: sound of one bit per sample.

use std::ops::Range;

use media_facts::{DurationSource, MediaType, ProbeFacts, ProbeSummary};
use serde_json::json;

use crate::media::{Display, Media};
use crate::mp4::boxes::{number32, number64};
use crate::reader::{ReadAborted, Reader};
use crate::source::RangeSource;

/// Maximum number of chunks that are visited: those before the sound.
const MAX_CHUNKS: usize = 16;
/// Longest properties that are read, in bytes.
const MAX_PROPERTIES: u64 = 4096;
/// Length in bytes of the header of a chunk: its kind and its length.
const HEADER: u64 = 12;

/// The properties of the sound.
#[derive(Debug, Default, PartialEq)]
struct Sound {
    rate: Option<u32>,
    channels: Option<u16>,
    codec: &'static str,
    seconds: Option<f64>,
}

/// Describes a DSDIFF file; `None` if it is none, or states no sample rate.
pub(crate) async fn read<S: RangeSource>(reader: &Reader<S>) -> Result<Option<Media>, ReadAborted> {
    let size = reader.size();
    let head = reader.bytes(0..16.min(size)).await?;
    if !head.starts_with(b"FRM8") || !head.ends_with(b"DSD ") {
        return Ok(None);
    }
    let (mut sound, mut at) = (Sound { codec: "dsd_msbf", ..Sound::default() }, 16_u64);
    for _ in 0..MAX_CHUNKS {
        let header = reader.bytes(at.min(size)..at.saturating_add(HEADER).min(size)).await?;
        let (Some(kind), Some(length)) = (header.get(..4), number64(&header, 4)) else { break };
        let content = at + HEADER..(at + HEADER).saturating_add(length).min(size);
        match kind {
            b"PROP" => sound.note(&reader.bytes(bounded(content, MAX_PROPERTIES)).await?),
            b"DSD " => {
                sound.seconds = sound.of_bytes(content.end - content.start);
                break;
            }
            b"DST " => {
                sound.codec = "dst";
                sound.seconds = of_frames(&reader.bytes(bounded(content, HEADER + 6)).await?);
                break;
            }
            _ => {}
        }
        at = (at + HEADER).saturating_add(length).saturating_add(length % 2);
    }
    Ok(sound.rate.is_some().then(|| sound.into_media(size)))
}

fn bounded(content: Range<u64>, most: u64) -> Range<u64> {
    content.start..content.end.min(content.start.saturating_add(most))
}

/// Returns the duration in seconds by the header of compressed frames: their number, and frames per second.
fn of_frames(content: &[u8]) -> Option<f64> {
    let frames = number32(content.strip_prefix(b"FRTE")?, 8)?;
    let rate = u16::from_be_bytes(content.get(16..18)?.try_into().ok()?);
    (frames > 0 && rate > 0).then(|| f64::from(frames) / f64::from(rate))
}

impl Sound {
    /// Takes the values from the content of the properties.
    fn note(&mut self, properties: &[u8]) {
        let Some(mut rest) = properties.strip_prefix(b"SND ") else { return };
        while let (Some(kind), Some(length)) = (rest.get(..4), number64(rest, 4)) {
            let content = &rest[12..];
            match kind {
                b"FS  " => self.rate = number32(content, 0).filter(|rate| *rate > 0),
                b"CHNL" => {
                    let channels = content.get(..2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
                    self.channels = channels.filter(|channels| *channels > 0);
                }
                _ => {}
            }
            let length = usize::try_from(length.saturating_add(length % 2)).ok();
            let Some(next) = length.and_then(|length| content.get(length..)) else { break };
            rest = next;
        }
    }

    /// Returns the duration in seconds of uncompressed samples.
    #[allow(clippy::cast_precision_loss, reason = "53 bits of a size are enough")]
    fn of_bytes(&self, bytes: u64) -> Option<f64> {
        let per_second = f64::from(self.rate?) * f64::from(self.channels?) / 8.0;
        (bytes > 0).then(|| bytes as f64 / per_second)
    }

    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bits per second, above zero"
    )]
    fn into_media(self, size: u64) -> Media {
        let bit_rate = self.seconds.map(|seconds| (size as f64 * 8.0 / seconds) as u64);
        Media {
            summary: ProbeSummary {
                duration: self.seconds,
                duration_source: self.seconds.map(|_| DurationSource::Stated),
                format_name: "iff".to_owned(),
                audio_codec: Some(self.codec.to_owned()),
                bit_rate: bit_rate.filter(|rate| *rate > 0),
                ..ProbeSummary::default()
            },
            media_type: MediaType::Audio,
            facts: ProbeFacts {
                channels: self.channels.map(u64::from),
                sample_rate: self.rate.map(u64::from),
                ..ProbeFacts::default()
            },
            full: json!({
                "format": {"format_name": "iff", "size": size.to_string()},
                "streams": [],
                "chapters": [],
            }),
            partial: None,
            visible: None,
            content_type: Some("audio/x-dff"),
            display: Display::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [kind, &(content.len() as u64).to_be_bytes()[..], content].concat()
    }

    #[test]
    fn properties_state_rate_and_channels() {
        let parts = [
            b"SND ".to_vec(),
            chunk(b"FS  ", &2_822_400_u32.to_be_bytes()),
            chunk(b"ABSS", &[0; 7]),
            vec![0],
            chunk(b"CHNL", b"\0\x02SLFTSRGT"),
        ];
        let properties = parts.concat();
        let of = |bytes: &[u8]| {
            let mut sound = Sound::default();
            sound.note(bytes);
            (sound.rate, sound.channels, sound.of_bytes(705_600))
        };
        assert_eq!(of(&properties), (Some(2_822_400), Some(2), Some(1.0)));
        for length in 0..properties.len() {
            let _ = of(&properties[..length]);
        }
        assert_eq!(of(b"SND FS  \xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"), (None, None, None));
    }

    #[test]
    fn compressed_frames_state_the_duration() {
        let of = |frames: u32, rate: u16| {
            of_frames(&[b"FRTE\0\0\0\0\0\0\0\x06", &frames.to_be_bytes()[..], &rate.to_be_bytes()].concat())
        };
        assert_eq!((of(150, 75), of(0, 75), of(150, 0)), (Some(2.0), None, None));
        assert_eq!(of_frames(b"FRTE"), None);
    }
}
