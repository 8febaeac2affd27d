//! Takes steps on real records and in the model, and compares.

use std::collections::BTreeSet;

use files_domain::PageRequest;
use files_domain::{
    File, FileId, FileState, Import, ListFilter, PageOrder, PartPlan, Progress, Scope, Source, Status,
    Timestamp, limits,
};
use files_records::{ImportClaim, RecordsError, SavedProbe};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;

use crate::dynamodb::{DynamoDb, Scheduled, Usage};
use crate::model::{Event, Life, Step};
use crate::owner::Owner;
use crate::samples::fail_file;
use crate::samples::{at, far_future, imported, new_file, video};

type Checked = Result<(), TestCaseError>;

/// A file of the play, and what the model knows of it.
struct Part {
    /// As it was created.
    first: File,
    /// Its life; `None` once it is removed.
    life: Option<Life>,
    version: u64,
    lease_until: Option<Timestamp>,
    /// The upload that it is known by, once parts were asked for.
    upload_id: Option<String>,
    /// Number of claims.
    claims: u64,
    /// What each of its workers has in hand.
    workers: Vec<File<Import>>,
    /// From when on its bytes are to be deleted, if they are still.
    removal_due: Option<Timestamp>,
}

/// How the bytes of a file come.
#[derive(Clone, Copy)]
enum Way {
    Put(u64),
    Parts(u64),
    Import,
}

/// One owner's files, in the records and in the model.
pub(crate) struct Play<'s> {
    owner: Owner<'s>,
    now: Timestamp,
    parts: Vec<Part>,
}

impl Part {
    fn open(&self) -> bool {
        self.life.is_some_and(|life| !life.status.is_terminal())
    }

    fn importing(&self) -> bool {
        self.life.is_some_and(|life| life.importing && !life.status.is_terminal())
    }

    /// Whether a write by one who has seen `version` goes through.
    fn is_at(&self, version: u64) -> bool {
        self.life.is_some() && self.version == version
    }

    fn happens(&mut self, event: Event) {
        self.life = self.life.map(|life| life.after(event));
        self.version += 1;
    }

    fn removed(&mut self, seen: &File, now: Timestamp) {
        self.life = None;
        self.removal_due = Some(seen.removal_due(now));
    }

    fn scheduled(&self) -> Option<Scheduled> {
        match self.life {
            Some(_) if self.open() || self.first.expires_at.is_some() => Some(Scheduled::File(self.first.id)),
            Some(_) => None,
            None => self.removal_due.map(|_| Scheduled::Removed(self.first.id)),
        }
    }
}

/// Whether a write went through; anything but a change in between is a failure of the test.
fn saved(result: Result<(), RecordsError>) -> bool {
    match result {
        Ok(()) => true,
        Err(RecordsError::Changed) => false,
        Err(error) => panic!("{error:?}"),
    }
}

impl<'s> Play<'s> {
    pub(crate) async fn new(store: &'s DynamoDb, name: &str) -> Self {
        Self { owner: Owner::new(store, name).await, now: at(0), parts: Vec::new() }
    }

