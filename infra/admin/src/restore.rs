use std::io::Write;

use anyhow::{Context, Result};
use clap::Args;
use files_records::Records;

/// The table to copy from.
#[derive(Debug, Args)]
pub(crate) struct RestoreOptions {
    /// The table that point-in-time recovery has restored.
    #[arg(long, value_name = "TABLE")]
    from: String,
}

impl RestoreOptions {
    pub(crate) async fn run(self, records: &Records, out: &mut impl Write) -> Result<()> {
        let restored = records.copy_missing(&self.from).await.context("not all records were copied")?;
        writeln!(
            out,
            "Copied {restored} items that the files table lacks. Compare it with the bucket now: files-admin reconcile."
        )?;
        Ok(())
    }
}
