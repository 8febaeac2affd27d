//! Applies steps to real records and to the model, and compares both.

use std::collections::BTreeSet;

use files_domain::PageRequest;
use files_domain::{
    File, FileId, FileState, ListFilter, PageOrder, PartPlan, Progress, Scope, Source, Status, Timestamp,
    limits,
};
use files_records::{ImportClaim, RecordsError, SavedProbe};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;

use crate::dynamodb::{DynamoDb, Scheduled, Usage};
use crate::model::{Event, Lifecycle, Step};
use crate::owner::Owner;
use crate::samples::fail_file;
use crate::samples::{at, far_future, imported, new_file, video};
use crate::simulated_file::SimulatedFile;

type Checked = Result<(), TestCaseError>;

/// How the bytes of a file are transferred.
#[derive(Clone, Copy)]
enum Transfer {
    Put(u64),
    Parts(u64),
    Import,
}

/// One owner's files, in the records and in the model.
pub(crate) struct Simulation<'s> {
    owner: Owner<'s>,
    now: Timestamp,
    files: Vec<SimulatedFile>,
}

/// Returns whether a write succeeded. Any error but a concurrent change fails the test.
fn saved(result: Result<(), RecordsError>) -> bool {
    match result {
        Ok(()) => true,
        Err(RecordsError::Changed) => false,
        Err(error) => panic!("{error:?}"),
    }
}

impl<'s> Simulation<'s> {
    pub(crate) async fn new(store: &'s DynamoDb, name: &str) -> Self {
        Self { owner: Owner::new(store, name).await, now: at(0), files: Vec::new() }
    }

    pub(crate) async fn step(&mut self, step: &Step) -> Checked {
        self.now = self.now.plus(std::time::Duration::from_millis(1));
        match step {
            Step::Upload { size, lifetime_minutes } => {
                self.create(Transfer::Put(*size), *lifetime_minutes).await
            }
            Step::Parts { size, lifetime_minutes } => {
                self.create(Transfer::Parts(*size), *lifetime_minutes).await
            }
            Step::Import { lifetime_minutes } => self.create(Transfer::Import, *lifetime_minutes).await,
            Step::AskForParts { file, begins } => self.ask_for_parts(file, *begins).await,
            Step::Complete { file, is_right } => self.complete(file, *is_right).await,
            Step::Claim(file) => self.claim(file).await,
            Step::Progress { file, worker } => self.progress(file, worker).await,
            Step::Imported { file, worker, size } => self.imported(file, worker, *size).await,
            Step::Fail(file) => self.fail(file).await,
            Step::Probe { file, size } => self.probe(file, *size).await,
            Step::Remove { file, as_first_seen } => self.remove(file, *as_first_seen).await,
            Step::Sweep => self.sweep().await,
            Step::Wait { seconds } => {
                self.now = self.now.plus(std::time::Duration::from_secs(*seconds));
                Ok(())
            }
        }
    }

    async fn create(&mut self, transfer: Transfer, lifetime_minutes: Option<u64>) -> Checked {
        let lifetime = lifetime_minutes.map(|minutes| std::time::Duration::from_secs(60 * minutes));
        let expires_at = lifetime.map(|lifetime| self.now.plus(lifetime));
        let size = match transfer {
            Transfer::Put(size) | Transfer::Parts(size) => Some(size),
            Transfer::Import => None,
        };
        let new = new_file(size, expires_at);
        let (owner, id) = (self.owner.id(), FileId::new(self.now));
        let first = match transfer {
            Transfer::Put(_) => new.awaiting_upload(owner, id, self.now),
            Transfer::Parts(size) => new.awaiting_parts(PartPlan::recorded(size, 10), owner, id, self.now),
            Transfer::Import => new.awaiting_import(true, owner, id, self.now).into(),
        };
        prop_assert!(self.owner.create(&first).await.is_ok());
        let lifecycle = Lifecycle {
            status: Status::Pending,
            reserved_bytes: size.unwrap_or(0),
            importing: size.is_none(),
        };
        self.files.push(SimulatedFile {
            first,
            lifecycle: Some(lifecycle),
            version: 1,
            lease_until: None,
            claims: 0,
            workers: Vec::new(),
            upload_id: None,
            removal_due: None,
        });
        Ok(())
    }

