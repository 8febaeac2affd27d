//! Tests an MP4 with a Dolby Vision configuration. FFmpeg only copies existing ones, so the test inserts it.

use std::fs;
use std::process::Command;

use media_facts::Hdr;
use serde_json::Value;

use crate::support::{ffmpeg, media, program};

/// HEVC of ten bits with PQ and BT.2020, as in profile 8.1: a player without Dolby Vision shows HDR10.
const HDR10: &str = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=1 -c:v libx265 -preset ultrafast -pix_fmt yuv420p10le \
    -x265-params log-level=none -tag:v hvc1 -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc";

/// The nested boxes down to the sample entry, and the bytes of each before its child boxes (ISO/IEC 14496-12).
const WAY: [(&[u8; 4], usize); 7] =
    [(b"moov", 8), (b"trak", 8), (b"mdia", 8), (b"minf", 8), (b"stbl", 8), (b"stsd", 16), (b"hvc1", 86)];

/// Returns a `dvcC` box (section 3 of "Dolby Vision streams within the ISO base media file format"): version 1.0, profile 8,
/// level 4, with a reference picture unit and a base layer, without an enhancement layer, compatible with HDR10.
fn configuration() -> Vec<u8> {
    let (profile, level): (u16, u16) = (8, 4);
    let mut dvcc = [&32_u32.to_be_bytes()[..], b"dvcC", &[1, 0]].concat();
    dvcc.extend((profile << 9 | level << 3 | 0b101).to_be_bytes());
    dvcc.push(1 << 4);
    dvcc.resize(32, 0);
    dvcc
}

fn size_at(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// Appends the box to the first sample entry. The index follows the media data, so that no offset changes.
fn with_configuration(mut mp4: Vec<u8>) -> Vec<u8> {
    let added = configuration();
    let (mut start, mut end) = (0, mp4.len());
    for (name, before) in WAY {
        while &mp4[start + 4..start + 8] != name {
            start += size_at(&mp4, start);
            assert!(start < end, "{}", String::from_utf8_lossy(name));
        }
        let size = size_at(&mp4, start);
        end = start + size;
        let larger = u32::try_from(size + added.len()).unwrap();
        mp4[start..start + 4].copy_from_slice(&larger.to_be_bytes());
        start += before;
    }
    mp4.splice(end..end, added);
    mp4
}

#[tokio::test]
async fn dolby_vision_is_distinguished_from_hdr10() {
    let hdr10 = ffmpeg("mp4", HDR10);
    let dolby = with_configuration(hdr10.clone());
    assert_eq!(media(hdr10).await.facts.hdr, Some(Hdr::Hdr10));
    let media = media(dolby.clone()).await;
    assert_eq!(media.facts.hdr, Some(Hdr::DolbyVision));
    let record = &media.full["streams"][0]["side_data_list"][0];
    assert_eq!((&record["dv_profile"], &record["dv_level"]), (&8.into(), &4.into()), "{record}");
    // MediaInfo, an independent parser, agrees.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dolby.mp4");
    fs::write(&path, dolby).unwrap();
    let output = Command::new(program("mediainfo")).arg("--Output=JSON").arg(&path).output().unwrap();
    let theirs: Value = serde_json::from_slice(&output.stdout).unwrap();
    let picture = &theirs["media"]["track"][1];
    assert_eq!(picture["HDR_Format"], "Dolby Vision", "{picture:#}");
    assert_eq!(picture["HDR_Format_Compatibility"], "HDR10", "{picture:#}");
}
