//! A deployment that is there already, in AWS or in an emulator of it. The tests that need nothing but the API run against it
//! when `FILES_TEST_URL` names its address, such as `https://files.example`. Keys are made as operators make them: by
//! `files-admin`, which finds the table by `FILES_KEYS_TABLE` and the credentials in the environment.

use std::io::Write;
use std::process::Command;

use files_domain::{Scope, Timestamp};

use crate::programs::built;

/// Said by whatever reaches behind the API of a deployment.
pub(crate) const NEEDS_LOCAL_CLOUD: &str =
    "against a deployment there is only the API: put skip_on_deployment!(\"why\") at the start of this test";

/// Its address without a path.
#[must_use]
pub fn address() -> Option<String> {
    let address = std::env::var("FILES_TEST_URL").ok()?;
    Some(address.trim_end_matches('/').to_owned()).filter(|address| !address.is_empty())
}

/// Whether the tests run against one, in which case it is said that this test does not.
#[must_use]
pub fn skips(why: &str) -> bool {
    let skips = address().is_some();
    if skips {
        let thread = std::thread::current();
        // Past the capture of a test's output: what was not run must be seen.
        let _ = writeln!(std::io::stderr(), "skipped {}: {why}", thread.name().unwrap_or("a test"));
    }
    skips
}

/// Ends the test at once, and says so, when the tests run against a deployment. The reason is what it needs beside the API.
#[macro_export]
macro_rules! skip_on_deployment {
    ($why:literal) => {
        if $crate::deployment::skips($why) {
            return;
        }
    };
}

/// A name that no other owner of the deployment has.
pub(crate) fn owner_name(name: &str) -> String {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    format!("test {} {} {name}", since.as_nanos(), std::process::id())
}

/// A new key, made by the operator's command.
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
