//! `files-local`: the local cloud.

use std::io::IsTerminal;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use files_local::cloud;
use files_local::log::Log;
use files_local::options::Options;
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Warnings and errors, but no warning of DynamoDB's engine of each failed condition.
const QUIET: &str = "warn,dynoxide::server=error";

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    // New files are for this user alone. Functions get a umask of their own.
    umask(Mode::RWXG | Mode::RWXO);
    let filter = EnvFilter::try_from_env("FILES_LOCAL_LOG").unwrap_or_else(|_| EnvFilter::new(QUIET));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    lines.with_ansi(std::io::stderr().is_terminal()).init();
    let log = Log::stdout();
    let outcome = match stop_signal() {
        Ok(stop) => cloud::run(&options, &log, stop).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed, the message is lost.
            let _ = writeln!(std::io::stderr(), "files-local: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for SIGINT (Ctrl-C), SIGHUP (the end of the terminal) or SIGTERM.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}
