use std::borrow::Borrow;

use files_domain::{ApiKey, Caller, Principal, Scope, Timestamp, UploadToken};
use files_records::{ClientRecords, Keys};
use http::header::AUTHORIZATION;
use lambda_http::Request;

use crate::audit::audit_caller;
use crate::params::check_query;
use crate::{ApiError, Reason, header, query_parameter};

/// Authenticates a request, and parses it with `parse`.
///
/// A malformed key is rejected here without a read. A well-formed key is checked in the read or the transaction that does the work.
/// Errors of the rest of the request are returned only to the holder of a valid key, so if `parse` fails, the key is checked first.
///
/// # Errors
/// [`Reason::InvalidApiKey`]: there is no key, or it is malformed or cached as invalid. [`Reason::TooManyRequests`]: the owner
/// exceeds its requests per second. If `parse` fails, or a query parameter is repeated: the error of the key, otherwise that of
/// `parse`, or [`Reason::MalformedParameter`].
pub async fn authenticate<R: Borrow<Request>, T>(
    keys: &Keys,
    request: R,
    scope: Scope,
    now: Timestamp,
    parse: impl FnOnce(R, &Caller) -> Result<T, ApiError>,
) -> Result<(Caller, T), ApiError> {
    let caller = caller(request.borrow(), scope, now)?;
    if caller.upload_token().is_some() {
        return Err(ApiError::from(Reason::MissingScope).with_message(NO_API_KEY));
    }
    keys.admit(&caller).await?;
    let parsed = parse_or_check(request, &caller, parse, keys.check(&caller)).await?;
    Ok((caller, parsed))
}

/// The message for an upload token on any other route.
const NO_API_KEY: &str = "An upload token is valid only for presigned uploads: send an API key";

/// Like [`authenticate`], for the routes that also accept an upload token. An API key needs the scope `write`.
///
/// # Errors
/// As [`authenticate`].
pub async fn authenticate_uploader<R: Borrow<Request>, T>(
    records: &ClientRecords,
    request: R,
    now: Timestamp,
    parse: impl FnOnce(R, &Caller) -> Result<T, ApiError>,
) -> Result<(Caller, T), ApiError> {
    let caller = caller(request.borrow(), Scope::Write, now)?;
    if caller.upload_token().is_none() {
        records.keys().admit(&caller).await?;
    }
    let parsed = parse_or_check(request, &caller, parse, records.check(&caller)).await?;
    Ok((caller, parsed))
}

/// Parses a request. If that fails, the result of `check` precedes the error.
async fn parse_or_check<R: Borrow<Request>, T, E>(
    request: R,
    caller: &Caller,
    parse: impl FnOnce(R, &Caller) -> Result<T, ApiError>,
    check: impl Future<Output = Result<(), E>>,
) -> Result<T, ApiError>
where
    ApiError: From<E>,
{
    let parsed = check_query(request.borrow()).and_then(|()| parse(request, caller));
    if parsed.is_err() {
        check.await?;
    }
    parsed
}

fn caller(request: &Request, scope: Scope, now: Timestamp) -> Result<Caller, ApiError> {
    let text = presented_key(request).ok_or(Reason::InvalidApiKey)?;
    let text = text.trim();
    let key = ApiKey::parse(text).map(Principal::from);
    let principal = key.or_else(|| UploadToken::parse(text).map(Principal::from));
    let caller = Caller { principal: principal.ok_or(Reason::InvalidApiKey)?, scope, now };
    audit_caller(&caller);
    Ok(caller)
}

/// Returns the key in `X-API-KEY`, otherwise in `Authorization: Bearer` (RFC 6750), otherwise in the query.
fn presented_key(request: &Request) -> Option<String> {
    // Clients send an empty header if their variable is not set.
    if let Some(key) = header(request, "x-api-key").filter(|key| !key.trim().is_empty()) {
        return Some(key.to_owned());
    }
    if let Some((scheme, key)) =
        header(request, AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '))
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Some(key.to_owned());
    }
    query_parameter(request, "key").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use files_domain::OwnerId;
    use lambda_http::{Body, RequestExt};
    use std::collections::HashMap;

    fn ask(uri: &str, headers: &[(&str, &str)]) -> Result<Caller, ApiError> {
        let mut request = http::Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let query = uri.split_once("key=").map(|(_, key)| ("key".to_owned(), vec![key.to_owned()]));
        let parameters: HashMap<_, _> = query.into_iter().collect();
        let request = request.body(Body::Empty).unwrap().with_query_string_parameters(parameters);
        caller(&request, Scope::Read, Timestamp::from_millis(1))
    }

    #[test]
    fn a_key_is_read_from_header_bearer_or_query() {
        let key = ApiKey::generate(OwnerId::named("press")).unwrap();
        let text = key.reveal();
        let bearer = format!("bearer {text}");
        let query = format!("/v1/files?key={text}");
        for (uri, headers) in [
            ("/", vec![("X-API-KEY", text)]),
            ("/", vec![("Authorization", bearer.as_str())]),
            ("/", vec![("X-API-KEY", ""), ("Authorization", bearer.as_str())]),
            ("/", vec![("X-API-KEY", " "), ("Authorization", bearer.as_str())]),
            (query.as_str(), vec![]),
        ] {
            assert_eq!(ask(uri, &headers).unwrap().hash(), key.hash());
        }
    }

    #[test]
    fn a_missing_and_a_malformed_key_have_the_same_error() {
        for (uri, headers) in [
            ("/", vec![]),
            ("/?key=", vec![]),
            ("/", vec![("X-API-KEY", "fm_0123")]),
            ("/", vec![("Authorization", "Basic Zm06Zm0=")]),
        ] {
            assert_eq!(ask(uri, &headers).unwrap_err().reason(), Reason::InvalidApiKey);
        }
    }
}
