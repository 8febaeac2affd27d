//! What a URL leads to.

use files_domain::FileName;
use hls_stream::{MediaPlan, SegmentPlan, SegmentStream};
use mux_protocol::Container;
use safe_fetch::{Source, SourceHeaders, Target, Url};

use crate::resolved_page::ResolvedPage;

/// The media that a URL leads to.
#[derive(Debug)]
pub struct Resolved {
    /// The bytes, with the response already open.
    pub content: Content,
    /// The URL and headers of the media: the requested URL, or one from its web page.
    pub target: Target,
    /// The file name.
    pub name: Option<FileName>,
    /// The media type, if the source declares a usable one or the bytes have a known signature.
    pub content_type: Option<String>,
    /// The web page that embeds the media.
    pub page: Option<ResolvedPage>,
    /// The separate sound, if `content` is a picture without sound. Name and media type are those of both joined.
    pub sound: Option<Sound>,
    /// The URL of the chosen variant of a playlist, representation of a manifest or format of a web page, if there were several. A request with this URL in
    /// `avoided` resolves to the next one.
    pub choice: Option<Url>,
}

/// A sound in a stream of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// The URL and headers: of the playlist or manifest, if the sound is in segments.
    pub target: Target,
    /// The container for picture and sound.
    pub container: Container,
    /// The headers that the page requires for its media, on every host.
    pub(crate) page_headers: SourceHeaders,
    /// The segments, if they are known from a playlist or manifest that has both.
    pub(crate) segments: Option<Box<Segments>>,
}

/// The segments of a sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segments {
    /// Those of a representation of MPEG-DASH.
    Dash(SegmentPlan),
    /// Those of a rendition of HLS.
    Hls(MediaPlan),
}

/// The bytes of media.
#[derive(Debug)]
pub enum Content {
    /// A file, as its source sends it.
    File(Box<Source>),
    /// The concatenated segments of a playlist or manifest.
    Stream(Box<SegmentStream>),
}
