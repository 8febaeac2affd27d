//! The credentials that a request presents. Here is who calls and whether the form is one that S3 accepts; whether
//! the signature is right is then checked by `s3s` with the [`Secrets`].

use std::borrow::Cow;

use http::{HeaderMap, Uri};
use percent_encoding::percent_decode_str;
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::Range;
use s3s::{S3ErrorCode, S3Result, s3_error};

use super::fault::{Fault, Outcome};
use crate::identity::Identities;

/// The longest life of a presigned URL, in seconds: a week.
const MAX_EXPIRES: i64 = 7 * 24 * 3600;

/// What a request presents, not verified.
pub(super) struct Presented<'request> {
    /// `ACCESS_KEY_ID/20260131/us-east-1/s3/aws4_request`.
    scope: Option<Cow<'request, str>>,
    /// Header names, separated by semicolons.
    signed_headers: Cow<'request, str>,
    expires: Option<Cow<'request, str>>,
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

impl<'request> Presented<'request> {
    /// Finds the credentials of a request.
    pub(super) fn find(uri: &'request Uri, headers: &'request HeaderMap) -> Self {
        let header = headers.get(http::header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
        let query = |name: &str| from_query(uri, name);
        let in_query =
            ["X-Amz-Algorithm", "X-Amz-Signature", "Signature"].into_iter().any(|name| query(name).is_some());
        let form = match header {
            Some(_) if in_query => Form::Both,
            Some(header) if header.starts_with("AWS ") => Form::Version2,
            Some(_) => Form::Header,
            None if query("Signature").is_some() => Form::Version2,
            None if in_query => Form::Query,
            None => Form::Nothing,
        };
        let field = |name: &str| from_header(header.unwrap_or_default(), name).map(Cow::Borrowed);
        let (scope, signed_headers) = match form {
            Form::Query => (query("X-Amz-Credential"), query("X-Amz-SignedHeaders")),
            _ => (field("Credential"), field("SignedHeaders")),
        };
        Self {
            scope,
            signed_headers: signed_headers.unwrap_or_default(),
            expires: query("X-Amz-Expires"),
            form,
        }
    }

    /// Whose key it is, or `unknown`.
    pub(super) fn caller(&self, identities: &Identities) -> String {
        let key = self.scope.as_deref().and_then(|scope| scope.split('/').next());
        key.and_then(|key| known(identities, key)).unwrap_or_else(|| "unknown".to_owned())
    }

    /// Refuses forms that S3 refuses before it looks at the signature.
    pub(super) fn check(&self, headers: &HeaderMap, region: &str) -> Outcome<()> {
        match self.form {
            Form::Nothing => return Err(Fault::new(S3ErrorCode::AccessDenied, "Access Denied")),
            Form::Both => {
                let message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
                               query string parameter or the Authorization header should be specified";
                return Err(Fault::new(S3ErrorCode::InvalidArgument, message));
            }
            Form::Version2 => {
                let message = "The authorization mechanism you have provided is not supported. Please use \
                               AWS4-HMAC-SHA256.";
                return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
            }
            Form::Header | Form::Query => {}
        }
        self.check_scope(region)?;
        self.check_expires()?;
        self.check_signed_headers(headers)
    }

    fn check_scope(&self, region: &str) -> Outcome<()> {
        let scope: Vec<&str> = self.scope.as_deref().unwrap_or_default().split('/').collect();
        let [_, _, named, "s3", "aws4_request"] = scope[..] else {
            return Err(self.malformed("the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."));
        };
        if named == region {
            return Ok(());
        }
        Err(self.malformed(&format!("the region '{named}' is wrong; expecting '{region}'")))
    }

    fn check_expires(&self) -> Outcome<()> {
        if self.form == Form::Header {
            return Ok(());
        }
        let seconds: Option<i64> = self.expires.as_deref().and_then(|seconds| seconds.parse().ok());
        match seconds {
            Some(1..=MAX_EXPIRES) => Ok(()),
            Some(seconds) if seconds > MAX_EXPIRES => Err(self.malformed(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less \
                 than 604800 seconds",
            )),
            _ => Err(self.malformed("X-Amz-Expires should be a number")),
        }
    }

    /// S3 answers a range that it does not understand, or several at once, with the whole object; `s3s` would
    /// refuse it. A signed header cannot be taken away.
    pub(super) fn ignores_range(&self, headers: &HeaderMap) -> bool {
        let range = headers.get(http::header::RANGE).map(|value| value.to_str().unwrap_or_default());
        range.is_some_and(|range| Range::parse(range).is_err()) && !self.signs("range")
    }

    fn signs(&self, name: &str) -> bool {
        self.signed_headers.split(';').any(|signed| signed == name)
    }

    /// Whatever steers S3 must be signed, or whoever holds a presigned URL could add to it.
    fn check_signed_headers(&self, headers: &HeaderMap) -> Outcome<()> {
        let steers = |name: &str| name == "host" || name.starts_with("x-amz-");
        if headers.keys().any(|name| steers(name.as_str()) && !self.signs(name.as_str())) {
            let message = "There were headers present in the request which were not signed";
            return Err(Fault::new(S3ErrorCode::AccessDenied, message));
        }
        Ok(())
    }

    fn malformed(&self, why: &str) -> Fault {
        match self.form {
            Form::Query => {
                let message = format!("Error parsing the X-Amz-Credential parameter or its like; {why}");
                Fault::new(S3ErrorCode::AuthorizationQueryParametersError, message)
            }
            _ => {
                let message = format!("The authorization header is malformed; {why}");
                Fault::new(S3ErrorCode::AuthorizationHeaderMalformed, message)
            }
        }
    }
}

/// A field of `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
fn from_header<'header>(header: &'header str, name: &str) -> Option<&'header str> {
    let fields = header.split_once(' ')?.1.split(',');
    fields
        .filter_map(|field| field.trim().split_once('='))
        .find(|(field, _)| *field == name)
        .map(|(_, value)| value)
}

/// The first query parameter of a name, decoded.
fn from_query<'uri>(uri: &'uri Uri, name: &str) -> Option<Cow<'uri, str>> {
    let pairs = uri.query()?.split('&');
    let (_, value) =
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).find(|(key, _)| *key == name)?;
    Some(percent_decode_str(value).decode_utf8_lossy())
}

/// The caller of a key id, if it is written exactly as it was given out.
pub(super) fn known(identities: &Identities, access_key_id: &str) -> Option<String> {
    identities.caller(access_key_id).filter(|caller| identities.keys(caller).access_key_id == access_key_id)
}

/// Secrets for `s3s` to check signatures with.
pub(super) struct Secrets(pub(super) Identities);

#[async_trait::async_trait]
impl S3Auth for Secrets {
    async fn get_secret_key(&self, access_key_id: &str) -> S3Result<SecretKey> {
        match known(&self.0, access_key_id) {
            Some(caller) => Ok(self.0.keys(&caller).secret_access_key.into()),
            None => Err(s3_error!(
                InvalidAccessKeyId,
                "The AWS Access Key Id you provided does not exist in our records."
            )),
        }
    }
}
