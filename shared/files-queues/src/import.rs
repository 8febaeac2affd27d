use files_domain::{FileId, OwnerId, SourceHeaders};
use serde::{Deserialize, Serialize};

/// Asks `import-file` for an import. Whoever queues an import again sends the whole message again: the headers are stored
/// nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportMessage {
    /// The owner of the file.
    pub owner: OwnerId,
    /// The file.
    pub id: FileId,
    /// The URL of its bytes.
    pub file_url: String,
    /// Headers for the requests to the source.
    #[serde(default, skip_serializing_if = "SourceHeaders::is_empty")]
    pub headers: SourceHeaders,
}
