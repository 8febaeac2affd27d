//! What a file is: its states and transitions, names, limits, API keys, and the ports through which
//! functions reach records, objects and queues. No AWS, no HTTP, and no clock of its own: the time is an argument.

mod change;
mod content_type;
mod file;
mod id;
mod key;
pub mod limits;
mod metadata;
mod name;
mod origin;
mod page;
mod parts;
mod ports;
mod probe;
mod resume;
mod size;
mod source_headers;
mod time;
mod transition;

pub use change::{change_file, change_file_of_page, change_read_file};
pub use content_type::clean_content_type;
pub use file::{Checksum, Detail, Due, DueKind, File, FullProbe, NewFile, Progress, Source, Status};
pub use id::{FileId, OwnerId, ParseIdError, file_object_key, parse_file_object_key, probe_object_key};
pub use key::{ApiKey, Authority, KeyHash, KeyProblem, KeyRecord, NewKey, Scope};
pub use media_facts::{DurationSource, MediaType, ProbeFacts, ProbeSummary};
pub use metadata::{Metadata, MetadataError};
pub use name::FileName;
pub use origin::{Origin, PageClaims};
pub use page::{ListFilter, Page, PageOrder, PageRequest};
pub use parts::{PartFault, PartPlan, StoredPart};
pub use ports::{
    BoxError, CheckKey, ClaimImport, CreateFile, Created, FileRecords, FindFile, FinishProbe, Idempotency,
    ImportClaim, ImportMessage, ListFiles, ObjectMeta, ProbeDone, QueueImport, QueueProbe, RemoveFile,
    SavedProbe, StoreError,
};
pub use probe::{PROBE_FACTS, Probed};
pub use resume::{Hashed, Resume};
pub use size::human_bytes;
pub use source_headers::{SourceHeaders, SourceHeadersError};
pub use time::Timestamp;
pub use transition::ImportedObject;
