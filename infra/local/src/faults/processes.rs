//! The functions' processes: finds the one that makes a call, and kills it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::connection::Connection;
use crate::peer;

/// Running processes by id, and the connections of all services.
#[derive(Clone, Default)]
pub(crate) struct Processes {
    running: Arc<Mutex<HashMap<u32, Process>>>,
    connections: Connections,
}

type Connections = Arc<Mutex<HashMap<Ports, (CancellationToken, CancellationToken)>>>;

/// The client's port of a connection, and the service's. The map holds a token that closes the connection, and one that is
/// cancelled once it is closed.
type Ports = (u16, u16);

#[derive(Clone)]
struct Process {
    kill: Arc<Notify>,
    exit: watch::Receiver<Option<String>>,
}

impl Processes {
    /// Registers a running process, with the signal that kills it and the watch of its exit.
    pub(crate) fn add(&self, id: u32, kill: Arc<Notify>, exit: watch::Receiver<Option<String>>) {
        self.running().insert(id, Process { kill, exit });
    }

    /// Removes a process that has ended.
    pub(crate) fn remove(&self, id: u32) {
        self.running().remove(&id);
    }

    /// Kills the process that owns a connection, and waits until it has ended. Returns `false` if no registered process owns it.
    pub(crate) async fn kill_owner(&self, connection: &Connection) -> bool {
        let (ids, connection) = (self.running().keys().copied().collect::<Vec<_>>(), connection.clone());
        let owner = tokio::task::spawn_blocking(move || owner(&connection, &ids)).await.ok().flatten();
        let Some(mut process) = owner.and_then(|id| self.running().get(&id).cloned()) else {
            return false;
        };
        process.kill.notify_one();
        let _ = process.exit.wait_for(Option::is_some).await;
        true
    }

    /// Registers a connection until the returned value is dropped.
    pub(crate) fn connected(&self, connection: &Connection) -> Connected {
        let ports = (connection.peer.port(), connection.local.port());
        let closed = CancellationToken::new();
        lock(&self.connections).insert(ports, (connection.closing().clone(), closed.clone()));
        Connected { connections: self.connections.clone(), ports, _closed: closed.drop_guard() }
    }

    /// Closes a process's connections to the services, and waits until they are closed.
    pub(crate) async fn close_connections(&self, id: u32) {
        let all: Vec<Ports> = lock(&self.connections).keys().copied().collect();
        let held = tokio::task::spawn_blocking(move || held_by(id, all)).await.unwrap_or_default();
        let find = |ports: &Ports| lock(&self.connections).get(ports).cloned();
        for (closing, closed) in held.iter().filter_map(find) {
            closing.cancel();
            closed.cancelled().await;
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<u32, Process>> {
        lock(&self.running)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A registered connection.
pub(crate) struct Connected {
    connections: Connections,
    ports: Ports,
    _closed: DropGuard,
}

impl Drop for Connected {
    fn drop(&mut self) {
        lock(&self.connections).remove(&self.ports);
    }
}

/// Returns the connections that a process owns. Blocks.
fn held_by(id: u32, mut all: Vec<Ports>) -> Vec<Ports> {
    let held = files_of(id);
    let is_held = |(port, to): &Ports| {
        let socket = peer::client(*port, *to).ok().flatten();
        socket.is_some_and(|socket| held.contains(&format!("socket:[{}]", socket.inode)))
    };
    all.retain(is_held);
    all
}

/// Returns the open files of a process, as `/proc` names them.
fn files_of(id: u32) -> HashSet<String> {
    let files = std::fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
    let links = files.filter_map(|file| std::fs::read_link(file.path()).ok());
    links.filter_map(|link| Some(link.to_str()?.to_owned())).collect()
}

/// Finds the process that owns the client's socket, by the kernel's tables. The signature does not tell: all processes of a
/// function use the same keys.
fn owner(connection: &Connection, ids: &[u32]) -> Option<u32> {
    let socket = peer::client(connection.peer.port(), connection.local.port()).ok().flatten()?;
    let wanted = format!("socket:[{}]", socket.inode);
    ids.iter().find(|id| files_of(**id).contains(&wanted)).copied()
}
