//! Tests of the media type of every sample, whatever was declared.

use std::fs;
use std::sync::Mutex;

use media_facts::MediaType;
use media_probe::{Media, Outcome, corrected_content_type};
use tempfile::TempDir;

use crate::samples;
use crate::support::{Counted, ffprobe};

/// Bytes that are examined for the type: those that `probe-file` passes.
const HEAD: usize = 8192;

#[test]
fn the_type_of_every_sample_is_that_of_its_bytes() {
    let folder = TempDir::new().unwrap();
    let samples = samples::all(folder.path());
    let (queue, wrong) = (Mutex::new(samples.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                while let Some(sample) = { queue.lock().unwrap().next() } {
                    sample.make(folder.path());
                    let bytes = fs::read(folder.path().join(&sample.name)).unwrap();
                    let head = bytes[..bytes.len().min(HEAD)].to_vec();
                    let outcome = runtime.block_on(ffprobe().probe(Counted::new(bytes))).unwrap().outcome;
                    let Outcome::Media(media) = &outcome else { panic!("{}: {outcome:?}", sample.name) };
                    wrong.lock().unwrap().extend(problems(&sample.name, &head, media));
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns what is wrong with the type of a file for each declaration.
fn problems(name: &str, head: &[u8], media: &Media) -> Vec<String> {
    let outcome = Outcome::Media(Box::new(media.clone()));
    let given = |declared: Option<&str>| {
        let corrected = corrected_content_type(declared, None, head, &outcome);
        corrected.or_else(|| declared.map(str::to_owned)).unwrap_or_default()
    };
    let own = given(None);
    println!("{name}: {own}");
    let mut wrong = Vec::new();
    let is_kind = own.starts_with(&format!("{}/", media.media_type)) || own.starts_with("application/");
    if !is_kind || (own == "application/octet-stream" && media.media_type != MediaType::Other) {
        wrong.push(format!("{name}: {own} of {}", media.media_type));
    }
    // PNG is also the declared type of an animated one.
    let is_png = matches!(media.summary.format_name.as_str(), "png_pipe" | "apng");
    for declared in ["text/html", "image/png"] {
        let found = given(Some(declared));
        if found != own && !(is_png && found == "image/png") {
            wrong.push(format!("{name}: {found} if declared {declared}, otherwise {own}"));
        }
    }
    if given(Some(&own)) != own {
        wrong.push(format!("{name}: {own} is not kept"));
    }
    wrong
}
