//! The two sides of a comparison, each in the order of the ids, read a page at a time.

use std::collections::VecDeque;

use anyhow::{Context, Result};
use files_domain::{File, FileId, OwnerId};
use files_objects::{ListedObject, ObjectKind, Objects};
use files_records::Records;

use super::finding::{Action, Damage, Finding};

/// Where to read the next page.
#[derive(Debug)]
enum Position<P> {
    Start,
    At(P),
    End,
}

impl<P> Position<P> {
    /// Returns where the page begins, and leaves the end; `None`: there is no more page.
    fn take(&mut self) -> Option<Option<P>> {
        match std::mem::replace(self, Self::End) {
            Self::Start => Some(None),
            Self::At(position) => Some(Some(position)),
            Self::End => None,
        }
    }

    fn set(&mut self, next: Option<P>) {
        *self = next.map_or(Self::End, Self::At);
    }
}

/// The records of an owner's files.
#[derive(Debug)]
pub(super) struct FileStream<'a> {
    records: &'a Records,
    owner: OwnerId,
    page: VecDeque<File>,
    position: Position<FileId>,
}

impl<'a> FileStream<'a> {
    pub(super) fn new(records: &'a Records, owner: OwnerId) -> Self {
        Self { records, owner, page: VecDeque::new(), position: Position::Start }
    }

    /// Returns the first file that has not been taken.
    pub(super) async fn peek(&mut self) -> Result<Option<&File>> {
        while self.page.is_empty()
            && let Some(after) = self.position.take()
        {
            let page = self.records.files_after(self.owner, after).await;
            let (files, next) = page.context("the records cannot be read")?;
            self.page.extend(files);
            self.position.set(next);
        }
        Ok(self.page.front())
    }

    pub(super) async fn next(&mut self) -> Result<Option<File>> {
        self.peek().await?;
        Ok(self.page.pop_front())
    }
}

/// The objects of an owner.
#[derive(Debug)]
pub(super) struct ObjectStream<'a> {
    objects: &'a Objects,
    kind: ObjectKind,
    owner: OwnerId,
    page: VecDeque<ListedObject>,
    foreign: Vec<String>,
    position: Position<String>,
}

impl<'a> ObjectStream<'a> {
    pub(super) fn new(objects: &'a Objects, kind: ObjectKind, owner: OwnerId) -> Self {
        let (page, foreign, position) = (VecDeque::new(), Vec::new(), Position::Start);
        Self { objects, kind, owner, page, foreign, position }
    }

    /// Returns the first object that has not been taken.
    pub(super) async fn peek(&mut self) -> Result<Option<&ListedObject>> {
        while self.page.is_empty()
            && let Some(from) = self.position.take()
        {
            let page = self.objects.list(self.kind, self.owner, from).await;
            let page = page.context("the bucket cannot be listed")?;
            self.page.extend(page.objects);
            self.foreign.extend(page.foreign);
            self.position.set(page.next);
        }
        Ok(self.page.front())
    }

    pub(super) async fn next(&mut self) -> Result<Option<ListedObject>> {
        self.peek().await?;
        Ok(self.page.pop_front())
    }

    /// Takes all objects of the next file as one: their size together, and the latest time.
    pub(super) async fn next_file(&mut self) -> Result<Option<ListedObject>> {
        let Some(mut all) = self.next().await? else { return Ok(None) };
        while let Some(next) = self.peek().await?.copied().filter(|next| next.id == all.id) {
            all =
                ListedObject { size: all.size + next.size, modified: all.modified.max(next.modified), ..all };
            self.page.pop_front();
        }
        Ok(Some(all))
    }

    /// Returns the keys on the pages read so far that are no file's, each once.
    fn take_foreign(&mut self) -> Vec<String> {
        std::mem::take(&mut self.foreign)
    }
}

/// Reports the keys on the pages read so far that are no file's.
pub(super) fn report_foreign(
    objects: &mut ObjectStream<'_>,
    report: &mut impl FnMut(Finding) -> Result<()>,
) -> Result<()> {
    let owner = objects.owner;
    for key in objects.take_foreign() {
        let (damage, action) = (Damage::ForeignObject { key }, Action::Kept);
        report(Finding { owner, file: None, damage, action })?;
    }
    Ok(())
}

/// Takes the record and the object with the smallest id; both if they have the same id. `None`: both sides are at their end.
pub(super) async fn next_pair(
    files: &mut FileStream<'_>,
    objects: &mut ObjectStream<'_>,
) -> Result<Option<(FileId, Option<File>, Option<ListedObject>)>> {
    let file = files.peek().await?.map(|file| file.id);
    let object = objects.peek().await?.map(|object| object.id);
    let Some(first) = file.into_iter().chain(object).min() else { return Ok(None) };
    let file = if file == Some(first) { files.next().await? } else { None };
    let object = if object == Some(first) { objects.next().await? } else { None };
    Ok(Some((first, file, object)))
}
