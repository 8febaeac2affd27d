use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use files_domain::{File, FileId, OwnerId};
use files_queues::StoredObject;
use files_records::{Records, ScanPosition};
use media_probe::{Ffprobe, Limits, is_outdated};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::place::ProbeQueue;

/// Which files to look at again.
#[derive(Debug, Args)]
pub(crate) struct ReprobeOptions {
    /// This file, of the owner named with --owner.
    #[arg(long, value_name = "ID", requires = "owner", required_unless_present = "outdated")]
    file: Option<FileId>,
    /// Whose file it is.
    #[arg(long, value_name = "NAME", requires = "file")]
    owner: Option<String>,
    /// All files that were looked at by an older ffprobe than the layer's, by another build of it, or by none.
    #[arg(long, conflicts_with = "file")]
    outdated: bool,
    /// The layer's ffprobe, as probe-file logs it [default: what the one beside this program says].
    #[arg(long, value_name = "VERSION", conflicts_with = "file")]
    layer: Option<String>,
    /// Maximum number of requested files per second, so that uploads of clients do not wait behind them.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    per_second: u32,
}

impl ReprobeOptions {
    pub(crate) async fn run(self, records: &Records, queue: &ProbeQueue, out: &mut impl Write) -> Result<()> {
        let mut pace = interval(Duration::from_secs(1) / self.per_second);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let asked = match (self.file, &self.owner) {
            (Some(id), Some(owner)) => {
                ask(records, queue, &mut pace, OwnerId::named(owner), id).await?;
                1
            }
            _ => {
                let layer = self.layer.map_or_else(layer_beside_this_program, Ok)?;
                ask_for_outdated(records, queue, &mut pace, &layer).await?
            }
        };
        writeln!(out, "Asked for {asked} {}.", if asked == 1 { "file" } else { "files" })?;
        Ok(())
    }
}

/// What the layer that was built here, or `FILES_FFPROBE`, says of itself.
fn layer_beside_this_program() -> Result<String> {
    let named = std::env::var_os("FILES_FFPROBE").filter(|path| !path.is_empty()).map(Into::into);
    let path = match named {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name("ffprobe"),
    };
    let ffprobe = Ffprobe { path, limits: Limits::default(), ffmpeg: None };
    ffprobe.version().with_context(|| {
        format!("{} cannot be asked for its version: give --layer VERSION", ffprobe.path.display())
    })
}

async fn ask_for_outdated(
    records: &Records,
    queue: &ProbeQueue,
    pace: &mut Interval,
    layer: &str,
) -> Result<u64> {
    let (mut asked, mut position) = (0, None::<ScanPosition>);
    loop {
        let (files, next) = records.scan_probed(position).await.context("the table cannot be read")?;
        let outdated = |file: &&File| {
            let by = file.stored().and_then(|stored| stored.probed_by.as_deref());
            by.is_none_or(|by| is_outdated(by, layer))
        };
        for file in files.iter().filter(outdated) {
            ask(records, queue, pace, file.owner, file.id).await?;
            asked += 1;
        }
        position = next;
        if position.is_none() {
            return Ok(asked);
        }
    }
}

/// The record is told first: without its word, `probe-record` gives a finished file to no probe.
async fn ask(
    records: &Records,
    queue: &ProbeQueue,
    pace: &mut Interval,
    owner: OwnerId,
    id: FileId,
) -> Result<()> {
    pace.tick().await;
    records.request_reprobe(owner, id).await.context("the record cannot be changed")?;
    let object = StoredObject { bucket: queue.bucket.clone(), owner, id };
    queue.queue.send(&object).await.map_err(|error| anyhow!(error)).context("the queue cannot be reached")
}
