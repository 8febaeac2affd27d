//! A user for each process of a function, so that processes neither see each other nor share limits.

use std::io;

use rustix::process::{Gid, Pid, PidfdFlags, Signal, Uid, getpid, pidfd_open, pidfd_send_signal};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// The first of the users without an account, which no system assigns (<https://systemd.io/UIDS-GIDS/>). The process id is
/// added.
const FIRST: u32 = 2_000_000_000;

/// Returns the id of the user, and of its group, for the process with this id.
pub(crate) fn of_process(pid: u32) -> u32 {
    FIRST + pid
}

/// Changes the calling process, which must have only one thread, to its own user. Allocates nothing.
pub(super) fn become_own() -> io::Result<()> {
    let id = of_process(getpid().as_raw_nonzero().get().unsigned_abs());
    let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    Ok(set_thread_res_uid(user, user, user)?)
}

/// Ends all processes of a user whose first process has ended, including those in other process groups. Blocks.
pub(crate) fn end_all(user: u32) {
    while end_those_there(user) {
        std::thread::yield_now(); // a process may have started another one meanwhile
    }
}

/// Ends the user's current processes. Returns whether there were any.
fn end_those_there(user: u32) -> bool {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    let mut any = false;
    for id in ids.filter(|id| is_of(*id, user)) {
        // Checked again once the descriptor refers to the process: the id may have been reused before.
        if let Ok(process) = pidfd_open(id, PidfdFlags::empty())
            && is_of(id, user)
        {
            any |= pidfd_send_signal(process, Signal::KILL).is_ok();
        }
    }
    any
}

/// Returns whether a running process belongs to the user.
fn is_of(id: Pid, user: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", id.as_raw_nonzero())).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
    let alive = field("State:").is_some_and(|state| !state.starts_with(['Z', 'X']));
    alive && field("Uid:").and_then(|ids| ids.split_whitespace().next()) == Some(&user.to_string())
}
