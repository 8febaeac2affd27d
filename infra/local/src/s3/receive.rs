//! A request's body on its way into a file: counted, digested and checked, in bounded memory.

use std::io::Write as _;

use bytes::Bytes;
use futures_util::StreamExt as _;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, StdError, TrailingHeaders};

use super::checksums::{Algorithm, Digest};
use super::fault::{Fault, Outcome};
use super::files::{Staged, Stored};
use super::store::Store;

/// How many bytes are gathered before a thread that may block takes them.
const BATCH: usize = 1 << 20;

/// The largest body of one PUT or part: 5 GiB.
pub(super) const MAX_BODY: u64 = 5 << 30;

/// What the request says of its body.
pub(super) struct Announced {
    /// Bytes.
    pub(super) size: u64,
    /// `Content-MD5`, decoded.
    pub(super) md5: Option<[u8; 16]>,
    /// The checksum to compute.
    pub(super) algorithm: Algorithm,
    /// Its value, where a header told it.
    pub(super) checksum: Option<Vec<u8>>,
    /// Where its value follows the body.
    pub(super) trailer: Option<TrailingHeaders>,
}

/// A body that is complete and as announced.
pub(super) struct Received {
    pub(super) file: Stored,
    /// Bytes.
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    /// The digest of [`Announced::algorithm`].
    pub(super) checksum: Vec<u8>,
}

/// Receives a body. Whatever fails, and whenever the future is dropped, nothing stays.
pub(super) async fn receive(
    store: &Store,
    body: Option<StreamingBlob>,
    announced: Announced,
) -> Outcome<Received> {
    let mut writer = Writer {
        staged: store.files.stage()?,
        md5: Md5::new(),
        digest: Digest::new(announced.algorithm),
        size: 0,
    };
    let mut batch = Batch::default();
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            batch.push(chunk.map_err(broken_body)?);
            if writer.size + batch.size as u64 > announced.size {
                return Err(incomplete());
            }
            if batch.size >= BATCH {
                writer = writer.write(std::mem::take(&mut batch)).await?;
            }
        }
    }
    let writer = writer.write(batch).await?;
    if writer.size != announced.size {
        return Err(incomplete());
    }
    let (md5, checksum) = (writer.md5.finalize(), writer.digest.finish());
    check(&announced, md5, &checksum)?;
    Ok(Received { file: store.files.store(writer.staged)?, size: announced.size, md5, checksum })
}

#[derive(Default)]
struct Batch {
    chunks: Vec<Bytes>,
    size: usize,
}

impl Batch {
    fn push(&mut self, chunk: Bytes) {
        self.size += chunk.len();
        self.chunks.push(chunk);
    }
}

struct Writer {
    staged: Staged,
    md5: Md5,
    digest: Digest,
    size: u64,
}

impl Writer {
    async fn write(mut self, batch: Batch) -> Outcome<Self> {
        tokio::task::spawn_blocking(move || {
            for chunk in &batch.chunks {
                self.staged.file.write_all(chunk)?;
                self.md5.update(chunk);
                self.digest.update(chunk);
            }
            self.size += batch.size as u64;
            Ok(self)
        })
        .await?
    }
}

/// Compares what came with what was said.
fn check(announced: &Announced, md5: [u8; 16], checksum: &[u8]) -> Outcome<()> {
    if announced.md5.is_some_and(|sent| sent != md5) {
        return Err(Fault::new(
            S3ErrorCode::BadDigest,
            "The Content-MD5 you specified did not match what we received.",
        ));
    }
    let sent = match &announced.trailer {
        Some(trailer) => Some(from_trailer(trailer, announced.algorithm)?),
        None => announced.checksum.clone(),
    };
    if sent.is_some_and(|sent| sent != checksum) {
        let name = announced.algorithm.name();
        let message = format!("The {name} you specified did not match the calculated checksum.");
        return Err(Fault::new(S3ErrorCode::BadDigest, message));
    }
    Ok(())
}

/// The checksum that the headers announced to follow the body.
fn from_trailer(trailer: &TrailingHeaders, algorithm: Algorithm) -> Outcome<Vec<u8>> {
    let value = trailer.read(|headers| headers.get(algorithm.header()).cloned()).flatten();
    let value = value.as_ref().and_then(|value| value.to_str().ok());
    algorithm.decode(value.ok_or_else(|| {
        Fault::from(custom("MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema."))
    })?)
}

fn incomplete() -> Fault {
    let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
    Fault::new(S3ErrorCode::IncompleteBody, message)
}

/// The stream fails when its signature or hash is wrong, or when the client goes away. `s3s` keeps the types of
/// these errors to itself, so that only their names tell which it was.
fn broken_body(error: StdError) -> Fault {
    let name = error.to_string();
    tracing::debug!(%error, "a body broke off");
    if name.contains("Sha256Mismatch") {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return custom("XAmzContentSHA256Mismatch", message).into();
    }
    if name.contains("SignatureMismatch") {
        return S3ErrorCode::SignatureDoesNotMatch.into();
    }
    incomplete()
}

/// A refusal (400) that `s3s` has no code for.
fn custom(code: &'static str, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}
