//! Errors of URLs and fetches.

use std::time::Duration;

/// The reason why a text is not a URL that this crate fetches. The messages may be shown to the user who sent the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// The text is not a well-formed URL with scheme, `//` and host.
    #[error("the URL is not an absolute http or https URL, such as https://example.com/film.mp4")]
    NotAbsolute,
    /// The scheme is neither `http` nor `https`.
    #[error("only http and https URLs can be fetched")]
    Scheme,
    /// The URL contains a user name or a password.
    #[error("the URL must not contain a user name or a password")]
    Credentials,
    /// The port is neither 80 nor 443, on a host that the operator did not allow.
    #[error("only URLs with port 80 or 443 can be fetched")]
    Port,
    /// The host is a literal address that is not public, or a name reserved for private use.
    #[error("the URL does not point to a public address")]
    PrivateAddress,
    /// The URL is longer than 8 KiB.
    #[error("the URL is longer than 8 KiB")]
    TooLong,
}

/// The reason why a source could not be fetched.
///
/// `Display` is for logs, [`for_user`](FetchError::for_user) for the user who sent the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL, or one the source redirected to, is malformed or not allowed.
    #[error("refused URL: {0}")]
    Url(UrlError),
    /// The host is, or resolves to, an address that is not public.
    #[error("refused address: not public")]
    PrivateAddress,
    /// The host name does not exist or has no address.
    #[error("the host name does not resolve")]
    Dns,
    /// The host name could not be resolved; a later attempt may succeed.
    #[error("the host name could not be resolved: {0}")]
    DnsTemporary(String),
    /// The connection was refused, reset or unreachable.
    #[error("no connection: {0}")]
    Connect(String),
    /// The TLS handshake failed, or the certificate is not valid.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// The source redirected more often than [`Limits::max_redirects`](crate::Limits::max_redirects).
    #[error("too many redirects")]
    TooManyRedirects,
    /// A redirect has no valid `Location`.
    #[error("redirect without a usable location")]
    BadRedirect,
    /// The status is neither success nor a redirect.
    #[error("status {0}")]
    Status(u16),
    /// The status is 429 or 503, with `Retry-After`.
    #[error("status {status}, retry after {retry_after:?}")]
    Busy {
        /// 429 or 503.
        status: u16,
        /// The time until the next attempt.
        retry_after: Duration,
    },
    /// The source has another version than the requested one.
    #[error("the source has changed")]
    Changed,
    /// The source sent something else than the file that it sent before, and nothing shows that it is a new version: a notice about
    /// too many connections, a login page, an empty body.
    #[error("the source sent another file than before")]
    OtherFile,
    /// The response is not HTTP, or its status line or headers are malformed.
    #[error("the response is not valid HTTP: {0}")]
    NotHttp(String),
    /// A 206 response has other bytes than requested.
    #[error("the response has another range than requested")]
    WrongRange,
    /// The file ends before the requested range does.
    #[error("the file is shorter than the requested range")]
    TooShort,
    /// The headers did not arrive within the connect timeout and the header timeout.
    #[error("timed out before the end of the headers")]
    Timeout,
    /// No bytes of the body, or too few, arrived within the stall timeout.
    #[error("the body stalled")]
    Stalled,
    /// The body ended before its `Content-Length`, or within a chunk.
    #[error("the body was cut off")]
    Truncated,
    /// The connection broke.
    #[error("the response broke off: {0}")]
    Interrupted(String),
    /// The headers exceed the limit. With HTTP/2, and with headers of several hundred KiB, the HTTP library aborts first, with
    /// [`Interrupted`](FetchError::Interrupted), so that they are never all in memory.
    #[error("the headers are too large")]
    HeadersTooLarge,
    /// The body is compressed although `identity` was requested. Storing it would store another file.
    #[error("the body has the content encoding {0}")]
    ContentEncoding(&'static str),
    /// A text is longer than the caller's limit.
    #[error("the text is too long")]
    TooLong,
    /// An error that occurred after a redirect.
    #[error("redirected: {0}")]
    Redirected(Box<FetchError>),
    /// An error with a description of the request that failed, if there are several.
    #[error("{0}: {1}")]
    Context(String, Box<FetchError>),
    /// The HTTP client could not be built.
    #[error("the client could not be built: {0}")]
    Setup(String),
}

impl From<UrlError> for FetchError {
    fn from(error: UrlError) -> Self {
        match error {
            UrlError::PrivateAddress => FetchError::PrivateAddress,
            other => FetchError::Url(other),
        }
    }
}

