//! Verifies AWS Signature Version 4 in the `Authorization` header, as in
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
//! Only for the JSON services: S3 signs paths and bodies in its own way.

use std::time::SystemTime;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::identity::Identities;

/// Maximum difference between a request's date and this machine's clock.
const MAX_SKEW: Duration = Duration::minutes(15);
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE_FORMAT: &str = "[year][month][day]T[hour][minute][second]Z";
/// All but the characters that RFC 3986 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The reason why a signature is refused. The text is the message for the caller.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SignatureError {
    /// There is no `Authorization` header.
    #[error("Request is missing Authentication Token")]
    Missing,
    /// The `Authorization` header lacks a field, or a header that it requires is missing.
    #[error("{0}")]
    Incomplete(String),
    /// No caller has this access key id, or its session token is missing or wrong.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The date is too far off, or the signature is for another region, service or day.
    #[error("{0}")]
    OutOfScope(String),
    /// The signature does not match the request and the caller's key.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
}

impl SignatureError {
    /// Returns the error's name in the services' JSON, without a namespace.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::OutOfScope(_) | Self::Mismatch => "InvalidSignatureException",
        }
    }

    /// Returns the error's body: `{"__type": …, "message": …}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "__type": format!("com.amazon.coral.service#{}", self.code()),
            "message": self.to_string(),
        })
    }
}

/// Returns the caller who signed this request for `service` in `region`.
///
/// # Errors
/// [`SignatureError`] if the signature is missing or incomplete, its key or session token is unknown, its scope is another one,
/// its date differs by more than 15 minutes, or the signature itself is wrong.
pub fn verify(
    parts: &Parts,
    body: &[u8],
    identities: &Identities,
    service: &str,
    region: &str,
) -> Result<String, SignatureError> {
    let header = header(parts, "authorization").ok_or(SignatureError::Missing)?;
    let claim = Claim::parse(header)?;
    let caller = identities.caller(claim.access_key_id).ok_or(SignatureError::UnknownKey)?;
    if !identities.is_session(&caller, self::header(parts, "x-amz-security-token")) {
        return Err(SignatureError::UnknownKey);
    }
    let date = self::header(parts, "x-amz-date").ok_or_else(|| {
        SignatureError::Incomplete("Authorization header requires 'X-Amz-Date'.".to_owned())
    })?;
    let time = check_date(date, now())?;
    claim.check_scope(date, region, service)?;
    claim.check_signed_headers(parts)?;

    let request = hex::encode(Sha256::digest(canonical_request(parts, body, claim.signed_headers)?));
    let scope = claim.scope;
    let string_to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{request}");
    let secret = identities.keys(&caller).secret_access_key;
    let key = generate_signing_key(&secret, SystemTime::from(time), region, service);
    let expected = calculate_signature(key, string_to_sign.as_bytes());
    if bool::from(expected.as_bytes().ct_eq(claim.signature.as_bytes())) {
        Ok(caller)
    } else {
        Err(SignatureError::Mismatch)
    }
}

