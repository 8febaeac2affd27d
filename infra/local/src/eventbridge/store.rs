use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, Result};

use super::Event;

/// Maximum number of events that are kept.
const MAX_EVENTS: usize = 1_000;

/// The latest events, also in a file of one line each.
pub(super) struct Store {
    file: File,
    events: VecDeque<Event>,
}

impl Store {
    /// Opens the file. A last line that a crash has cut off is dropped.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
        let mut file = file.with_context(|| format!("cannot open {}", path.display()))?;
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(|| format!("cannot read {}", path.display()))?;
        let mut events: VecDeque<Event> =
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        events.drain(..events.len().saturating_sub(MAX_EVENTS));
        let mut store = Self { file, events };
        store.rewrite()?;
        Ok(store)
    }

    fn rewrite(&mut self) -> Result<()> {
        let lines = lines(self.events.iter())?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(lines.as_bytes())?;
        Ok(self.file.sync_data()?)
    }

    pub(super) fn append(&mut self, events: &[Event]) -> Result<()> {
        self.file.write_all(lines(events.iter())?.as_bytes())?;
        self.file.sync_data()?;
        self.events.extend(events.iter().cloned());
        if self.events.len() > 2 * MAX_EVENTS {
            self.events.drain(..self.events.len() - MAX_EVENTS);
            self.rewrite()?;
        }
        Ok(())
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.events.iter().cloned().collect()
    }
}

fn lines<'e>(events: impl Iterator<Item = &'e Event>) -> Result<String> {
    let mut text = String::new();
    for event in events {
        text.push_str(&serde_json::to_string(event)?);
        text.push('\n');
    }
    Ok(text)
}
