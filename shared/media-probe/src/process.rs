//! Limits of ffprobe's process, and the end of its process group.

use std::io;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process_group, prlimit};
use tokio::process::Child;

use crate::limits::Limits;

/// Open files of ffprobe: three pipes, a few connections, the loader's one library at a time.
const OPEN_FILES: u64 = 64;

/// How many threads a child may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    /// One: ffprobe.
    One,
    /// As many as this process may: ffmpeg has one for each of its steps.
    Several,
}

/// Limits the resources of a child that has just been started. It has read nothing of the file by then: the loopback
/// server does not respond before. Set from here and not by the child between fork and exec, so that the standard library
/// may start it by `vfork`, which takes no longer the more memory this process has.
///
/// # Errors
/// The child cannot be limited; it must not run on.
pub(crate) fn limit(child: &Child, limits: &Limits, threads: Threads) -> io::Result<()> {
    let Some(pid) = pid(child.id()) else { return Ok(()) }; // it has ended already
    for (resource, limit) in resource_limits(limits) {
        if resource == Resource::Nproc && threads == Threads::Several {
            continue;
        }
        prlimit(Some(pid), resource, limit)?;
    }
    Ok(())
}

/// Soft and hard limits that are no higher than those of this process, which may not raise them.
fn resource_limits(limits: &Limits) -> [(Resource, Rlimit); 6] {
    let seconds = limits.cpu.as_secs().max(1);
    [
        (Resource::As, limits.address_space, limits.address_space),
        // At the soft limit it dies by SIGXCPU, which tells why; at the hard one by SIGKILL.
        (Resource::Cpu, seconds, seconds.saturating_add(1)),
        (Resource::Nofile, OPEN_FILES, OPEN_FILES),
        (Resource::Fsize, 0, 0),
        (Resource::Core, 0, 0),
        (Resource::Nproc, 0, 0),
    ]
    .map(|(resource, soft, hard)| {
        let hard = getrlimit(resource).maximum.map_or(hard, |most| most.min(hard));
        (resource, Rlimit { current: Some(soft.min(hard)), maximum: Some(hard) })
    })
}

fn pid(id: Option<u32>) -> Option<Pid> {
    id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw).filter(|pid| !pid.is_init())
}

/// ffprobe's process group, which is killed when this is dropped, whatever is left of it.
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// The group led by `leader`.
    pub(crate) fn led_by(leader: &Child) -> Self {
        Self(pid(leader.id()))
    }

    pub(crate) fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            let _ = kill_process_group(group, Signal::KILL); // that it is empty already is no fault
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
    fn no_limit_is_raised_above_this_process_s_own() {
        let limits = Limits { address_space: u64::MAX, ..Limits::default() };
        for (resource, limit) in resource_limits(&limits) {
            assert!(limit.current <= limit.maximum, "{resource:?} {limit:?}");
            let own = getrlimit(resource).maximum.unwrap_or(u64::MAX);
            assert!(limit.maximum.is_some_and(|hard| hard <= own), "{resource:?} {limit:?}");
        }
    }
}
