use files_domain::{FileId, OwnerId, SourceHeaders};
use serde::{Deserialize, Serialize};

use crate::Grouped;

/// A message to `import-file`. An import is requeued by sending the whole message, since the headers are stored nowhere else.
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
    /// How often the import was requeued because its owner had reached its share of the workers.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub put_back: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Grouped for ImportMessage {
    fn group(&self) -> OwnerId {
        self.owner
    }
}
