//! Samples of all formats: the recipes of the layer's tests, and unusual ones of this crate.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use toml::Table;

use crate::support::program;

/// A file of recipes: names and ffmpeg's arguments, in which a word of `inputs` is replaced by its text.
#[derive(Deserialize)]
struct Recipes {
    texts: BTreeMap<String, String>,
    inputs: BTreeMap<String, String>,
    files: Table,
}

/// A sample to make.
pub(crate) struct Sample {
    pub(crate) name: String,
    arguments: Vec<String>,
}

/// Returns all samples, and writes their text files into the folder.
pub(crate) fn all(folder: &Path) -> Vec<Sample> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = [root.join("../../layers/ffprobe/samples.toml"), root.join("tests/probe/odd.toml")];
    let recipes = files.map(|path| toml::from_str::<Recipes>(&fs::read_to_string(path).unwrap()).unwrap());
    let mut samples = Vec::new();
    for (number, Recipes { texts, inputs, files }) in recipes.into_iter().enumerate() {
        for (name, text) in texts {
            fs::write(folder.join(format!("{number}-{name}")), text).unwrap();
        }
        samples.extend(files.into_iter().map(|(name, text)| {
            let arguments = words(text.as_str().unwrap(), &inputs).into_iter();
            // Both files have texts with these names.
            let arguments =
                arguments.map(|word| if is_text(&word) { format!("{number}-{word}") } else { word });
            Sample { name, arguments: arguments.collect() }
        }));
    }
    samples
}

fn is_text(word: &str) -> bool {
    Path::new(word).extension().is_some_and(|end| end == "txt" || end == "srt")
}

/// Splits a text into words as a shell does, as far as the recipes need it, and replaces those of `inputs`.
fn words(text: &str, inputs: &BTreeMap<String, String>) -> Vec<String> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        match inputs.get(word) {
            Some(input) => words.extend(input.split_whitespace().map(str::to_owned)),
            None => words.push(inputs.iter().fold(word.replace('\'', ""), |word, (name, text)| {
                if word.starts_with(&format!("{name}:")) { word.replacen(name, text, 1) } else { word }
            })),
        }
    }
    words
}

impl Sample {
    /// Makes the sample in the folder.
    pub(crate) fn make(&self, folder: &Path) {
        let output = Command::new(program("ffmpeg"))
            .args(["-v", "error", "-nostdin", "-y", "-threads", "1", "-bitexact"])
            .args(&self.arguments)
            .arg(&self.name)
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&output.stderr));
    }
}
