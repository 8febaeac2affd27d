//! Lambda's messages for the end of a process, in the words of Go's `os.ProcessState`.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// Describes how a process ended: completes `Runtime exited …`.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "without providing a reason".to_owned(),
        (Some(code), _) => format!("with error: exit status {code}"),
        (None, Some(signal)) => {
            let core = if status.core_dumped() { " (core dumped)" } else { "" };
            format!("with error: signal: {}{core}", name(signal))
        }
        (None, None) => format!("with error: {status}"),
    }
}

fn name(signal: i32) -> String {
    let name = match signal {
        libc::SIGHUP => "hangup",
        libc::SIGINT => "interrupt",
        libc::SIGQUIT => "quit",
        libc::SIGILL => "illegal instruction",
        libc::SIGTRAP => "trace/breakpoint trap",
        libc::SIGABRT => "aborted",
        libc::SIGBUS => "bus error",
        libc::SIGFPE => "floating point exception",
        libc::SIGKILL => "killed",
        libc::SIGSEGV => "segmentation fault",
        libc::SIGPIPE => "broken pipe",
        libc::SIGALRM => "alarm clock",
        libc::SIGTERM => "terminated",
        libc::SIGXCPU => "CPU time limit exceeded",
        libc::SIGXFSZ => "file size limit exceeded",
        libc::SIGSYS => "bad system call",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// localstack, `test_lambda_handler_exit` and `test_lambda_runtime_wrapper_not_found` (recorded on AWS).
    #[test]
    fn messages_are_those_of_lambda() {
        for (raw, text) in [
            (0, "without providing a reason"),
            (127 << 8, "with error: exit status 127"),
            (libc::SIGKILL, "with error: signal: killed"),
            (libc::SIGSEGV | 0x80, "with error: signal: segmentation fault (core dumped)"),
        ] {
            assert_eq!(describe(ExitStatus::from_raw(raw)), text);
        }
    }
}
