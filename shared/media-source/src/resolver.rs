//! Asks the function `resolve-url` what a web page shows.
//!
//! What comes back is a stranger's word in every field: an address in it may lead anywhere, a text may say anything. Whoever
//! fetches one of the addresses does so through `safe-fetch`, as if a user had typed it.

use std::collections::BTreeMap;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::DisplayErrorContext;
use aws_sdk_lambda::primitives::Blob;
use serde::{Deserialize, Serialize};

use crate::page::Page;

/// Longest sentence that is passed on, in characters.
const MAX_MESSAGE: usize = 500;

/// What is asked.
#[derive(Clone, Debug, Serialize)]
pub struct PageRequest<'a> {
    /// The page.
    pub url: &'a str,
    /// Headers that its site is sent besides.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How long it may take, in seconds, if less than the function takes by itself (40 s).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
}

impl<'a> PageRequest<'a> {
    /// Without headers of its own, for as long as it takes.
    #[must_use]
    pub fn new(url: &'a str) -> Self {
        Self { url, headers: BTreeMap::new(), seconds: None }
    }
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// There is nothing to import, or nothing that can be: the same question would get the same answer.
    #[error("refused: {}", .0.reason)]
    Refused(Refusal),
    /// The function died of the page, or ran out of time or memory.
    #[error("resolve-url failed: {0}")]
    Failed(String),
    /// The function could not be asked just now.
    #[error("resolve-url could not be invoked: {0}")]
    Unavailable(String),
}

/// Why a page cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// A stable word: `source_blocked`, `unsupported_page`, `private_or_login`, `geo_blocked`, `live`, `drm`, `not_found`,
    /// `separate_streams`, and more (`functions/resolve-url/reasons.py` has all).
    pub reason: String,
    /// A sentence for the user, without full stop.
    pub message: String,
}

/// Whether an answer is a page or a refusal.
#[derive(Deserialize)]
struct Verdict {
    ok: bool,
}

/// The function `resolve-url`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PageResolver {
    client: Client,
    function: String,
}

impl PageResolver {
    /// The function of this name.
    #[must_use]
    pub fn new(client: Client, function: impl Into<String>) -> Self {
        Self { client, function: function.into() }
    }

    /// What a page shows.
    ///
    /// # Errors
    /// As [`PageError`] has them.
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

/// What Lambda says of an invocation that failed: its kind alone, for the rest may hold the page's address.
fn failure(payload: &[u8]) -> String {
    let said: serde_json::Value = serde_json::from_slice(payload).unwrap_or_default();
    let kind = said["errorType"].as_str().unwrap_or("no answer");
    kind.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').take(64).collect()
}

fn read(payload: &[u8]) -> Result<Page, PageError> {
    let none = |_| PageError::Failed("an answer that is none".to_owned());
    let Verdict { ok } = serde_json::from_slice(payload).map_err(none)?;
    if ok {
        return serde_json::from_slice(payload).map_err(none);
    }
    let refusal = serde_json::from_slice(payload).map_err(none)?;
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

    #[test]
    fn answers_are_pages_refusals_or_nothing() {
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
    fn a_best_format_that_is_not_there_is_none() {
        let page = Page { best: 7, ..Page::default() };
        assert_eq!(page.best(), None);
    }

    #[test]
    fn a_failure_is_told_by_its_kind_alone() {
        let said = br#"{"errorType": "Sandbox.Timedout", "errorMessage": "https://secret.example/"}"#;
        assert_eq!(failure(said), "Sandbox.Timedout");
        assert_eq!(failure(b"x"), "noanswer");
    }
}
