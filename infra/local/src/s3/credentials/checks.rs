//! Checks that S3 makes before it verifies the signature: form, scope, dates, unsigned headers.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::borrow::Cow;

use http::HeaderMap;
use s3s::S3ErrorCode;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::{Form, Presented};
use crate::s3::fault::{Fault, Outcome};

/// Maximum lifetime of a presigned URL, in seconds: a week.
const MAX_EXPIRES: i64 = 7 * 24 * 3600;

/// Maximum difference between a request's date and this machine's clock.
const MAX_SKEW: Duration = Duration::minutes(15);

/// `20260131T235959Z`
const BASIC: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// `2026-01-31T23:59:59Z`
const EXTENDED: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

impl Presented<'_> {
    /// Makes all checks before the signature is verified.
    pub(in crate::s3) fn check(&self, headers: &HeaderMap, region: &str, now: OffsetDateTime) -> Outcome<()> {
        match self.form {
            Form::Nothing => return Err(Fault::new(S3ErrorCode::AccessDenied, "Access Denied")),
            Form::Both => {
                let message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
                               query string parameter or the Authorization header should be specified";
                let scheme = headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
                let scheme = scheme.and_then(|value| value.split(' ').next()).unwrap_or_default();
                return Err(Fault::argument(message, "Authorization", scheme));
            }
            Form::Version2 => {
                let message = "The authorization mechanism you have provided is not supported. Please use \
                               AWS4-HMAC-SHA256.";
                return Err(Fault::new(S3ErrorCode::InvalidRequest, message));
            }
            Form::Header | Form::Query => {}
        }
        self.check_parameters()?;
        self.check_scope(region)?;
        match self.form {
            Form::Query => self.check_lifetime(now)?,
            _ => self.check_clock(now)?,
        }
        self.check_signed_headers(headers)?;
        self.check_signature()
    }

    /// Checks that a presigned URL has all its parameters.
    fn check_parameters(&self) -> Outcome<()> {
        if !self.in_query() {
            return Ok(());
        }
        let complete = self.algorithm.is_some()
            && self.scope.is_some()
            && self.signature.is_some()
            && self.date.is_some()
            && !self.signed_headers.is_empty()
            && self.expires.is_some();
        if !complete {
            return Err(query_error(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
                 X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            ));
        }
        if self.algorithm.as_deref() != Some("AWS4-HMAC-SHA256") {
            return Err(query_error(
                "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"",
            ));
        }
        Ok(())
    }

    fn check_scope(&self, region: &str) -> Outcome<()> {
        let scope: Vec<&str> = self.scope.as_deref().unwrap_or_default().split('/').collect();
        let [_, day, named, service, end] = scope[..] else {
            return Err(self.malformed(
                "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
            ));
        };
        if service != "s3" {
            let message = format!("incorrect service \"{service}\". This endpoint belongs to \"s3\".");
            return Err(self.malformed(&message));
        }
        if named != region {
            let message = format!("the region '{named}' is wrong; expecting '{region}'");
            return Err(self.malformed(&message).detail("Region", region));
        }
        if end != "aws4_request" {
            let message = format!("incorrect terminal \"{end}\". This endpoint uses \"aws4_request\".");
            return Err(self.malformed(&message));
        }
        if !self.date().is_empty() && !self.date().starts_with(day) {
            let date = self.date().get(..8).unwrap_or_default();
            let message = format!(
                "Invalid credential date \"{day}\". This date is not the same as X-Amz-Date: \"{date}\"."
            );
            return Err(match self.form {
                Form::Query => query_error(message),
                _ => self.malformed(&message),
            });
        }
        Ok(())
    }

    /// Checks that a presigned URL is valid at `now`.
    fn check_lifetime(&self, now: OffsetDateTime) -> Outcome<()> {
        let Some(date) = instant(self.date()) else {
            return Err(query_error(
                "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
            ));
        };
        let seconds: Option<i64> = self.expires.as_deref().and_then(|seconds| seconds.parse().ok());
        let seconds = match seconds {
            Some(seconds @ 0..=MAX_EXPIRES) => seconds,
            Some(..0) => return Err(query_error("X-Amz-Expires must be non-negative")),
            Some(_) => {
                return Err(query_error(
                    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be \
                     less than 604800 seconds",
                ));
            }
            None => return Err(query_error("X-Amz-Expires should be a number")),
        };
        if date > now + MAX_SKEW {
            return Err(Fault::new(S3ErrorCode::AccessDenied, "Request is not valid yet"));
        }
        let end = date + Duration::seconds(seconds);
        if now > end {
            return Err(Fault::new(S3ErrorCode::AccessDenied, "Request has expired")
                .detail("X-Amz-Expires", seconds)
                .detail("Expires", written(end))
                .detail("ServerTime", written(now)));
        }
        Ok(())
    }

    /// Checks that the date of a request signed in its header is current.
    fn check_clock(&self, now: OffsetDateTime) -> Outcome<()> {
        let Some(date) = instant(self.date()) else {
            let message = "AWS authentication requires a valid Date or x-amz-date header";
            return Err(Fault::new(S3ErrorCode::AccessDenied, message));
        };
        if (now - date).abs() > MAX_SKEW {
            let message = "The difference between the request time and the current time is too large.";
            return Err(Fault::new(S3ErrorCode::RequestTimeTooSkewed, message)
                .detail("RequestTime", self.date())
                .detail("ServerTime", written(now))
                .detail("MaxAllowedSkewMilliseconds", MAX_SKEW.whole_milliseconds()));
        }
        Ok(())
    }

    /// Checks that headers that change the operation are signed: otherwise the holder of a presigned URL could add them. The
    /// hash of the body is not part of a URL, and S3 ignores it there.
    fn check_signed_headers(&self, headers: &HeaderMap) -> Outcome<()> {
        let ignored = |name: &str| self.in_query() && name == "x-amz-content-sha256";
        let steers = |name: &&str| *name == "host" || name.starts_with("x-amz-");
        let unsigned: Vec<&str> = headers
            .keys()
            .map(http::HeaderName::as_str)
            .filter(steers)
            .filter(|name| !self.signs(name) && !ignored(name))
            .collect();
        if unsigned.is_empty() {
            return Ok(());
        }
        let message = "There were headers present in the request which were not signed";
        Err(Fault::new(S3ErrorCode::AccessDenied, message).detail("HeadersNotSigned", unsigned.join(", ")))
    }

    /// Refuses a malformed signature with S3's error; `s3s` would report a bad request.
    fn check_signature(&self) -> Outcome<()> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if self.signature().len() == 64 && self.signature().bytes().all(digit) {
            return Ok(());
        }
        Err(S3ErrorCode::SignatureDoesNotMatch.into())
    }

    fn malformed(&self, why: &str) -> Fault {
        match self.form {
            Form::Query => query_error(format!("Error parsing the X-Amz-Credential parameter; {why}")),
            _ => {
                let message = format!("The authorization header is malformed; {why}");
                Fault::new(S3ErrorCode::AuthorizationHeaderMalformed, message)
            }
        }
    }
}

fn query_error(message: impl Into<Cow<'static, str>>) -> Fault {
    Fault::new(S3ErrorCode::AuthorizationQueryParametersError, message)
}

/// Parses `20260131T235959Z`.
fn instant(date: &str) -> Option<OffsetDateTime> {
    PrimitiveDateTime::parse(date, BASIC).ok().map(PrimitiveDateTime::assume_utc)
}

fn written(time: OffsetDateTime) -> String {
    time.format(EXTENDED).unwrap_or_default()
}
