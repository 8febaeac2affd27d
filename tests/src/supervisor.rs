use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Runs one command for a test and cleans up after it. It reads orders from a pipe, and the pipe closes when the test's
/// process ends, however it ends: then the command is killed and the folder removed. So a shared cloud, which no
/// destructor ends, leaves nothing behind, nor does a test that is itself killed.
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

/// A command that is kept, and its folder.
pub(crate) struct Supervisor {
    shell: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    /// A supervisor of `command`, in a process group of its own, so that no Ctrl-C in the terminal reaches it.
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
        let answers = BufReader::new(shell.stdout.take().expect("a pipe"));
        Self { shell, orders, answers }
    }

    /// Starts the command. Its process id.
    pub(crate) fn start(&mut self) -> u32 {
        self.order("start")
    }

    /// Sends the command a signal, such as `KILL`, and waits until it has ended. Its exit status as a shell gives it.
    pub(crate) fn end(&mut self, signal: &str) -> u32 {
        self.order(signal)
    }

    fn order(&mut self, order: &str) -> u32 {
        let orders = self.orders.as_mut().expect("the pipe is open");
        writeln!(orders, "{order}").and_then(|()| orders.flush()).expect("the supervisor lives");
        let mut response = String::new();
        self.answers.read_line(&mut response).expect("the supervisor lives");
        response.trim().parse().expect("the supervisor answers with a number")
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.shell.wait();
    }
}
