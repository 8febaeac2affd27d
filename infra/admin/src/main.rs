//! `files-admin`: what an operator does beside the API.
//!
//! It works on the local cloud when `FILES_READY` names its `ready.json` (or `.local/ready.json` is there), else on the
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
    /// API keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Owners' own limits.
    #[command(subcommand)]
    Limits(limits::LimitsCommand),
    /// Shows who changed what, handed out which link, and presented which refused key. For the local cloud; on AWS,
    /// CloudWatch Logs Insights does it.
    Audit(audit::AuditOptions),
    /// Has files looked at again by the ffprobe that is deployed now.
    Reprobe(reprobe::ReprobeOptions),
    /// Copies the records that the files table lacks from a table that point-in-time recovery has made of it.
    Restore(restore::RestoreOptions),
    /// Compares the records with the bucket and with the usage, and repairs what differs.
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
