//! The functions' processes: which one calls, and its end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::server::Link;

/// The processes that run, by their ids.
#[derive(Clone, Default)]
pub(crate) struct Processes {
    running: Arc<Mutex<HashMap<u32, Process>>>,
}

#[derive(Clone)]
struct Process {
    kill: Arc<Notify>,
    exit: watch::Receiver<Option<String>>,
}

impl Processes {
    /// A process runs: what kills it, and what tells that it has ended.
    pub(crate) fn add(&self, id: u32, kill: Arc<Notify>, exit: watch::Receiver<Option<String>>) {
        self.running().insert(id, Process { kill, exit });
    }

    /// A process has ended.
    pub(crate) fn remove(&self, id: u32) {
        self.running().remove(&id);
    }

    /// Kills the process at the other end of a connection and waits until it has ended; `false` if it is none of these.
    pub(crate) async fn kill_owner(&self, link: &Link) -> bool {
        let (ids, link) = (self.running().keys().copied().collect::<Vec<_>>(), link.clone());
        let owner = tokio::task::spawn_blocking(move || owner(&link, &ids)).await.ok().flatten();
        let Some(mut process) = owner.and_then(|id| self.running().get(&id).cloned()) else {
            return false;
        };
        process.kill.notify_one();
        let _ = process.exit.wait_for(Option::is_some).await;
        true
    }

    fn running(&self) -> MutexGuard<'_, HashMap<u32, Process>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process that holds the socket at the other end, as the kernel tells it: all processes of a function sign with
/// the same keys.
fn owner(link: &Link, ids: &[u32]) -> Option<u32> {
    let sockets = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let inode = sockets.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote) = (port(fields.next()?)?, port(fields.next()?)?);
        let fits = local == link.peer.port() && remote == link.local.port();
        fits.then(|| fields.nth(6)).flatten()
    })?;
    let wanted = format!("socket:[{inode}]");
    let holds = |id: &&u32| {
        let files = std::fs::read_dir(format!("/proc/{id}/fd")).ok();
        let mut links =
            files.into_iter().flatten().filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        links.any(|link| link.as_os_str() == wanted.as_str())
    };
    ids.iter().find(holds).copied()
}

/// The port in `0100007F:1F90`.
fn port(address: &str) -> Option<u16> {
    u16::from_str_radix(address.split_once(':')?.1, 16).ok()
}
