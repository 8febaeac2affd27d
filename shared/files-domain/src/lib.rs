//! The domain: files with their states and transitions, names, limits and API keys.
//!
//! This crate knows no AWS and no HTTP, and reads no clock: the time is an argument.

mod caller;
mod content_type;
mod error;
mod file;
mod id;
mod idempotency;
mod key;
pub mod limits;
mod metadata;
mod name;
mod object;
mod origin;
mod page;
mod parts;
mod probe;
mod resume;
mod size;
mod source_headers;
mod time;
mod transition;

pub use caller::Caller;
pub use content_type::clean_content_type;
pub use error::BoxError;
pub use file::{Checksum, Detail, Due, DueKind, File, FullProbe, NewFile, Progress, Source, Status};
pub use id::{FileId, OwnerId, ParseIdError, file_object_key, parse_file_object_key, probe_object_key};
pub use idempotency::Idempotency;
pub use key::{ApiKey, KeyHash, KeyProblem, KeyRecord, NewKey, Scope};
pub use media_facts::{DurationSource, MediaType, ProbeFacts, ProbeSummary};
pub use metadata::{Metadata, MetadataError};
pub use name::FileName;
pub use object::{ObjectMeta, UploadRef};
pub use origin::{Origin, PageClaims};
pub use page::{ListFilter, Page, PageOrder, PageRequest};
pub use parts::{PartFault, PartPlan, StoredPart};
pub use probe::{PROBE_FACTS, ProbeDone, Probed};
pub use resume::{Hashed, Resume};
pub use size::human_bytes;
pub use source_headers::{SourceHeaders, SourceHeadersError};
pub use time::Timestamp;
pub use transition::ImportedObject;
