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

/// The files to probe again.
#[derive(Debug, Args)]
pub(crate) struct ReprobeOptions {
    /// This file, of the owner named with --owner.
    #[arg(long, value_name = "ID", requires = "owner", required_unless_present = "outdated")]
    file: Option<FileId>,
    /// Owner of the file.
    #[arg(long, value_name = "NAME", requires = "file")]
    owner: Option<String>,
    /// All files that an older ffprobe than the layer's, another build of it, or none has probed.
    #[arg(long, conflicts_with = "file")]
    outdated: bool,
    /// The layer's ffprobe, as probe-file logs it [default: the version of the ffprobe beside this program].
    #[arg(long, value_name = "VERSION", conflicts_with = "file")]
    layer: Option<String>,
    /// Maximum number of requested probes per second, so that uploads of clients do not wait behind them.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    per_second: u32,
}

impl ReprobeOptions {
    pub(crate) async fn run(self, records: &Records, queue: &ProbeQueue, out: &mut impl Write) -> Result<()> {
        let mut pace = interval(Duration::from_secs(1) / self.per_second);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let requested = match (self.file, &self.owner) {
            (Some(id), Some(owner)) => {
                request(records, queue, &mut pace, OwnerId::named(owner), id).await?;
                1
            }
            _ => {
                let layer = self.layer.map_or_else(layer_beside_this_program, Ok)?;
                request_outdated(records, queue, &mut pace, &layer).await?
            }
        };
        writeln!(out, "Requested {requested} {}.", if requested == 1 { "probe" } else { "probes" })?;
        Ok(())
    }
}

/// Returns the version of the layer that was built here, or of `FILES_FFPROBE`.
fn layer_beside_this_program() -> Result<String> {
    let named = std::env::var_os("FILES_FFPROBE").filter(|path| !path.is_empty()).map(Into::into);
    let path = match named {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name("ffprobe"),
    };
    let ffprobe = Ffprobe { path, limits: Limits::default(), ffmpeg: None };
    ffprobe
        .version()
        .with_context(|| format!("{} returned no version: pass --layer VERSION", ffprobe.path.display()))
}

async fn request_outdated(
    records: &Records,
    queue: &ProbeQueue,
    pace: &mut Interval,
    layer: &str,
) -> Result<u64> {
    let (mut requested, mut position) = (0, None::<ScanPosition>);
    loop {
        let (files, next) = records.scan_probed(position).await.context("the table cannot be read")?;
        let outdated = |file: &&File| {
            let by = file.stored().and_then(|stored| stored.probed_by.as_deref());
            by.is_none_or(|by| is_outdated(by, layer))
        };
        for file in files.iter().filter(outdated) {
            request(records, queue, pace, file.owner, file.id).await?;
            requested += 1;
        }
        position = next;
        if position.is_none() {
            return Ok(requested);
        }
    }
}

/// Marks the record first: otherwise `probe-record` starts no probe of a finished file.
async fn request(
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
