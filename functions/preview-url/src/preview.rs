use files_domain::{FileName, Origin, PageClaims};
use page_resolver::{Format, Page, Transport};
use safe_fetch::SourceUrl;
use serde::Serialize;

use crate::found::Found;

/// Most forms of a page's media that are shown: the best come last.
const MAX_FORMATS: usize = 50;
/// Longest name of a codec or an extension.
const MAX_WORD_CHARS: usize = 64;

/// What importing a URL would bring.
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

/// One form in which a page's media can be had. Without its address, which may hold a right to it.
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
    /// Of a source that is the media itself, or a playlist of it.
    pub(crate) fn of_media(url: &SourceUrl, found: Found) -> Self {
        let name = found.name.clone().unwrap_or_else(FileName::fallback);
        Self::of(url, Kind::Media, &name, found)
    }

    /// Of a page, whose best form is found to be this.
    pub(crate) fn of_page(url: &SourceUrl, page: &Page, best: &Format, found: Found) -> Self {
        let origin = Origin::clean(&claims(page));
        let extension = found.extension.map(str::to_owned).or_else(|| word(best.ext.as_deref()));
        let name = name(origin.as_ref(), extension);
        let first = page.formats.len().saturating_sub(MAX_FORMATS);
        let formats = page.formats.iter().enumerate().skip(first);
        let formats = formats.map(|(index, format)| FormatBody::of(format, index == page.best)).collect();
        Self { origin, formats, ..Self::of(url, Kind::Page, &name, found) }
    }

    fn of(url: &SourceUrl, kind: Kind, name: &FileName, found: Found) -> Self {
        Self {
            file_url: url.to_string(),
            kind,
            content_type: Some(name.content_type(found.content_type.as_deref())),
            name: name.to_string(),
            size: found.size,
            resumable: found.resumable,
            origin: None,
            formats: Vec::new(),
        }
    }
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

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "its caller holds it within bounds"
)]
fn bits_per_second(kilobits: f64) -> u64 {
    (kilobits * 1000.0).round() as u64
}

/// A short word of a page's, such as a codec; `none` is how yt-dlp says that there is none.
fn word(text: Option<&str>) -> Option<String> {
    let clean: String = text?.chars().filter(char::is_ascii_graphic).take(MAX_WORD_CHARS).collect();
    (!clean.is_empty() && clean != "none").then_some(clean)
}

fn claims(page: &Page) -> PageClaims {
    let Page { title, uploader, page_url, duration, site, thumbnail_url, upload_date, .. } = page.clone();
    PageClaims { title, uploader, page_url, duration, site, thumbnail_url, upload_date }
}

/// The title with the extension of what is imported.
fn name(origin: Option<&Origin>, extension: Option<String>) -> FileName {
    let words = origin.and_then(Origin::title).unwrap_or("file").split(['/', '\\', ' ']);
    let title = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let named = match extension {
        Some(extension) => format!("{title}.{extension}"),
        None => title,
    };
    FileName::clean(&named).unwrap_or_else(FileName::fallback)
}

#[cfg(test)]
mod tests {
    use super::*;
    use safe_fetch::Allowed;
    use serde_json::json;

    fn page() -> Page {
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
        Page {
            title: Some("AC/DC: live\r\n\u{202e}".to_owned()),
            thumbnail_url: Some("javascript:alert(1)".to_owned()),
            duration: Some(12.5),
            formats: vec![Format::default(), best],
            best: 1,
            ..Page::default()
        }
    }

    fn stream() -> Found {
        Found {
            name: FileName::clean("list.ts"),
            content_type: Some("video/mp2t".to_owned()),
            size: None,
            resumable: false,
            extension: Some("ts"),
        }
    }

    #[test]
    fn a_page_is_shown_without_the_addresses_of_its_media() {
        let url = SourceUrl::parse("https://video.example/1", &Allowed::default()).unwrap();
        let page = page();
        let shown =
            serde_json::to_value(Preview::of_page(&url, &page, page.best().unwrap(), stream())).unwrap();
        assert!(!shown.to_string().contains("hush"), "{shown}");
        assert_eq!((&shown["kind"], &shown["name"]), (&json!("page"), &json!("AC DC: live.ts")));
        assert_eq!((&shown["content_type"], &shown["resumable"]), (&json!("video/mp2t"), &json!(false)));
        assert_eq!(
            (&shown["origin"]["title"], &shown["origin"]["thumbnail_url"]),
            (&json!("AC/DC: live"), &json!(null))
        );
        let expected = json!({
            "chosen": true, "transport": "playlist", "extension": "mp4", "width": 1280, "height": 720,
            "bit_rate": 1_500_250, "size": null, "video_codec": "avc1.64001f", "audio_codec": null,
        });
        assert_eq!(shown["formats"][1], expected);
    }

    #[test]
    fn of_many_formats_the_last_are_shown() {
        let url = SourceUrl::parse("https://video.example/1", &Allowed::default()).unwrap();
        let mut page = Page { formats: vec![Format::default(); 200], best: 199, ..page() };
        page.formats[199].ext = Some("x".repeat(1000));
        let shown = Preview::of_page(&url, &page, page.best().unwrap(), stream());
        assert_eq!((shown.formats.len(), shown.formats[49].chosen), (MAX_FORMATS, true));
        assert_eq!(shown.formats[49].extension.as_ref().map(String::len), Some(MAX_WORD_CHARS));
    }
}
