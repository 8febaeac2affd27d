//! A stand-in for ffprobe that runs a script of the test. `stand_in/program.rs` documents the steps.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use media_probe::{Ffprobe, Limits, Outcome, ProbeEnd};
use tempfile::TempDir;

use crate::support::Counted;

/// How the program is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linked {
    /// Statically, as the layer's ffprobe.
    Statically,
    /// Dynamically, as Debian's ffprobe.
    Dynamically,
}

/// The program. Its file name is its script.
pub(crate) struct StandIn {
    pub(crate) ffprobe: Ffprobe,
    _folder: TempDir,
}

impl StandIn {
    pub(crate) fn new(linked: Linked, script: &str) -> Self {
        assert!(script.len() < 256 && !script.contains('/'), "not a file name: {script}");
        let folder = TempDir::new().unwrap();
        let path = folder.path().join(script);
        symlink(compiled(linked), &path).unwrap();
        Self { ffprobe: Ffprobe { path, limits: Limits::default(), ffmpeg: None }, _folder: folder }
    }

    pub(crate) async fn end(&self) -> ProbeEnd {
        self.ffprobe.probe(Counted::new(vec![1; 1000])).await.expect("no retry")
    }

    pub(crate) async fn outcome(&self) -> Outcome {
        self.end().await.outcome
    }

    /// Returns the text that the stand-in printed as the name of the format.
    pub(crate) async fn answer(&self) -> String {
        match self.outcome().await {
            Outcome::Media(media) => media.summary.format_name,
            Outcome::Unreadable(reason) => panic!("{reason}"),
        }
    }
}

/// Returns the outcome of a script in a static stand-in.
pub(crate) async fn outcome_of(script: &str) -> Outcome {
    StandIn::new(Linked::Statically, script).outcome().await
}

/// Encodes bytes as in scripts.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the program, which is compiled once for all tests.
fn compiled(linked: Linked) -> &'static Path {
    static PROGRAMS: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    let (statically, dynamically) = PROGRAMS.get_or_init(|| (compile("+crt-static"), compile("-crt-static")));
    if linked == Linked::Statically { statically } else { dynamically }
}

fn compile(feature: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probe/stand_in/program.rs");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(folder).unwrap();
    let program = folder.join(format!("stand-in{feature}"));
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "-C", "panic=abort", "-C", &format!("target-feature={feature}")])
        .arg("-o")
        .args([&program, &source])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}
