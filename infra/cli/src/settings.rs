//! Reads the URL and key of the API from options, the environment, or the settings file.

use std::env;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::{Host, Url};

use crate::failure::Failure;
use crate::print::Print;

/// The URL of the API and its key.
pub(crate) struct Settings {
    /// The URL of the API, with `/v1` and without a trailing slash.
    pub(crate) url: String,
    /// The API key. It must not be printed.
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
        let named = config.map(Path::to_owned).or_else(|| variable("FILES_CONFIG").map(PathBuf::from));
        let must_exist = named.is_some();
        let path = named.unwrap_or_else(|| folder("XDG_CONFIG_HOME", ".config").join("config.toml"));
        let stored = read_file(&path, must_exist, print)?;
        let missing = || {
            let text = format!("no URL of the API: set FILES_URL, or url in {}", path.display());
            Failure::Settings(text)
        };
        let url = url.map(str::to_owned).or_else(|| variable("FILES_URL")).or(stored.url);
        let url = normalized(&url.ok_or_else(missing)?)?;
        let key = variable("FILES_API_KEY").or(stored.api_key).ok_or(Failure::NoKey(path))?;
        if is_unencrypted(&url) {
            print.warn("the API key and the files are sent over http, without encryption");
        }
        Ok(Self { url, key: key.trim().to_owned() })
    }
}

/// Returns a variable of the environment. An empty one counts as not set.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Returns this program's folder within an XDG base directory (XDG Base Directory Specification 0.8).
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
        // The error's message quotes the line, which may contain the key.
        let line =
            error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        Failure::local(path, format!("line {line} is not url = \"…\" or api_key = \"…\""))
    })?;
    if stored.api_key.is_some() && is_readable_by_others(path) {
        print.warn(&format!(
            "{} contains an API key and can be read by others: run chmod 600",
            path.display()
        ));
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

/// Returns the URL with `/v1` and without a trailing slash.
fn normalized(text: &str) -> Result<String, Failure> {
    let wrong = || Failure::Settings("the URL of the API must be like https://files.example/v1".to_owned());
    let url = Url::parse(text.trim()).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong());
    }
    let text = url.as_str().trim_end_matches('/');
    Ok(if text.ends_with("/v1") { text.to_owned() } else { format!("{text}/v1") })
}

/// Returns whether the connection leaves this machine without encryption.
fn is_unencrypted(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| {
        let is_local = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        url.scheme() == "http" && !is_local
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_url_is_optional() {
        for text in ["https://files.example", "https://files.example/", "https://files.example/v1/"] {
            assert_eq!(normalized(text).unwrap(), "https://files.example/v1");
        }
        for text in ["", "files.example", "ftp://files.example", "https://files.example/?x"] {
            assert!(normalized(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_http_to_other_machines_is_unencrypted() {
        for (url, expected) in [
            ("https://files.example/v1", false),
            ("http://files.example/v1", true),
            ("http://127.0.0.1:8787/v1", false),
            ("http://[::1]/v1", false),
            ("http://localhost/v1", false),
        ] {
            assert_eq!(is_unencrypted(url), expected, "{url}");
        }
    }

    #[test]
    fn the_error_of_an_invalid_file_does_not_quote_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "url = \"https://a\"\napi_key = fm_secret\n").unwrap();
        let failure = read_file(&path, true, &Print::new(false, true)).err().unwrap().to_string();
        assert!(failure.contains("line 2") && !failure.contains("secret"), "{failure}");
    }
}
