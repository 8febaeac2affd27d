//! Starts processes that end with this one, whatever ends it.

use std::io;
use std::os::unix::process::CommandExt;
use std::sync::mpsc;

use tokio::process::{Child, Command};
use tokio::sync::oneshot;

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

    /// Starts a process in a group of its own, which a Ctrl-C in the terminal does not reach.
    pub(super) async fn spawn(&self, mut command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the spawner has ended");
        end_with_parent(command.as_std_mut());
        command.process_group(0).kill_on_drop(true);
        let (answer, child) = oneshot::channel();
        self.requests.send((command, answer)).map_err(|_| gone())?;
        child.await.map_err(|_| gone())?
    }
}

#[allow(unsafe_code, reason = "only prctl and getppid run between fork and exec; both are async-signal-safe")]
fn end_with_parent(command: &mut std::process::Command) {
    let parent = i64::from(std::process::id());
    let hook = move || {
        // SAFETY: plain system calls without pointers.
        let (set, now) = unsafe { (libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL), libc::getppid()) };
        if set != 0 {
            return Err(io::Error::last_os_error());
        }
        // The parent ended before the signal was asked for.
        if i64::from(now) == parent { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    };
    // SAFETY: the hook allocates nothing and takes no lock.
    unsafe { command.pre_exec(hook) };
}

/// Ends a process and all of its group. Only while the process has not been waited for, so that its id is still its own.
#[allow(unsafe_code, reason = "the standard library cannot signal a process group")]
pub(super) fn kill_group(child: &Child) {
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
        // SAFETY: a plain system call without pointers.
        unsafe { libc::kill(-id, libc::SIGKILL) };
    }
}