/// Returns the current time of the machine's clock.
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// The fields of an `Authorization` header.
struct Claim<'a> {
    access_key_id: &'a str,
    /// `<date>/<region>/<service>/aws4_request`.
    scope: &'a str,
    /// Names separated by semicolons.
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    fn parse(header: &'a str) -> Result<Self, SignatureError> {
        let incomplete =
            |what: &str| SignatureError::Incomplete(format!("Authorization header requires '{what}'."));
        let fields = header.strip_prefix(ALGORITHM).ok_or_else(|| incomplete(ALGORITHM))?;
        let field = |name: &str| {
            let mut pairs = fields.split(',').filter_map(|pair| pair.trim().split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value).ok_or_else(|| incomplete(name))
        };
        let (access_key_id, scope) =
            field("Credential")?.split_once('/').ok_or_else(|| incomplete("Credential"))?;
        Ok(Self {
            access_key_id,
            scope,
            signed_headers: field("SignedHeaders")?,
            signature: field("Signature")?,
        })
    }

    fn check_scope(&self, date: &str, region: &str, service: &str) -> Result<(), SignatureError> {
        let refuse = |message: String| Err(SignatureError::OutOfScope(message));
        let mut scope = self.scope.split('/');
        let mut next = || scope.next().unwrap_or_default();
        let (day, scope_region, scope_service, end) = (next(), next(), next(), next());
        if scope_region != region {
            return refuse(format!("Credential should be scoped to a valid region, not '{scope_region}'."));
        }
        if scope_service != service {
            return refuse(format!("Credential should be scoped to correct service: '{service}'."));
        }
        if end != "aws4_request" || scope.next().is_some() {
            return refuse("Credential should be scoped with a valid terminator: 'aws4_request'.".to_owned());
        }
        if !date.starts_with(day) || day.len() != 8 {
            return refuse(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date.".to_owned(),
            );
        }
        Ok(())
    }

    /// Checks that the headers that determine the target and the operation are signed.
    fn check_signed_headers(&self, parts: &Parts) -> Result<(), SignatureError> {
        let signed = |name: &str| self.signed_headers.split(';').any(|signed| signed == name);
        let unsigned = parts.headers.keys().map(http::HeaderName::as_str);
        let mut unsigned = unsigned.filter(|name| name.starts_with("x-amz-") && !signed(name));
        match unsigned.next() {
            _ if !signed("host") => Err("host"),
            Some(name) => Err(name),
            None => Ok(()),
        }
        .map_err(|name| {
            SignatureError::Incomplete(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."))
        })
    }
}

/// Returns the request's time if it is within [`MAX_SKEW`] of `now`.
fn check_date(date: &str, now: OffsetDateTime) -> Result<OffsetDateTime, SignatureError> {
    let unreadable = || {
        SignatureError::Incomplete(
            "Date must be in ISO-8601 'basic format', such as 20150830T123600Z.".to_owned(),
        )
    };
    let format = time::format_description::parse_borrowed::<2>(DATE_FORMAT).map_err(|_| unreadable())?;
    let time = PrimitiveDateTime::parse(date, &format).map_err(|_| unreadable())?.assume_utc();
    if time < now - MAX_SKEW {
        return Err(SignatureError::OutOfScope(format!(
            "Signature expired: {date} is more than 15 minutes ago."
        )));
    }
    if time > now + MAX_SKEW {
        let message = format!("Signature not yet current: {date} is more than 15 minutes ahead.");
        return Err(SignatureError::OutOfScope(message));
    }
    Ok(time)
}

/// Builds the canonical request, the input of the signature on both sides.
fn canonical_request(parts: &Parts, body: &[u8], signed_headers: &str) -> Result<String, SignatureError> {
    let mut headers = String::new();
    for name in signed_headers.split(';') {
        let values: Vec<_> =
            parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        let value = match (values.is_empty(), name, parts.uri.authority()) {
            (true, "host", Some(authority)) => authority.to_string(),
            (true, ..) => return Err(SignatureError::Mismatch),
            (false, ..) => values.iter().map(|value| collapse(value)).collect::<Vec<_>>().join(","),
        };
        headers.push_str(&format!("{name}:{value}\n"));
    }
    let path: Vec<_> = parts.uri.path().split('/').map(encode).collect();
    let query = canonical_query(parts.uri.query().unwrap_or_default());
    let payload = hex::encode(Sha256::digest(body));
    Ok(format!("{}\n{}\n{query}\n{headers}\n{signed_headers}\n{payload}", parts.method, path.join("/")))
}

/// Trims a header's value, and collapses inner spaces.
fn collapse(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Encodes parameters in canonical form, sorted by name and value.
fn canonical_query(query: &str) -> String {
    let mut parameters: Vec<_> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (reencode(name), reencode(value)))
        .collect();
    parameters.sort();
    parameters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn reencode(text: &str) -> String {
    encode(&percent_decode_str(text).decode_utf8_lossy())
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests;
