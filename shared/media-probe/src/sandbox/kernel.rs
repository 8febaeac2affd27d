//! The kernel's calls that no library wraps: installing a filter that asks, and answering it.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use seccompiler::sock_filter;

/// What a confined program asked to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    id: u64,
    /// The number of the system call.
    pub(crate) call: libc::c_int,
    /// Its arguments. What they point to is not looked at: the program could change it meanwhile.
    pub(crate) arguments: [u64; 6],
}

/// What becomes of it.
pub(crate) enum Answer<'fd> {
    /// The kernel carries it out.
    GoOn,
    /// It fails with this error.
    Refuse(libc::c_int),
    /// It gives this descriptor, closed on a start of another program or not.
    Give(BorrowedFd<'fd>, bool),
}

/// Installs a filter that asks; the descriptor is where it does. Only system calls: it may run between fork and exec.
pub(crate) fn install_asking(filter: &[sock_filter]) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Program {
        length: libc::c_ushort,
        filter: *const sock_filter,
    }
    let length = filter.len().try_into().map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let program = Program { length, filter: filter.as_ptr() };
    #[allow(unsafe_code, reason = "no library installs a filter that asks")]
    // SAFETY: the kernel copies the program, whose length and address are those of a slice that lives on.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    let descriptor = libc::c_int::try_from(result).map_err(io::Error::other)?;
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    #[allow(unsafe_code, reason = "the kernel gives a bare number")]
    // SAFETY: the kernel has just opened it for this caller.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Takes the next question; None if who asked is gone.
pub(crate) fn next_question(listener: BorrowedFd<'_>) -> io::Result<Option<Question>> {
    const EMPTY: libc::seccomp_data =
        libc::seccomp_data { nr: 0, arch: 0, instruction_pointer: 0, args: [0; 6] };
    let mut asked = libc::seccomp_notif { id: 0, pid: 0, flags: 0, data: EMPTY };
    match ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_RECV, &mut asked) {
        Ok(_) => Ok(Some(Question { id: asked.id, call: asked.data.nr, arguments: asked.data.args })),
        Err(error) if gone_or_interrupted(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Answers it. That who asked is gone is no error.
pub(crate) fn answer(listener: BorrowedFd<'_>, question: Question, answer: &Answer<'_>) -> io::Result<()> {
    let mut response = libc::seccomp_notif_resp { id: question.id, val: 0, error: 0, flags: 0 };
    match answer {
        Answer::GoOn => response.flags = CONTINUE,
        Answer::Refuse(error) => response.error = -error,
        Answer::Give(descriptor, close_on_exec) => {
            match give(listener, question, *descriptor, *close_on_exec) {
                Ok(theirs) => response.val = theirs.into(),
                Err(error) if gone_or_interrupted(&error) => return Ok(()),
                Err(error) => response.error = -error.raw_os_error().unwrap_or(libc::EACCES),
            }
        }
    }
    match ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SEND, &mut response) {
        Err(error) if !gone_or_interrupted(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Puts a descriptor into the asking program; its number there.
fn give(
    listener: BorrowedFd<'_>,
    question: Question,
    descriptor: BorrowedFd<'_>,
    close_on_exec: bool,
) -> io::Result<libc::c_int> {
    let mut gift = libc::seccomp_notif_addfd {
        id: question.id,
        flags: 0,
        srcfd: descriptor.as_raw_fd().cast_unsigned(),
        newfd: 0,
        newfd_flags: if close_on_exec { libc::O_CLOEXEC.cast_unsigned() } else { 0 },
    };
    ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_ADDFD, &mut gift)
}

#[allow(clippy::cast_possible_truncation, reason = "the flag is 1")]
const CONTINUE: u32 = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;

fn gone_or_interrupted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR | libc::EINPROGRESS))
}

fn ioctl<T>(listener: BorrowedFd<'_>, request: libc::Ioctl, argument: &mut T) -> io::Result<libc::c_int> {
    #[allow(unsafe_code, reason = "no library answers a filter that asks")]
    // SAFETY: the request's number holds the size of the structure that it reads or writes, which is that of `T`: the
    // kernel refuses any other.
    let result = unsafe { libc::ioctl(listener.as_raw_fd(), request, std::ptr::from_mut(argument)) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
