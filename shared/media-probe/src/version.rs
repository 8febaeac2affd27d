//! The version of ffprobe.

use std::io;
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::probe::Ffprobe;

/// Hexadecimal digits that identify a build.
const DIGITS: usize = 8;

impl Ffprobe {
    /// Returns the version and, in parentheses, a digest of the build's components, such as `7.1.5 (1f0c3a9e)`. Builds of the same
    /// components for different architectures have the same digest.
    ///
    /// # Errors
    /// [`io::Error`]: the program cannot be run, or is not ffprobe.
    pub fn version(&self) -> io::Result<String> {
        let output = Command::new(&self.path)
            .arg("-version")
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()?;
        described(&String::from_utf8_lossy(&output.stdout))
            .ok_or_else(|| io::Error::other("the output has no version of ffprobe"))
    }
}

fn described(text: &str) -> Option<String> {
    let version = text.strip_prefix("ffprobe version ")?.split_whitespace().next()?;
    let mut digest = Sha256::new();
    let parts = |word: &&str| word.starts_with("--enable-") || word.starts_with("--disable-");
    for part in text.split_whitespace().filter(parts) {
        digest.update(part);
        digest.update("\n");
    }
    Some(format!("{version} ({})", &hex::encode(digest.finalize())[..DIGITS]))
}

/// Returns whether the result of one ffprobe is outdated by another: a later version, or another build of the same version. A text
/// that is not a version is older than any version.
#[must_use]
pub fn is_outdated(by: &str, layer: &str) -> bool {
    let (ours, theirs) = (numbers(by), numbers(layer));
    ours < theirs || (ours == theirs && by != layer)
}

/// Returns the numbers of a version: 7, 1, 5 for `7.1.5-2+b1 (…)`.
fn numbers(version: &str) -> Vec<u64> {
    let end = version.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(version.len());
    version[..end].split('.').map_while(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_depends_on_components_not_on_the_architecture() {
        let text = |arch: &str, parts: &str| {
            format!("ffprobe version 7.1.5 Copyright\nbuilt with x\nconfiguration: --arch={arch} {parts}\n")
        };
        let one = described(&text("x86_64", "--disable-everything --enable-demuxer='mov'")).unwrap();
        assert_eq!(described(&text("aarch64", "--disable-everything --enable-demuxer='mov'")).unwrap(), one);
        assert_ne!(
            described(&text("x86_64", "--disable-everything --enable-demuxer='mov,flac'")).unwrap(),
            one
        );
        assert!(one.starts_with("7.1.5 (") && one.len() == 16, "{one}");
        assert_eq!(described("sleep 9"), None);
    }

    #[test]
    fn later_versions_and_other_builds_outdate_a_result() {
        for (by, layer) in [
            ("7.1.5 (a)", "7.1.10 (a)"),
            ("7.1.5 (a)", "7.1.5 (b)"),
            ("7.1 (a)", "7.1.5 (a)"),
            ("N-1 (a)", "7.1.5 (a)"),
        ] {
            assert!(is_outdated(by, layer), "{by} {layer}");
        }
        for (by, layer) in [("7.1.5 (a)", "7.1.5 (a)"), ("8.0-static (a)", "7.1.5 (b)")] {
            assert!(!is_outdated(by, layer), "{by} {layer}");
        }
    }
}
