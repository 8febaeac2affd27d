//! `files-admin`: what an operator does beside the API.
//!
//! It works on the local cloud when `FILES_READY` names its `ready.json` (or `.local/ready.json` is there), else on the
//! AWS account of the operator's own profile.

mod key;
mod reprobe;
mod table;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Operates a deployment of Files.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Options {
    #[command(flatten)]
    table: table::TableOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// API keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Has files looked at again by the ffprobe that is deployed now.
    Reprobe(reprobe::ReprobeOptions),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Options { table, command } = Options::parse();
    let records = table.open().await?;
    match command {
        Command::Key(command) => command.run(&records, &mut std::io::stdout()).await,
        Command::Reprobe(options) => {
            options.run(&records, &table.probe_queue().await?, &mut std::io::stdout()).await
        }
    }
}
