//! Why a URL cannot be fetched.

use std::time::Duration;

/// Why a text is no URL this crate would fetch. Each message is fit for the user who sent the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a well-formed URL with scheme, `//` and host.
    #[error("the URL is not an absolute http or https URL, such as https://example.com/film.mp4")]
    NotAbsolute,
    /// Another scheme than `http` and `https`.
    #[error("only http and https URLs can be fetched")]
    Scheme,
    /// A user name or a password before the host.
    #[error("the URL must not hold a user name or a password")]
    Credentials,
    /// Another port than 80 and 443 on a host the operator did not allow.
    #[error("only the ports 80 and 443 can be reached")]
    Port,
    /// A literal address, or a name reserved for private use, that is not on the public internet.
    #[error("the URL does not point to a public address")]
    PrivateAddress,
    /// More than 8 KiB.
    #[error("the URL is longer than 8 KiB")]
    TooLong,
}

/// Why a source could not be fetched.
///
/// `Display` is for logs; [`for_user`](FetchError::for_user) for the one who sent the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL, or one the source redirected to, is not one to fetch.
    #[error("refused URL: {0}")]
    Url(UrlError),
    /// The host is, or resolves to, an address that is not public. Also a redirect to one.
    #[error("refused address: not public")]
    PrivateAddress,
    /// The name does not exist or has no address.
    #[error("the host name does not resolve")]
    Dns,
    /// The name could not be resolved just now.
    #[error("the host name could not be resolved: {0}")]
    DnsTemporary(String),
    /// No connection: refused, unreachable, reset.
    #[error("no connection: {0}")]
    Connect(String),
    /// No secure connection: the certificate or the handshake failed.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// More redirects than the limit.
    #[error("too many redirects")]
    TooManyRedirects,
    /// A redirect without a usable `Location`.
    #[error("redirect without a usable location")]
    BadRedirect,
    /// An answer that is neither 200 nor a redirect.
    #[error("status {0}")]
    Status(u16),
    /// 429 or 503, with a time to wait.
    #[error("status {status}, and to come back after {retry_after:?}")]
    Busy {
        /// 429 or 503.
        status: u16,
        /// As `Retry-After` says.
        retry_after: Duration,
    },
    /// A part of another version than was asked for.
    #[error("the source has changed")]
    Changed,
    /// A 206 with other bytes than were asked for.
    #[error("another range than was asked for")]
    WrongRange,
    /// Connecting took longer than the connect timeout, or the headers longer than the header timeout.
    #[error("timed out before the headers")]
    Timeout,
    /// No byte of the body, or too few, within the stall timeout.
    #[error("the body stalled")]
    Stalled,
    /// The body ended before the announced length, or in the middle of its framing.
    #[error("the body was cut off")]
    Truncated,
    /// The connection broke, or what came is not HTTP.
    #[error("the answer broke off: {0}")]
    Interrupted(String),
    /// More headers than the limit. Of HTTP/2, and of several hundred KiB, the HTTP layer breaks off by itself
    /// ([`Interrupted`](FetchError::Interrupted)), before they are in memory.
    #[error("the headers are too large")]
    HeadersTooLarge,
    /// The bytes are compressed although identity was asked for; storing them would store another file.
    #[error("the body has the content encoding {0}")]
    ContentEncoding(&'static str),
    /// A text longer than its reader takes.
    #[error("the text is too long")]
    TooLong,
    /// Whatever it was, it was met where a redirect had led.
    #[error("redirected: {0}")]
    Redirected(Box<FetchError>),
    /// One of several addresses failed.
    #[error("{0}: {1}")]
    Of(String, Box<FetchError>),
    /// The client itself could not be built.
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
    /// Whether the same fetch may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            // 425 Too Early: RFC 8470 asks for another try.
            FetchError::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
            FetchError::Of(_, error) | FetchError::Redirected(error) => error.is_retryable(),
            FetchError::Busy { .. }
            | FetchError::DnsTemporary(_)
            | FetchError::Connect(_)
            | FetchError::Timeout
            | FetchError::Stalled
            | FetchError::Truncated
            | FetchError::Interrupted(_) => true,
            FetchError::Url(_)
            | FetchError::PrivateAddress
            | FetchError::Dns
            | FetchError::Tls(_)
            | FetchError::TooManyRedirects
            | FetchError::BadRedirect
            | FetchError::Changed
            | FetchError::WrongRange
            | FetchError::HeadersTooLarge
            | FetchError::ContentEncoding(_)
            | FetchError::TooLong
            | FetchError::Setup(_) => false,
        }
    }

    /// Says which of several addresses failed, such as "segment 3 of 12". Once: what is said already is more precise. What is
    /// refused without being asked (an address that is not public) stays as it is.
    #[must_use]
    pub fn of(self, what: String) -> Self {
        match self {
            FetchError::Of(..) => self,
            error if matches!(error.cause(), FetchError::Url(_) | FetchError::PrivateAddress) => error,
            error => FetchError::Of(what, Box::new(error)),
        }
    }

    /// How long the source asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            FetchError::Busy { retry_after, .. } => Some(*retry_after),
            FetchError::Of(_, error) | FetchError::Redirected(error) => error.retry_after(),
            _ => None,
        }
    }

    /// What went wrong, without where.
    #[must_use]
    pub fn cause(&self) -> &FetchError {
        match self {
            FetchError::Of(_, error) | FetchError::Redirected(error) => error.cause(),
            error => error,
        }
    }

    /// Returns the status of an answer that was none of the file.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.cause() {
            FetchError::Status(status) | FetchError::Busy { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether a range in the request may be why there was no answer.
    pub(crate) fn may_be_range(&self) -> bool {
        matches!(self.cause(), FetchError::Interrupted(_) | FetchError::Truncated)
    }

    /// Of two tries: what the second one met, unless it was no answer.
    pub(crate) fn or(self, first: FetchError) -> FetchError {
        if self.status().is_none() && first.status().is_some() { first } else { self }
    }

    /// Whether it may be the number of connections that the source does not take.
    pub fn may_be_crowding(&self) -> bool {
        matches!(
            self.cause(),
            FetchError::Busy { .. } | FetchError::Status(429 | 503) | FetchError::Connect(_)
        )
    }

    /// One sentence for the user, without full stop and without internals, such as "the source answered 404".
    pub fn for_user(&self) -> String {
        let sentence = match self {
            FetchError::Url(error) => return error.to_string(),
            FetchError::Redirected(error) => return format!("{} (a redirect led there)", error.for_user()),
            FetchError::Status(status @ (401 | 403)) => {
                return format!(
                    "the source answered {status}; if it asks for a login or a token, send that in `headers`"
                );
            }
            FetchError::Status(status) | FetchError::Busy { status, .. } => {
                return format!("the source answered {status}");
            }
            FetchError::PrivateAddress => "the source is not at a public address",
            FetchError::Dns => "the host name of the source does not exist",
            FetchError::DnsTemporary(_) => "the host name of the source could not be resolved",
            FetchError::Connect(_) => "the source refused the connection or could not be reached",
            FetchError::Tls(_) => {
                "no secure connection to the source: its certificate is not valid or TLS failed"
            }
            FetchError::TooManyRedirects => "the source redirected too many times",
            FetchError::BadRedirect => "the source redirected to nowhere",
            FetchError::Changed => "the source changed while it was read",
            FetchError::WrongRange => "the source sent another part of the file than it was asked for",
            FetchError::Timeout => "the source took too long to answer",
            FetchError::Stalled => "the source stopped sending",
            FetchError::Truncated => "the source sent less than it announced",
            FetchError::Interrupted(_) => "the connection to the source broke off",
            FetchError::HeadersTooLarge => "the source sent too many headers",
            FetchError::ContentEncoding(coding) => {
                return format!(
                    "the source sent its bytes compressed ({coding}) although it was asked not to"
                );
            }
            FetchError::TooLong => "the source sent a text that is too long",
            FetchError::Of(what, error) => return format!("{what}: {}", error.for_user()),
            FetchError::Setup(_) => "the source could not be fetched",
        };
        sentence.to_owned()
    }
}