    pub(crate) async fn step(&mut self, step: &Step) -> Checked {
        self.now = self.now.plus(std::time::Duration::from_millis(1));
        match step {
            Step::Upload { size, lifetime_minutes } => self.create(Way::Put(*size), *lifetime_minutes).await,
            Step::Parts { size, lifetime_minutes } => self.create(Way::Parts(*size), *lifetime_minutes).await,
            Step::Import { lifetime_minutes } => self.create(Way::Import, *lifetime_minutes).await,
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

    async fn create(&mut self, way: Way, lifetime_minutes: Option<u64>) -> Checked {
        let lifetime = lifetime_minutes.map(|minutes| std::time::Duration::from_secs(60 * minutes));
        let expires_at = lifetime.map(|lifetime| self.now.plus(lifetime));
        let size = match way {
            Way::Put(size) | Way::Parts(size) => Some(size),
            Way::Import => None,
        };
        let new = new_file(size, expires_at);
        let (owner, id) = (self.owner.id(), FileId::new(self.now));
        let first = match way {
            Way::Put(_) => new.awaiting_upload(owner, id, self.now),
            Way::Parts(size) => new.awaiting_parts(PartPlan::recorded(size, 10), owner, id, self.now),
            Way::Import => new.awaiting_import(true, owner, id, self.now).into(),
        };
        prop_assert!(self.owner.create(&first).await.is_ok());
        let life =
            Life { status: Status::Pending, reserved_bytes: size.unwrap_or(0), importing: size.is_none() };
        self.parts.push(Part {
            first,
            life: Some(life),
            version: 1,
            lease_until: None,
            claims: 0,
            workers: Vec::new(),
            upload_id: None,
            removal_due: None,
        });
        Ok(())
    }

    /// Somebody who has begun an upload, or comes for more parts of it.
    async fn ask_for_parts(&mut self, file: &Index, begins: bool) -> Checked {
        if self.parts.is_empty() {
            return Ok(());
        }
        let index = file.index(self.parts.len());
        let now = self.now;
        let part = &mut self.parts[index];
        let own = begins.then(|| format!("upload-{}", now.millis()));
        let (records, owner, id) = (self.owner.records(), self.owner.id(), part.first.id);
        let before = self.owner.record(id).await;
        let asked = records.change_file(owner, id, |file| file.parts_asked_for(own.as_deref(), now)).await;
        let Some(file) = asked.expect("the records answer") else { return Ok(()) };
        let before = before.expect("what has changed was there");
        prop_assert!(part.first.part_plan().is_some());
        prop_assert_eq!(part.life.map(|life| life.status), Some(Status::Pending));
        let (upload_id, at) = (file.state.upload_id(), file.deadline.map(|deadline| deadline.at));
        prop_assert!(
            part.upload_id.is_none() || upload_id == part.upload_id.as_deref(),
            "the first one stays"
        );
        prop_assert!(before.deadline.map(|deadline| deadline.at) <= at, "never sooner");
        prop_assert!(at <= Some(file.created_at().plus(limits::MAX_UPLOAD_WINDOW)));
        part.upload_id = upload_id.map(str::to_owned);
        part.version += 1;
        Ok(())
    }

    /// Somebody who has seen all parts, of this upload or of another.
    async fn complete(&mut self, file: &Index, is_right: bool) -> Checked {
        if self.parts.is_empty() {
            return Ok(());
        }
        let index = file.index(self.parts.len());
        let (now, part) = (self.now, &mut self.parts[index]);
        let (records, owner, id) = (self.owner.records(), self.owner.id(), part.first.id);
        let seen = part.upload_id.clone().filter(|_| is_right).unwrap_or_else(|| "another".to_owned());
        let marked = records.change_file(owner, id, |file| file.completing(&seen, now)).await;
        let marked = marked.expect("the records answer").is_some();
        let waits = part.life.is_some_and(|life| life.status == Status::Pending);
        prop_assert_eq!(marked, waits && is_right && part.upload_id.is_some());
        if marked {
            part.happens(Event::Completing);
        }
        Ok(())
    }

    async fn claim(&mut self, file: &Index) -> Checked {
        let imports = self.parts.iter_mut().filter(|part| part.first.source == Source::Url);
        let mut imports: Vec<&mut Part> = imports.collect();
        if imports.is_empty() {
            return Ok(());
        }
        let part = imports.swap_remove(file.index(imports.len()));
        let claim = self.owner.claim(part.first.id, self.now).await;
        if !part.open() {
            prop_assert_eq!(claim, ImportClaim::Over);
        } else if let Some(until) = part.lease_until.filter(|until| *until > self.now) {
            prop_assert_eq!(claim, ImportClaim::HeldUntil(until));
        } else {
            part.happens(Event::Claimed);
            part.claims += 1;
            part.lease_until = Some(self.now.plus(limits::IMPORT_LEASE));
            let mine = match claim {
                ImportClaim::Claimed(mine) => mine,
                ImportClaim::Fetched(file) => {
                    let restarted = file.clone().restarted(self.now).expect("an import");
                    let saved = saved(self.owner.records().save_file(&file, &restarted.clone().into()).await);
                    prop_assert!(saved, "nobody else writes it");
                    part.happens(Event::Restarted);
                    File { version: restarted.version + 1, ..restarted }
                }
                other => return Err(TestCaseError::fail(format!("a free import: {other:?}"))),
            };
            prop_assert_eq!(mine.generation, part.claims);
            part.workers.push(mine);
        }
        Ok(())
    }

    /// A file that has workers, and one of these.
    fn working(&mut self, file: &Index, worker: &Index) -> Option<(&mut Part, usize)> {
        let mut working: Vec<_> = self.parts.iter_mut().filter(|part| !part.workers.is_empty()).collect();
        if working.is_empty() {
            return None;
        }
        let part = working.swap_remove(file.index(working.len()));
        let worker = worker.index(part.workers.len());
        Some((part, worker))
    }

    async fn progress(&mut self, file: &Index, worker: &Index) -> Checked {
        let (records, now) = (self.owner.records(), self.now);
        let Some((part, worker)) = self.working(file, worker) else { return Ok(()) };
        let mut mine = part.workers[worker].clone();
        mine.state.progress = Some(Progress { received: 1, total: None });
        mine.state.upload_id = Some("upload-1".to_owned());
        let saved = saved(records.save_progress(&mine, now).await);
        let is_latest = mine.generation == part.claims;
        prop_assert_eq!(saved, part.importing() && is_latest);
        if saved {
            part.version += 1;
            part.workers[worker].version += 1;
        }
        Ok(())
    }

    /// A worker has all bytes, and saves that over the record as it knows it.
    async fn imported(&mut self, file: &Index, worker: &Index, size: u64) -> Checked {
        let (records, now) = (self.owner.records(), self.now);
        let Some((part, worker)) = self.working(file, worker) else { return Ok(()) };
        let before = part.workers[worker].clone();
        let after = before.clone().imported(imported(size), now);
        let saved = saved(records.save_file(&before.clone().into(), &after).await);
        prop_assert_eq!(saved, part.is_at(before.version));
        if saved {
            part.happens(Event::Imported(size));
        }
        Ok(())
    }

    async fn fail(&mut self, file: &Index) -> Checked {
        if self.parts.is_empty() {
            return Ok(());
        }
        let part = file.index(self.parts.len());
        self.fail_part(part).await
    }

    async fn fail_part(&mut self, part: usize) -> Checked {
        let part = &mut self.parts[part];
        let failed = fail_file(self.owner.records(), self.owner.id(), part.first.id, "no", self.now).await;
        let failed = failed.expect("the records answer").is_some();
        prop_assert_eq!(failed, part.open());
        if failed {
            part.happens(Event::Failed);
        }
        Ok(())
    }

    async fn probe(&mut self, file: &Index, size: u64) -> Checked {
        if self.parts.is_empty() {
            return Ok(());
        }
        let index = file.index(self.parts.len());
        let part = &mut self.parts[index];
        let saved = self.owner.probe(part.first.id, &video(size, self.now)).await;
        let expected = match part.life {
            None => SavedProbe::NoRecord,
            Some(life) if life.status.is_terminal() => SavedProbe::AlreadyTerminal(life.status),
            Some(_) => SavedProbe::Saved,
        };
        prop_assert_eq!(saved, expected);
        if saved == SavedProbe::Saved {
            part.happens(Event::Probed(size));
        }
        Ok(())
    }

    async fn remove(&mut self, file: &Index, as_first_seen: bool) -> Checked {
        if self.parts.is_empty() {
            return Ok(());
        }
        let index = file.index(self.parts.len());
        let part = &mut self.parts[index];
        let now_written = self.owner.record(part.first.id).await.filter(|_| !as_first_seen);
        let seen = now_written.unwrap_or_else(|| part.first.clone());
        let removed = saved(self.owner.remove(&seen, self.now).await);
        prop_assert_eq!(removed, part.is_at(seen.version));
        if removed {
            part.removed(&seen, self.now);
        }
        Ok(())
    }

    /// All that is due, once, as if no bytes had come.
    async fn sweep(&mut self) -> Checked {
        for work in self.owner.due(self.now).await {
            let (Scheduled::File(id) | Scheduled::Removed(id)) = work;
            let index = self.parts.iter().position(|part| part.first.id == id).expect("one of the play's");
            match work {
                Scheduled::File(_) => self.finish(index).await?,
                Scheduled::Removed(_) => {
                    self.owner.records().forget_removed(self.owner.id(), id).await.expect("forgotten");
                    self.parts[index].removal_due = None;
                }
            }
        }
        Ok(())
    }

    async fn finish(&mut self, index: usize) -> Checked {
        let part = &mut self.parts[index];
        let file = self.owner.record(part.first.id).await.expect("what is due has a record");
        prop_assert!(file.deadline.is_some(), "and says when");
        if file.has_expired(self.now) {
            prop_assert!(saved(self.owner.records().remove_file(&file, self.now).await));
            part.removed(&file, self.now);
            return Ok(());
        }
        prop_assert!(!file.status().is_terminal(), "an expiry that is due has come");
        if matches!(file.state, FileState::AwaitingUpload | FileState::AwaitingParts(_)) {
            return self.fail_part(index).await;
        }
        let (records, now) = (self.owner.records(), self.now);
        let later = records.change_file(self.owner.id(), file.id, |file| file.postponed(now)).await;
        if later.expect("the records answer").is_none() {
            return self.fail_part(index).await; // tried often enough
        }
        part.version += 1;
        Ok(())
    }

    /// The invariants, and that the records say what the model says.
    pub(crate) async fn check(&self) -> Checked {
        let (mut sum, mut pending) = (Usage::default(), 0);
        let (mut due, mut due_now, mut shown) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for part in &self.parts {
            due.extend(part.scheduled());
            let file = self.owner.record(part.first.id).await;
            prop_assert_eq!(file.is_some(), part.life.is_some());
            let due_at = match &file {
                Some(file) => file.deadline.map(|deadline| deadline.at),
                None => part.removal_due,
            };
            due_now.extend(part.scheduled().filter(|_| due_at.is_some_and(|at| at <= self.now)));
            let caller = self.owner.caller(Scope::Read, self.now);
            let found = self.owner.client().find_file(&caller, part.first.id).await.ok();
            prop_assert_eq!(&found, &file.clone().filter(|file| !file.has_expired(self.now)));
            shown.extend(found);
            let (Some(file), Some(life)) = (file, part.life) else { continue };
            let Life { status, reserved_bytes, importing } = life;
            prop_assert_eq!(
                (file.status(), file.reserved_bytes(), file.import().is_some()),
                (status, reserved_bytes, importing)
            );
            prop_assert_eq!((file.version, file.owner), (part.version, self.owner.id()));
            sum.files += 1;
            sum.bytes += i128::from(reserved_bytes);
            sum.imports += i128::from(importing);
            pending += u64::from(status == Status::Pending && !importing);
        }
        prop_assert_eq!(self.owner.usage().await, sum, "usage is the sum");
        let counted = self.owner.store.pending_uploads_of(self.owner.id()).await;
        prop_assert_eq!(counted, pending, "so are pending uploads");
        prop_assert_eq!(self.owner.due(far_future()).await, due, "due is what must still happen");
        prop_assert_eq!(self.owner.due(self.now).await, due_now, "and when");
        prop_assert_eq!(self.list().await, shown, "the list shows what is there");
        Ok(())
    }

    async fn list(&self) -> Vec<File> {
        let (order, filter) = (PageOrder::Ascending, ListFilter::default());
        let request = PageRequest { limit: 500, order, filter, after: None };
        let page = self.owner.client().list_files(&self.owner.caller(Scope::Read, self.now), request).await;
        page.expect("a page").files
    }
}
