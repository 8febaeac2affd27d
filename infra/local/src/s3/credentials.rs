//! The credentials of a request. This module finds the caller and checks the form of the credentials; `s3s` then verifies the
//! signature with the [`Secrets`].

mod checks;

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3ErrorCode, S3Result, s3_error};

use super::fault::{Fault, Outcome};
use crate::identity::Identities;

/// The parameters that every presigned URL has.
const PARAMETERS: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
];

const UNKNOWN_KEY: &str = "The AWS Access Key Id you provided does not exist in our records.";

/// The credentials of a request, not yet verified.
pub(super) struct Presented<'request> {
    /// `ACCESS_KEY_ID/20260131/us-east-1/s3/aws4_request`.
    scope: Option<Cow<'request, str>>,
    /// Header names, separated by semicolons.
    signed_headers: Cow<'request, str>,
    /// `20260131T235959Z`.
    date: Option<Cow<'request, str>>,
    signature: Option<Cow<'request, str>>,
    /// Only in presigned URLs.
    algorithm: Option<Cow<'request, str>>,
    expires: Option<Cow<'request, str>>,
    /// `X-Amz-Security-Token`, which accompanies temporary keys.
    token: Option<Cow<'request, str>>,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Nothing,
    Header,
    Query,
    Both,
    Version2,
}

impl Form {
    fn find(uri: &Uri, header: Option<&str>) -> Self {
        let has = |name: &str| from_query(uri, name).is_some();
        match header {
            Some(_) if ["X-Amz-Algorithm", "X-Amz-Signature", "Signature"].into_iter().any(has) => Self::Both,
            Some(header) if header.starts_with("AWS ") => Self::Version2,
            Some(_) => Self::Header,
            None if has("Signature") => Self::Version2,
            None if PARAMETERS.into_iter().any(has) => Self::Query,
            None => Self::Nothing,
        }
    }
}

impl<'request> Presented<'request> {
    /// Finds the credentials of a request.
    pub(super) fn find(uri: &'request Uri, headers: &'request HeaderMap) -> Self {
        let text = |value: &'request HeaderValue| value.to_str().unwrap_or_default();
        let header = headers.get(http::header::AUTHORIZATION).map(text);
        let form = Form::find(uri, header);
        let query = |name: &str| from_query(uri, name);
        let field = |name: &str| match form {
            Form::Query => query(&format!("X-Amz-{name}")),
            _ => from_header(header.unwrap_or_default(), name).map(Cow::Borrowed),
        };
        Self {
            scope: field("Credential"),
            signed_headers: field("SignedHeaders").unwrap_or_default(),
            date: match form {
                Form::Query => query("X-Amz-Date"),
                _ => headers.get("x-amz-date").map(text).map(Cow::Borrowed),
            },
            signature: field("Signature"),
            token: match form {
                Form::Query => query("X-Amz-Security-Token"),
                _ => token_header(headers).map(Cow::Borrowed),
            },
            algorithm: query("X-Amz-Algorithm"),
            expires: query("X-Amz-Expires"),
            form,
        }
    }

    /// Returns the caller of the key, or `unknown`.
    pub(super) fn caller(&self, identities: &Identities) -> String {
        known(identities, self.access_key_id()).unwrap_or_else(|| "unknown".to_owned())
    }

    /// Returns the access key id, or an empty text.
    pub(super) fn access_key_id(&self) -> &str {
        self.scope.as_deref().and_then(|scope| scope.split('/').next()).unwrap_or_default()
    }

    /// Returns the scope `20260131/us-east-1/s3/aws4_request` as sent.
    pub(super) fn scope_of_key(&self) -> &str {
        self.scope.as_deref().and_then(|scope| scope.split_once('/')).map_or("", |(_, scope)| scope)
    }

    /// Refuses a session token other than that of the keys. Without the token, S3 reports temporary keys as unknown.
    pub(super) fn check_token(&self, identities: &Identities) -> Outcome<()> {
        let Some(caller) = known(identities, self.access_key_id()) else {
            return Ok(()); // the unknown key is refused later
        };
        if identities.is_session(&caller, self.token.as_deref()) {
            return Ok(());
        }
        Err(match self.token {
            Some(_) => {
                Fault::new(S3ErrorCode::InvalidToken, "The provided token is malformed or otherwise invalid.")
            }
            None => Fault::new(S3ErrorCode::InvalidAccessKeyId, UNKNOWN_KEY),
        })
    }

    /// Returns the names of the signed headers, separated by semicolons.
    pub(super) fn signed_headers(&self) -> &str {
        &self.signed_headers
    }

    /// Returns the date of the signature, or an empty text.
    pub(super) fn date(&self) -> &str {
        self.date.as_deref().unwrap_or_default()
    }

    /// Returns the signature, or an empty text.
    pub(super) fn signature(&self) -> &str {
        self.signature.as_deref().unwrap_or_default()
    }

    /// Returns whether the request is a presigned URL.
    pub(super) fn in_query(&self) -> bool {
        self.form == Form::Query
    }

    /// Returns whether a header is signed.
    pub(super) fn signs(&self, name: &str) -> bool {
        self.signed_headers.split(';').any(|signed| signed == name)
    }
}

fn token_header(headers: &HeaderMap) -> Option<&str> {
    Some(headers.get("x-amz-security-token")?.to_str().unwrap_or_default())
}

/// Returns a field of `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
fn from_header<'header>(header: &'header str, name: &str) -> Option<&'header str> {
    let fields = header.split_once(' ')?.1.split(',');
    fields
        .filter_map(|field| field.trim().split_once('='))
        .find(|(field, _)| *field == name)
        .map(|(_, value)| value)
}

/// Returns the first query parameter with this name, decoded.
fn from_query<'uri>(uri: &'uri Uri, name: &str) -> Option<Cow<'uri, str>> {
    let pairs = uri.query()?.split('&');
    let (_, value) =
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).find(|(key, _)| *key == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy())
}

/// Returns the value of a header that a presigned URL carries as a parameter, ignoring case.
pub(super) fn header_in_query(uri: &Uri, name: &str) -> Option<HeaderValue> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    HeaderValue::from_bytes(&percent_decode_str(value).collect::<Vec<u8>>()).ok()
}

/// Returns the caller of an access key id, compared exactly.
pub(super) fn known(identities: &Identities, access_key_id: &str) -> Option<String> {
    identities.caller(access_key_id).filter(|caller| identities.keys(caller).access_key_id == access_key_id)
}

/// The secret keys for `s3s`.
pub(super) struct Secrets(pub(super) Identities);

#[async_trait::async_trait]
impl S3Auth for Secrets {
    async fn get_secret_key(&self, access_key_id: &str) -> S3Result<SecretKey> {
        match known(&self.0, access_key_id) {
            Some(caller) => Ok(self.0.keys(&caller).secret_access_key.into()),
            None => Err(s3_error!(InvalidAccessKeyId, "{UNKNOWN_KEY}")),
        }
    }
}
