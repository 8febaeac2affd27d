//! What ffprobe's JSON does not say of itself: that a number is an estimate, or true of a part of the file only.

use media_facts::DurationSource;
use serde_json::Value;

use crate::media::Media;
use crate::number::ratio;

/// What ffprobe writes when it divides the size by the bit rate.
const ESTIMATES: &str = "Estimating duration from bitrate";

/// Seconds below which two lengths are the same.
const SAME: f64 = 0.05;

/// What depends on the whole file, of the container and of each stream.
const OF_THE_WHOLE: [&str; 5] = ["duration", "duration_ts", "bit_rate", "nb_frames", "nb_read_packets"];

impl Media {
    /// Marks a duration that ffprobe calls an estimate among its `errors`. Bare MPEG video states a bit rate that its pictures
    /// only may reach: what is made of that is no length at all.
    pub(crate) fn note_estimates(&mut self, errors: &str) {
        if !errors.contains(ESTIMATES) {
            return;
        }
        if self.summary.format_name == "mpegvideo" {
            self.forget_length();
        } else if self.summary.duration.is_some() {
            self.summary.duration_source = Some(DurationSource::Estimated);
        }
    }

    /// Takes away what would look right and may be wrong when ffprobe did not see the whole file.
    pub(crate) fn cut_short(&mut self, reason: String) {
        self.forget_length();
        self.partial = Some(reason);
    }

    /// Puts a length that the container states in the place of ffprobe's, and with it the bit rate of the file's `size`.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bits a second, above zero"
    )]
    pub(crate) fn set_length(&mut self, seconds: f64, size: u64) {
        if self.summary.duration.is_some_and(|known| (known - seconds).abs() < SAME) {
            return;
        }
        self.summary.duration = Some(seconds);
        self.summary.duration_source = Some(DurationSource::Stated);
        self.summary.bit_rate = Some((size as f64 * 8.0 / seconds) as u64).filter(|rate| *rate > 0);
    }

    /// Sets the frame rate, given as a fraction, if there is one.
    pub(crate) fn set_frame_rate(&mut self, rate: Option<String>) {
        if let Some(rate) = rate {
            self.summary.frame_rate = ratio(Some(&Value::from(rate.as_str())));
            self.facts.frame_rate_ratio = Some(rate);
        }
    }

    fn forget_length(&mut self) {
        self.summary.duration = None;
        self.summary.duration_source = None;
        self.summary.bit_rate = None;
        self.forget_totals();
    }

    /// Takes what depends on the whole file out of ffprobe's own words.
    pub(crate) fn forget_totals(&mut self) {
        let full = &mut self.full;
        forget(full.get_mut("format"));
        for stream in full.get_mut("streams").and_then(Value::as_array_mut).into_iter().flatten() {
            forget(Some(stream));
        }
    }
}

fn forget(part: Option<&mut Value>) {
    if let Some(part) = part.and_then(Value::as_object_mut) {
        part.retain(|name, _| !OF_THE_WHOLE.contains(&name.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::DurationSource;
    use crate::{Media, parse};

    fn media() -> Media {
        let stream =
            r#"{"codec_type":"audio","codec_name":"mp3","duration":"9.5","nb_frames":"3","channels":2}"#;
        let format = r#"{"format_name":"mp3","duration":"9.5","bit_rate":"128000","size":"1000"}"#;
        parse::media(format!(r#"{{"streams":[{stream}],"format":{format}}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn an_estimate_is_called_one() {
        let mut media = media();
        assert_eq!(media.summary.duration_source, Some(DurationSource::Stated));
        media.note_estimates("[mp3 @ 0x1] Estimating duration from bitrate, this may be inaccurate\n");
        assert_eq!(media.summary.duration_source, Some(DurationSource::Estimated));
        media.summary.duration = None;
        media.summary.duration_source = None;
        media.note_estimates("Estimating duration from bitrate");
        assert_eq!(media.summary.duration_source, None, "of nothing");
    }

    #[test]
    fn what_a_part_does_not_tell_is_gone() {
        let mut media = media();
        media.cut_short("too far".to_owned());
        let summary = &media.summary;
        assert_eq!((summary.duration, summary.duration_source, summary.bit_rate), (None, None, None));
        assert_eq!(media.full["format"], serde_json::json!({"format_name": "mp3", "size": "1000"}));
        assert_eq!(media.full["streams"][0].as_object().unwrap().len(), 3, "{}", media.full);
        assert_eq!(media.partial.as_deref(), Some("too far"));
    }
}
