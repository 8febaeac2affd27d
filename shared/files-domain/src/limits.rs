//! Numbers that the contract promises or AWS sets.

use std::time::Duration;

/// Largest `file` taken through the API, in bytes: with base64, little more fits Lambda's 6 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const MAX_API_UPLOAD_BYTES: u64 = 4 * 1024 * 1024;
/// Largest object that one PUT may bring, in bytes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>).
pub const MAX_SINGLE_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;
/// Most parts of one upload, smallest part but the last, and largest part, in bytes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub const MAX_PARTS: u32 = 10_000;
/// See [`MAX_PARTS`].
pub const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;
/// See [`MAX_PARTS`].
pub const MAX_PART_BYTES: u64 = MAX_SINGLE_PUT_BYTES;
/// Largest object there can be: 48.8 TiB.
pub const MAX_OBJECT_BYTES: u64 = MAX_PART_BYTES * MAX_PARTS as u64;
/// Part of an upload, in bytes, unless there would be too many: little is lost when one fails.
pub const USUAL_PART_BYTES: u64 = 8 * 1024 * 1024;
/// Larger parts are a multiple of this.
pub const PART_SIZE_STEP: u64 = 1024 * 1024;
/// Most parts that are signed with one request.
pub const MAX_SIGNED_PARTS: usize = 1_000;
/// How long a presigned upload URL lives.
pub const UPLOAD_URL_LIFETIME: Duration = Duration::from_secs(3600);
/// How long a presigned upload may stay without its bytes. No URL of it outlives this.
pub const UPLOAD_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// How long an upload by parts may go on in all, as long as its parts are asked for: the bucket's lifecycle rule throws away
/// what is older.
pub const MAX_UPLOAD_WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);
/// Signing parts has an upload wait for a whole [`UPLOAD_WINDOW`] again, written down once this much of it is over.
pub const UPLOAD_WINDOW_STEP: Duration = Duration::from_secs(3600);
/// How long S3 may take over a completed upload before `sweep` looks: longer than a function that answers may run.
pub const COMPLETION_GRACE: Duration = Duration::from_secs(90);
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
/// How long nothing may be heard of an import that only its message can tell how to do, before that counts as lost: longer
/// than any message waits, is taken up, comes back and is given up.
pub const IMPORT_MESSAGE_WAIT: Duration = Duration::from_secs(24 * 3600);
/// How long a worker may hold an import without finishing: longer than the function may run.
pub const IMPORT_LEASE: Duration = Duration::from_secs(330);
/// How long an import rests after a run that brought nothing new, by how many such runs there were in a row. One more and it
/// has failed.
pub const IMPORT_RESTS: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(5 * 60), Duration::from_secs(15 * 60)];
/// Longest that a message of SQS can be put off
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
pub const MAX_QUEUE_DELAY: Duration = Duration::from_secs(15 * 60);
/// Most runs of the function on one import: about a month.
pub const MAX_IMPORT_RUNS: u64 = 10_000;
/// How long stored bytes may stay unprobed before `sweep` asks again.
pub const PROBE_GRACE: Duration = Duration::from_secs(15 * 60);
/// How often `sweep` tries one thing before it gives up on it.
pub const MAX_DUE_TRIES: u32 = 8;
