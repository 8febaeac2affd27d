//! Tests of rare kinds of files: segments, compressed Flash, DSDIFF, raw files that resemble sound, sequences of AVIF.

use media_facts::{DurationSource, MediaType};
use media_probe::{Outcome, corrected_content_type};

use crate::stills::fixture;
use crate::support::{ffmpeg, media, outcome, reason};

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len() + 8).unwrap().to_be_bytes()[..], kind, content].concat()
}

/// Returns the first fragment of a movie, without its index.
fn fragment() -> Vec<u8> {
    let film =
        "-f lavfi -i testsrc2=size=160x90:rate=25:duration=1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    let movie = ffmpeg("mp4", &format!("{film} -movflags +frag_keyframe+empty_moov+default_base_moof"));
    let at = movie.windows(4).position(|word| word == b"moof").unwrap() - 4;
    movie[at..].to_vec()
}

#[tokio::test]
async fn a_segment_is_recognised_by_any_box_before_its_fragment() {
    let fragment = fragment();
    for kind in [b"emsg", b"prft", b"free", b"uuid", b"sidx", b"styp", b"ssix"] {
        let bytes = [boxed(kind, &[0; 36]), fragment.clone()].concat();
        assert_eq!(
            reason(bytes.clone()).await,
            "a segment of a fragmented MP4 (CMAF): its index (moov) is in another file",
            "{kind:?}"
        );
        let found = corrected_content_type(None, None, &bytes, &Outcome::Unreadable(String::new()));
        assert_eq!(found.as_deref(), Some("video/mp4"), "{kind:?}");
    }
}

#[tokio::test]
async fn compressed_flash_is_called_so() {
    for head in [b"CWS\x0a\x40\0\0\0\x78\x9c", b"ZWS\x0d\x40\0\0\0\x20\0"] {
        let bytes = [&head[..], &[0x5A; 4000]].concat();
        assert_eq!(reason(bytes).await, "a Flash file without video or sound that ffprobe can read");
    }
}

#[tokio::test]
async fn dsdiff_is_described_by_its_header() {
    let chunk =
        |kind: &[u8; 4], content: &[u8]| [kind, &(content.len() as u64).to_be_bytes()[..], content].concat();
    let properties =
        [b"SND ".to_vec(), chunk(b"FS  ", &2_822_400_u32.to_be_bytes()), chunk(b"CHNL", b"\0\x02SLFTSRGT")];
    let parts = [
        b"DSD ".to_vec(),
        chunk(b"FVER", &[1, 5, 0, 0]),
        chunk(b"PROP", &properties.concat()),
        chunk(b"DSD ", &vec![0x69; 705_600]),
    ];
    let bytes = chunk(b"FRM8", &parts.concat());
    let found = media(bytes.clone()).await;
    let summary = &found.summary;
    assert_eq!((found.media_type, summary.duration), (MediaType::Audio, Some(1.0)));
    assert_eq!(summary.duration_source, Some(DurationSource::Stated));
    assert_eq!((found.facts.channels, found.facts.sample_rate), (Some(2), Some(2_822_400)));
    assert_eq!(summary.audio_codec.as_deref(), Some("dsd_msbf"));
    let outcome = Outcome::Media(Box::new(found));
    for (stated, expected) in
        [(None, Some("audio/x-dff")), (Some("image/png"), Some("audio/x-dff")), (Some("audio/dff"), None)]
    {
        assert_eq!(corrected_content_type(stated, None, &bytes, &outcome).as_deref(), expected);
    }
}

/// Checks raw files whose bytes ffprobe takes for sound or for a film of JPEGs.
#[tokio::test]
async fn a_raw_file_is_not_what_its_bytes_resemble() {
    let sound = ffmpeg("mp3", "-f lavfi -i sine=duration=4 -write_xing 0 -id3v2_version 0");
    let film =
        ffmpeg("mjpeg", "-f lavfi -i testsrc2=size=160x90:rate=25:duration=1 -pix_fmt yuvj420p -f mjpeg");
    for resembled in [sound, film] {
        assert!(matches!(outcome(resembled.clone()).await, Outcome::Media(_)));
        for (head, expected) in [
            (&b"FUJIFILMCCD-RAW 0201FF383501"[..], "image/x-fuji-raf"),
            (b"IIRO\x08\0\0\0", "image/x-olympus-orf"),
            (b"IIU\0\x18\0\0\0", "image/x-panasonic-rw2"),
        ] {
            let bytes = [head, &[0; 8], &resembled].concat();
            let outcome = outcome(bytes.clone()).await;
            assert!(matches!(outcome, Outcome::Unreadable(_)), "{expected}: {outcome:?}");
            let found = corrected_content_type(None, None, &bytes, &outcome);
            assert_eq!(found.as_deref(), Some(expected));
        }
    }
}

/// Checks a file whose major brand is that of a still: viewers show its primary item, although it has a sequence too.
#[tokio::test]
async fn the_major_brand_decides_between_a_still_and_its_sequence() {
    let mut file = fixture("moving.avif");
    assert_eq!(media(file.clone()).await.summary.duration, Some(0.6));
    file[8..12].copy_from_slice(b"avif");
    let still = media(file).await;
    assert_eq!((still.media_type, still.summary.duration), (MediaType::Image, None));
    for (brand, is_still) in
        [(b"avci", true), (b"j2ki", true), (b"jpeg", true), (b"avcs", false), (b"jpgs", false)]
    {
        let mut file = fixture("moving.avif");
        file[8..12].copy_from_slice(brand);
        let found = media(file).await;
        assert_eq!(
            (found.media_type, found.summary.duration.is_none()),
            (MediaType::Image, is_still),
            "{brand:?}"
        );
    }
}
