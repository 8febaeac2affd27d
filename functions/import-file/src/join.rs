//! Joins two stored streams with the function `mux-streams`.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use files_domain::{Progress, StreamKind, Streams, UploadRef};
use files_objects::checksum_of_parts;
use lambda_startup::{InvokeError, invoke};
use media_source::Container;
use mux_protocol::{MAX_JOINED_BYTES, MAX_PARTS, MuxRefusal, MuxRequest, MuxResponse, PART_BYTES};
use tracing::{info, warn};

use crate::error::ImportError;
use crate::fetched::{Fetched, SourceMetadata};
use crate::lease::Lease;

/// The time that must be left for joining, unless the run has just begun.
const LEAST_TIME: Duration = Duration::from_secs(30);
/// The time that the URLs stay valid after the time for joining.
const URL_MARGIN: Duration = Duration::from_secs(60);
/// The time for the response, beyond the time for joining.
const RESPONSE_TIME: Duration = Duration::from_secs(10);
/// Parts beyond those of the streams: containers differ in size.
const MORE_PARTS: u64 = 4;

/// The error of an invocation of `mux-streams`. A later attempt may succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MuxerError {
    /// The function has no response.
    #[error("mux-streams: {0}")]
    Invoke(InvokeError),
    /// The request cannot be serialized.
    #[error("the request to mux-streams cannot be serialized: {0}")]
    Request(serde_json::Error),
    /// The response does not match the request, or S3 has other parts.
    #[error("the response of mux-streams does not match the request")]
    Response,
}

/// A client of the function `mux-streams`. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Muxer {
    client: Client,
    function: String,
}

impl Muxer {
    /// Creates a client of the function with this name.
    #[must_use]
    pub fn new(client: Client, function: impl Into<String>) -> Self {
        Self { client, function: function.into() }
    }

    /// Invokes the function and waits for its response. Retries only throttled invocations: a second one would write the same parts.
    async fn join(&self, request: &MuxRequest) -> Result<MuxResponse, MuxerError> {
        let payload = serde_json::to_vec(request).map_err(MuxerError::Request)?;
        let time = Duration::from_secs(request.seconds) + RESPONSE_TIME;
        let timeouts =
            TimeoutConfig::builder().operation_timeout(time).operation_attempt_timeout(time).build();
        let config =
            aws_sdk_lambda::Config::builder().timeout_config(timeouts).retry_config(RetryConfig::disabled());
        let response = invoke(&self.client, &self.function, payload, Some(config)).await;
        serde_json::from_slice(&response.map_err(MuxerError::Invoke)?).map_err(|_| MuxerError::Response)
    }
}

/// Joins the stored streams into the parts of the file's own upload. Returns the parts, and their container: Matroska, if the first
/// choice cannot hold the streams.
///
/// # Errors
/// [`ImportError::Unusable`] if the streams cannot be joined, [`ImportError::OutOfTime`] if a run that begins with joining has more time for it,
/// [`ImportError::Refused`] if the file is too large, [`ImportError::Lost`], [`ImportError::Ours`].
pub(crate) async fn join(
    lease: &mut Lease<'_>,
    streams: &Streams,
) -> Result<(Fetched, Container), ImportError> {
    if lease.has_new_parts() && !lease.budget.allows(LEAST_TIME) {
        return Err(ImportError::OutOfTime);
    }
    lease.check_size(0).await?; // the streams are counted already
    let mut container = of_type(&streams.content_type);
    loop {
        match join_as(lease, streams, container).await? {
            Ok(fetched) => return Ok((fetched, container)),
            Err(MuxRefusal::Container) if container != Container::Matroska => {
                info!(file = %lease.file.id, ?container, "the container cannot hold the streams, trying Matroska");
                container = Container::Matroska;
            }
            // The transfers have taken a part of this run's time.
            Err(MuxRefusal::Time { .. }) if lease.has_new_parts() => {
                lease.abort_upload().await.map_err(ImportError::Ours)?;
                return Err(ImportError::OutOfTime);
            }
            Err(refusal) => return Err(ImportError::Unusable(sentence(refusal))),
        }
        lease.abort_upload().await.map_err(ImportError::Ours)?;
    }
}

