//! Posters of pictures: upright, in the right colours, and of the whole picture.

use media_probe::Outcome;

use crate::posters::{Pixels, end, poster};
use crate::stills::{STILL, fixture, jpeg, png, webp};
use crate::support::{ffmpeg, outcome};

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
async fn tiles_are_composed() {
    let of =
        |source: &str, filters: &str| Pixels::of(&ffmpeg("png", &format!("{source} -frames:v 1")), filters);
    let whole = |filters: &str| of("-f lavfi -i testsrc2=size=128x128", filters);
    let colours = ["red", "lime", "blue", "white"]
        .map(|colour| format!("-f lavfi -i color={colour}:size=64x64"))
        .join(" ");
    let stacked = format!("{colours} -filter_complex xstack=inputs=4:layout=0_0|64_0|0_64|64_64");
    for (name, expected) in [
        ("grid.heic", of(&stacked, "crop=120:100:0:0")),
        ("grid-odd.heic", whole("crop=119:101:0:0,transpose=1")),
        ("grid-64.heic", of("-f lavfi -i color=orange:size=640x640", "null")),
        ("grid.avif", of("-f lavfi -i color=red:size=128x128", "null")),
        ("grid-turned.avif", whole("transpose=2")),
    ] {
        assert_shows(name, fixture(name), &expected).await;
    }
    // The thumbnail shows the whole picture, and is turned as the picture is.
    let whole = ffmpeg("png", "-f lavfi -i testsrc2=size=120x100 -frames:v 1");
    let expected = Pixels::of(&whole, "scale=60:50,transpose=1");
    assert_shows("a grid with a thumbnail", fixture("grid-thumb.heic"), &expected).await;
}

#[tokio::test]
async fn damaged_tiles_cost_at_most_the_poster() {
    for name in ["grid.heic", "grid-odd.heic", "grid-turned.avif"] {
        let whole = fixture(name);
        let samples = whole.windows(4).position(|word| word == b"mdat").unwrap() + 4;
        // Nothing of the tiles, and only the first one of them.
        for kept in [samples, samples + (whole.len() - samples) / 3] {
            let mut damaged = whole.clone();
            damaged[kept..].fill(0);
            let facts = outcome(damaged.clone()).await;
            let end = end(damaged).await;
            assert_eq!((end.outcome, end.poster, end.killed), (facts, None, false), "{name}, {kept} bytes");
        }
    }
}

#[tokio::test]
async fn an_animation_has_its_first_frame() {
    let first = Pixels::of(&ffmpeg("png", STILL), "null");
    assert_shows("GIF", ffmpeg("gif", "-f lavfi -i testsrc2=size=64x48:rate=5:duration=2 -filter_complex split[a][b];[b]palettegen[p];[a][p]paletteuse"), &first).await;
    assert_shows(
        "APNG",
        ffmpeg("png", "-f lavfi -i testsrc2=size=64x48:rate=5:duration=2 -c:v apng -f apng"),
        &first,
    )
    .await;
    let red = Pixels::of(&ffmpeg("png", "-f lavfi -i color=red:size=64x48 -frames:v 1"), "null");
    assert_shows("WebP", fixture("moving.webp"), &red).await;
    for options in ["-pix_fmt yuv420p", "-pix_fmt yuva420p", "-lossless 1 -pix_fmt bgra"] {
        let film = format!("-f lavfi -i testsrc2=size=64x48:rate=5:duration=2 -c:v libwebp_anim {options}");
        assert_shows(&format!("WebP, {options}"), ffmpeg("webp", &film), &first).await;
    }
}

fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let fill = if content.len() % 2 == 1 { &[0][..] } else { &[] };
    [&kind[..], &u32::try_from(content.len()).unwrap().to_le_bytes(), content, fill].concat()
}

/// Returns an animated WebP whose first frame has these chunks, 64 by 48 pixels, at this place on a canvas. Its second one is cut short.
fn animated(canvas: (u32, u32), offset: (u32, u32), chunks: &[u8]) -> Vec<u8> {
    let three = |number: u32| number.to_le_bytes()[..3].to_vec();
    let extended = [vec![2, 0, 0, 0], three(canvas.0 - 1), three(canvas.1 - 1)].concat();
    let frame =
        [three(offset.0 / 2), three(offset.1 / 2), three(63), three(47), three(100), vec![0]].concat();
    let frames = [chunk(b"ANMF", &[&frame, chunks].concat()), chunk(b"ANMF", &frame)].concat();
    let parts = [b"WEBP".to_vec(), chunk(b"VP8X", &extended), chunk(b"ANIM", &[0; 6]), frames].concat();
    chunk(b"RIFF", &parts)
}

#[tokio::test]
async fn the_first_frame_of_an_animation_is_at_its_place() {
    let still = ffmpeg("webp", &format!("{STILL} -pix_fmt yuv420p"));
    let shown = Pixels::of(&ffmpeg("png", STILL), "pad=131:99:10:20:black");
    assert_shows("an odd canvas", animated((131, 99), (10, 20), &still[12..]), &shown).await;
    let scaled = Pixels::of(&ffmpeg("png", STILL), "pad=1280:960:640:480:black,scale=640:480");
    assert_shows("a large canvas", animated((1280, 960), (640, 480), &still[12..]), &scaled).await;
    for (canvas, offset, length) in [
        ((64, 48), (2, 0), still.len()),
        ((63, 48), (0, 0), still.len()),
        ((64, 48), (0, 0), 24),
        ((64, 48), (0, 0), 12),
    ] {
        let end = end(animated(canvas, offset, &still[12..length])).await;
        let Outcome::Media(media) = end.outcome else { panic!("{canvas:?}: unreadable") };
        assert_eq!((media.summary.width, media.summary.height), (Some(canvas.0), Some(canvas.1)));
        assert_eq!((end.poster, end.killed), (None, false), "{canvas:?}, {offset:?}, {length} bytes");
    }
}

#[tokio::test]
async fn transparency_is_ignored() {
    let opaque = "-f lavfi -i testsrc2=size=64x48:rate=5:duration=1";
    let shown = Pixels::of(&ffmpeg("png", STILL), "null");
    let half = "-vf format=rgba,colorchannelmixer=aa=0.5";
    for (name, extension, codec) in [
        ("PNG", "png", "-frames:v 1"),
        ("WebP", "webp", "-frames:v 1 -c:v libwebp -lossless 1"),
        ("animated WebP", "webp", "-c:v libwebp_anim -lossless 1"),
    ] {
        assert_shows(name, ffmpeg(extension, &format!("{opaque} {half} {codec}")), &shown).await;
    }
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
