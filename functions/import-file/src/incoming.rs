use bytes::Bytes;
use files_domain::{FileName, clean_content_type};
use safe_fetch::Source;

use crate::stop::Stop;

/// Bytes that come in their order, from wherever, and what is said of them.
pub(crate) trait Incoming: Send {
    /// The next ones, never empty; `None` once all have come.
    fn next_chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, Stop>> + Send;

    /// How many there are, if that is known.
    fn length(&self) -> Option<u64>;

    /// The media type, as it was said.
    fn content_type(&self) -> Option<&str>;

    /// The file's name, as it was said.
    fn file_name(&self) -> Option<&str>;

    /// The same, fit for a record.
    fn said(&self) -> Said {
        Said {
            name: self.file_name().and_then(FileName::clean),
            content_type: self.content_type().and_then(clean_content_type),
        }
    }
}

/// What a source says of its bytes, made fit for a record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) name: Option<FileName>,
    pub(crate) content_type: Option<String>,
}

impl Incoming for Source {
    async fn next_chunk(&mut self) -> Result<Option<Bytes>, Stop> {
        Ok(Self::next_chunk(self).await?)
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }
}
