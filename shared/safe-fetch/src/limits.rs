use std::time::Duration;

/// Limits on the time and size of a fetch. The size and duration of the whole body are limited by the caller.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The time for resolving the name, connecting and the TLS handshake together, per hop. Default: 10 s.
    pub connect_timeout: Duration,
    /// The time from the connection to the end of the headers, per hop. Default: 30 s.
    pub header_timeout: Duration,
    /// The maximum wait for the next byte of the body, and for [`min_bytes`](Self::min_bytes) of it. Default: 30 s.
    pub stall_timeout: Duration,
    /// The minimum number of bytes that must arrive per stall timeout spent waiting for the body. Default: 30 KiB.
    pub min_bytes: u64,
    /// The maximum number of redirects. Default: 20, as in browsers.
    pub max_redirects: usize,
    /// The maximum size of the headers of one response, names and values. Default: 64 KiB.
    pub max_header_bytes: u32,
    /// The operator's web page or e-mail address, sent in `User-Agent`: sites such as Wikimedia refuse clients without one.
    /// Default: none.
    pub contact: Option<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(30),
            min_bytes: 30 * 1024,
            max_redirects: 20,
            max_header_bytes: 64 * 1024,
            contact: None,
        }
    }
}
