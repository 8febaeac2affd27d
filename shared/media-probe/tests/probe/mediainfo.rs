//! Compares the description of all samples, field by field, with that of MediaInfo, which shares no code with FFmpeg. Reviewed
//! differences are in `mediainfo.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use media_facts::MediaType;
use media_probe::{Media, Outcome};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::samples::{self, Sample};
use crate::support::{Counted, ffprobe, program};

/// Fields by name. Numbers are text, as both sides print them after rounding.
type Fields = BTreeMap<&'static str, String>;

/// A reviewed difference: in these samples (`*` matches any text) these fields may differ.
#[derive(Deserialize)]
struct Difference {
    samples: Vec<String>,
    fields: Vec<String>,
    why: String,
}

#[derive(Deserialize)]
struct Reviewed {
    difference: Vec<Difference>,
}

#[test]
fn descriptions_agree_with_mediainfo() {
    let folder = TempDir::new().unwrap();
    let samples = samples::all(folder.path());
    assert!(samples.len() >= 140, "{} samples", samples.len());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/mediainfo.toml");
    let reviewed: Reviewed = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(reviewed.difference.iter().all(|rule| !rule.why.is_empty()));
    let found = Mutex::new(Vec::new());
    let queue = Mutex::new(samples.iter());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some(sample) = next else { return };
                    let differences = compare(sample, folder.path());
                    found.lock().unwrap().extend(differences);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    let mut used = BTreeSet::new();
    let mut faults = Vec::new();
    for (sample, field, text) in found {
        let rule = reviewed.difference.iter().position(|rule| {
            rule.fields.iter().any(|name| name == field)
                && rule.samples.iter().any(|name| fits(name, &sample))
        });
        match rule {
            Some(rule) => drop(used.insert(rule)),
            None => faults.push(format!("{sample}: {field}: {text}")),
        }
    }
    let idle = reviewed.difference.iter().enumerate().filter(|(rule, _)| !used.contains(rule));
    faults.extend(idle.map(|(_, rule)| format!("no longer differs: {:?} {:?}", rule.samples, rule.fields)));
    faults.sort();
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((first, last)) => {
            name.len() >= pattern.len() - 1 && name.starts_with(first) && name.ends_with(last)
        }
        None => pattern == name,
    }
}

/// Returns the sample, the field and both values, for each difference.
fn compare(sample: &Sample, folder: &Path) -> Vec<(String, &'static str, String)> {
    sample.make(folder);
    let path = folder.join(&sample.name);
    let theirs = theirs(&path);
    let ours = ours(&probe(fs::read(&path).unwrap()));
    let differs = |name: &str| {
        let (mine, their) = (ours.get(name), theirs.get(name));
        // A field that MediaInfo lacks is not compared; a field that it has must be present.
        their.is_some() && !agree(name, mine.map_or("", String::as_str), their.map_or("", String::as_str))
    };
    let names: Vec<_> = theirs.keys().copied().filter(|name| differs(name)).collect();
    let show = |fields: &Fields, name: &str| fields.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .map(|name| {
            (sample.name.clone(), name, format!("{} here, {} there", show(&ours, name), show(&theirs, name)))
        })
        .collect()
}

fn agree(name: &str, ours: &str, theirs: &str) -> bool {
    let tolerance = match name {
        "duration" => 0.05,
        "frame_rate" => 0.01,
        "sample_rate" => 0.0,
        _ => return ours == theirs,
    };
    match (ours.parse::<f64>(), theirs.parse::<f64>()) {
        (Ok(ours), Ok(theirs)) => (ours - theirs).abs() <= tolerance * theirs.max(1.0),
        _ => false,
    }
}

fn probe(bytes: Vec<u8>) -> Media {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(ffprobe().probe(Counted::new(bytes))).unwrap().outcome {
        Outcome::Media(media) => *media,
        Outcome::Unreadable(reason) => panic!("unreadable: {reason}"),
    }
}

