//! Detects encrypted tracks of a movie (ISO/IEC 14496-12, 8.12). ffprobe reports the format of the original samples, and decodes the
//! encrypted ones as if they were that.

use super::boxes::{child, children};
use super::walk::{self, Place};
use crate::reader::{ReadAborted, Reader};
use crate::source::RangeSource;

/// Maximum number of tracks whose sample descriptions are read, and the longest description in bytes.
const MAX_TRACKS: usize = 64;
const MAX_DESCRIPTIONS: u64 = 64 * 1024;

/// Sample entries of encrypted tracks: those of the standard, of FairPlay, and of Audible.
const PROTECTED: [&[u8; 4]; 7] = [b"encv", b"enca", b"enct", b"encs", b"drms", b"drmi", b"aavd"];

/// Returns the encryption scheme of a movie's first encrypted track, such as `cenc` (ISO/IEC 23001-7) or, if it names none, its sample
/// entry; `None` if no track is encrypted.
pub(crate) async fn encryption_scheme<S: RangeSource>(
    reader: &Reader<S>,
) -> Result<Option<String>, ReadAborted> {
    let Some(movie) = walk::find(reader, 0..reader.size(), b"moov").await? else { return Ok(None) };
    let is_track = |place: &Place| &place.kind == b"trak";
    let tracks = walk::children(reader, movie).await?.into_iter().filter(is_track).take(MAX_TRACKS);
    for track in tracks {
        let mut within = Some(track.content);
        for kind in [b"mdia", b"minf", b"stbl", b"stsd"] {
            let Some(content) = within else { break };
            within = walk::find(reader, content, kind).await?;
        }
        let Some(place) = within else { continue };
        let end = place.end.min(place.start.saturating_add(MAX_DESCRIPTIONS));
        if let Some(scheme) = scheme(&reader.bytes(place.start..end).await?) {
            return Ok(Some(scheme));
        }
    }
    Ok(None)
}

/// Returns the scheme in the content of a sample description box.
pub(super) fn scheme(descriptions: &[u8]) -> Option<String> {
    let (kind, entry) = children(descriptions.get(8..)?).find(|(kind, _)| PROTECTED.contains(&kind))?;
    // The length of the fields before the boxes depends on the kind of the entry and its version.
    let at = entry.windows(4).position(|word| word == b"sinf").and_then(|at| at.checked_sub(4));
    let protection = at.and_then(|at| child(&entry[at..], b"sinf"));
    let scheme = protection.and_then(|found| child(found, b"schm")?.get(4..8));
    let is_name = |name: &&[u8]| name.iter().all(u8::is_ascii_alphanumeric);
    Some(String::from_utf8_lossy(scheme.filter(is_name).unwrap_or(&kind)).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(content.len() + 8).unwrap();
        [&size.to_be_bytes(), &kind[..], content].concat()
    }

    fn description(entry: &[u8; 4], fields: usize, scheme: &[u8]) -> Vec<u8> {
        let protection =
            [boxed(b"frma", b"avc1"), boxed(b"schm", &[&[0; 4], scheme, &[0, 1, 0, 0]].concat())];
        let content = [vec![0; fields], boxed(b"sinf", &protection.concat())].concat();
        [&[0, 0, 0, 0, 0, 0, 0, 1][..], &boxed(entry, &content)].concat()
    }

    #[test]
    fn the_sample_entry_determines_the_scheme() {
        let of = |entry, fields, name: &[u8]| scheme(&description(entry, fields, name));
        assert_eq!(of(b"encv", 78, b"cenc").as_deref(), Some("cenc"));
        assert_eq!(of(b"enca", 28, b"cbcs").as_deref(), Some("cbcs"));
        assert_eq!(of(b"drms", 28, b"itun").as_deref(), Some("itun"));
        assert_eq!(of(b"enca", 28, b"<\n>\0").as_deref(), Some("enca"), "not a name");
        assert_eq!(of(b"avc1", 78, b"cenc"), None);
        let bare = [&[0, 0, 0, 0, 0, 0, 0, 1][..], &boxed(b"aavd", &[0; 28])].concat();
        assert_eq!(scheme(&bare).as_deref(), Some("aavd"));
        let whole = description(b"encv", 78, b"cenc");
        for length in 0..whole.len() {
            assert_eq!(scheme(&whole[..length]), None, "{length}");
        }
    }
}
