//! Corrections to ffprobe's JSON: which numbers are estimates, and which are valid only for a part of the file.

use media_facts::DurationSource;
use serde_json::Value;

use crate::media::Media;
use crate::number::ratio;
use crate::reason;

/// The warning that ffprobe prints when it divides the size by the bit rate.
const ESTIMATE_WARNING: &str = "Estimating duration from bitrate";

/// Difference in seconds below which two durations count as equal.
const DURATION_TOLERANCE: f64 = 0.05;

/// The fields of a container or a stream that depend on the whole file.
const TOTALS: [&str; 5] = ["duration", "duration_ts", "bit_rate", "nb_frames", "nb_read_packets"];

impl Media {
    /// Marks the duration as an estimate if ffprobe's `errors` say so. Raw MPEG video states its maximum bit rate, so a duration
    /// that is derived from it is removed.
    pub(crate) fn mark_estimate(&mut self, errors: &str) {
        if !errors.contains(ESTIMATE_WARNING) {
            return;
        }
        if self.summary.format_name == "mpegvideo" {
            self.clear_duration();
        } else if self.summary.duration.is_some() {
            self.summary.duration_source = Some(DurationSource::Estimated);
        }
    }

    /// Marks a result as partial, and removes the fields that may be wrong because ffprobe did not read the whole file.
    pub(crate) fn mark_partial(&mut self, reason: String) {
        self.clear_duration();
        self.partial = Some(reason);
    }

    /// Marks a movie as encrypted by this scheme. Its container states the remaining values.
    pub(crate) fn mark_encrypted(&mut self, scheme: &str) {
        self.partial = Some(reason::of_encryption(scheme));
    }

    /// Replaces ffprobe's duration by one that the container states, and recomputes the bit rate from the file's `size`.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bits per second, above zero"
    )]
    pub(crate) fn set_duration(&mut self, seconds: f64, size: u64) {
        if self.summary.duration.is_some_and(|known| (known - seconds).abs() < DURATION_TOLERANCE) {
            return;
        }
        self.summary.duration = Some(seconds);
        self.summary.duration_source = Some(DurationSource::Stated);
        self.summary.bit_rate = Some((size as f64 * 8.0 / seconds) as u64).filter(|rate| *rate > 0);
    }

    /// Sets the frame rate from a fraction. `None` changes nothing.
    pub(crate) fn set_frame_rate(&mut self, rate: Option<String>) {
        if let Some(rate) = rate {
            self.summary.frame_rate = ratio(Some(&Value::from(rate.as_str())));
            self.facts.frame_rate_ratio = Some(rate);
        }
    }

    fn clear_duration(&mut self) {
        self.summary.duration = None;
        self.summary.duration_source = None;
        self.summary.bit_rate = None;
        self.clear_totals();
    }

    /// Removes the fields that depend on the whole file from ffprobe's output.
    pub(crate) fn clear_totals(&mut self) {
        let full = &mut self.full;
        remove_totals(full.get_mut("format"));
        for stream in full.get_mut("streams").and_then(Value::as_array_mut).into_iter().flatten() {
            remove_totals(Some(stream));
        }
    }
}

fn remove_totals(part: Option<&mut Value>) {
    if let Some(part) = part.and_then(Value::as_object_mut) {
        part.retain(|name, _| !TOTALS.contains(&name.as_str()));
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
    fn an_estimated_duration_is_marked() {
        let mut media = media();
        assert_eq!(media.summary.duration_source, Some(DurationSource::Stated));
        media.mark_estimate("[mp3 @ 0x1] Estimating duration from bitrate, this may be inaccurate\n");
        assert_eq!(media.summary.duration_source, Some(DurationSource::Estimated));
        media.summary.duration = None;
        media.summary.duration_source = None;
        media.mark_estimate("Estimating duration from bitrate");
        assert_eq!(media.summary.duration_source, None, "of nothing");
    }

    #[test]
    fn a_partial_result_has_no_totals() {
        let mut media = media();
        media.mark_partial("too far".to_owned());
        let summary = &media.summary;
        assert_eq!((summary.duration, summary.duration_source, summary.bit_rate), (None, None, None));
        assert_eq!(media.full["format"], serde_json::json!({"format_name": "mp3", "size": "1000"}));
        assert_eq!(media.full["streams"][0].as_object().unwrap().len(), 3, "{}", media.full);
        assert_eq!(media.partial.as_deref(), Some("too far"));
    }
}
