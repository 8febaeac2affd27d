use std::time::Duration;

/// How long and how much a fetch may take. Limits on the whole body are the caller's, who counts its bytes.
#[derive(Clone, Debug)]
pub struct Limits {
    /// For resolving the name, connecting and the TLS handshake together, per hop. 10 s.
    pub connect_timeout: Duration,
    /// From the connection to the end of the headers, per hop. 30 s.
    pub header_timeout: Duration,
    /// The longest wait for the next byte of the body, and for [`min_bytes`](Self::min_bytes) of it. 30 s.
    pub stall_timeout: Duration,
    /// The fewest bytes of the body that must come while it is waited for them for the stall timeout. 30 KiB: whoever
    /// sends less keeps the connection, and nothing else.
    pub min_bytes: u64,
    /// How many redirects are followed. 20, as browsers and curl do.
    pub max_redirects: usize,
    /// The most bytes of the headers of one answer, names and values. 64 KiB.
    pub max_header_bytes: u32,
    /// How the operator can be reached, an address of a page or of mail: sites such as Wikimedia refuse agents that name none.
    /// Nobody.
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
