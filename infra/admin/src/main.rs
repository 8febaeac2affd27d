//! `files-admin`: what an operator does beside the API.
//!
//! It works on the local cloud when `FILES_READY` names its `ready.json` (or `.local/ready.json` is there), else on the
//! AWS account of the operator's own profile.

mod key;
mod key_lifecycle;
mod limits;
mod new_key;
mod place;
mod reprobe;

use anyhow::Result;
use clap::{Parser, Subcommand};

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
    /// Has files looked at again by the ffprobe that is deployed now.
    Reprobe(reprobe::ReprobeOptions),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Options { place, command } = Options::parse();
    match command {
        Command::Key(command) => command.run(&place, &mut std::io::stdout()).await,
        Command::Limits(command) => command.run(&place, &mut std::io::stdout()).await,
        Command::Reprobe(options) => {
            let (records, queue) = (place.records().await?, place.probe_queue().await?);
            options.run(&records, &queue, &mut std::io::stdout()).await
        }
    }
}