/// Returns the fields of this crate's description.
fn ours(media: &Media) -> Fields {
    let (summary, facts) = (&media.summary, &media.facts);
    let color = facts.color.clone().unwrap_or_default();
    let streams = media.full["streams"].as_array().unwrap();
    let cover = |stream: &&Value| stream["disposition"]["attached_pic"] == 1;
    let picture = streams.iter().find(|stream| stream["codec_type"] == "video" && !cover(stream));
    let field_order = picture.and_then(|stream| stream["field_order"].as_str());
    let interlaced =
        field_order.map(|order| if order == "progressive" { "Progressive" } else { "Interlaced" });
    let text = |value: Option<&str>| value.map(str::to_owned);
    let languages = |names: &[String]| Some(names.join(",")).filter(|names| !names.is_empty());
    let fields = [
        ("kind", Some(media.media_type.as_str().to_owned())),
        ("width", summary.width.map(|n| n.to_string())),
        ("height", summary.height.map(|n| n.to_string())),
        ("rotation", Some(summary.rotation.unwrap_or(0).to_string())),
        ("duration", summary.duration.map(|n| n.to_string())),
        ("frame_rate", summary.frame_rate.map(|n| n.to_string())),
        ("video_codec", summary.video_codec.clone()),
        ("audio_codec", summary.audio_codec.clone()),
        ("bit_depth", color.bit_depth.map(|n| n.to_string())),
        ("primaries", color.primaries),
        ("transfer", color.transfer),
        ("matrix", color.space),
        ("range", color.range),
        ("hdr", facts.hdr.and_then(|hdr| serde_json::to_value(hdr).ok()?.as_str().map(str::to_owned))),
        ("scan", text(interlaced)),
        ("channels", facts.channels.map(|n| n.to_string())),
        ("sample_rate", facts.sample_rate.map(|n| n.to_string())),
        ("audio_languages", languages(&facts.audio_languages)),
        ("subtitle_languages", languages(&facts.subtitle_languages)),
        ("audio_streams", Some(streams.iter().filter(|s| s["codec_type"] == "audio").count().to_string())),
        (
            "subtitle_streams",
            Some(streams.iter().filter(|s| s["codec_type"] == "subtitle").count().to_string()),
        ),
        ("chapters", Some(media.full["chapters"].as_array().map_or(0, Vec::len).to_string())),
        ("cover", Some(if facts.attached_pictures.is_empty() { "No" } else { "Yes" }.to_owned())),
        ("creation_time", facts.creation_time.clone()),
    ];
    let known = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
    known.filter(|(name, _)| media.media_type != MediaType::Image || *name != "scan").collect()
}

