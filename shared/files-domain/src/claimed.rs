//! Sanitizes the values that a web page claims.

use url::Url;

use crate::name::is_unwanted;

/// Longest name, in characters.
pub(crate) const MAX_NAME_CHARS: usize = 100;
/// Longest URL, in bytes.
pub(crate) const MAX_URL_BYTES: usize = 2048;
/// Latest time, in seconds: ten years.
pub(crate) const MAX_SECONDS: f64 = 315_360_000.0;

/// Rounds a time in seconds to milliseconds. Returns `None` if it is negative, not finite, or above [`MAX_SECONDS`].
pub(crate) fn seconds(seconds: f64) -> Option<f64> {
    // DynamoDB stores no number between 0 and 1e-130. The sum has no negative zero.
    (0.0..=MAX_SECONDS).contains(&seconds).then(|| (seconds * 1000.0).round() / 1000.0 + 0.0)
}

/// Replaces white space by single spaces, and truncates a long text with an ellipsis.
pub(crate) fn one_line(text: &str, most: usize) -> Option<String> {
    let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let clean: String = spaced.chars().filter(|c| !is_unwanted(*c)).collect();
    let line = clean.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return (!line.is_empty()).then_some(line);
    }
    let cut: String = line.chars().take(most - 1).collect();
    Some(format!("{}…", cut.trim_end()))
}

/// Returns an http or https URL without credentials of at most [`MAX_URL_BYTES`].
pub(crate) fn web_address(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.has_host();
    let web = matches!(url.scheme(), "http" | "https");
    (web && plain && url.as_str().len() <= MAX_URL_BYTES).then(|| url.into())
}
