//! The gate: what a confined ffprobe cannot do by itself, a thread here does for it, or not.
//!
//! A plain filter sees that a program connects, not where to: the address is in its memory. So the program makes no
//! connection at all. Whenever it asks for a socket, the gate makes one that is connected to the loopback server already,
//! and gives it that; connecting it is a call that does nothing. Nothing that the gate decides by is in the program's
//! memory, so nothing can be changed between the look and the deed.

use std::io::{self, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Once;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socket_with,
};

use super::filter::Filters;
use super::kernel::{self, Answer, Question};
use crate::command::RECEIVE_BUFFER;

const ASKING: u8 = b'a';
const FILTERED: u8 = b'f';
const BARE: u8 = b'-';

/// The child's side, before it becomes ffprobe.
pub(crate) struct Gate {
    filters: &'static Filters,
    keeper: UnixStream,
}

impl Gate {
    /// A gate to `server` and to nothing else. Its keeper is a thread that ends with the program.
    pub(crate) fn to(server: SocketAddr, filters: &'static Filters) -> io::Result<Self> {
        let (keeper, child) = UnixStream::pair()?;
        thread::Builder::new().name("ffprobe's gate".to_owned()).spawn(move || keep(keeper, server))?;
        Ok(Self { filters, keeper: child })
    }

    /// Confines the calling process for good. Makes system calls only: it runs between fork and exec.
    pub(crate) fn shut(&self) -> io::Result<()> {
        if let Ok(listener) = kernel::install_asking(&self.filters.asking) {
            send(&self.keeper, ASKING, listener.as_fd())?;
            drop(listener);
            return install(&self.filters.allowed);
        }
        let word = if install(&self.filters.allowed).is_ok() { FILTERED } else { BARE };
        (&self.keeper).write_all(&[word])
    }
}

fn install(filter: &[seccompiler::sock_filter]) -> io::Result<()> {
    // Of its errors none holds more than a number, so nothing is allocated.
    seccompiler::apply_filter(filter).map_err(|_| io::Error::from_raw_os_error(libc::EACCES))
}

fn send(keeper: &UnixStream, word: u8, listener: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    let listeners = [listener];
    message.push(SendAncillaryMessage::ScmRights(&listeners));
    sendmsg(keeper, &[IoSlice::new(&[word])], &mut message, SendFlags::empty())?;
    Ok(())
}

/// The keeper's thread.
fn keep(mut child: UnixStream, server: SocketAddr) {
    let kept = match receive(&mut child) {
        Ok(Some((ASKING, Some(listener)))) => answer_all(listener.as_fd(), server),
        Ok(Some((word, _))) => {
            say_what_is_missing(word);
            Ok(())
        }
        Ok(None) => Ok(()), // it never came so far
        Err(error) => Err(error),
    };
    if let Err(error) = kept {
        tracing::error!(%error, "the gate of ffprobe's sandbox failed");
    }
}

/// The child's word, with the place where its filter asks.
fn receive(child: &mut UnixStream) -> io::Result<Option<(u8, Option<OwnedFd>)>> {
    let mut word = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = recvmsg(&*child, &mut [IoSliceMut::new(&mut word)], &mut message, flags)?;
    let listener = message.drain().find_map(|part| match part {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok((received.bytes == 1).then_some((word[0], listener)))
}

/// Answers until nobody is left who could ask.
fn answer_all(listener: BorrowedFd<'_>, server: SocketAddr) -> io::Result<()> {
    let mut started = false;
    loop {
        let mut wait = [PollFd::from_borrowed_fd(listener, PollFlags::IN)];
        match poll(&mut wait, None) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?,
        };
        if !wait[0].revents().contains(PollFlags::IN) {
            return Ok(());
        }
        if let Some(question) = kernel::next_question(listener)? {
            decide(listener, question, server, &mut started)?;
        }
    }
}

fn decide(
    listener: BorrowedFd<'_>,
    question: Question,
    server: SocketAddr,
    started: &mut bool,
) -> io::Result<()> {
    match i64::from(question.call) {
        libc::SYS_execve if !std::mem::replace(started, true) => {
            kernel::answer(listener, question, &Answer::GoOn)
        }
        // That it is TCP over IPv4 is what the filter has looked at.
        libc::SYS_socket => match connect(server) {
            Ok(connection) => {
                let has = |flag: libc::c_int| question.arguments[1] & u64::from(flag.cast_unsigned()) != 0;
                connection.set_nonblocking(has(libc::SOCK_NONBLOCK))?;
                let answer = Answer::Give(connection.as_fd(), has(libc::SOCK_CLOEXEC));
                kernel::answer(listener, question, &answer)
            }
            Err(_) => kernel::answer(listener, question, &Answer::Refuse(libc::ENETDOWN)),
        },
        _ => kernel::answer(listener, question, &Answer::Refuse(libc::EPERM)),
    }
}

/// With the small buffer that ffprobe would ask for. It would ask too late: once connected, the server has been promised a larger
/// one, and since Linux 6.17 what does not fit is thrown away and comes again 200 ms later.
fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER)?;
    rustix::net::connect(&socket, &server)?;
    Ok(socket.into())
}

/// Once in a process: the platform does not change.
fn say_what_is_missing(word: u8) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        if word == FILTERED {
            tracing::warn!(
                "this system gives no answers to seccomp's questions: ffprobe could connect anywhere"
            );
        } else {
            tracing::warn!("this system has no seccomp filters: ffprobe could make every system call");
        }
    });
}

#[cfg(test)]
mod tests;