impl FetchError {
    /// Returns whether the same fetch may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            // 202 Accepted: the source is still preparing the file. 425 Too Early: RFC 8470 tells clients to retry.
            FetchError::Status(status) => matches!(status, 202 | 408 | 425 | 429 | 500..=599),
            FetchError::Context(_, error) | FetchError::Redirected(error) => error.is_retryable(),
            FetchError::Busy { .. }
            | FetchError::DnsTemporary(_)
            | FetchError::Connect(_)
            | FetchError::Timeout
            | FetchError::Stalled
            | FetchError::Truncated
            | FetchError::OtherFile
            | FetchError::Interrupted(_) => true,
            FetchError::Url(_)
            | FetchError::PrivateAddress
            | FetchError::Dns
            | FetchError::Tls(_)
            | FetchError::TooManyRedirects
            | FetchError::BadRedirect
            | FetchError::Changed
            | FetchError::NotHttp(_)
            | FetchError::TooShort
            | FetchError::WrongRange
            | FetchError::HeadersTooLarge
            | FetchError::ContentEncoding(_)
            | FetchError::TooLong
            | FetchError::Setup(_) => false,
        }
    }

    /// Adds a description of the request that failed, such as "segment 3 of 12". An error that has a description keeps it,
    /// because it is more precise. [`Url`](FetchError::Url) and [`PrivateAddress`](FetchError::PrivateAddress) stay unchanged.
    #[must_use]
    pub fn context(self, what: String) -> Self {
        match self {
            FetchError::Context(..) => self,
            error if matches!(error.cause(), FetchError::Url(_) | FetchError::PrivateAddress) => error,
            error => FetchError::Context(what, Box::new(error)),
        }
    }

    /// Returns the time from `Retry-After`, if the source sent it with 429 or 503.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            FetchError::Busy { retry_after, .. } => Some(*retry_after),
            FetchError::Context(_, error) | FetchError::Redirected(error) => error.retry_after(),
            _ => None,
        }
    }

    /// Returns the underlying error, without redirects and descriptions.
    #[must_use]
    pub fn cause(&self) -> &FetchError {
        match self {
            FetchError::Context(_, error) | FetchError::Redirected(error) => error.cause(),
            error => error,
        }
    }

    /// Returns the HTTP status, if the error is an unexpected status.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.cause() {
            FetchError::Status(status) | FetchError::Busy { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns whether the connection broke off in a way that the `Range` header may have caused.
    pub(crate) fn may_be_caused_by_range(&self) -> bool {
        matches!(self.cause(), FetchError::Interrupted(_) | FetchError::Truncated)
    }

    /// Chooses between the errors of two attempts: returns the first one if only that one has a status, otherwise this one.
    pub(crate) fn or_status_of(self, first: FetchError) -> FetchError {
        if self.status().is_none() && first.status().is_some() { first } else { self }
    }

    /// Returns whether too many concurrent connections to the source may have caused the error.
    pub fn may_be_too_many_connections(&self) -> bool {
        matches!(
            self.cause(),
            FetchError::Busy { .. }
                | FetchError::Status(429 | 503)
                | FetchError::Connect(_)
                | FetchError::OtherFile
        )
    }

    /// Returns one sentence for the user, without full stop and without internals, such as "the source responded 404".
    pub fn for_user(&self) -> String {
        match self {
            FetchError::Url(error) => error.to_string(),
            FetchError::Redirected(error) => format!("{} (a redirect led there)", error.for_user()),
            FetchError::Status(status @ (401 | 403)) => {
                format!(
                    "the source responded {status}; if it asks for a login or a token, send that in `headers`"
                )
            }
            FetchError::Status(status) | FetchError::Busy { status, .. } => {
                format!("the source responded {status}")
            }
            FetchError::ContentEncoding(coding) => {
                format!(
                    "the source sent a compressed body ({coding}) although an uncompressed one was requested"
                )
            }
            FetchError::Context(what, error) => format!("{what}: {}", error.for_user()),
            _ => self.fixed_sentence().to_owned(),
        }
    }

    /// Returns the sentence of an error without values.
    fn fixed_sentence(&self) -> &'static str {
        match self {
            FetchError::PrivateAddress => "the source is not at a public address",
            FetchError::Dns => "the host name of the source does not exist",
            FetchError::DnsTemporary(_) => "the host name of the source could not be resolved",
            FetchError::Connect(_) => "the source refused the connection or could not be reached",
            FetchError::Tls(_) => {
                "no secure connection to the source: its certificate is not valid or TLS failed"
            }
            FetchError::TooManyRedirects => "the source redirected too many times",
            FetchError::BadRedirect => "the source redirected without a valid Location",
            FetchError::Changed => "the source changed while it was read",
            FetchError::OtherFile => "the source sent another file when it was asked again",
            FetchError::NotHttp(_) => "the response of the source is not valid HTTP",
            FetchError::WrongRange => "the source sent another part of the file than requested",
            FetchError::TooShort => "the file of the source ends before the bytes that are requested of it",
            FetchError::Timeout => "the source took too long to respond",
            FetchError::Stalled => "the source stopped sending",
            FetchError::Truncated => "the source sent less than it announced",
            FetchError::Interrupted(_) => "the connection to the source broke off",
            FetchError::HeadersTooLarge => "the source sent too many headers",
            FetchError::TooLong => "the source sent a text that is too long",
            FetchError::Url(_)
            | FetchError::Redirected(_)
            | FetchError::Status(_)
            | FetchError::Busy { .. }
            | FetchError::ContentEncoding(_)
            | FetchError::Context(..)
            | FetchError::Setup(_) => "the source could not be fetched",
        }
    }
}
