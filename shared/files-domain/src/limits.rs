//! Numbers that the contract promises or AWS sets.

use std::time::Duration;

/// Largest `file` taken through the API, in bytes: with base64, little more fits Lambda's 6 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const MAX_API_UPLOAD_BYTES: u64 = 4 * 1024 * 1024;
/// Largest object that one PUT may bring, in bytes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>).
pub const MAX_SINGLE_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;
/// How long a presigned upload URL lives.
pub const UPLOAD_URL_LIFETIME: Duration = Duration::from_secs(3600);
/// How long a presigned upload may stay without its bytes. No URL of it outlives this.
pub const UPLOAD_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Shortest, longest and usual lifetime of a download URL, in seconds.
pub const DOWNLOAD_SECONDS: (u64, u64, u64) = (60, 3600, 300);
/// Most files on one page of a list, and how many there are unless asked otherwise.
pub const PAGE_LIMIT: (u32, u32) = (500, 50);
/// How long an idempotency key is remembered.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Longest idempotency key, in bytes.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;
/// Longest lifetime that `expires_in` may ask for.
pub const MAX_EXPIRES_IN: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// How long an import may be unsent, or a sent one unclaimed, before `sweep` sends it again.
pub const IMPORT_SEND_GRACE: Duration = Duration::from_secs(15 * 60);
/// How long a worker may hold an import without finishing: longer than the function may run.
pub const IMPORT_LEASE: Duration = Duration::from_secs(330);
/// How long stored bytes may stay unprobed before `sweep` asks again.
pub const PROBE_GRACE: Duration = Duration::from_secs(15 * 60);
/// How often `sweep` tries one thing before it gives up on it.
pub const MAX_DUE_TRIES: u32 = 8;