    /// A client that has created an upload, or requests more parts of the recorded one.
    async fn ask_for_parts(&mut self, file: &Index, begins: bool) -> Checked {
        if self.files.is_empty() {
            return Ok(());
        }
        let index = file.index(self.files.len());
        let now = self.now;
        let entry = &mut self.files[index];
        let own = begins.then(|| format!("upload-{}", now.millis()));
        let (records, owner, id) = (self.owner.records(), self.owner.id(), entry.first.id);
        let before = self.owner.record(id).await;
        let asked = records.change_file(owner, id, |file| file.parts_signed(own.as_deref(), now)).await;
        let Some(file) = asked.expect("the records can be read") else { return Ok(()) };
        let before = before.expect("the changed file existed before");
        prop_assert!(entry.first.part_plan().is_some());
        prop_assert_eq!(entry.lifecycle.map(|lifecycle| lifecycle.status), Some(Status::Pending));
        let (upload_id, at) = (file.state.upload_id(), file.deadline.map(|deadline| deadline.at));
        prop_assert!(
            entry.upload_id.is_none() || upload_id == entry.upload_id.as_deref(),
            "the first upload stays recorded"
        );
        prop_assert!(before.deadline.map(|deadline| deadline.at) <= at, "the deadline never becomes earlier");
        prop_assert!(at <= Some(file.created_at().plus(limits::MAX_UPLOAD_WINDOW)));
        entry.upload_id = upload_id.map(str::to_owned);
        entry.version += 1;
        Ok(())
    }

    /// A client that has seen all parts, of the recorded upload or of another.
    async fn complete(&mut self, file: &Index, is_right: bool) -> Checked {
        if self.files.is_empty() {
            return Ok(());
        }
        let index = file.index(self.files.len());
        let (now, entry) = (self.now, &mut self.files[index]);
        let (records, owner, id) = (self.owner.records(), self.owner.id(), entry.first.id);
        let seen = entry.upload_id.clone().filter(|_| is_right).unwrap_or_else(|| "another".to_owned());
        let marked = records.change_file(owner, id, |file| file.completing(&seen, now)).await;
        let marked = marked.expect("the records can be read").is_some();
        let waits = entry.lifecycle.is_some_and(|lifecycle| lifecycle.status == Status::Pending);
        prop_assert_eq!(marked, waits && is_right && entry.upload_id.is_some());
        if marked {
            entry.apply(Event::Completing);
        }
        Ok(())
    }

    async fn claim(&mut self, file: &Index) -> Checked {
        let imports = self.files.iter_mut().filter(|entry| entry.first.source == Source::Url);
        let mut imports: Vec<&mut SimulatedFile> = imports.collect();
        if imports.is_empty() {
            return Ok(());
        }
        let entry = imports.swap_remove(file.index(imports.len()));
        let claim = self.owner.claim(entry.first.id, self.now).await;
        if !entry.open() {
            prop_assert_eq!(claim, ImportClaim::Over);
        } else if let Some(until) = entry.lease_until.filter(|until| *until > self.now) {
            prop_assert_eq!(claim, ImportClaim::HeldUntil(until));
        } else {
            entry.apply(Event::Claimed);
            entry.claims += 1;
            entry.lease_until = Some(self.now.plus(limits::IMPORT_LEASE));
            let mine = match claim {
                ImportClaim::Claimed(mine) => mine,
                ImportClaim::Fetched(file) => {
                    let restarted = file.clone().restarted(self.now).expect("an import");
                    let saved = saved(self.owner.records().save_file(&file, &restarted.clone().into()).await);
                    prop_assert!(saved, "no other write happens");
                    entry.apply(Event::Restarted);
                    File { version: restarted.version + 1, ..restarted }
                }
                other => {
                    return Err(TestCaseError::fail(format!(
                        "an unleased import was not claimed: {other:?}"
                    )));
                }
            };
            prop_assert_eq!(mine.generation, entry.claims);
            entry.workers.push(mine);
        }
        Ok(())
    }

