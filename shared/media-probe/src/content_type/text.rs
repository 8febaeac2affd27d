//! Detects text formats: subtitles, vector graphics, playlists, and formats that only the extension identifies.

/// Bytes of a text that are examined.
const MAX_TEXT: usize = 4096;

/// Words at the beginning of a text, after white space, and its media type.
const BEGINNINGS: &[(&str, &str)] = &[
    ("WEBVTT", "text/vtt"),
    ("[Script Info]", "text/x-ssa"),
    ("<SAMI>", "application/x-sami"),
    ("{1}{1}", "text/x-microdvd"),
    ("Scenarist_SCC V", "text/x-scc"),
    ("# VobSub index file", "application/x-vobsub"),
    ("[playlist]", "application/x-scpls"),
    ("3DMESH", "text/x-3dl"),
    ("{\\rtf", "application/rtf"),
];

/// Media types by the name of the first element of XML, HTML or SVG.
const ELEMENTS: &[(&str, &str)] = &[
    ("svg", "image/svg+xml"),
    ("svg:svg", "image/svg+xml"),
    ("tt", "application/ttml+xml"),
    ("tt:tt", "application/ttml+xml"),
    ("mpd", "application/dash+xml"),
    ("playlist", "application/xspf+xml"),
    ("asx", "application/x-ms-asx"),
    ("smil", "application/smil+xml"),
    ("smoothstreamingmedia", "application/vnd.ms-sstr+xml"),
    ("html", "text/html"),
];

/// Media types by extension, for texts that their content does not identify.
const EXTENSIONS: &[(&str, &str)] = &[
    ("srt", "application/x-subrip"),
    ("vtt", "text/vtt"),
    ("ass", "text/x-ssa"),
    ("ssa", "text/x-ssa"),
    ("sub", "text/x-microdvd"),
    ("lrc", "text/x-lrc"),
    ("smi", "application/x-sami"),
    ("ttml", "application/ttml+xml"),
    ("dfxp", "application/ttml+xml"),
    ("itt", "application/ttml+xml"),
    ("sbv", "text/x-sbv"),
    ("scc", "text/x-scc"),
    ("cube", "text/x-cube"),
    ("3dl", "text/x-3dl"),
    ("pls", "application/x-scpls"),
    ("asx", "application/x-ms-asx"),
    ("txt", "text/plain"),
    ("log", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("tsv", "text/tab-separated-values"),
    ("json", "application/json"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("toml", "application/toml"),
    ("xml", "application/xml"),
    ("css", "text/css"),
    ("js", "text/javascript"),
];

/// Returns the media type of a text by its content.
pub(super) fn by_content(head: &[u8]) -> Option<&'static str> {
    of_text(decoded(head)?.trim_start())
}

/// Returns the media type of a text by the extension of its name.
pub(super) fn by_name(head: &[u8], extension: &str) -> Option<&'static str> {
    decoded(head)?;
    EXTENSIONS.iter().find(|(name, _)| *name == extension).map(|(_, found)| *found)
}

/// Decodes the beginning, if it is text: UTF-8, UTF-16 with a byte order mark, or a single-byte encoding.
fn decoded(head: &[u8]) -> Option<String> {
    let head = &head[..head.len().min(MAX_TEXT)];
    let units = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
        char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{fffd}')).collect::<String>()
    };
    let text = match head {
        [0xFF, 0xFE, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => units(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(head).into_owned(),
    };
    let is_control = |c: char| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b');
    (!text.trim().is_empty() && !text.contains(is_control)).then_some(text)
}

fn of_text(text: &str) -> Option<&'static str> {
    let begins = |word: &str| text.get(..word.len()).is_some_and(|first| first.eq_ignore_ascii_case(word));
    if begins("#EXTM3U") {
        return Some("application/vnd.apple.mpegurl");
    }
    let known = BEGINNINGS.iter().find(|(word, _)| begins(word)).map(|(_, found)| *found);
    known
        .or_else(|| is_subrip(text).then_some("application/x-subrip"))
        .or_else(|| is_bitmap(text).then_some("image/x-xbitmap"))
        .or_else(|| is_microdvd(text).then_some("text/x-microdvd"))
        .or_else(|| is_sbv(text).then_some("text/x-sbv"))
        .or_else(|| is_cube(text).then_some("text/x-cube"))
        .or_else(|| by_element(text))
}

/// Returns whether a text is SubRip: a line with a number, then two times with an arrow.
fn is_subrip(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let (Some(number), Some(times)) = (lines.next(), lines.next()) else { return false };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let times = times.split_once("-->");
    is_number && times.is_some_and(|(from, to)| from.contains(':') && to.contains(':'))
}

/// Returns whether a text is YouTube's SBV: it begins with two times, such as `0:00:01.000,0:00:02.500`.
fn is_sbv(text: &str) -> bool {
    let is_time = |text: &str| {
        let parts: Vec<&str> = text.split([':', '.']).collect();
        let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        parts.len() == 4 && text.contains('.') && parts.iter().all(is_number)
    };
    let first = text.lines().next().unwrap_or_default().trim();
    first.split_once(',').is_some_and(|(from, to)| is_time(from) && is_time(to))
}

