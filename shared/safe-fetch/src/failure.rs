//! Converts errors of the HTTP client into [`FetchError`]s.

use std::error::Error;
use std::io;

use crate::FetchError;

/// Converts an error that occurred before the end of the headers.
pub(crate) fn request_error(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    // An error of the resolver, wrapped by the HTTP client.
    if let Some(refused) = find::<FetchError>(&error) {
        return refused.clone();
    }
    if error.is_timeout() {
        return FetchError::Timeout;
    }
    if let Some(tls) = find::<rustls::Error>(&error) {
        return FetchError::Tls(tls.to_string());
    }
    match find::<hyper::Error>(&error) {
        Some(cause) if cause.is_parse_too_large() => return FetchError::HeadersTooLarge,
        Some(cause) if cause.is_parse() => return FetchError::NotHttp(describe(&error)),
        _ => {}
    }
    if error.is_connect() {
        return FetchError::Connect(describe(&error));
    }
    FetchError::Interrupted(describe(&error))
}

/// Converts an error that occurred while the body was read.
pub(crate) fn body_error(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    let early_end = find::<io::Error>(&error).is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof);
    if early_end || is_incomplete(&error) {
        return FetchError::Truncated;
    }
    FetchError::Interrupted(describe(&error))
}

fn is_incomplete(error: &reqwest::Error) -> bool {
    find::<hyper::Error>(error).is_some_and(hyper::Error::is_incomplete_message)
}

/// Returns the first error of this type in the chain of causes. Looks into `io::Error` too, whose `source` skips the wrapped
/// error.
fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|inner| find::<T>(inner)) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Formats the chain of causes in one line, for logs.
pub(crate) fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