/// Returns the fields of MediaInfo's description, with this crate's names.
fn theirs(path: &Path) -> Fields {
    let output = Command::new(program("mediainfo")).arg("--Output=JSON").arg(path).output().unwrap();
    let root: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tracks = root["media"]["track"].as_array().cloned().unwrap_or_default();
    let of = |kind: &'static str| tracks.iter().filter(move |track| track["@type"] == kind);
    let word = |track: Option<&Value>, name: &str| track?[name].as_str().map(str::to_owned);
    let whole = |track: Option<&Value>, name: &str| Some(word(track, name)?.split(" / ").next()?.to_owned());
    let general = of("General").next();
    // A picture in an audio file, or a second one in a video, is cover art.
    let video = of("Video").next();
    let picture = video.or_else(|| of("Image").next().filter(|_| of("Audio").next().is_none()));
    let sound = of("Audio").next();
    let kind = match (video, picture, sound) {
        (Some(_), ..) => Some("video"),
        (None, Some(_), _) => Some("image"),
        (None, None, Some(_)) => Some("audio"),
        (None, None, None) => None,
    };
    let rotation = word(picture, "Rotation").and_then(|degrees| degrees.parse::<f64>().ok());
    let turned = rotation.is_some_and(|degrees| degrees.rem_euclid(180.0) > 1.0);
    let (width, height) = (whole(picture, "Width"), whole(picture, "Height"));
    let (width, height) = if turned { (height, width) } else { (width, height) };
    let fields = [
        ("kind", kind.map(str::to_owned)),
        ("width", width),
        ("height", height),
        ("rotation", rotation.map(|degrees| format!("{degrees:.0}"))),
        ("duration", word(general, "Duration").filter(|_| kind != Some("image"))),
        ("frame_rate", word(video, "FrameRate")),
        ("video_codec", picture.and_then(codec)),
        ("audio_codec", sound.and_then(codec)),
        ("bit_depth", whole(picture, "BitDepth")),
        ("primaries", word(picture, "colour_primaries").map(|name| color(&name))),
        ("transfer", word(picture, "transfer_characteristics").map(|name| color(&name))),
        ("matrix", word(picture, "matrix_coefficients").map(|name| color(&name))),
        (
            "range",
            word(picture, "colour_range").map(|name| if name == "Full" { "pc" } else { "tv" }.to_owned()),
        ),
        ("hdr", word(picture, "HDR_Format_Compatibility").map(|name| name[..5].to_lowercase())),
        (
            "scan",
            word(video, "ScanType").map(|name| if name == "MBAFF" { "Interlaced".to_owned() } else { name }),
        ),
        ("channels", whole(sound, "Channels")),
        ("sample_rate", whole(sound, "SamplingRate")),
        ("audio_languages", languages(of("Audio"))),
        ("subtitle_languages", languages(of("Text"))),
        ("audio_streams", kind.map(|_| of("Audio").count().to_string())),
        ("subtitle_streams", kind.map(|_| of("Text").count().to_string())),
        ("chapters", chapters(of("Menu").next())),
        ("cover", word(general, "Cover")),
        // A date of zero is unset.
        (
            "creation_time",
            word(general, "Encoded_Date").map(|date| moment(&date)).filter(|date| date.as_str() > "1971"),
        ),
    ];
    fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Maps MediaInfo's names and versions of codecs to ffprobe's names.
fn codec(track: &Value) -> Option<String> {
    let text = |name: &str| track[name].as_str().unwrap_or_default();
    let (format, version, id) = (text("Format"), text("Format_Version"), text("CodecID"));
    let name = match format {
        "AVC" => "h264",
        "HEVC" => "hevc",
        "MPEG-4 Visual" if id == "MP43" || id == "DIV3" => "msmpeg4v3",
        "MPEG-4 Visual" => "mpeg4",
        "MPEG Video" if version.ends_with('1') => "mpeg1video",
        "MPEG Video" => "mpeg2video",
        "MPEG Audio" if text("Format_Profile") == "Layer 2" => "mp2",
        "MPEG Audio" => "mp3",
        "JPEG" => "mjpeg",
        "DV" => "dvvideo",
        "VC-3" => "dnxhd",
        "CineForm" => "cfhd",
        "JPEG 2000" => "jpeg2000",
        "JPEG-LS" => "jpegls",
        "AC-3" => "ac3",
        "E-AC-3" => "eac3",
        "DTS" => "dts",
        "MLP FBA" => "truehd",
        // MediaInfo has one name for several of these codecs, so they are not compared.
        "PCM" | "ADPCM" | "WMA" | "RealAudio" | "YUV" | "RGB" | "Raw" => return None,
        other => return Some(other.to_lowercase()),
    };
    Some(name.to_owned())
}

fn color(name: &str) -> String {
    match name {
        "BT.2020 non-constant" => "bt2020nc",
        "BT.601 NTSC" | "BT.601" => "smpte170m",
        "BT.601 PAL" | "BT.470 System B/G" => "bt470bg",
        "PQ" => "smpte2084",
        "HLG" => "arib-std-b67",
        "Identity" => "gbr",
        "sRGB/sYCC" => "iec61966-2-1",
        other => return other.to_lowercase().replace('.', ""),
    }
    .to_owned()
}

/// Returns each language once, by ffprobe's three-letter names.
fn languages<'a>(tracks: impl Iterator<Item = &'a Value>) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in tracks.filter_map(|track| track["Language"].as_str()) {
        let name = match name {
            "de" => "deu",
            "en" => "eng",
            "fr" => "fra",
            other => other,
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join(","))
}

/// Returns the number of chapters: a menu's entries whose names are times.
fn chapters(menu: Option<&Value>) -> Option<String> {
    Some(menu?["extra"].as_object()?.keys().filter(|name| name.starts_with("_0")).count().to_string())
}

/// Converts `UTC 2024-05-06 07:08:09`, or the same with the zone at the end, to RFC 3339.
fn moment(date: &str) -> String {
    format!("{}Z", date.replace("UTC", "").trim().replace(' ', "T"))
}