/// Returns whether a text is a lookup table in Adobe's Cube format: after comments and a title, a line with its size.
fn is_cube(text: &str) -> bool {
    const KEYWORDS: [&str; 4] = ["#", "TITLE", "DOMAIN_MIN", "DOMAIN_MAX"];
    let mut lines = text.lines().map(str::trim);
    let is_header = |line: &&str| line.is_empty() || KEYWORDS.iter().any(|word| line.starts_with(word));
    let first = lines.find(|line| !is_header(line)).unwrap_or_default();
    first.starts_with("LUT_1D_SIZE ") || first.starts_with("LUT_3D_SIZE ")
}

/// Returns whether a text is an X bitmap: C source code that begins with the width.
fn is_bitmap(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.starts_with("#define ") && first.contains("_width ")
}

/// Returns whether a text is MicroDVD: it begins with two frame numbers in braces.
fn is_microdvd(text: &str) -> bool {
    let mut parts = text.splitn(3, '}');
    let mut number = || {
        let digits = parts.next().and_then(|part| part.strip_prefix('{'));
        digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    number() && number()
}

/// Returns the media type by the first element after a declaration, comments and a document type.
fn by_element(mut text: &str) -> Option<&'static str> {
    loop {
        text = text.trim_start();
        let end = match text {
            _ if text.starts_with("<!--") => "-->",
            _ if text.starts_with("<?") => "?>",
            // A document type may contain declarations in brackets.
            _ if text.starts_with("<!") && text.find('[') < text.find('>') && text.contains('[') => "]",
            _ if text.starts_with("<!") || text.starts_with('>') => ">",
            _ => break,
        };
        text = text.split_once(end)?.1;
    }
    let name = text.strip_prefix('<')?;
    let name = name.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next()?.to_ascii_lowercase();
    ELEMENTS.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_detected_by_content() {
        for (text, expected) in [
            ("1\r\n00:00:01,000 --> 00:00:02,000\r\nHello\r\n", Some("application/x-subrip")),
            ("\u{feff}WEBVTT\n\n", Some("text/vtt")),
            ("[Script Info]\nTitle: x", Some("text/x-ssa")),
            ("{0}{25}Hello", Some("text/x-microdvd")),
            ("1\n00:00:01,000-->00:00:02,000\nHello\n", Some("application/x-subrip")),
            ("1\nan --> arrow\n", None),
            ("0:00:00.599,0:00:04.160\nHello\n", Some("text/x-sbv")),
            ("1.5,2.5\n", None),
            ("Scenarist_SCC V1.0\n\n00:00:00:00\t9420", Some("text/x-scc")),
            ("# VobSub index file, v7 (do not modify this line!)\n", Some("application/x-vobsub")),
            ("# A table\nTITLE \"x\"\n\nLUT_3D_SIZE 33\n0 0 0\n", Some("text/x-cube")),
            ("LUT_1D_SIZE 4\n", Some("text/x-cube")),
            ("# A title\nwords\nLUT_3D_SIZE 33\n", None),
            ("[playlist]\nFile1=song.mp3\n", Some("application/x-scpls")),
            ("<ASX version=\"3.0\"><entry/></ASX>", Some("application/x-ms-asx")),
            ("{\"a\": 1}", None),
            ("#EXTM3U\n#EXT-X-VERSION:3\n", Some("application/vnd.apple.mpegurl")),
            ("#EXTM3U\nsong.mp3\n", Some("application/vnd.apple.mpegurl")),
            ("<?xml version='1.0'?><!-- x --><!DOCTYPE svg PUBLIC \"a\" \"b\"><svg>", Some("image/svg+xml")),
            ("<!DOCTYPE svg [ <!ENTITY a \"b\"> ]>\n<svg>", Some("image/svg+xml")),
            ("<svg onload=alert(1)>", Some("image/svg+xml")),
            ("<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">", Some("application/dash+xml")),
            ("<tt xmlns=\"http://www.w3.org/ns/ttml\">", Some("application/ttml+xml")),
            ("<!doctype html><p>", None),
            ("words", None),
            ("", None),
        ] {
            assert_eq!(by_content(text.as_bytes()), expected, "{text}");
        }
        let wide: Vec<u8> = "\u{feff}WEBVTT\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(by_content(&wide), Some("text/vtt"));
    }

    #[test]
    fn the_extension_counts_for_text_only() {
        assert_eq!(by_name(b"a;b;c\n1;2;3\n", "csv"), Some("text/csv"));
        assert_eq!(by_name(b"caf\xe9\n", "txt"), Some("text/plain"));
        assert_eq!((by_name(b"a\0b", "txt"), by_name(b"words", "exe")), (None, None));
    }
}
