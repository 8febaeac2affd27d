//! A listener for the processes of one user of this machine.

use std::io;
use std::net::SocketAddr;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};

use crate::peer;

/// Accepts connections from processes of one user; closes others before reading from them.
pub(super) struct ListenerForUser {
    pub(super) listener: TcpListener,
    pub(super) user: u32,
}

impl Listener for ListenerForUser {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            if self.is_of_user(&stream, peer).await {
                let _ = stream.set_nodelay(true); // without it, small responses may be delayed by 40 ms
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl ListenerForUser {
    async fn is_of_user(&self, stream: &TcpStream, peer: SocketAddr) -> bool {
        let Ok(local) = stream.local_addr() else { return false };
        let found = tokio::task::spawn_blocking(move || peer::client(peer.port(), local.port())).await;
        let socket = found.ok().and_then(Result::ok).flatten();
        socket.is_some_and(|socket| socket.uid == self.user)
    }
}
