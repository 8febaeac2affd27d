//! Starts processes that end with this one, however it ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::sync::{Arc, mpsc};

use rustix::process::{Pid, Signal, getppid, kill_process_group, set_parent_process_death_signal};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::jail::Entry;

type Request = (Command, oneshot::Sender<io::Result<Child>>);

/// A thread that starts all processes. The kernel ends a child when the *thread* that started it ends, so this thread must live
/// as long as the cloud. A runtime's worker threads may end earlier.
pub(super) struct Spawner {
    requests: mpsc::Sender<Request>,
}

impl Spawner {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::current();
        let (requests, queue) = mpsc::channel::<Request>();
        std::thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            let _entered = runtime.enter();
            for (mut command, reply) in queue {
                // If the receiver is gone, the child ends when it is dropped.
                let _ = reply.send(command.spawn());
            }
        })?;
        Ok(Self { requests })
    }

    /// Starts a confined process in its own group, so that Ctrl-C in the terminal does not reach it.
    pub(super) async fn spawn(&self, mut command: Command, entry: Arc<Entry>) -> io::Result<Child> {
        let gone = || io::Error::other("the spawner has ended");
        prepare(command.as_std_mut(), entry);
        command.process_group(0).kill_on_drop(true);
        let (reply, child) = oneshot::channel();
        self.requests.send((command, reply)).map_err(|_| gone())?;
        child.await.map_err(|_| gone())?
    }
}

/// Makes a new process enter its cell, and end with its parent. The order matters: a change of user revokes the request to end
/// with the parent, and a closed cell forbids it.
fn prepare(command: &mut std::process::Command, entry: Arc<Entry>) {
    let parent = Pid::from_raw(i32::try_from(std::process::id()).unwrap_or_default());
    let hook = move || {
        entry.enter()?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent ended before the death signal was set.
        if getppid() != parent {
            return Err(io::ErrorKind::NotFound.into());
        }
        entry.close()
    };
    #[allow(unsafe_code, reason = "the hook runs between fork and exec")]
    // SAFETY: the hook makes system calls only: it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(hook);
    }
}

/// Sends a signal to a process and its group. Call it only while the process has not been waited for: then its id cannot be
/// reused.
pub(super) fn signal_group(id: u32, signal: Signal) {
    if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(id, signal); // it may have ended
    }
}
