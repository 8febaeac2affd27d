//! The remote end of a connection on this machine, as the kernel reports it.

use std::io;
use std::net::Ipv4Addr;

use rustix::net::netlink::SOCK_DIAG;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

/// A TCP socket of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    /// Its own port.
    pub(crate) port: u16,
    /// The port that it is connected to.
    pub(crate) to: u16,
    /// The user whose process created it.
    pub(crate) uid: u32,
    /// As in `/proc/<pid>/fd`: `socket:[<inode>]`.
    pub(crate) inode: u64,
}

/// How often the table is read until a missing socket counts as closed. The kernel may omit entries while others are added
/// and removed.
const TRIES: usize = 3;

/// Finds the client's socket of a loopback connection between two ports; `None` once the client has closed it. Blocks.
///
/// # Errors
/// The kernel's tables cannot be read.
pub(crate) fn client(port: u16, to: u16) -> io::Result<Option<Socket>> {
    if let Ok(socket) = asked(port, to) {
        return Ok(socket);
    }
    for _ in 0..TRIES {
        let found = sockets()?.into_iter().find(|socket| socket.port == port && socket.to == to);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Returns nearly all open IPv4 sockets; this cloud listens on no others. Blocks.
///
/// # Errors
/// The kernel's table cannot be read.
pub(crate) fn sockets() -> io::Result<Vec<Socket>> {
    let table = std::fs::read_to_string("/proc/net/tcp")?;
    Ok(table.lines().skip(1).filter_map(parse).collect())
}

/// Parses a line of the table: number, local and remote address, state, queues, timer, retransmissions, user, timeout,
/// inode.
fn parse(line: &str) -> Option<Socket> {
    let mut fields = line.split_whitespace().skip(1);
    let (port, to) = (port_of(fields.next()?)?, port_of(fields.next()?)?);
    let uid = fields.nth(4)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    (inode != 0).then_some(Socket { port, to, uid, inode })
}

/// Returns the port in `0100007F:1F90`.
fn port_of(address: &str) -> Option<u16> {
    u16::from_str_radix(address.split_once(':')?.1, 16).ok()
}

/// Requests one socket from the kernel: see sock_diag(7), and `inet_diag_req_v2` and `inet_diag_msg` in linux/inet_diag.h.
/// Returns an error if the kernel lacks this service.
fn asked(port: u16, to: u16) -> io::Result<Option<Socket>> {
    const BY_FAMILY: u16 = 20;
    const SIZE: u32 = 72;
    let mut request = Vec::with_capacity(SIZE as usize);
    request.extend(SIZE.to_ne_bytes());
    request.extend(BY_FAMILY.to_ne_bytes());
    request.extend(1_u16.to_ne_bytes()); // NLM_F_REQUEST
    request.extend([0; 8]);
    request.extend([2, 6, 0, 0]); // AF_INET, IPPROTO_TCP
    request.extend(u32::MAX.to_ne_bytes()); // in any state
    request.extend(port.to_be_bytes());
    request.extend(to.to_be_bytes());
    for _ in 0..2 {
        request.extend(Ipv4Addr::LOCALHOST.octets());
        request.extend([0; 12]);
    }
    request.extend(0_u32.to_ne_bytes()); // any interface
    request.extend([0xff; 8]); // no cookie
    let kernel =
        socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    send(&kernel, &request, SendFlags::empty())?;
    let mut reply = [0; 512];
    let (size, _) = recv(&kernel, &mut reply, RecvFlags::empty())?;
    let word = |at: usize| {
        let bytes = reply[..size].get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_ne_bytes).ok_or(io::ErrorKind::InvalidData)
    };
    if word(4)? & 0xffff != u32::from(BY_FAMILY) {
        return Err(io::ErrorKind::NotFound.into()); // no such socket, or no such service
    }
    let (uid, inode) = (word(80)?, u64::from(word(84)?));
    Ok((inode != 0).then_some(Socket { port, to, uid, inode }))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_connection_belongs_to_its_client() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        let (port, to) = (peer.port(), accepted.local_addr().unwrap().port());
        let socket = client(port, to).unwrap().unwrap();
        assert_eq!((socket.port, socket.to), (port, to));
        assert_eq!(socket.uid, rustix::process::geteuid().as_raw());
        let link = std::fs::read_link(format!("/proc/self/fd/{}", stream.as_raw_fd())).unwrap();
        assert_eq!(link.to_str().unwrap(), format!("socket:[{}]", socket.inode));
        // The diagnostic service, where it exists, and the table agree.
        let listed = || sockets().unwrap().into_iter().find(|socket| (socket.port, socket.to) == (port, to));
        assert_eq!((0..100).find_map(|_| listed()).unwrap(), socket);
        assert!(asked(port, to).map_or(true, |asked| asked.unwrap() == socket));
        drop(stream);
        assert_eq!(client(port, to).unwrap(), None, "closed");
    }
}
