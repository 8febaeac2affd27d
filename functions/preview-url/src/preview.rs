use files_domain::{FileName, Origin};
use media_source::{Content, Format, Resolved, ResolvedPage, Transport};
use safe_fetch::SourceUrl;
use serde::Serialize;

/// The maximum number of formats in a preview. The last ones are kept, because they have the best quality.
const MAX_FORMATS: usize = 50;
/// The maximum length of the name of a codec or an extension. A longer one is truncated.
const MAX_WORD_CHARS: usize = 64;

/// The file that importing a URL would store.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    file_url: String,
    kind: Kind,
    name: String,
    content_type: Option<String>,
    size: Option<u64>,
    resumable: bool,
    origin: Option<Origin>,
    formats: Vec<FormatBody>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Media,
    Page,
}

/// A format of a page's media. It has no URL, because that may contain credentials.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct FormatBody {
    chosen: bool,
    transport: Option<&'static str>,
    extension: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    bit_rate: Option<u64>,
    size: Option<u64>,
    video_codec: Option<String>,
    audio_codec: Option<String>,
}

impl Preview {
    pub(crate) fn of(url: &SourceUrl, resolved: Resolved) -> Self {
        let name = resolved.name.unwrap_or_else(FileName::fallback);
        let (size, resumable) = match &resolved.content {
            // The size of a picture says little about that of picture and sound together.
            Content::File(source) if resolved.sound.is_some() => (None, source.version.is_some()),
            Content::File(source) => (source.length, source.version.is_some()),
            Content::Stream(_) => (None, false),
        };
        let page = resolved.page.filter(|page| !page.page.direct);
        Self {
            file_url: url.with_fragment(),
            kind: if page.is_some() { Kind::Page } else { Kind::Media },
            content_type: Some(name.content_type(resolved.content_type.as_deref())),
            name: name.to_string(),
            size,
            resumable,
            formats: page.as_ref().map(formats).unwrap_or_default(),
            origin: page.and_then(|page| page.origin),
        }
    }
}

/// Returns the last [`MAX_FORMATS`] formats of a page.
fn formats(page: &ResolvedPage) -> Vec<FormatBody> {
    let all = &page.page.formats;
    let first = all.len().saturating_sub(MAX_FORMATS);
    let last = all.iter().enumerate().skip(first);
    last.map(|(index, format)| FormatBody::of(format, index == page.chosen || Some(index) == page.sound))
        .collect()
}

impl FormatBody {
    fn of(format: &Format, chosen: bool) -> Self {
        let transport = format.transport().map(|transport| match transport {
            Transport::Progressive => "progressive",
            Transport::Playlist => "playlist",
        });
        Self {
            chosen,
            transport,
            extension: word(format.ext.as_deref()),
            width: format.width,
            height: format.height,
            bit_rate: format.tbr.filter(|rate| (0.0..1e9).contains(rate)).map(bits_per_second),
            size: format.filesize,
            video_codec: word(format.vcodec.as_deref()),
            audio_codec: word(format.acodec.as_deref()),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the caller checks the bounds")]
fn bits_per_second(kilobits: f64) -> u64 {
    (kilobits * 1000.0).round() as u64
}

/// Sanitises a name from a page, such as a codec. Returns `None` for an empty name, and for `none`, which yt-dlp uses for a
/// missing track.
fn word(text: Option<&str>) -> Option<String> {
    let clean: String = text?.chars().filter(char::is_ascii_graphic).take(MAX_WORD_CHARS).collect();
    (!clean.is_empty() && clean != "none").then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_source::Page;
    use serde_json::json;

    fn page(formats: Vec<Format>, chosen: usize) -> ResolvedPage {
        ResolvedPage { page: Page { formats, ..Page::default() }, chosen, sound: None, origin: None }
    }

    #[test]
    fn formats_have_no_urls() {
        let best = Format {
            url: "https://cdn.example/1.mp4?token=hush".to_owned(),
            protocol: Some("m3u8_native".to_owned()),
            ext: Some("mp4".to_owned()),
            width: Some(1280),
            height: Some(720),
            tbr: Some(1500.25),
            vcodec: Some("avc1.64001f".to_owned()),
            acodec: Some("none".to_owned()),
            ..Format::default()
        };
        let all = serde_json::to_value(formats(&page(vec![Format::default(), best], 1))).unwrap();
        assert!(!all.to_string().contains("hush"), "{all}");
        let expected = json!({
            "chosen": true, "transport": "playlist", "extension": "mp4", "width": 1280, "height": 720,
            "bit_rate": 1_500_250, "size": null, "video_codec": "avc1.64001f", "audio_codec": null,
        });
        assert_eq!(all[1], expected);
    }

    #[test]
    fn only_the_last_formats_are_returned() {
        let mut many = vec![Format::default(); 200];
        many[199].ext = Some("x".repeat(1000));
        let all = formats(&page(many, 199));
        assert_eq!((all.len(), all[49].chosen), (MAX_FORMATS, true));
        assert_eq!(all[49].extension.as_ref().map(String::len), Some(MAX_WORD_CHARS));
    }
}
