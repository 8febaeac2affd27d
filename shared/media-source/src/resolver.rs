//! Invokes the function `resolve-url` to find the media of a web page.
//!
//! All fields of the response come from the web page and are untrusted. URLs in it must be fetched with `safe-fetch`, like URLs
//! from users.

use std::collections::BTreeMap;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::DisplayErrorContext;
use aws_sdk_lambda::primitives::Blob;
use serde::{Deserialize, Serialize};

use crate::page::Page;

/// The maximum length of a refusal's message in characters. A longer one is truncated.
const MAX_MESSAGE: usize = 500;

/// The payload for `resolve-url`.
#[derive(Clone, Debug, Serialize)]
pub struct PageRequest<'a> {
    /// The URL of the page.
    pub url: &'a str,
    /// The user's headers, sent to the page's site.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The time limit in seconds, if lower than the function's own limit of 40 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
}

impl<'a> PageRequest<'a> {
    /// Creates a request without headers and without a time limit of its own.
    #[must_use]
    pub fn new(url: &'a str) -> Self {
        Self { url, headers: BTreeMap::new(), seconds: None }
    }
}

/// The reason why a page could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The page has no media, or none that can be imported. The refusal is permanent.
    #[error("refused: {}", .0.reason)]
    Refused(Refusal),
    /// The function crashed, exceeded its time or memory, or returned a malformed response.
    #[error("resolve-url failed: {0}")]
    Failed(String),
    /// The function could not be invoked; a later attempt may succeed.
    #[error("resolve-url could not be invoked: {0}")]
    Unavailable(String),
}

/// The reason why a page cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// A stable word: `source_blocked`, `unsupported_page`, `private_or_login`, `geo_blocked`, `live`, `drm`, `not_found`,
    /// `separate_streams`, …; `functions/resolve-url/reasons.py` lists all.
    pub reason: String,
    /// A sentence for the user, without full stop.
    pub message: String,
}

/// The field that distinguishes a page from a refusal.
#[derive(Deserialize)]
struct Outcome {
    ok: bool,
}

/// A client for the function `resolve-url`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PageResolver {
    client: Client,
    function: String,
}

impl PageResolver {
    /// Creates a client for the Lambda function with this name.
    #[must_use]
    pub fn new(client: Client, function: impl Into<String>) -> Self {
        Self { client, function: function.into() }
    }

    /// Invokes the function and returns the media of a page.
    ///
    /// # Errors
    /// [`PageError::Refused`] if the page cannot be imported, [`PageError::Failed`] if the function failed,
    /// [`PageError::Unavailable`] if it could not be invoked.
    pub async fn resolve(&self, request: &PageRequest<'_>) -> Result<Page, PageError> {
        let request =
            serde_json::to_vec(request).map_err(|error| PageError::Unavailable(error.to_string()))?;
        let sent =
            self.client.invoke().function_name(&self.function).payload(Blob::new(request)).send().await;
        let output = sent.map_err(|error| PageError::Unavailable(DisplayErrorContext(&error).to_string()))?;
        let payload = output.payload.map(Blob::into_inner).unwrap_or_default();
        match output.function_error {
            Some(_) => Err(PageError::Failed(failure(&payload))),
            None => read(&payload),
        }
    }
}

/// Returns the `errorType` of a failed invocation. The message is omitted, because it may contain the URL of the page.
fn failure(payload: &[u8]) -> String {
    let error: serde_json::Value = serde_json::from_slice(payload).unwrap_or_default();
    let kind = error["errorType"].as_str().unwrap_or("no answer");
    kind.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').take(64).collect()
}

fn read(payload: &[u8]) -> Result<Page, PageError> {
    let malformed = |_| PageError::Failed("malformed response".to_owned());
    let Outcome { ok } = serde_json::from_slice(payload).map_err(malformed)?;
    if ok {
        return serde_json::from_slice(payload).map_err(malformed);
    }
    let refusal = serde_json::from_slice(payload).map_err(malformed)?;
    Err(PageError::Refused(bounded(refusal)))
}

fn bounded(refusal: Refusal) -> Refusal {
    let is_word = |c: &char| c.is_ascii_lowercase() || *c == '_';
    Refusal {
        reason: refusal.reason.chars().filter(is_word).take(64).collect(),
        message: refusal.message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Transport;
    use files_domain::PageClaims;

    #[test]
    fn responses_are_pages_refusals_or_malformed() {
        let page = read(
            br#"{"ok": true, "title": "Film", "duration": 63, "formats": [{"url": "https://x/v.mp4",
            "protocol": "https", "http_headers": {"Referer": "https://x/"}}], "best": 0, "later": 1}"#,
        );
        let page = page.unwrap();
        assert_eq!((page.claims.title.as_deref(), page.claims.duration), (Some("Film"), Some(63.0)));
        let best = page.best().unwrap();
        assert_eq!((best.url.as_str(), best.transport()), ("https://x/v.mp4", Some(Transport::Progressive)));
        assert_eq!(best.http_headers["Referer"], "https://x/");
        let refused = read(br#"{"ok": false, "reason": "live", "message": "it is\n live"}"#);
        let Err(PageError::Refused(refusal)) = refused else { panic!("{refused:?}") };
        assert_eq!((refusal.reason.as_str(), refusal.message.as_str()), ("live", "it is live"));
        for wrong in
            ["", "null", "{}", r#"{"ok": true}"#, r#"{"ok": false}"#, r#"{"ok": true, "formats": 1}"#]
        {
            assert!(matches!(read(wrong.as_bytes()), Err(PageError::Failed(_))), "{wrong}");
        }
    }

    #[test]
    fn unreadable_chapters_and_subtitles_are_dropped() {
        for wrong in ["5", "null", r#""x""#, r#"{"a": 1}"#, r#"[5, {"start": "x", "url": 5}]"#] {
            let json = format!(r#"{{"ok": true, "formats": [], "chapters": {wrong}, "subtitles": {wrong}}}"#);
            let claims = read(json.as_bytes()).unwrap().claims;
            assert_eq!(claims, PageClaims::default(), "{wrong}");
        }
        let json = br#"{"ok": true, "formats": [], "chapters": [{"start": 1, "end": null, "title": "One"}],
            "subtitles": [{"language": "en", "name": null, "format": "vtt", "url": "https://x/1", "automatic": true}]}"#;
        let claims = read(json).unwrap().claims;
        let subtitle = &claims.subtitles[0];
        assert_eq!((claims.chapters[0].start, subtitle.automatic), (Some(1.0), true));
        assert_eq!(subtitle.url.as_deref(), Some("https://x/1"));
    }

    #[test]
    fn the_best_format_is_none_if_its_index_is_out_of_range() {
        let page = Page { best: Some(7), ..Page::default() };
        assert_eq!(page.best(), None);
    }

    #[test]
    fn a_failure_has_only_its_error_type() {
        let payload = br#"{"errorType": "Sandbox.Timedout", "errorMessage": "https://secret.example/"}"#;
        assert_eq!(failure(payload), "Sandbox.Timedout");
        assert_eq!(failure(b"x"), "noanswer");
    }
}
