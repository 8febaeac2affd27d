//! The programs that tests start: the local cloud, the functions, ffprobe, ffmpeg. The first test that needs them builds them.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::SystemTime;

/// The files that `make build` creates in the folder of the binaries.
const PROGRAMS: [&str; 6] = ["files-local", "files-admin", "files", "ffprobe", "ffmpeg", "python"];

/// Returns the project's folder.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// Returns the folder of the programs. If one is missing or older than its sources, `make build` builds all of them, which takes
/// minutes in a new clone; tests in other processes wait for it.
///
/// # Panics
/// `make build` fails, or leaves a program that is missing or older than its sources.
#[must_use]
pub fn built() -> PathBuf {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = folder();
        build_if_needed(&folder, build);
        folder
    });
    BUILT.clone()
}

fn build_if_needed(folder: &Path, build: impl FnOnce()) {
    if outdated(folder).is_empty() {
        return;
    }
    let lock = File::create(folder.join("make-build.lock")).expect("a lock file");
    lock.lock().expect("the lock");
    let outdated_before = outdated(folder); // another process may have built them
    if outdated_before.is_empty() {
        return;
    }
    eprintln!("running `make build`: {}", outdated_before.join("; "));
    build();
    let outdated = outdated(folder);
    assert!(outdated.is_empty(), "after `make build`: {}", outdated.join("; "));
}

/// Returns the folder of the release binaries: the parent of the test's `deps` folder in a release build.
fn folder() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let own = test.parent().and_then(Path::parent).expect("a target folder");
    if own.ends_with("release") { own.to_owned() } else { project().join("target/release") }
}

/// Returns a message for each program that is missing or older than its sources.
fn outdated(folder: &Path) -> Vec<String> {
    let missing = PROGRAMS.iter().filter(|program| !folder.join(program).exists());
    let missing = missing.map(|program| format!("{program} is missing"));
    let functions = std::fs::read_dir(project().join("functions")).expect("the functions");
    let functions = functions.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names = functions.chain(["files-local", "files-admin", "files"].map(str::to_owned));
    let mut ages = Ages::default();
    missing.chain(names.filter_map(|name| ages.stale(folder, &name))).collect()
}

/// The modification times of source files, each read once.
#[derive(Default)]
struct Ages(HashMap<PathBuf, Option<SystemTime>>);

impl Ages {
    /// Returns a message if a program is older than one of the sources that Cargo's dep-info file (`NAME.d`) lists. Sources that no
    /// longer exist do not count.
    fn stale(&mut self, folder: &Path, name: &str) -> Option<String> {
        let program = modified(&folder.join(name))?;
        let listed = std::fs::read_to_string(folder.join(format!("{name}.d"))).ok()?;
        let (_, sources) = listed.lines().next()?.split_once(": ")?;
        let newer = paths(sources).into_iter().find(|path| self.of(path).is_some_and(|at| at > program))?;
        Some(format!("{name} is older than {}", newer.display()))
    }

    fn of(&mut self, path: &Path) -> Option<SystemTime> {
        *self.0.entry(path.to_owned()).or_insert_with(|| modified(path))
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// Splits the paths of a dep-info file at its spaces, of which those in paths are escaped.
fn paths(list: &str) -> Vec<PathBuf> {
    let whole = list.replace("\\ ", "\0");
    whole.split_whitespace().map(|path| path.replace('\0', " ").into()).collect()
}

fn build() {
    let mut make = Command::new("make");
    // Not captured, so that a developer sees why the test takes minutes.
    make.arg("build").current_dir(project()).stdin(Stdio::null()).stdout(std::io::stderr());
    // Variables of the cargo that runs the tests would change the build.
    make.env_remove("CARGO_TARGET_DIR").env_remove("RUSTFLAGS");
    let status = make.status().expect("make");
    assert!(status.success(), "make build failed ({status}): see above");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn write(path: &Path, age: u64) {
        let file = File::create(path).expect("a file");
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).expect("a time");
    }

    #[test]
    fn missing_and_outdated_programs_are_built_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let build_all = |age: u64| PROGRAMS.iter().for_each(|program| write(&at(program), age));
        let builds = std::cell::Cell::new(0);
        let run = |age: u64| {
            build_if_needed(folder.path(), || {
                builds.set(builds.get() + 1);
                build_all(age);
            });
            builds.get()
        };
        assert_eq!((run(60), run(60)), (1, 1), "all were missing");
        std::fs::remove_file(at("ffmpeg")).expect("a file");
        assert_eq!((run(60), run(60)), (2, 2), "one was missing");
        write(&at("lib.rs"), 30);
        let listed = format!("{}: {}\n", at("files").display(), at("lib.rs").display());
        std::fs::write(at("files.d"), listed).expect("a list");
        assert_eq!((run(10), run(10)), (3, 3), "one was older than its source");
        write(&at("files"), 60);
        let ineffective = std::panic::catch_unwind(|| build_if_needed(folder.path(), || {}));
        assert!(ineffective.is_err(), "a build that leaves an outdated program");
    }

    #[test]
    fn a_program_older_than_a_source_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, age: u64| write(&at(name), age);
        let stale = || Ages::default().stale(folder.path(), "program");
        write("program", 60);
        assert_eq!(stale(), None, "without a dep-info file");
        let sources = ["lib.rs", "a file.rs", "deleted.rs"].map(|name| at(name).display().to_string());
        let listed = sources.map(|path| path.replace(' ', "\\ ")).join(" ");
        std::fs::write(at("program.d"), format!("{}: {listed}\n", at("program").display())).expect("a list");
        write("lib.rs", 90);
        write("a file.rs", 90);
        assert_eq!(stale(), None);
        write("a file.rs", 30);
        assert!(stale().expect("stale").ends_with("a file.rs"));
    }
}
