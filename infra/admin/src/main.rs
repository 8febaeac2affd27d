//! `files-admin`: the operator's CLI.
//!
//! It connects to the local cloud if `FILES_READY` names its `ready.json` (or `.local/ready.json` exists), else to the
//! AWS account of the operator's own profile.

mod audit;
mod key;
mod key_lifecycle;
mod limits;
mod new_key;
mod period;
mod place;
mod reprobe;
mod restore;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use files_admin::reconcile::ReconcileOptions;

/// Operates a deployment of Files.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Options {
    #[command(flatten)]
    place: place::PlaceOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Manages API keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Manages owners' own limits.
    #[command(subcommand)]
    Limits(limits::LimitsCommand),
    /// Shows changes, signed links and refused keys, with their callers. For the local cloud; on AWS, use CloudWatch
    /// Logs Insights.
    Audit(audit::AuditOptions),
    /// Requests probes of files with the deployed ffprobe.
    Reprobe(reprobe::ReprobeOptions),
    /// Copies the records that the files table lacks from a table that point-in-time recovery has restored.
    Restore(restore::RestoreOptions),
    /// Compares the records with the bucket and with the usage, and repairs differences.
    Reconcile(ReconcileOptions),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain of causes alone: with RUST_BACKTRACE=1 the error's own form would print a stack.
            let _ = writeln!(std::io::stderr(), "files-admin: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<()> {
    let Options { place, command } = options;
    match command {
        Command::Key(command) => command.run(&place, &mut std::io::stdout()).await,
        Command::Limits(command) => command.run(&place, &mut std::io::stdout()).await,
        Command::Audit(options) => options.run(&place, &mut std::io::stdout().lock()),
        Command::Reprobe(options) => {
            let (records, queue) = (place.records().await?, place.probe_queue().await?);
            options.run(&records, &queue, &mut std::io::stdout()).await
        }
        Command::Restore(options) => options.run(&place.records().await?, &mut std::io::stdout()).await,
        Command::Reconcile(options) => {
            let (records, keys, objects) =
                (place.records().await?, place.keys().await?, place.objects().await?);
            options.run(&records, &keys, &objects, &mut std::io::stdout()).await
        }
    }
}
