//! The start of a process within limits, and the end of its process group.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process_group, prlimit};
use tokio::process::{Child, Command};

/// Open files of the process: three pipes, a few connections, the loader's one library at a time.
const OPEN_FILES: u64 = 64;

/// What a process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Address space in bytes, code and libraries included.
    pub address_space: u64,
    /// Processor time, counted in whole seconds.
    pub cpu: Duration,
    /// Whether it may start threads. Linux counts threads and processes of the user together, so that a process that may start
    /// threads may start processes too.
    pub threads: bool,
}

/// Starts a program within limits, without environment and input, in a process group of its own, which is killed when the
/// returned [`Group`] is dropped. Its standard error is a pipe.
///
/// # Errors
/// The program cannot be started or limited; then it does not run.
pub fn spawn(
    program: &Path,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    output: Stdio,
    limits: &ProcessLimits,
) -> io::Result<(Child, Group)> {
    let child = Command::new(program)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = Group::led_by(&child);
    limit(&child, limits)?;
    Ok((child, group))
}

/// Returns whether the process was ended by the soft limit of its processor time.
#[must_use]
pub fn exceeded_cpu(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::XCPU.as_raw())
}

/// Limits the resources of a child that has just been started. It has read nothing of the file by then: the loopback
/// server does not respond before. Set from here and not by the child between fork and exec, so that the standard library
/// may start it by `vfork`, which takes no longer the more memory this process has.
fn limit(child: &Child, limits: &ProcessLimits) -> io::Result<()> {
    let Some(pid) = pid(child.id()) else { return Ok(()) }; // the child has exited
    for (resource, limit) in resource_limits(limits) {
        prlimit(Some(pid), resource, limit)?;
    }
    Ok(())
}

/// Returns soft and hard limits that are no higher than those of this process, which may not raise them.
fn resource_limits(limits: &ProcessLimits) -> Vec<(Resource, Rlimit)> {
    let seconds = limits.cpu.as_secs().max(1);
    let processes = (!limits.threads).then_some((Resource::Nproc, 0, 0));
    let others = [
        (Resource::As, limits.address_space, limits.address_space),
        // The soft limit sends SIGXCPU, which tells the reason; the hard limit sends SIGKILL.
        (Resource::Cpu, seconds, seconds.saturating_add(1)),
        (Resource::Nofile, OPEN_FILES, OPEN_FILES),
        (Resource::Fsize, 0, 0),
        (Resource::Core, 0, 0),
    ];
    let limited = others.into_iter().chain(processes).map(|(resource, soft, hard)| {
        let hard = getrlimit(resource).maximum.map_or(hard, |most| most.min(hard));
        (resource, Rlimit { current: Some(soft.min(hard)), maximum: Some(hard) })
    });
    limited.collect()
}

fn pid(id: Option<u32>) -> Option<Pid> {
    id.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw).filter(|pid| !pid.is_init())
}

/// The process group of a child. Dropping it kills all processes of the group.
#[derive(Debug)]
pub struct Group(Option<Pid>);

impl Group {
    /// Returns the group that `leader` leads.
    fn led_by(leader: &Child) -> Self {
        Self(pid(leader.id()))
    }

    /// Kills every process of the group.
    pub fn kill(&mut self) {
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
    fn no_limit_is_raised_above_this_process_s_own() {
        let limits = ProcessLimits { address_space: u64::MAX, cpu: Duration::from_secs(1), threads: false };
        let all = resource_limits(&limits);
        assert_eq!(all.len(), resource_limits(&ProcessLimits { threads: true, ..limits }).len() + 1);
        for (resource, limit) in all {
            assert!(limit.current <= limit.maximum, "{resource:?} {limit:?}");
            let own = getrlimit(resource).maximum.unwrap_or(u64::MAX);
            assert!(limit.maximum.is_some_and(|hard| hard <= own), "{resource:?} {limit:?}");
        }
    }
}
