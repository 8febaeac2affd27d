//! The messages between `import-file` and `mux-streams`, which joins picture and sound and has no rights.
//!
//! A response comes from a process that has read untrusted media: whoever receives it checks the parts with S3.

use serde::{Deserialize, Serialize};

/// The size of each part but the last. S3 accepts 5 MiB to 5 GiB (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub const PART_BYTES: u64 = 16 * 1024 * 1024;
/// The maximum number of parts: their URLs must fit into one payload of 6 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>), and a presigned URL takes up to 2 KB.
pub const MAX_PARTS: u64 = 2_800;
/// The maximum size of a joined file.
pub const MAX_JOINED_BYTES: u64 = PART_BYTES * MAX_PARTS;

/// A container of joined streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    /// MP4.
    Mp4,
    /// WebM: VP8, VP9 or AV1 with Vorbis or Opus.
    Webm,
    /// Matroska, for streams that neither of the others can hold.
    Matroska,
}

impl Container {
    /// Returns the container to try first for a picture and a sound of these media types.
    #[must_use]
    pub fn of(picture: Option<&str>, sound: Option<&str>) -> Self {
        let is_webm = |content_type: Option<&str>| content_type.is_some_and(|text| text.ends_with("/webm"));
        if is_webm(picture) && is_webm(sound) { Self::Webm } else { Self::Mp4 }
    }

    /// Returns the media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::Webm => "video/webm",
            Self::Matroska => "video/x-matroska",
        }
    }

    /// Returns the file extension.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Webm => "webm",
            Self::Matroska => "mkv",
        }
    }
}

/// What `mux-streams` is to join.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MuxRequest {
    /// A presigned GET of the object with the picture.
    pub picture: String,
    /// A presigned GET of the object with the sound.
    pub sound: String,
    /// The container to write.
    pub container: Container,
    /// Presigned PUTs of the parts of the joined object, from part 1 on.
    pub parts: Vec<String>,
    /// The size of each part but the last in bytes.
    pub part_size: u64,
    /// The maximum time in seconds.
    pub seconds: u64,
}

impl std::fmt::Debug for MuxRequest {
    /// Omits the URLs: whoever has one may read or write an object.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { container, parts, seconds, .. } = self;
        let mut fields = formatter.debug_struct("MuxRequest");
        fields.field("container", container).field("parts", &parts.len()).field("seconds", seconds).finish()
    }
}

/// What came of joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MuxResponse {
    /// The parts are stored.
    Joined {
        /// The number of parts.
        parts: u64,
        /// The size of the joined object in bytes.
        size: u64,
    },
    /// The streams cannot be joined. The same request would be refused again.
    Refused(MuxRefusal),
}

/// Why streams cannot be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum MuxRefusal {
    /// The container cannot hold them. Another one may.
    #[error("its picture and sound fit into no container together")]
    Container,
    /// The object of the picture has none.
    #[error("the stream of the picture has no picture")]
    NoPicture,
    /// The object of the sound has none.
    #[error("the stream of the sound has no sound")]
    NoSound,
    /// FFmpeg cannot read one of them, or crashed at it.
    #[error("its picture or its sound is damaged, or in a format that cannot be read")]
    Unreadable,
    /// FFmpeg needs more memory than it may use.
    #[error("joining its picture and sound takes more than {megabytes} MB of memory")]
    Memory {
        /// The limit in megabytes.
        megabytes: u64,
    },
    /// Joining takes too long.
    #[error("joining its picture and sound takes longer than {seconds} s")]
    Time {
        /// The limit in seconds.
        seconds: u64,
    },
    /// The joined file needs more parts than there are URLs.
    #[error("the joined picture and sound are larger than {bytes} bytes")]
    Size {
        /// The limit in bytes.
        bytes: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_webm_with_webm_is_joined_as_webm() {
        assert_eq!(Container::of(Some("video/webm"), Some("audio/webm")), Container::Webm);
        assert_eq!(Container::of(Some("video/mp4"), Some("audio/webm")), Container::Mp4);
        assert_eq!(Container::of(Some("video/webm"), Some("audio/mp4")), Container::Mp4);
        assert_eq!(Container::of(None, None), Container::Mp4);
    }

    #[test]
    fn the_largest_request_fits_into_a_payload() {
        let url = "https://bucket.s3.eu-central-1.amazonaws.com/".to_owned() + &"x".repeat(2_000);
        let parts = vec![url.clone(); usize::try_from(MAX_PARTS).unwrap()];
        let request = MuxRequest {
            picture: url.clone(),
            sound: url,
            container: Container::Matroska,
            parts,
            part_size: PART_BYTES,
            seconds: 300,
        };
        assert!(serde_json::to_vec(&request).unwrap().len() < 6_000_000);
        assert!(!format!("{request:?}").contains("https"), "no URL is logged");
    }

    #[test]
    fn responses_are_stable() {
        let joined = serde_json::to_string(&MuxResponse::Joined { parts: 2, size: 9 }).unwrap();
        assert_eq!(joined, r#"{"joined":{"parts":2,"size":9}}"#);
        let refused = serde_json::to_string(&MuxResponse::Refused(MuxRefusal::Time { seconds: 7 })).unwrap();
        assert_eq!(refused, r#"{"refused":{"time":{"seconds":7}}}"#);
        let text = MuxRefusal::Time { seconds: 7 }.to_string();
        assert_eq!(text, "joining its picture and sound takes longer than 7 s");
    }
}