fn sentence(refusal: MuxRefusal) -> String {
    format!("the media has picture and sound in separate streams, and {refusal}")
}

fn of_type(content_type: &str) -> Container {
    let all = [Container::Mp4, Container::Webm, Container::Matroska];
    all.into_iter().find(|container| container.content_type() == content_type).unwrap_or(Container::Mp4)
}

async fn join_as(
    lease: &mut Lease<'_>,
    streams: &Streams,
    container: Container,
) -> Result<Result<Fetched, MuxRefusal>, ImportError> {
    let Some(muxer) = lease.import.muxer.clone() else {
        return Err(ImportError::Refused("this service joins no separate streams".to_owned()));
    };
    let metadata = SourceMetadata {
        content_type: Some(container.content_type().to_owned()),
        ..SourceMetadata::default()
    };
    let upload_id = lease.begin_upload(&metadata, Progress { received: 0, total: Some(0) }).await?;
    let request = request(lease, streams, container, &upload_id).await?;
    match muxer.join(&request).await.map_err(|error| ImportError::Ours(error.into()))? {
        MuxResponse::Joined { parts, size } => Ok(Ok(checked(lease, &upload_id, parts, size).await?)),
        MuxResponse::Refused(refusal) => Ok(Err(refusal)),
    }
}

/// Presigns everything that the function needs.
async fn request(
    lease: &Lease<'_>,
    streams: &Streams,
    container: Container,
    upload_id: &str,
) -> Result<MuxRequest, ImportError> {
    let (owner, id, objects) = (lease.file.owner, lease.file.id, &lease.import.objects);
    let (now, time) = (lambda_startup::now(), lease.budget.left());
    let lifetime = time + URL_MARGIN;
    let mut reads = Vec::new();
    for kind in StreamKind::ALL {
        reads.push(objects.of_stream(kind).presign_read(owner, id, now, lifetime).await?.url);
    }
    let [picture, sound] = <[String; 2]>::try_from(reads).unwrap_or_default();
    let count = (streams.size() / PART_BYTES + streams.size() / PART_BYTES / 50 + MORE_PARTS).min(MAX_PARTS);
    let mut parts = Vec::new();
    for number in 1..=u32::try_from(count).unwrap_or(u32::MAX) {
        let upload = UploadRef { owner, id, upload_id };
        parts.push(objects.presign_part_of_any_size(upload, number, now, lifetime).await?.url);
    }
    Ok(MuxRequest { picture, sound, container, parts, part_size: PART_BYTES, seconds: time.as_secs() })
}

/// Returns the parts that S3 has, if they are those of the response.
async fn checked(lease: &Lease<'_>, upload_id: &str, parts: u64, size: u64) -> Result<Fetched, ImportError> {
    let upload = UploadRef { owner: lease.file.owner, id: lease.file.id, upload_id };
    let stored = lease.import.objects.stored_parts(upload).await?;
    let (found, total) = (stored.list().len() as u64, stored.size());
    if (found, total) != (parts, size) || size == 0 || size > MAX_JOINED_BYTES {
        warn!(found, total, parts, size, "the parts of the joined file differ from the response");
        return Err(ImportError::Ours(MuxerError::Response.into()));
    }
    let parts = stored.parts();
    Ok(Fetched::Parts { checksum: checksum_of_parts(&parts), parts, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_container_is_that_of_the_media_type() {
        for container in [Container::Mp4, Container::Webm, Container::Matroska] {
            assert_eq!(of_type(container.content_type()), container);
        }
        assert_eq!(of_type("text/html"), Container::Mp4);
    }

    #[test]
    fn a_refusal_is_a_sentence() {
        assert_eq!(
            sentence(MuxRefusal::Time { seconds: 285 }),
            "the media has picture and sound in separate streams, and joining its picture and sound takes longer than 285 s"
        );
    }
}
