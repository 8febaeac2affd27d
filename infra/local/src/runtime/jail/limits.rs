//! The resource limits of a process, as recorded in Lambda.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const KIB: u64 = 1024;

/// Soft and hard limits.
const LIMITS: [(Resource, u64); 4] = [
    (Resource::Nofile, 1024),
    (Resource::Memlock, 64 * KIB),
    (Resource::Stack, 8 * KIB * KIB),
    (Resource::Core, 10 * KIB * KIB * KIB),
];

/// Processes and threads of a user.
const MAX_PROCESSES: u64 = 742;

/// Sets the calling process's limits, each as far as it is permitted. The limit of processes counts all of a user, so it is set
/// only for a user of the function's own.
pub(super) fn set(own_user: bool) -> io::Result<()> {
    for (resource, limit) in LIMITS {
        set_one(resource, limit)?;
    }
    if own_user { set_one(Resource::Nproc, MAX_PROCESSES) } else { Ok(()) }
}

fn set_one(resource: Resource, limit: u64) -> io::Result<()> {
    let both = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    let allowed = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    // Only root may exceed the inherited limit.
    setrlimit(resource, both(limit)).or_else(|_| setrlimit(resource, both(limit.min(allowed))))?;
    Ok(())
}
