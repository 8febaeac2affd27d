//! Posters of pictures: upright, in the right colours, and of the whole picture.

use media_probe::Outcome;

use crate::posters::{Pixels, end, poster};
use crate::stills::{STILL, fixture, jpeg, png, webp};
use crate::support::ffmpeg;

/// The least similarity to what Debian's ffmpeg shows, in decibels.
const LEAST: f64 = 20.0;

async fn assert_shows(name: &str, bytes: Vec<u8>, expected: &Pixels) {
    let shown = poster(bytes).await.unwrap_or_else(|| panic!("{name}: no poster"));
    let shown = Pixels::of(&shown, "null");
    assert_eq!(shown.size(), expected.size(), "{name}");
    let similar = shown.psnr(expected);
    assert!(similar > LEAST, "{name}: {similar:.1} dB");
}

#[tokio::test]
async fn a_picture_is_upright() {
    let plain = ffmpeg("png", STILL);
    // The filters of each orientation (CIPA DC-008, tag 274).
    let turns =
        ["null", "hflip", "hflip,vflip", "vflip", "transpose=0", "transpose=1", "transpose=3", "transpose=2"];
    let all = turns.map(|turn| Pixels::of(&plain, turn));
    for (orientation, expected) in (1..).zip(&all) {
        let others =
            all.iter().filter(|other| other.size() == expected.size() && !std::ptr::eq(*other, expected));
        assert!(others.map(|other| other.psnr(expected)).all(|similar| similar < LEAST - 5.0));
        let name = |format: &str| format!("{format} with orientation {orientation}");
        assert_shows(&name("JPEG"), jpeg(orientation), expected).await;
        assert_shows(&name("PNG"), png(orientation, false), expected).await;
        assert_shows(&name("PNG, EXIF last"), png(orientation, true), expected).await;
        assert_shows(&name("WebP"), webp(orientation), expected).await;
    }
    assert_shows("HEIC", fixture("turned.heic"), &Pixels::of(&plain, "transpose=1")).await;
}

#[tokio::test]
async fn a_tile_is_never_the_poster() {
    for name in ["grid.heic", "grid.avif"] {
        let end = end(fixture(name)).await;
        assert_eq!((end.poster, end.killed), (None, false), "{name}");
        assert!(matches!(end.outcome, Outcome::Media(_)), "{name}");
    }
    // The thumbnail shows the whole picture, and is turned as the picture is.
    let whole = ffmpeg("png", "-f lavfi -i testsrc2=size=120x100 -frames:v 1");
    let expected = Pixels::of(&whole, "scale=60:50,transpose=1");
    assert_shows("a grid with a thumbnail", fixture("grid-thumb.heic"), &expected).await;
}

#[tokio::test]
async fn an_animation_has_its_first_frame_or_none() {
    let first = Pixels::of(&ffmpeg("png", STILL), "null");
    assert_shows("GIF", ffmpeg("gif", "-f lavfi -i testsrc2=size=64x48:rate=5:duration=2 -filter_complex split[a][b];[b]palettegen[p];[a][p]paletteuse"), &first).await;
    assert_shows(
        "APNG",
        ffmpeg("png", "-f lavfi -i testsrc2=size=64x48:rate=5:duration=2 -c:v apng -f apng"),
        &first,
    )
    .await;
    let end = end(fixture("moving.webp")).await; // the layer's ffmpeg does not decode it
    assert_eq!((end.poster, end.killed), (None, false));
    assert!(matches!(end.outcome, Outcome::Media(_)));
}

#[tokio::test]
async fn a_very_wide_picture_is_scaled_to_the_longer_side() {
    let wide = ffmpeg("png", "-f lavfi -i testsrc2=size=20000x1000 -frames:v 1");
    let expected = Pixels::of(&wide, "scale=640:32");
    assert_shows("20,000 pixels", wide, &expected).await;
}

#[tokio::test]
async fn the_colours_are_those_of_the_film() {
    let film = "-f lavfi -i testsrc2=size=640x360:rate=5:duration=1 -g 1";
    for (name, options) in [
        (
            "BT.709",
            "-vf scale=out_color_matrix=bt709,format=yuv420p -c:v libx264 -colorspace bt709 -color_primaries bt709 -color_trc bt709",
        ),
        ("full range", "-vf scale=out_range=full,format=yuv420p -c:v libx264 -color_range pc"),
        // HDR is not tone-mapped: the poster has the values of its transfer function.
        (
            "HDR10",
            "-vf scale=out_color_matrix=bt2020nc,format=yuv420p10le -c:v libx265 -x265-params log-level=none \
             -colorspace bt2020nc -color_primaries bt2020 -color_trc smpte2084",
        ),
    ] {
        let film = ffmpeg("mp4", &format!("{film} {options}"));
        let shown =
            Pixels::of(&poster(film.clone()).await.unwrap_or_else(|| panic!("{name}: no poster")), "null");
        let similar = shown.psnr(&Pixels::of(&film, "null"));
        assert!(similar > 28.0, "{name}: {similar:.1} dB");
    }
}
