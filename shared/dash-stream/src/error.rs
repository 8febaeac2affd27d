/// The reason why a manifest cannot be imported. Each message is a sentence for the user, without full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text is not XML, has a document type, or has no `MPD` element.
    #[error("the MPEG-DASH manifest cannot be read: it is not a manifest in XML")]
    Malformed,
    /// An attribute that determines which bytes are stored is malformed.
    #[error("the MPEG-DASH manifest cannot be read: its attribute {0} is not understood")]
    Attribute(&'static str),
    /// The manifest is longer than 4 MiB, or its segments have more than 8 MiB of URLs.
    #[error("the MPEG-DASH manifest is too long")]
    TooLong,
    /// A representation has more than 20,000 segments.
    #[error("the MPEG-DASH stream has more than 20,000 segments")]
    TooManySegments,
    /// A time or a number of a segment exceeds 64 bits.
    #[error("the MPEG-DASH manifest cannot be read: the times or numbers of its segments are too large")]
    Overflow,
    /// The manifest is dynamic.
    #[error(
        "live streams cannot be imported; try again when it has ended (the MPEG-DASH manifest is dynamic)"
    )]
    Live,
    /// All representations of picture or sound have `ContentProtection`.
    #[error("the MPEG-DASH stream is protected by DRM")]
    Drm,
    /// The manifest refers to elements in other documents (`xlink:href`).
    #[error("the MPEG-DASH manifest cannot be read: parts of it are in other documents (xlink)")]
    Xlink,
    /// The manifest has several periods.
    #[error("the MPEG-DASH stream has several periods, which cannot be joined")]
    Periods,
    /// The manifest has no representations.
    #[error("the MPEG-DASH manifest has no streams")]
    Empty,
    /// The manifest has only single frames or previews for seeking.
    #[error("the MPEG-DASH manifest has only pictures for seeking (trick mode, thumbnails)")]
    TrickMode,
    /// The manifest has only subtitles.
    #[error("the MPEG-DASH manifest has only subtitles")]
    TextOnly,
    /// All representations of picture or sound depend on others, or on properties that are not known.
    #[error("the MPEG-DASH manifest has no streams that can be read alone")]
    Unsupported,
    /// Picture and sound are separate, and the caller cannot join them.
    #[error("the MPEG-DASH stream has video and audio in separate streams, which cannot be combined")]
    Separate,
    /// A representation in segments has no initialisation section.
    #[error("the MPEG-DASH stream cannot be stored: its segments have no initialisation section")]
    NoInitialisation,
    /// A URL template has an identifier that is not known.
    #[error("the MPEG-DASH manifest cannot be read: its URL template has {0}, which is not understood")]
    Template(String),
    /// All segments of a representation have the same URL.
    #[error("the MPEG-DASH manifest cannot be read: its URL template is the same for all segments")]
    SameSegments,
    /// A duration is missing, zero, malformed or longer than 100 days.
    #[error("the MPEG-DASH manifest cannot be read: its {0} is missing, zero or not understood")]
    Duration(&'static str),
    /// A representation has neither segments nor a URL of its own.
    #[error("the MPEG-DASH manifest names no media for its streams")]
    NoMedia,
    /// A URL cannot be resolved.
    #[error("the MPEG-DASH manifest cannot be read: it has an address that is not a URL")]
    Url,
}
