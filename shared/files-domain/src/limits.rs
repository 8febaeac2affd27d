//! Limits of the contract and of AWS.

use std::time::Duration;

/// Largest `file` in a request to the API, in bytes. With base64, little more fits into Lambda's 6 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const MAX_API_UPLOAD_BYTES: u64 = 4 * 1024 * 1024;
/// Largest object of a single PUT in bytes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>).
pub const MAX_SINGLE_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;
/// Maximum number of parts of an upload
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub const MAX_PARTS: u32 = 10_000;
/// Largest part in bytes. See [`MAX_PARTS`].
pub const MAX_PART_BYTES: u64 = MAX_SINGLE_PUT_BYTES;
/// Largest object: 48.8 TiB.
pub const MAX_OBJECT_BYTES: u64 = MAX_PART_BYTES * MAX_PARTS as u64;
/// Default size of a part in bytes, unless there would be too many parts. Small parts are cheap to retry.
pub const USUAL_PART_BYTES: u64 = 8 * 1024 * 1024;
/// Larger parts are a multiple of this.
pub const PART_SIZE_STEP: u64 = 1024 * 1024;
/// Maximum number of parts that a request can sign.
pub const MAX_SIGNED_PARTS: usize = 1_000;
/// Lifetime of a presigned upload URL.
pub const UPLOAD_URL_LIFETIME: Duration = Duration::from_secs(3600);
/// How long an upload waits for its bytes, and the limit of the lifetime of its URLs.
pub const UPLOAD_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Longest total duration of a multipart upload. The bucket's lifecycle rule aborts older ones.
pub const MAX_UPLOAD_WINDOW: Duration = Duration::from_secs(7 * 24 * 3600);
/// Signing parts extends the deadline by [`UPLOAD_WINDOW`]. The record is written at most once in this time.
pub const UPLOAD_WINDOW_STEP: Duration = Duration::from_secs(3600);
/// How long S3 may take to complete an upload before `sweep` retries: longer than the timeout of the API's functions.
pub const COMPLETION_GRACE: Duration = Duration::from_secs(90);
/// Shortest, longest and default lifetime of a download URL in seconds.
pub const DOWNLOAD_SECONDS: (u64, u64, u64) = (60, 3600, 300);
/// Longest wait for a terminal status. API Gateway ends a request after 30 s.
pub const MAX_WAIT: Duration = Duration::from_secs(20);
/// Largest and default number of files on a page of a list.
pub const PAGE_LIMIT: (u32, u32) = (500, 50);
/// How long an idempotency key is stored.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Longest idempotency key, in bytes.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 255;
/// Longest `expires_in`.
pub const MAX_EXPIRES_IN: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// How long an import may be unclaimed before `sweep` queues it again.
pub const IMPORT_SEND_GRACE: Duration = Duration::from_secs(15 * 60);
/// How long an import with headers may be unchanged before its message, which alone contains them, counts as lost: longer than a
/// message can be queued, redelivered and dead-lettered.
pub const IMPORT_MESSAGE_WAIT: Duration = Duration::from_secs(24 * 3600);
/// Lease of an import's worker: longer than the function's timeout.
pub const IMPORT_LEASE: Duration = Duration::from_secs(330);
/// Backoffs of an import after consecutive transient failures. After one more failure the import fails.
pub const IMPORT_BACKOFFS: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(5 * 60), Duration::from_secs(15 * 60)];
/// Longest delay of an SQS message
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
pub const MAX_QUEUE_DELAY: Duration = Duration::from_secs(15 * 60);
/// Maximum number of runs of the function for one import: about a month.
pub const MAX_IMPORT_RUNS: u64 = 10_000;
/// How long stored bytes may be unprobed before `sweep` queues a probe.
pub const PROBE_GRACE: Duration = Duration::from_secs(15 * 60);
/// Delays between the attempts of a delivery, according to the Standard Webhooks specification
/// (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
pub const DELIVERY_DELAYS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(14 * 3600),
    Duration::from_secs(20 * 3600),
    Duration::from_secs(24 * 3600),
];
/// Longest delay by a receiver's `Retry-After`.
pub const MAX_DELIVERY_DELAY: Duration = Duration::from_secs(24 * 3600);
/// Timeout of one attempt of a delivery.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(20);
/// A receiver that takes longer is slow, and needs one of the owner's slots for slow attempts.
pub const SLOW_DELIVERY: Duration = Duration::from_secs(1);
/// Lease of a slot for a slow attempt: longer than the attempt.
pub const SLOW_DELIVERY_LEASE: Duration = Duration::from_secs(25);
/// Shortest and longest bound of the delay of a delivery whose owner has no slot left for a slow attempt.
pub const SLOW_DELIVERY_DELAYS: [Duration; 2] = [Duration::from_secs(4), Duration::from_secs(60)];
/// Lease of a delivery's worker: longer than its function may run.
pub const DELIVERY_LEASE: Duration = Duration::from_secs(75);
/// How late a message of a delivery may be before `sweep` sends another.
pub const DELIVERY_GRACE: Duration = Duration::from_secs(120);
/// How long a finished delivery is stored.
pub const DELIVERY_RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);
/// Maximum number of stored attempts of a delivery. Earlier ones are removed.
pub const MAX_STORED_ATTEMPTS: usize = 20;
/// Pause of an endpoint after 429, 502 or 504 without `Retry-After`.
pub const ENDPOINT_PAUSE: Duration = Duration::from_secs(60);
/// How long the previous secret stays valid after a rotation.
pub const SECRET_OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// Maximum number of webhook endpoints of an owner.
pub const MAX_ENDPOINTS: u32 = 10;
/// Longest URL of a webhook, in bytes.
pub const MAX_WEBHOOK_URL_BYTES: usize = 2_048;
/// Maximum number of tries of `sweep` for one file.
pub const MAX_DUE_TRIES: u32 = 8;
