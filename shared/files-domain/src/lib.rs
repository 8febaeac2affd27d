//! The domain: files with their states and transitions, names, limits and API keys.
//!
//! This crate does not depend on AWS or HTTP, and reads no clock: the time is an argument.

mod caller;
mod change;
mod claimed;
mod content_type;
mod credential;
mod delivery;
mod earlier_names;
mod endpoint;
mod error;
mod event;
mod file;
mod id;
mod idempotency;
mod key;
mod key_hash;
mod language;
pub mod limits;
mod metadata;
mod name;
mod new_file;
mod object;
mod origin;
mod owner_limits;
mod page;
mod parts;
mod probe;
mod resume;
mod secret;
mod size;
mod source_headers;
mod state;
mod status;
mod streams;
mod time;
mod tracks;
mod transition;
mod unfinished;
mod upload_token;

pub use caller::{Caller, Principal};
pub use change::{Expiry, FileChange};
pub use content_type::clean_content_type;
pub use delivery::{Attempt, Delivery, DeliveryId, DeliveryStatus};
pub use earlier_names::EarlierNames;
pub use endpoint::{Endpoint, EndpointId, PreviousSecret};
pub use error::BoxError;
pub use event::{EventKind, EventRef, FileEvent};
pub use file::{Deadline, Detail, File, FullProbe};
pub use id::{
    FileId, OwnerId, ParseIdError, file_object_key, parse_file_object_key, poster_object_key,
    probe_object_key, stream_object_key,
};
pub use idempotency::Idempotency;
pub use key::{ApiKey, KeyProblem, KeyRecord, NewKey, Scope};
pub use key_hash::{KeyHash, KeyId};
pub use media_facts::{DurationSource, MediaType, ProbeFacts, ProbeSummary};
pub use metadata::{Metadata, MetadataError};
pub use name::{FileName, spelling};
pub use new_file::NewFile;
pub use object::{Checksum, ObjectMeta, UploadRef};
pub use origin::{Origin, PageClaims};
pub use owner_limits::{Limit, LimitExceeded, LimitNumbers, OwnerLimits, Usage};
pub use page::{ListFilter, Page, PageOrder, PageRequest};
pub use parts::{PartFault, PartPlan, StoredPart};
pub use probe::{PROBE_FACTS, ProbeDone, Probed};
pub use resume::{Hashed, Resume};
pub use secret::WebhookSecret;
pub use size::human_bytes;
pub use source_headers::{SourceHeaders, SourceHeadersError};
pub use state::{Announced, FileState, Import, MultipartUpload, Probing, Progress, Retrying, Stored};
pub use status::{Source, Status};
pub use streams::{StreamKind, Streams};
pub use time::Timestamp;
pub use tracks::{Chapter, ChapterClaim, Subtitle, SubtitleClaim};
pub use transition::ImportedObject;
pub use unfinished::Unfinished;
pub use upload_token::{ContentTypePattern, NewUploadToken, TokenFault, UploadToken, UploadTokenRecord};
