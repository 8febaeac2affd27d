use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use serde_json::Value;

use super::document::MAX_DOCUMENT_BYTES;

/// The line before a document
/// (<https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon>).
const HEADER: &str = "{\"format\": \"json\", \"version\": 1}\n";

/// Sends documents to the X-Ray daemon. Sending neither blocks nor fails: a document is lost if the daemon is absent or the buffer
/// of the socket is full.
#[derive(Debug)]
pub(super) struct Daemon {
    socket: UdpSocket,
    address: SocketAddr,
}

impl Daemon {
    /// Opens a socket for the daemon at `address`, an IP address and a port. `None`: it is another text, or there is no socket.
    pub(super) fn at(address: &str) -> Option<Self> {
        let address = address.parse().ok()?;
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Self { socket, address })
    }

    /// Sends a document, if it is not too long for X-Ray.
    pub(super) fn send(&self, document: &Value) {
        let datagram = format!("{HEADER}{document}");
        if datagram.len() <= HEADER.len() + MAX_DOCUMENT_BYTES {
            let _ = self.socket.send_to(datagram.as_bytes(), self.address); // a trace is worth no failed request
        }
    }
}
