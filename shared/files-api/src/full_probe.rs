use files_domain::{Detail, File, FullProbe};
use files_objects::Objects;
use serde_json::Value;

use crate::ApiError;

/// Returns ffprobe's complete output of a file, from the record or from S3; null if there is none.
///
/// # Errors
/// [`Reason::InternalError`](crate::Reason::InternalError): S3 failed, or the output cannot be read.
pub async fn full_probe(objects: &Objects, file: &File, detail: &Detail) -> Result<Value, ApiError> {
    let packed = match &detail.full_probe {
        None => return Ok(Value::Null),
        Some(FullProbe::Inline(packed)) => packed.clone().into(),
        Some(FullProbe::InObject) => {
            objects.get_probe(file.owner, file.id).await.map_err(ApiError::internal)?
        }
    };
    files_records::unpack_probe(&packed).map_err(ApiError::internal)
}
