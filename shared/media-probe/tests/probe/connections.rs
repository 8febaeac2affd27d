//! Where a hostile ffprobe can connect to: nowhere but to the server that it was given.

use std::net::{SocketAddr, SocketAddrV4, TcpListener};
use std::process::Command;

use crate::stand_in::Linked::{Dynamically, Statically};
use crate::stand_in::{StandIn, hex, results};

/// A listener that must not be reached; it stands for Lambda's Runtime API, which is on the loopback interface too.
pub(crate) struct Canary(pub(crate) TcpListener);

impl Canary {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/x.ts", self.0.local_addr().unwrap())
    }

    /// A connection to a listener is there for `accept` as soon as the other side has connected.
    pub(crate) fn hit(&self) -> bool {
        self.0.accept().is_ok()
    }

    /// Its address as the kernel takes it.
    fn raw(&self) -> String {
        let Ok(SocketAddr::V4(address)) = self.0.local_addr() else { panic!("IPv4") };
        raw(address)
    }
}

fn raw(address: SocketAddrV4) -> String {
    let family = libc::sa_family_t::try_from(libc::AF_INET).unwrap().to_ne_bytes();
    hex([&family[..], &address.port().to_be_bytes(), &address.ip().octets(), &[0; 8]].concat())
}

fn socket() -> String {
    format!("sys {} {} {} 0", libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM)
}

fn connect(address: &str) -> String {
    format!("sys {} $0 &{address} 16", libc::SYS_connect)
}

const REQUEST: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.0\r\n\r\n";

fn request() -> String {
    format!("sys {} $0 &{} {} 0 0 0", libc::SYS_sendto, hex(&REQUEST[..24]), 24)
}

#[tokio::test]
async fn a_connection_leads_to_the_server_whatever_address_is_named() {
    for linked in [Statically, Dynamically] {
        let canary = Canary::new();
        let calls = [socket(), connect(&canary.raw()), request()].join(";");
        let found = results(linked, &calls).await;
        assert!(found[0] > 2, "a socket: {found:?}");
        assert_eq!(found[1..], [0, 24], "{linked:?}: as if it had been connected there");
        assert!(!canary.hit(), "{linked:?}");
    }
}

#[tokio::test]
async fn a_connection_cannot_be_turned_elsewhere() {
    let canary = Canary::new();
    let unspecified = hex([0; 16]);
    let again = [socket(), connect(&unspecified), connect(&canary.raw()), request()].join(";");
    results(Statically, &again).await;
    assert!(!canary.hit(), "disconnected and connected again");
    let shut = format!("sys {} $0 2", libc::SYS_shutdown);
    let calls = [socket(), shut, connect(&canary.raw())].join(";");
    results(Statically, &calls).await;
    assert!(!canary.hit(), "shut and connected again");
    let fast = format!("sys {} $0 &00 1 {} &{} 16", libc::SYS_sendto, libc::MSG_FASTOPEN, canary.raw());
    let found = results(Statically, &[socket(), fast].join(";")).await;
    assert_eq!(found[1], -i64::from(libc::EPERM), "connects by sending");
    assert!(!canary.hit());
}

/// Shows that the canary would sing.
#[test]
fn outside_of_the_sandbox_the_address_decides() {
    let canary = Canary::new();
    let script = [socket(), connect(&canary.raw()), "report".to_owned()].join(";");
    let status = Command::new(&StandIn::new(Statically, &script).ffprobe.path).output().unwrap().status;
    assert!(status.success() && canary.hit());
}
