//! Writes a request's body to a file while counting, hashing and checking it, in bounded memory.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::StatusCode;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::StreamingBlob;
use s3s::{S3ErrorCode, StdError, TrailingHeaders};

use super::checksums::{Algorithm, Digest};
use super::fault::{Fault, Outcome};
use super::files::{Staged, Stored};
use super::store::Store;

/// Bytes that are collected before a blocking thread writes them.
const BATCH: usize = 1 << 20;

/// Maximum body of one PUT or part: 5 GiB.
pub(super) const MAX_BODY: u64 = 5 << 30;

/// The size and checksums that a request announces for its body.
pub(super) struct Announced {
    /// Bytes.
    pub(super) size: u64,
    /// `Content-MD5`, decoded.
    pub(super) md5: Option<[u8; 16]>,
    /// The algorithm of the checksum that is stored.
    pub(super) algorithm: Algorithm,
    /// The checksum that the client sends, which may use another algorithm.
    pub(super) sent: Option<Sent>,
}

/// The checksum that a client sends with a body.
pub(super) struct Sent {
    pub(super) algorithm: Algorithm,
    pub(super) value: SentValue,
}

/// The place of a checksum's value.
pub(super) enum SentValue {
    /// In a header, decoded.
    Header(Vec<u8>),
    /// In a trailer after the body.
    Trailer(TrailingHeaders),
}

/// A complete body that matches the announcement.
pub(super) struct Received {
    pub(super) file: Stored,
    /// Bytes.
    pub(super) size: u64,
    pub(super) md5: [u8; 16],
    /// The digest of [`Announced::algorithm`].
    pub(super) checksum: Vec<u8>,
    /// The algorithm and digest of [`Announced::sent`].
    pub(super) sent: Option<(Algorithm, Vec<u8>)>,
}

/// Receives a body. On failure, or if the future is dropped, the file is deleted.
pub(super) async fn receive(
    store: &Store,
    body: Option<StreamingBlob>,
    announced: Announced,
) -> Outcome<Received> {
    let mut writer = Writer {
        staged: store.files.stage()?,
        md5: Md5::new(),
        digest: Digest::new(announced.algorithm),
        other: announced.other().map(Digest::new),
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
    let other = writer.other.map(Digest::finish);
    check_md5(&announced, md5)?;
    let sent = announced.sent.as_ref();
    let sent = sent.map(|sent| (sent, other.as_ref().unwrap_or(&checksum).clone()));
    let sent = sent.map(|(sent, digest)| sent.check(&digest).map(|()| (sent.algorithm, digest)));
    let (sent, size) = (sent.transpose()?, announced.size);
    Ok(Received { file: store.files.store(writer.staged)?, size, md5, checksum, sent })
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
    /// The digest of the sent checksum, if its algorithm is not the stored one.
    other: Option<Digest>,
    size: u64,
}

impl Writer {
    async fn write(mut self, batch: Batch) -> Outcome<Self> {
        tokio::task::spawn_blocking(move || {
            for chunk in &batch.chunks {
                self.staged.file.write_all(chunk)?;
                self.md5.update(chunk);
                self.digest.update(chunk);
                if let Some(other) = &mut self.other {
                    other.update(chunk);
                }
            }
            self.size += batch.size as u64;
            Ok(self)
        })
        .await?
    }
}

impl Announced {
    /// Returns the algorithm of the sent checksum, if it is not the stored one.
    fn other(&self) -> Option<Algorithm> {
        self.sent.as_ref().map(|sent| sent.algorithm).filter(|sent| *sent != self.algorithm)
    }
}

impl Sent {
    /// Compares size and checksums with the announced ones.
    fn check(&self, digest: &[u8]) -> Outcome<()> {
        let sent = match &self.value {
            SentValue::Header(value) => value.clone(),
            SentValue::Trailer(trailer) => from_trailer(trailer, self.algorithm)?,
        };
        if sent == digest {
            return Ok(());
        }
        let name = self.algorithm.name();
        let message = format!("The {name} you specified did not match the calculated checksum.");
        Err(Fault::new(S3ErrorCode::BadDigest, message))
    }
}

fn check_md5(announced: &Announced, md5: [u8; 16]) -> Outcome<()> {
    let Some(sent) = announced.md5.filter(|sent| *sent != md5) else {
        return Ok(());
    };
    let message = "The Content-MD5 you specified did not match what we received.";
    Err(Fault::new(S3ErrorCode::BadDigest, message)
        .detail("ExpectedDigest", hex::encode(sent))
        .detail("CalculatedDigest", BASE64.encode(md5)))
}

/// Returns the announced checksum from the trailer.
fn from_trailer(trailer: &TrailingHeaders, algorithm: Algorithm) -> Outcome<Vec<u8>> {
    let value = trailer.read(|headers| headers.get(algorithm.header()).cloned()).flatten();
    let value = value.as_ref().and_then(|value| value.to_str().ok());
    algorithm.decode(value.ok_or_else(malformed_trailer)?)
}

/// Creates the error of a missing trailer.
pub(super) fn malformed_trailer() -> Fault {
    let message = "The request contained trailing data that was not well-formed or did not conform to our published schema.";
    Fault::custom("MalformedTrailerError", StatusCode::BAD_REQUEST, message)
}

fn incomplete() -> Fault {
    let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
    Fault::new(S3ErrorCode::IncompleteBody, message)
}

/// Creates the error of a stream with a wrong signature or hash, or of a broken connection. `s3s` does not export the types of
/// these errors, so they are told apart by their names.
fn broken_body(error: StdError) -> Fault {
    let name = error.to_string();
    tracing::debug!(%error, "the body was interrupted");
    if name.contains("Sha256Mismatch") {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Fault::custom("XAmzContentSHA256Mismatch", StatusCode::BAD_REQUEST, message);
    }
    if name.contains("SignatureMismatch") {
        return S3ErrorCode::SignatureDoesNotMatch.into();
    }
    incomplete()
}
