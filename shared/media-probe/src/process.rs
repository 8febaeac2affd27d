//! Limits ffprobe's process, and kills its process group.

use std::io;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process_group, prlimit};
use tokio::process::Child;

use crate::limits::Limits;

/// Most open files of ffprobe: three pipes, a few connections, one library while the loader maps it.
const OPEN_FILES: u64 = 64;

/// Limits the resources of a child that was just started. It has read nothing of the file yet, since the loopback server does not
/// respond before. The parent sets the limits, not the child between fork and exec, so that the standard library can use `vfork`,
/// whose time does not grow with the memory of this process.
///
/// # Errors
/// The limits cannot be set. The caller must kill the child.
pub(crate) fn limit(child: &Child, limits: &Limits) -> io::Result<()> {
    let Some(pid) = pid(child.id()) else { return Ok(()) }; // it has ended already
    for (resource, limit) in resource_limits(limits) {
        prlimit(Some(pid), resource, limit)?;
    }
    Ok(())
}

/// Returns soft and hard limits, none higher than those of this process, which may not raise them.
fn resource_limits(limits: &Limits) -> [(Resource, Rlimit); 6] {
    let seconds = limits.cpu.as_secs().max(1);
    [
        (Resource::As, limits.address_space, limits.address_space),
        // At the soft limit the kernel sends SIGXCPU, which identifies the reason; at the hard one SIGKILL.
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

/// ffprobe's process group. Dropping it kills all remaining processes of the group.
pub(crate) struct Group(Option<Pid>);

impl Group {
    /// Returns the group led by `leader`.
    pub(crate) fn led_by(leader: &Child) -> Self {
        Self(pid(leader.id()))
    }

    pub(crate) fn kill(&mut self) {
        if let Some(group) = self.0.take() {
            let _ = kill_process_group(group, Signal::KILL); // the group may be empty
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
    fn no_limit_exceeds_that_of_this_process() {
        let limits = Limits { address_space: u64::MAX, ..Limits::default() };
        for (resource, limit) in resource_limits(&limits) {
            assert!(limit.current <= limit.maximum, "{resource:?} {limit:?}");
            let own = getrlimit(resource).maximum.unwrap_or(u64::MAX);
            assert!(limit.maximum.is_some_and(|hard| hard <= own), "{resource:?} {limit:?}");
        }
    }
}
