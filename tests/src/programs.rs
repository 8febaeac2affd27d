//! The programs that tests start: the local cloud, the functions, ffprobe. The first test that needs them builds them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// The files that `make build` creates in the folder of the binaries.
const PROGRAMS: [&str; 5] = ["files-local", "files-admin", "files", "ffprobe", "python"];

/// Returns the project's folder.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// Returns the folder of the programs. If one is missing, `make build` builds all of them, which takes minutes in a new clone;
/// tests in other processes wait for it.
///
/// # Panics
/// `make build` fails.
#[must_use]
pub fn built() -> PathBuf {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = folder();
        if is_complete(&folder) {
            return folder;
        }
        let lock = File::create(folder.join("make-build.lock")).expect("a lock file");
        lock.lock().expect("the lock");
        if !is_complete(&folder) {
            build();
        }
        assert!(
            is_complete(&folder),
            "make build did not create all of {PROGRAMS:?} in {}",
            folder.display()
        );
        folder
    });
    BUILT.clone()
}

/// Returns the folder of the release binaries: the parent of the test's `deps` folder in a release build.
fn folder() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let own = test.parent().and_then(Path::parent).expect("a target folder");
    if own.ends_with("release") { own.to_owned() } else { project().join("target/release") }
}

fn is_complete(folder: &Path) -> bool {
    PROGRAMS.iter().all(|program| folder.join(program).exists())
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
