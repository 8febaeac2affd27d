use crate::{File, FileId, MediaType, Source, Status, Timestamp};

/// Order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageOrder {
    /// Newest first.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// Filters of a list, which has the files that match all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Status.
    pub status: Option<Status>,
    /// Source of the bytes.
    pub source: Option<Source>,
    /// Kind of media.
    pub media_type: Option<MediaType>,
    /// Created after this moment.
    pub created_after: Option<Timestamp>,
    /// Created before this moment.
    pub created_before: Option<Timestamp>,
}

impl ListFilter {
    /// Returns whether `file` matches.
    #[must_use]
    pub fn shows(&self, file: &File) -> bool {
        self.status.is_none_or(|status| status == file.status())
            && self.source.is_none_or(|source| source == file.source)
            && self.media_type.is_none_or(|media_type| Some(media_type) == file.media_type())
            && self.created_after.is_none_or(|after| file.created_at() > after)
            && self.created_before.is_none_or(|before| file.created_at() < before)
    }
}

/// A page to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Maximum number of files to read.
    pub limit: u32,
    /// Order of the list.
    pub order: PageOrder,
    /// Filters of the list.
    pub filter: ListFilter,
    /// The last file that was read for the previous page.
    pub after: Option<FileId>,
}

/// One page of files.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The files in order. With filters there may be fewer than were read.
    pub files: Vec<File>,
    /// The file after which the next page begins, if there may be one.
    pub next: Option<FileId>,
}
