//! Starts processes that end with this one, whatever ends it.

use std::io;
use std::os::unix::process::CommandExt;
use std::sync::{Arc, mpsc};

use rustix::process::{Pid, Signal, getppid, kill_process_group, set_parent_process_death_signal};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::jail::Entry;

type Request = (Command, oneshot::Sender<io::Result<Child>>);

/// One thread that starts all processes. The kernel ends a child when the *thread* that started it ends, so it
/// must be one that lives as long as the cloud: a runtime's worker threads do not promise that.
pub(super) struct Spawner {
    requests: mpsc::Sender<Request>,
}

impl Spawner {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::current();
        let (requests, queue) = mpsc::channel::<Request>();
        std::thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            let _entered = runtime.enter();
            for (mut command, answer) in queue {
                // Nobody may wait any more; the child ends when it is dropped.
                let _ = answer.send(command.spawn());
            }
        })?;
        Ok(Self { requests })
    }

    /// Starts a confined process in a group of its own, which a Ctrl-C in the terminal does not reach.
    pub(super) async fn spawn(&self, mut command: Command, entry: Arc<Entry>) -> io::Result<Child> {
        let gone = || io::Error::other("the spawner has ended");
        prepare(command.as_std_mut(), entry);
        command.process_group(0).kill_on_drop(true);
        let (answer, child) = oneshot::channel();
        self.requests.send((command, answer)).map_err(|_| gone())?;
        child.await.map_err(|_| gone())?
    }
}

/// Prepares a command: before the new process becomes the program, it enters its cell, and asks to end with its parent. In
/// this order, because a change of user revokes the request, and before the cell is closed.
fn prepare(command: &mut std::process::Command, entry: Arc<Entry>) {
    let parent = Pid::from_raw(i32::try_from(std::process::id()).unwrap_or_default());
    let hook = move || {
        entry.enter()?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent ended before the signal was asked for.
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

/// Sends a signal to a process and all of its group. Only while the process has not been waited for, so that its id is
/// still its own.
pub(super) fn signal_group(id: u32, signal: Signal) {
    if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(id, signal); // it may have ended
    }
}
