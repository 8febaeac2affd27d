//! Where the API is and with which key: from the environment, else from a file.

use std::env;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::{Host, Url};

use crate::failure::Failure;
use crate::print::Print;

/// Where the API is, and the key for it.
pub(crate) struct Settings {
    /// With `/v1` and without a slash at the end.
    pub(crate) url: String,
    /// Never to be shown.
    pub(crate) key: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    url: Option<String>,
    api_key: Option<String>,
}

impl Settings {
    pub(crate) fn read(url: Option<&str>, config: Option<&Path>, print: &Print) -> Result<Self, Failure> {
        let path =
            config.map_or_else(|| folder("XDG_CONFIG_HOME", ".config").join("config.toml"), Path::to_owned);
        let stored = read_file(&path, config.is_some(), print)?;
        let missing = || {
            let text = format!("no address: set FILES_URL, or url in {}", path.display());
            Failure::Settings(text)
        };
        let url = normal(&url.map(str::to_owned).or(stored.url).ok_or_else(missing)?)?;
        let from_environment = env::var("FILES_API_KEY").ok().filter(|key| !key.is_empty());
        let key = from_environment.or(stored.api_key).ok_or(Failure::NoKey(path))?;
        if is_open(&url) {
            print.warn("the key and the files go over http: anybody on the way can read them");
        }
        Ok(Self { url, key: key.trim().to_owned() })
    }
}

/// A folder of this program's own below one of the user's (XDG Base Directory Specification 0.8).
pub(crate) fn folder(variable: &str, usual: &str) -> PathBuf {
    let given = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(usual);
    given.unwrap_or_else(home).join("files")
}

fn read_file(path: &Path, must_exist: bool, print: &Print) -> Result<Stored, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => return Ok(Stored::default()),
        Err(error) => return Err(Failure::local(path, error)),
    };
    let stored: Stored = toml::from_str(&text).map_err(|error| {
        // The error's own text would quote the line, and a key may be on it.
        let line =
            error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Failure::local(path, format!("line {line} is not url = \"…\" or api_key = \"…\""))
    })?;
    if stored.api_key.is_some() && is_readable_by_others(path) {
        print.warn(&format!("{} holds a key and can be read by others: chmod 600", path.display()));
    }
    Ok(stored)
}

#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}

/// The address with `/v1`, whether it was given so or not.
fn normal(text: &str) -> Result<String, Failure> {
    let wrong = || Failure::Settings("the address must be like https://files.example/v1".to_owned());
    let url = Url::parse(text.trim()).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong());
    }
    let text = url.as_str().trim_end_matches('/');
    Ok(if text.ends_with("/v1") { text.to_owned() } else { format!("{text}/v1") })
}

/// Whether the way there is not encrypted and leaves this machine.
fn is_open(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| {
        let is_here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        url.scheme() == "http" && !is_here
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_given_with_and_without_its_path() {
        for text in ["https://files.example", "https://files.example/", "https://files.example/v1/"] {
            assert_eq!(normal(text).unwrap(), "https://files.example/v1");
        }
        for text in ["", "files.example", "ftp://files.example", "https://files.example/?x"] {
            assert!(normal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_leaves_this_machine_in_the_clear_is_open() {
        for (url, open) in [
            ("https://files.example/v1", false),
            ("http://files.example/v1", true),
            ("http://127.0.0.1:8787/v1", false),
            ("http://[::1]/v1", false),
            ("http://localhost/v1", false),
        ] {
            assert_eq!(is_open(url), open, "{url}");
        }
    }

    #[test]
    fn a_broken_file_is_told_of_without_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "url = \"https://a\"\napi_key = fm_secret\n").unwrap();
        let failure = read_file(&path, true, &Print::new(false, true)).err().unwrap().to_string();
        assert!(failure.contains("line 2") && !failure.contains("secret"), "{failure}");
    }
}
