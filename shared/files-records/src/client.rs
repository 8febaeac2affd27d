use crate::{Keys, Records};

/// The records as the API's clients reach them: each operation checks the caller's key, most of them in the read or the
/// transaction that does the work.
#[derive(Debug)]
pub struct ClientRecords {
    records: Records,
    keys: Keys,
}

impl ClientRecords {
    /// Checks the keys of those who use `records` against `keys`.
    #[must_use]
    pub fn new(records: Records, keys: Keys) -> Self {
        Self { records, keys }
    }

    /// Returns the API keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns the records without the check of a key, for what follows a checked operation.
    #[must_use]
    pub fn unchecked(&self) -> &Records {
        &self.records
    }
}
