//! What is stored of a file that is not complete.

use crate::{File, FileState, StreamKind};

/// The bytes that S3 has of a file before its object is complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// The id of the multipart upload.
    pub upload_id: Option<String>,
    /// Of an import of separate streams: the number of temporary objects that are complete.
    pub stored_streams: Option<usize>,
}

impl Unfinished {
    /// Returns what there may be of a file in its state.
    #[must_use]
    pub fn of(file: &File) -> Self {
        let streams = match &file.state {
            FileState::Importing(import) => import.streams.as_deref(),
            _ => None,
        };
        Self {
            upload_id: file.state.upload_id().map(str::to_owned),
            stored_streams: streams.map(|streams| streams.stored.len()),
        }
    }

    /// Returns the stream whose temporary object the multipart upload belongs to; `None`: it belongs to the file's own object.
    #[must_use]
    pub fn uploaded_stream(&self) -> Option<StreamKind> {
        StreamKind::ALL.get(self.stored_streams?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_belongs_to_the_first_missing_stream() {
        let of = |stored_streams| Unfinished { upload_id: None, stored_streams }.uploaded_stream();
        assert_eq!([of(None), of(Some(2))], [None, None]);
        assert_eq!([of(Some(0)), of(Some(1))], StreamKind::ALL.map(Some));
    }
}