    /// Selects a file that has workers, and one of the workers.
    fn working(&mut self, file: &Index, worker: &Index) -> Option<(&mut SimulatedFile, usize)> {
        let mut working: Vec<_> = self.files.iter_mut().filter(|entry| !entry.workers.is_empty()).collect();
        if working.is_empty() {
            return None;
        }
        let entry = working.swap_remove(file.index(working.len()));
        let worker = worker.index(entry.workers.len());
        Some((entry, worker))
    }

    async fn progress(&mut self, file: &Index, worker: &Index) -> Checked {
        let (records, now) = (self.owner.records(), self.now);
        let Some((entry, worker)) = self.working(file, worker) else { return Ok(()) };
        let mut mine = entry.workers[worker].clone();
        mine.state.progress = Some(Progress { received: 1, total: None });
        mine.state.upload_id = Some("upload-1".to_owned());
        let saved = saved(records.save_progress(&mine, now).await);
        let is_latest = mine.generation == entry.claims;
        prop_assert_eq!(saved, entry.importing() && is_latest);
        if saved {
            entry.version += 1;
            entry.workers[worker].version += 1;
        }
        Ok(())
    }

    /// A worker that has transferred all bytes, and saves the result over the record that it last read.
    async fn imported(&mut self, file: &Index, worker: &Index, size: u64) -> Checked {
        let (records, now) = (self.owner.records(), self.now);
        let Some((entry, worker)) = self.working(file, worker) else { return Ok(()) };
        let before = entry.workers[worker].clone();
        let after = before.clone().imported(imported(size), now);
        let saved = saved(records.save_file(&before.clone().into(), &after).await);
        prop_assert_eq!(saved, entry.is_at(before.version));
        if saved {
            entry.apply(Event::Imported(size));
        }
        Ok(())
    }

    async fn fail(&mut self, file: &Index) -> Checked {
        if self.files.is_empty() {
            return Ok(());
        }
        let entry = file.index(self.files.len());
        self.fail_at(entry).await
    }

    async fn fail_at(&mut self, entry: usize) -> Checked {
        let entry = &mut self.files[entry];
        let failed = fail_file(self.owner.records(), self.owner.id(), entry.first.id, "no", self.now).await;
        let failed = failed.expect("the records can be read").is_some();
        prop_assert_eq!(failed, entry.open());
        if failed {
            entry.apply(Event::Failed);
        }
        Ok(())
    }

    async fn probe(&mut self, file: &Index, size: u64) -> Checked {
        if self.files.is_empty() {
            return Ok(());
        }
        let index = file.index(self.files.len());
        let entry = &mut self.files[index];
        let saved = self.owner.probe(entry.first.id, &video(size, self.now)).await;
        let expected = match entry.lifecycle {
            None => SavedProbe::NoRecord,
            Some(lifecycle) if lifecycle.status.is_terminal() => {
                SavedProbe::AlreadyTerminal(lifecycle.status)
            }
            Some(_) => SavedProbe::Saved,
        };
        prop_assert_eq!(saved, expected);
        if saved == SavedProbe::Saved {
            entry.apply(Event::Probed(size));
        }
        Ok(())
    }

    async fn remove(&mut self, file: &Index, as_first_seen: bool) -> Checked {
        if self.files.is_empty() {
            return Ok(());
        }
        let index = file.index(self.files.len());
        let entry = &mut self.files[index];
        let now_written = self.owner.record(entry.first.id).await.filter(|_| !as_first_seen);
        let seen = now_written.unwrap_or_else(|| entry.first.clone());
        let removed = saved(self.owner.remove(&seen, self.now).await);
        prop_assert_eq!(removed, entry.is_at(seen.version));
        if removed {
            entry.removed(&seen, self.now);
        }
        Ok(())
    }

