//! What ffprobe, which reads hostile bytes, may not do.

mod filter;
mod gate;
mod kernel;
mod program;

use std::io;
use std::net::SocketAddr;
use std::os::unix::process::parent_id;
use std::path::Path;

use rlimit::Resource;
use tokio::process::Command;

use crate::limits::Limits;
use filter::Filters;
use gate::Gate;
use program::Loader;

/// Open files of ffprobe: three pipes, a few connections, the loader's one library at a time.
const OPEN_FILES: u64 = 64;

/// Keeps other processes of the same user, ffprobe among them, from reading this one's environment and memory: a
/// Lambda function has its role's keys there. To be called once, before the first probe.
///
/// # Errors
/// The kernel refuses, which it does on no Linux.
pub fn protect_this_process() -> io::Result<()> {
    prctl(libc::PR_SET_DUMPABLE, 0)
}

/// Makes `command` start in a process group of its own, without privileges, within the limits, with no more system
/// calls than it needs and no connection but to `server`, and die with the thread that started it: that thread must
/// outlive the probe, as the threads of a tokio runtime do.
pub(crate) fn confine(command: &mut Command, limits: &Limits, server: SocketAddr) -> io::Result<()> {
    let caps = resource_limits(limits)?;
    let loader = Loader::of(Path::new(command.as_std().get_program()))?;
    let gate = Gate::to(server, Filters::of(loader)?)?;
    let parent = std::process::id();
    command.process_group(0);
    #[allow(
        unsafe_code,
        reason = "what a child must do to itself before it becomes ffprobe can be done nowhere else"
    )]
    // SAFETY: between fork and exec only system calls are made; nothing allocates, locks or touches shared memory.
    unsafe {
        command.pre_exec(move || {
            for (resource, soft, hard) in caps {
                resource.set(soft, hard)?;
            }
            prctl(libc::PR_SET_PDEATHSIG, SIGKILL)?;
            if parent_id() != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            drop_capabilities();
            prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
            gate.shut()
        });
    }
    Ok(())
}

/// Soft and hard limits that are no higher than those of this process, which may not raise them.
fn resource_limits(limits: &Limits) -> io::Result<[(Resource, u64, u64); 6]> {
    let seconds = limits.cpu.as_secs().max(1);
    let mut caps = [
        (Resource::AS, limits.address_space, limits.address_space),
        // At the soft limit it dies by SIGXCPU, which tells why; at the hard one by SIGKILL.
        (Resource::CPU, seconds, seconds.saturating_add(1)),
        (Resource::NOFILE, OPEN_FILES, OPEN_FILES),
        (Resource::FSIZE, 0, 0),
        (Resource::CORE, 0, 0),
        (Resource::NPROC, 0, 0),
    ];
    for (resource, soft, hard) in &mut caps {
        *hard = resource.get_hard()?.min(*hard);
        *soft = (*soft).min(*hard);
    }
    Ok(caps)
}

/// Once it is ffprobe, root is a user like any other, who may not read other processes
/// (<https://man7.org/linux/man-pages/man7/capabilities.7.html>). Any other user has nothing to give up, which the kernel says.
fn drop_capabilities() {
    let locked = libc::SECBIT_NOROOT | libc::SECBIT_NOROOT_LOCKED;
    let _ = prctl(libc::PR_SET_SECUREBITS, libc::c_ulong::from(locked.cast_unsigned()));
    let _ = prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong);
}

const SIGKILL: libc::c_ulong = 9;

fn prctl(option: libc::c_int, argument: libc::c_ulong) -> io::Result<()> {
    const NONE: libc::c_ulong = 0;
    #[allow(unsafe_code, reason = "there is no safe prctl in the standard library")]
    // SAFETY: every option used here takes plain numbers and touches no memory of this process.
    let result = unsafe { libc::prctl(option, argument, NONE, NONE, NONE) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// ffprobe's process group, which is killed when this is dropped, whatever is left of it.
pub(crate) struct Group(Option<libc::pid_t>);

impl Group {
    /// The group led by the process `leader`.
    pub(crate) fn led_by(leader: Option<u32>) -> Self {
        Self(leader.and_then(|id| libc::pid_t::try_from(id).ok()).filter(|id| *id > 1))
    }

    pub(crate) fn kill(&mut self) {
        let Some(group) = self.0.take() else { return };
        #[allow(unsafe_code, reason = "the standard library kills a child, not its group")]
        // SAFETY: takes plain numbers. The group is our own child's; that it is empty already is no fault.
        unsafe {
            libc::killpg(group, libc::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protection_makes_this_process_undumpable() {
        // The kernel answers 1 for a process that others of its user may read, 0 for one that they may not.
        assert!(prctl(libc::PR_GET_DUMPABLE, 0).is_err(), "already protected: this would prove nothing");
        protect_this_process().unwrap();
        prctl(libc::PR_GET_DUMPABLE, 0).unwrap();
    }

    #[test]
    fn no_limit_is_raised_above_this_process_s_own() {
        let limits = Limits { address_space: u64::MAX, ..Limits::default() };
        for (resource, soft, hard) in resource_limits(&limits).unwrap() {
            assert!(soft <= hard && hard <= resource.get_hard().unwrap(), "{resource:?} {soft} {hard}");
        }
    }
}
