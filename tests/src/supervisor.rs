use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A shell script that runs one command for a test and cleans up after it. It reads orders from a pipe. The pipe closes when the
/// test's process ends, for whatever reason; then the script kills the command and deletes the folder. This also covers a shared
/// cloud, whose destructor never runs, and a test that is killed.
const SCRIPT: &str = r#"
folder=$1
shift
pid=
while read -r order; do
    case $order in
    start)
        "$@" </dev/null >>"$folder/log" 2>&1 &
        pid=$!
        echo "$pid"
        ;;
    *)
        kill "-$order" "$pid"
        wait "$pid"
        echo "$?"
        pid=
        ;;
    esac
done
if [ "$pid" ]; then
    kill -KILL "$pid"
    wait "$pid"
fi
rm -rf "$folder"
"#;

/// A supervised command, and its folder.
pub(crate) struct Supervisor {
    shell: Child,
    orders: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

impl Supervisor {
    /// Creates a supervisor of `command` in its own process group, so that Ctrl-C in the terminal does not reach it.
    pub(crate) fn new(folder: &Path, command: &[String]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "supervisor"])
            .arg(folder)
            .args(command)
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let orders = shell.stdin.take();
        let replies = BufReader::new(shell.stdout.take().expect("a pipe"));
        Self { shell, orders, replies }
    }

    /// Starts the command. Returns its process id.
    pub(crate) fn start(&mut self) -> u32 {
        self.order("start")
    }

    /// Sends a signal such as `KILL` to the command, and waits for its end. Returns the exit status as a shell reports it.
    pub(crate) fn end(&mut self, signal: &str) -> u32 {
        self.order(signal)
    }

    fn order(&mut self, order: &str) -> u32 {
        let orders = self.orders.as_mut().expect("the pipe is open");
        writeln!(orders, "{order}").and_then(|()| orders.flush()).expect("the supervisor runs");
        let mut reply = String::new();
        self.replies.read_line(&mut reply).expect("the supervisor runs");
        reply.trim().parse().expect("the supervisor responds with a number")
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.shell.wait();
    }
}