    /// Does all scheduled work once, as if no bytes had arrived.
    async fn sweep(&mut self) -> Checked {
        for work in self.owner.due(self.now).await {
            let (Scheduled::File(id) | Scheduled::Removed(id)) = work;
            let index =
                self.files.iter().position(|entry| entry.first.id == id).expect("a file of the simulation");
            match work {
                Scheduled::File(_) => self.finish(index).await?,
                Scheduled::Removed(_) => {
                    self.owner.records().delete_removal_entry(self.owner.id(), id).await.expect("forgotten");
                    self.files[index].removal_due = None;
                }
            }
        }
        Ok(())
    }

    async fn finish(&mut self, index: usize) -> Checked {
        let entry = &mut self.files[index];
        let file = self.owner.record(entry.first.id).await.expect("a file with scheduled work has a record");
        prop_assert!(file.deadline.is_some(), "it has a deadline");
        if file.has_expired(self.now) {
            prop_assert!(saved(self.owner.records().remove_file(&file, self.now).await));
            entry.removed(&file, self.now);
            return Ok(());
        }
        prop_assert!(
            !file.status().is_terminal(),
            "a terminal file has no other scheduled work than its expiry"
        );
        if matches!(file.state, FileState::AwaitingUpload | FileState::AwaitingParts(_)) {
            return self.fail_at(index).await;
        }
        let (records, now) = (self.owner.records(), self.now);
        let later = records.change_file(self.owner.id(), file.id, |file| file.postponed(now)).await;
        if later.expect("the records can be read").is_none() {
            return self.fail_at(index).await; // the last try has been used
        }
        entry.version += 1;
        Ok(())
    }

    /// Checks the invariants, and that records and model agree.
    pub(crate) async fn check(&self) -> Checked {
        let (mut sum, mut pending) = (Usage::default(), 0);
        let (mut due, mut due_now, mut shown) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for entry in &self.files {
            due.extend(entry.scheduled());
            let file = self.owner.record(entry.first.id).await;
            prop_assert_eq!(file.is_some(), entry.lifecycle.is_some());
            let due_at = match &file {
                Some(file) => file.deadline.map(|deadline| deadline.at),
                None => entry.removal_due,
            };
            due_now.extend(entry.scheduled().filter(|_| due_at.is_some_and(|at| at <= self.now)));
            let caller = self.owner.caller(Scope::Read, self.now);
            let found = self.owner.client().find_file(&caller, entry.first.id).await.ok();
            prop_assert_eq!(&found, &file.clone().filter(|file| !file.has_expired(self.now)));
            shown.extend(found);
            let (Some(file), Some(lifecycle)) = (file, entry.lifecycle) else { continue };
            let Lifecycle { status, reserved_bytes, importing } = lifecycle;
            prop_assert_eq!(
                (file.status(), file.reserved_bytes(), file.import().is_some()),
                (status, reserved_bytes, importing)
            );
            prop_assert_eq!((file.version, file.owner), (entry.version, self.owner.id()));
            sum.files += 1;
            sum.bytes += i128::from(reserved_bytes);
            sum.imports += i128::from(importing);
            pending += u64::from(status == Status::Pending && !importing);
        }
        prop_assert_eq!(self.owner.usage().await, sum, "usage is the sum of the files");
        let counted = self.owner.store.pending_uploads_of(self.owner.id()).await;
        prop_assert_eq!(counted, pending, "the pending uploads are counted");
        prop_assert_eq!(self.owner.due(far_future()).await, due, "all remaining work is scheduled");
        prop_assert_eq!(self.owner.due(self.now).await, due_now, "the work is scheduled for the right time");
        prop_assert_eq!(self.list().await, shown, "the list has all files");
        Ok(())
    }

    async fn list(&self) -> Vec<File> {
        let (order, filter) = (PageOrder::Ascending, ListFilter::default());
        let request = PageRequest { limit: 500, order, filter, after: None };
        let page = self.owner.client().list_files(&self.owner.caller(Scope::Read, self.now), request).await;
        page.expect("a page").files
    }
}
