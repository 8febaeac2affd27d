//! An existing deployment, in AWS or in an emulator of it. Tests that need only the API run against it if `FILES_TEST_URL` is
//! its URL, such as `https://files.example`. `files-admin` creates keys as operators do: it finds the table by
//! `FILES_KEYS_TABLE` and the credentials in the environment.

use std::io::Write;
use std::process::Command;

use files_domain::{Scope, Timestamp};

use crate::programs::built;

/// The panic message of helpers that need more than the API.
pub(crate) const NEEDS_LOCAL_CLOUD: &str =
    "against a deployment there is only the API: put skip_on_deployment!(\"why\") at the start of this test";

/// Returns the URL without a path.
#[must_use]
pub fn address() -> Option<String> {
    let address = std::env::var("FILES_TEST_URL").ok()?;
    Some(address.trim_end_matches('/').to_owned()).filter(|address| !address.is_empty())
}

/// Returns whether the tests run against a deployment, and prints that this test is skipped.
#[must_use]
pub fn skips(why: &str) -> bool {
    let skips = address().is_some();
    if skips {
        let thread = std::thread::current();
        // Written directly: the capture of a test's output would hide it.
        let _ = writeln!(std::io::stderr(), "skipped {}: {why}", thread.name().unwrap_or("a test"));
    }
    skips
}

/// Skips the test if the tests run against a deployment. The reason names what it needs besides the API.
#[macro_export]
macro_rules! skip_on_deployment {
    ($why:literal) => {
        if $crate::deployment::skips($why) {
            return;
        }
    };
}

/// Returns an owner name that is unique in the deployment.
pub(crate) fn owner_name(name: &str) -> String {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    format!("test {} {} {name}", since.as_nanos(), std::process::id())
}

/// Creates a key with `files-admin`.
pub(crate) fn key(
    owner: &str,
    scopes: impl IntoIterator<Item = Scope>,
    expires_at: Option<Timestamp>,
) -> String {
    assert!(expires_at.is_none(), "{NEEDS_LOCAL_CLOUD}");
    let mut command = Command::new(built().join("files-admin"));
    command.args(["key", "create", "--owner", owner, "--name", "test", "--json"]).env_remove("FILES_READY");
    for scope in scopes {
        command.args(["--scope", scope.as_str()]);
    }
    let output = command.output().expect("files-admin");
    assert!(output.status.success(), "files-admin: {}", String::from_utf8_lossy(&output.stderr));
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    printed["key"].as_str().expect("a key").to_owned()
}
