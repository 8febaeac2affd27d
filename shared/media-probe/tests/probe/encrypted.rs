//! Tests of encrypted movies.

use media_facts::MediaType;

use crate::posters::poster;
use crate::support::{ffmpeg, media};

const KEY: &str = "-encryption_scheme cenc-aes-ctr -encryption_key 76a6c65c5ea762046bd749a2e632ccbb \
    -encryption_kid a7e61c373e219033c21091fa607bf3b8";
const H264: &str =
    "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p";
const SOUND: &str = "-f lavfi -i sine=duration=2";

#[tokio::test]
async fn an_encrypted_movie_has_the_facts_of_its_container_and_says_so() {
    let whole = ffmpeg("mp4", &format!("{SOUND} {H264} -c:a aac {KEY}"));
    // The scheme that players of Apple's require.
    let mut blocks = whole.clone();
    let schemes: Vec<usize> = whole
        .windows(8)
        .enumerate()
        .filter(|(_, word)| word == b"schm\0\0\0\0")
        .map(|(at, _)| at + 8)
        .collect();
    assert_eq!(schemes.len(), 2);
    for at in schemes {
        blocks[at..at + 4].copy_from_slice(b"cbcs");
    }
    for (scheme, bytes) in [("cenc", whole), ("cbcs", blocks)] {
        assert_eq!(poster(bytes.clone()).await, None);
        let media = media(bytes).await;
        let summary = &media.summary;
        assert_eq!(
            media.partial.as_deref(),
            Some(&*format!("the media is encrypted ({scheme}): only its container was read"))
        );
        assert_eq!(
            (media.media_type, summary.width, summary.height),
            (MediaType::Video, Some(320), Some(180))
        );
        assert_eq!(
            (summary.video_codec.as_deref(), summary.audio_codec.as_deref()),
            (Some("h264"), Some("aac"))
        );
        assert_eq!((summary.duration, summary.frame_rate), (Some(2.0), Some(25.0)));
        assert!(summary.bit_rate.is_some());
    }
}

#[tokio::test]
async fn one_encrypted_track_suffices() {
    let sound = media(ffmpeg("m4a", &format!("{SOUND} -c:a aac {KEY}"))).await;
    assert_eq!((sound.media_type, sound.summary.duration), (MediaType::Audio, Some(2.0)));
    assert!(sound.partial.is_some_and(|reason| reason.contains("encrypted (cenc)")));
    let mut mixed = ffmpeg("mp4", &format!("{SOUND} {H264} -c:a aac {KEY}"));
    let at = mixed.windows(4).position(|word| word == b"encv").unwrap();
    mixed[at..at + 4].copy_from_slice(b"avc1");
    assert!(media(mixed).await.partial.is_some());
    let plain = ffmpeg("mp4", &format!("{SOUND} {H264} -c:a aac -metadata comment=encvsinfpssh"));
    assert_eq!(media(plain).await.partial, None, "words in a tag");
}
