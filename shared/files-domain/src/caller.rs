use crate::{ApiKey, KeyProblem, KeyRecord, OwnerId, Scope, Timestamp};

/// Describes who sends a request: the API key presented, the scope that the request needs, and the time of the request.
///
/// A caller is not trusted until the records have checked it against what is stored of its key.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key that the client presented.
    pub key: ApiKey,
    /// The scope that the request needs.
    pub scope: Scope,
    /// When the request came.
    pub now: Timestamp,
}

impl Caller {
    /// Returns the owner whose files the request is about.
    #[must_use]
    pub fn owner(&self) -> OwnerId {
        self.key.owner()
    }

    /// Checks the request against what is stored of the key.
    ///
    /// # Errors
    /// [`KeyProblem::Invalid`]: there is no record, it is another owner's, or the key is expired or revoked.
    /// [`KeyProblem::MissingScope`]: the key lacks the scope.
    pub fn check(&self, record: Option<&KeyRecord>) -> Result<(), KeyProblem> {
        let record = record.filter(|record| record.owner == self.owner()).ok_or(KeyProblem::Invalid)?;
        record.authorize(self.scope, self.now)
    }
}
