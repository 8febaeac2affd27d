use crate::{ApiKey, KeyHash, KeyProblem, KeyRecord, OwnerId, Scope, Timestamp, UploadToken};

/// The sender of a request, by its credential.
#[derive(Clone, Debug)]
pub enum Principal {
    /// The holder of an API key, who may do what the scopes of the key allow.
    ApiKey(ApiKey),
    /// The holder of an upload token, who may only create presigned uploads within the bounds of the token, and continue its own
    /// uploads.
    UploadToken(UploadToken),
}

impl From<ApiKey> for Principal {
    fn from(key: ApiKey) -> Self {
        Self::ApiKey(key)
    }
}

impl From<UploadToken> for Principal {
    fn from(token: UploadToken) -> Self {
        Self::UploadToken(token)
    }
}

/// The context of authorization: the principal, the scope that the request requires of an API key, and the time of the request.
///
/// A caller is not trusted until the records have checked it against the record of its key or token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key or token that the client presented.
    pub principal: Principal,
    /// The scope that the request requires of an API key.
    pub scope: Scope,
    /// When the request was received.
    pub now: Timestamp,
}

impl Caller {
    /// Returns the owner of the files in the request.
    #[must_use]
    pub fn owner(&self) -> OwnerId {
        match &self.principal {
            Principal::ApiKey(key) => key.owner(),
            Principal::UploadToken(token) => token.owner(),
        }
    }

    /// Returns the hash under which the key or token is stored. Its id is safe to log.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        match &self.principal {
            Principal::ApiKey(key) => key.hash(),
            Principal::UploadToken(token) => token.hash(),
        }
    }

    /// Returns the upload token, if the client presented one.
    #[must_use]
    pub fn upload_token(&self) -> Option<&UploadToken> {
        match &self.principal {
            Principal::ApiKey(_) => None,
            Principal::UploadToken(token) => Some(token),
        }
    }

    /// Checks the request against the record of the API key.
    ///
    /// # Errors
    /// [`KeyProblem::Invalid`]: there is no record, it is another owner's, the key is expired or revoked, or the caller has none.
    /// [`KeyProblem::MissingScope`]: the key lacks the scope.
    pub fn check(&self, record: Option<&KeyRecord>) -> Result<(), KeyProblem> {
        let record = record.filter(|record| record.owner == self.owner() && self.upload_token().is_none());
        record.ok_or(KeyProblem::Invalid)?.authorize(self.scope, self.now)
    }
}
