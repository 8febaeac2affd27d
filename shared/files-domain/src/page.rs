use crate::{File, FileId, MediaType, Source, Status, Timestamp};

/// Which way a list goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageOrder {
    /// Newest first.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// Which files a list shows: those for which all that is set is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// How far they are.
    pub status: Option<Status>,
    /// Where their bytes come from.
    pub source: Option<Source>,
    /// What they are.
    pub media_type: Option<MediaType>,
    /// Created later than this.
    pub created_after: Option<Timestamp>,
    /// Created earlier than this.
    pub created_before: Option<Timestamp>,
}

impl ListFilter {
    /// Whether a list shows `file`.
    #[must_use]
    pub fn shows(&self, file: &File) -> bool {
        self.status.is_none_or(|status| status == file.status())
            && self.source.is_none_or(|source| source == file.source)
            && self.media_type.is_none_or(|media_type| Some(media_type) == file.media_type())
            && self.created_after.is_none_or(|after| file.created_at() > after)
            && self.created_before.is_none_or(|before| file.created_at() < before)
    }
}

/// Which page to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Most files to read.
    pub limit: u32,
    /// Which way.
    pub order: PageOrder,
    /// Which files.
    pub filter: ListFilter,
    /// The last file that the page before has read.
    pub after: Option<FileId>,
}

/// One page of files.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Its files, in order. With filters there may be fewer than were read.
    pub files: Vec<File>,
    /// After which file the next page begins, if there may be one.
    pub next: Option<FileId>,
}
