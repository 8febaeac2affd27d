use std::ops::RangeInclusive;
use std::time::Duration;

use files_domain::{ContentTypePattern, NewUploadToken, limits};
use lambda_http::Request;
use serde_json::Value;

use crate::create::check_metadata;
use crate::json_object::unknown_field;
use crate::params::json_object;
use crate::webhook::check_webhook_length;
use crate::{ApiError, JsonObject, Reason};

/// Shortest and longest time in seconds for which a token can create files, and the default.
const TTL_SECONDS: RangeInclusive<u64> = 60..=86_400;
const DEFAULT_TTL_SECONDS: u64 = 3_600;
/// Maximum number of media types of a token.
const MAX_CONTENT_TYPES: usize = 20;
/// Largest bound of the number of files of a token.
const MAX_FILES: u64 = 1_000_000;

/// Parses the body of a request for an upload token. Does not check the host of its webhook.
///
/// # Errors
/// [`Reason::InvalidUploadToken`], [`Reason::InvalidMetadata`], [`Reason::UnknownField`], [`Reason::InvalidWebhook`],
/// [`Reason::MalformedRequest`], [`Reason::RepeatedField`], [`Reason::UnsupportedEncoding`].
pub fn upload_token(request: &Request) -> Result<NewUploadToken, ApiError> {
    let mut json = json_object(request)?;
    let webhook = json.string("webhook", Reason::InvalidWebhook)?;
    webhook.as_deref().map_or(Ok(()), |url| check_webhook_length("webhook", url))?;
    let ttl = number(&mut json, "ttl", TTL_SECONDS)?.unwrap_or(DEFAULT_TTL_SECONDS);
    let metadata = json.strings("metadata", Reason::InvalidMetadata)?;
    let new = NewUploadToken {
        ttl: Duration::from_secs(ttl),
        max_size: number(&mut json, "max_size", 1..=limits::MAX_OBJECT_BYTES)?,
        content_types: content_types(json.take("content_types"))?,
        max_files: number(&mut json, "max_files", 1..=MAX_FILES)?,
        metadata: metadata.map(check_metadata).transpose()?.unwrap_or_default(),
        webhook,
    };
    match json.other_field() {
        None => Ok(new),
        Some(field) => Err(unknown_field(&field)),
    }
}

fn number(json: &mut JsonObject, field: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, ApiError> {
    let Some(number) = json.integer(field, Reason::InvalidUploadToken)? else { return Ok(None) };
    let inside = u64::try_from(number).ok().filter(|number| range.contains(number));
    inside.map(Some).ok_or_else(|| {
        invalid(field, format!("{field} must be a whole number from {} to {}", range.start(), range.end()))
    })
}

fn content_types(value: Option<Value>) -> Result<Vec<ContentTypePattern>, ApiError> {
    let wrong = || {
        let message = "content_types must be a list of 1 to 20 media types such as video/mp4 or video/*";
        invalid("content_types", message.to_owned())
    };
    let Some(value) = value else { return Ok(Vec::new()) };
    let given = value.as_array().filter(|types| (1..=MAX_CONTENT_TYPES).contains(&types.len()));
    let parse = |text: &Value| ContentTypePattern::parse(text.as_str()?);
    given.ok_or_else(wrong)?.iter().map(|text| parse(text).ok_or_else(wrong)).collect()
}

fn invalid(field: &str, message: String) -> ApiError {
    ApiError::from(Reason::InvalidUploadToken).with_message(&message).on_field(field, Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::Body;

    fn read(body: &str) -> Result<NewUploadToken, ApiError> {
        upload_token(&Request::new(Body::Text(body.to_owned())))
    }

    #[test]
    fn every_bound_is_optional() {
        let new = read("").unwrap();
        assert_eq!((new.ttl, new.max_size, new.max_files), (Duration::from_secs(3600), None, None));
        let body = r#"{"ttl":60,"max_size":1,"content_types":["video/*","image/png"],"max_files":2,"metadata":{"a":"b"}}"#;
        let new = read(body).unwrap();
        assert_eq!((new.ttl, new.max_size, new.max_files), (Duration::from_secs(60), Some(1), Some(2)));
        assert_eq!((new.content_types[0].as_str(), new.metadata.entries().len()), ("video/*", 1));
    }

    #[test]
    fn an_invalid_bound_is_named() {
        for (body, reason, field) in [
            (r#"{"ttl":59}"#, Reason::InvalidUploadToken, "ttl"),
            (r#"{"ttl":86401}"#, Reason::InvalidUploadToken, "ttl"),
            (r#"{"ttl":"60"}"#, Reason::InvalidUploadToken, "ttl"),
            (r#"{"max_size":0}"#, Reason::InvalidUploadToken, "max_size"),
            (r#"{"max_files":0}"#, Reason::InvalidUploadToken, "max_files"),
            (r#"{"content_types":[]}"#, Reason::InvalidUploadToken, "content_types"),
            (r#"{"content_types":["*/*"]}"#, Reason::InvalidUploadToken, "content_types"),
            (r#"{"content_types":"video/*"}"#, Reason::InvalidUploadToken, "content_types"),
            (r#"{"metadata":{"a":1}}"#, Reason::InvalidMetadata, "metadata"),
            (r#"{"webhook":1}"#, Reason::InvalidWebhook, "webhook"),
            (r#"{"maxsize":1}"#, Reason::UnknownField, "maxsize"),
        ] {
            let error = read(body).expect_err(body);
            assert_eq!(error.reason(), reason, "{body}");
            assert!(format!("{error:?}").contains(field), "{body}: {error:?}");
        }
    }
}
