use files_domain::{Expiry, FileChange, Timestamp};
use lambda_http::Request;
use serde_json::Value;

use crate::create::{check_metadata, check_name};
use crate::expiry::{check_expiry, moment, two_expiries};
use crate::json_object::JsonObject;
use crate::params::check_json;
use crate::{ApiError, Reason};

/// The fields that can be changed, for error messages.
const FIELDS: &str = "name, metadata, expires_in, expires_at";

/// Parses the body of a request to change a file at `now`.
///
/// # Errors
/// [`Reason::MalformedRequest`], [`Reason::RepeatedField`], [`Reason::UnsupportedEncoding`], [`Reason::UnsupportedMediaType`],
/// [`Reason::UnknownField`], [`Reason::NothingToChange`], and the reason of an invalid field.
pub fn file_change(request: &Request, now: Timestamp) -> Result<FileChange, ApiError> {
    check_json(request)?;
    let mut json = JsonObject::read_with_nulls(request.body())?;
    let name = json.string("name", Reason::InvalidName)?;
    let name = name.as_deref().map(check_name).transpose()?;
    let metadata = match json.take("metadata") {
        Some(Value::Null) => Some(files_domain::Metadata::default()),
        Some(value) => {
            Some(check_metadata(crate::json_object::strings("metadata", value, Reason::InvalidMetadata)?)?)
        }
        None => None,
    };
    let expiry = expiry(&mut json, now)?;
    if let Some(field) = json.other_field() {
        return Err(ApiError::from(Reason::UnknownField)
            .with_message(format!("{field} cannot be changed: the fields are {FIELDS}"))
            .on_field(&field, None));
    }
    let change = FileChange { name, metadata, expiry };
    if change.is_empty() { Err(Reason::NothingToChange.into()) } else { Ok(change) }
}

/// Reads the expiry from one of two fields. `null` means never.
fn expiry(json: &mut JsonObject, now: Timestamp) -> Result<Option<Expiry>, ApiError> {
    match (json.take("expires_in"), json.take("expires_at")) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(two_expiries()),
        (Some(Value::Null), None) | (None, Some(Value::Null)) => Ok(Some(Expiry::Never)),
        (Some(seconds), None) => {
            let lifetime = check_expiry(JsonObject::whole("expires_in", &seconds, Reason::InvalidExpiry)?)?;
            Ok(Some(Expiry::At(now.plus(lifetime))))
        }
        (None, Some(at)) => moment(at.as_str(), now).map(|at| Some(Expiry::At(at))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::Body;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn read(body: &str) -> Result<FileChange, ApiError> {
        file_change(&Request::new(Body::Text(body.to_owned())), NOW)
    }

    #[test]
    fn each_field_changes_alone() {
        let change = read(r#"{"name":"../a.mp4"}"#).unwrap();
        assert_eq!((change.name.unwrap().as_str(), change.metadata, change.expiry), ("a.mp4", None, None));
        let change = read(r#"{"metadata":{"a":"b"}}"#).unwrap();
        assert_eq!(change.metadata.unwrap().entries().len(), 1);
        assert!(read(r#"{"metadata":null}"#).unwrap().metadata.unwrap().is_empty());
        for (body, expiry) in [
            (r#"{"expires_in":60}"#, Expiry::At(Timestamp::from_millis(60_000))),
            (r#"{"expires_at":"1970-01-01T01:01:00+01:00"}"#, Expiry::At(Timestamp::from_millis(60_000))),
            (r#"{"expires_in":null}"#, Expiry::Never),
            (r#"{"expires_at":null}"#, Expiry::Never),
        ] {
            assert_eq!(read(body).unwrap().expiry, Some(expiry), "{body}");
        }
    }

    #[test]
    fn an_invalid_field_is_named() {
        for (body, reason, field) in [
            ("", Reason::NothingToChange, ""),
            ("{}", Reason::NothingToChange, ""),
            ("[]", Reason::MalformedRequest, ""),
            (r#"{"name":"a","name":"b"}"#, Reason::RepeatedField, "name"),
            (r#"{"name":null}"#, Reason::InvalidName, "name"),
            (r#"{"name":".."}"#, Reason::InvalidName, "name"),
            (r#"{"name":1}"#, Reason::InvalidName, "name"),
            (r#"{"metadata":["a"]}"#, Reason::InvalidMetadata, "metadata"),
            (r#"{"metadata":{"a":1}}"#, Reason::InvalidMetadata, "metadata"),
            (r#"{"expires_in":0}"#, Reason::InvalidExpiry, "expires_in"),
            (r#"{"expires_in":"60"}"#, Reason::InvalidExpiry, "expires_in"),
            (r#"{"expires_in":315360001}"#, Reason::InvalidExpiry, "expires_in"),
            (r#"{"expires_at":60}"#, Reason::InvalidExpiry, "expires_at"),
            (r#"{"expires_at":"1970-01-01T00:00:00Z"}"#, Reason::InvalidExpiry, "expires_at"),
            (r#"{"expires_at":"1979-12-31T00:00:00Z"}"#, Reason::InvalidExpiry, "expires_at"),
            (r#"{"expires_in":60,"expires_at":null}"#, Reason::InvalidExpiry, "expires_at"),
            (r#"{"name":"a","size":1}"#, Reason::UnknownField, "size"),
            (r#"{"status":null}"#, Reason::UnknownField, "status"),
        ] {
            let error = read(body).expect_err(body);
            assert_eq!(error.reason(), reason, "{body}");
            assert!(format!("{error:?}").contains(field), "{body}: {error:?}");
        }
    }
}
