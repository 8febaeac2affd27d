use http::StatusCode;

/// The catalogue of errors: each has a stable word for programs, an HTTP status, and a sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The body cannot be read.
    MalformedRequest,
    /// The id of a file is not a UUID.
    MalformedId,
    /// The cursor is not one of this list.
    MalformedCursor,
    /// `limit` is out of range.
    MalformedLimit,
    /// The value of another parameter is invalid.
    MalformedParameter,
    /// There is no API key, or it is unknown, expired or revoked.
    InvalidApiKey,
    /// The API key lacks the scope.
    MissingScope,
    /// The upload token has created as many files as it may.
    UploadTokenUsedUp,
    /// No such file or route.
    NotFound,
    /// The path has other methods.
    MethodNotAllowed,
    /// `If-Match` names another version of the file.
    PreconditionFailed,
    /// The file has no bytes to download, or not yet.
    NoBytesYet,
    /// The file does not wait for an upload.
    UploadOver,
    /// The upload is a single PUT.
    NotMultipart,
    /// The upload is a multipart upload.
    IsMultipart,
    /// Parts are missing, or differ from what was announced.
    PartsIncomplete,
    /// S3 has aborted the multipart upload.
    PartsGone,
    /// A limit of the owner on what is stored would be exceeded.
    QuotaExceeded,
    /// The owner sends more requests per second than its limit.
    TooManyRequests,
    /// The owner has as many of these at once as its limit allows.
    TooManyAtOnce,
    /// The idempotency key was used for another request.
    IdempotencyConflict,
    /// The file is too large to go through the API.
    BodyTooLarge,
    /// The file is larger than this deployment accepts.
    FileTooLarge,
    /// The body is neither a form nor JSON.
    UnsupportedMediaType,
    /// The body has an unsupported content coding.
    UnsupportedEncoding,
    /// A field of the body is given more than once.
    RepeatedField,
    /// The body has a field that the request does not take.
    UnknownField,
    /// The request changes no field.
    NothingToChange,
    /// The request names no bytes.
    FileOrUrlRequired,
    /// The request names bytes in more than one way.
    FileAndUrlGiven,
    /// `file_url` cannot be imported.
    InvalidUrl,
    /// `headers` cannot be sent to a source.
    InvalidHeaders,
    /// `name` is invalid.
    InvalidName,
    /// `metadata` is invalid.
    InvalidMetadata,
    /// `size` is invalid.
    InvalidSize,
    /// `content_type` is invalid.
    InvalidContentType,
    /// `multipart` is not a boolean.
    InvalidMultipart,
    /// `checksum_sha256` is invalid.
    InvalidChecksum,
    /// `expires_in` is invalid.
    InvalidExpiry,
    /// `ids` is invalid.
    InvalidIds,
    /// A bound of an upload token is invalid.
    InvalidUploadToken,
    /// `webhook`, or the `url` of a webhook endpoint, is not one that events can be sent to.
    InvalidWebhook,
    /// `events` of a webhook endpoint is invalid.
    InvalidEvents,
    /// The owner has as many webhook endpoints as are allowed.
    TooManyEndpoints,
    /// `part_numbers` is invalid.
    InvalidPartNumbers,
    /// A SHA-256 cannot be checked for a multipart upload.
    ChecksumWithMultipart,
    /// The bytes differ from the announced checksum.
    ChecksumMismatch,
    /// The source has nothing that can be imported.
    SourceRefused,
    /// Try again later.
    TooBusy,
    /// An error of this service.
    InternalError,
}

impl Reason {
    fn entry(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedRequest => {
                ("malformed_request", S::BAD_REQUEST, "The request body cannot be read")
            }
            Self::MalformedId => ("malformed_id", S::BAD_REQUEST, "The file id must be a UUID"),
            Self::MalformedCursor => (
                "malformed_cursor",
                S::BAD_REQUEST,
                "The cursor is not one that this list gave: use next_cursor with the same filters and order",
            ),
            Self::MalformedLimit => {
                ("malformed_limit", S::BAD_REQUEST, "limit must be a whole number from 1 to 500")
            }
            Self::MalformedParameter => {
                ("malformed_parameter", S::BAD_REQUEST, "A parameter has no valid value")
            }
            Self::InvalidApiKey => ("invalid_api_key", S::UNAUTHORIZED, "Invalid or expired API key"),
            Self::MissingScope => ("missing_scope", S::FORBIDDEN, "The API key may not do this"),
            Self::UploadTokenUsedUp => {
                ("upload_token_used_up", S::FORBIDDEN, "The upload token has created as many files as it may")
            }
            Self::NotFound => ("not_found", S::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => {
                ("method_not_allowed", S::METHOD_NOT_ALLOWED, "This method is not allowed here: see Allow")
            }
            Self::PreconditionFailed => (
                "precondition_failed",
                S::PRECONDITION_FAILED,
                "The file has changed since the version that If-Match names: get it again",
            ),
            Self::NoBytesYet => ("no_bytes_yet", S::CONFLICT, "The file has no bytes to download"),
            Self::UploadOver => {
                ("upload_over", S::CONFLICT, "The file does not wait for an upload: see its status")
            }
            Self::NotMultipart => {
                ("not_multipart", S::CONFLICT, "The upload is a single PUT: it has no parts")
            }
            Self::IsMultipart => {
                ("is_multipart", S::CONFLICT, "The upload is a multipart upload: sign its parts instead")
            }
            Self::PartsIncomplete => (
                "parts_incomplete",
                S::CONFLICT,
                "Not all parts are stored as announced: upload those named again, then complete once more",
            ),
            Self::PartsGone => (
                "parts_gone",
                S::CONFLICT,
                "The parts of this upload are gone: delete the file and upload it again",
            ),
            Self::QuotaExceeded => {
                ("quota_exceeded", S::FORBIDDEN, "A limit of the API key's owner would be exceeded")
            }
            Self::TooManyRequests => (
                "too_many_requests",
                S::TOO_MANY_REQUESTS,
                "The API key's owner sends more requests per second than its limit",
            ),
            Self::TooManyAtOnce => (
                "too_many_at_once",
                S::TOO_MANY_REQUESTS,
                "The API key's owner has too many of these at once: try again later",
            ),
            Self::IdempotencyConflict => (
                "idempotency_conflict",
                S::CONFLICT,
                "This Idempotency-Key was used for another request, or for a file that has been deleted",
            ),
            Self::BodyTooLarge => (
                "body_too_large",
                S::PAYLOAD_TOO_LARGE,
                "A file above 4 MiB cannot be sent through the API. Ask for a presigned upload instead: POST the JSON \
                 {\"name\": …, \"size\": …, \"content_type\": …} to /v1/files and PUT the bytes to the upload.url of the \
                 response with its upload.headers",
            ),
            Self::FileTooLarge => {
                ("file_too_large", S::PAYLOAD_TOO_LARGE, "The file is larger than is accepted here")
            }
            Self::UnsupportedMediaType => (
                "unsupported_media_type",
                S::UNSUPPORTED_MEDIA_TYPE,
                "Send multipart/form-data, application/json or application/x-www-form-urlencoded, and say so in Content-Type",
            ),
            Self::UnsupportedEncoding => (
                "unsupported_encoding",
                S::UNSUPPORTED_MEDIA_TYPE,
                "The body is encoded in a way that is not supported: send the bytes as they are",
            ),
            Self::RepeatedField => {
                ("repeated_field", S::BAD_REQUEST, "A field is given more than once: give it once")
            }
            Self::UnknownField => {
                ("unknown_field", S::UNPROCESSABLE_ENTITY, "The request does not take this field")
            }
            Self::NothingToChange => (
                "nothing_to_change",
                S::UNPROCESSABLE_ENTITY,
                "Give at least one of name, metadata, expires_in and expires_at",
            ),
            Self::FileOrUrlRequired => {
                ("file_or_url_required", S::UNPROCESSABLE_ENTITY, "File or URL is required")
            }
            Self::FileAndUrlGiven => (
                "file_and_url_given",
                S::UNPROCESSABLE_ENTITY,
                "Only one of file, file_url and size can be given: they are three ways to create a file",
            ),
            Self::InvalidUrl => ("invalid_url", S::UNPROCESSABLE_ENTITY, "Invalid URL"),
            Self::InvalidHeaders => (
                "invalid_headers",
                S::UNPROCESSABLE_ENTITY,
                "headers must be an object of strings: the headers to send to the source of file_url",
            ),
            Self::InvalidName => (
                "invalid_name",
                S::UNPROCESSABLE_ENTITY,
                "The name has no character that a file name can have",
            ),
            Self::InvalidMetadata => {
                ("invalid_metadata", S::UNPROCESSABLE_ENTITY, "metadata must be an object of strings")
            }
            Self::InvalidSize => {
                ("invalid_size", S::UNPROCESSABLE_ENTITY, "size must be the file's length in bytes")
            }
            Self::InvalidContentType => (
                "invalid_content_type",
                S::UNPROCESSABLE_ENTITY,
                "content_type must be a media type such as video/mp4",
            ),
            Self::InvalidMultipart => {
                ("invalid_multipart", S::UNPROCESSABLE_ENTITY, "multipart must be true or false")
            }
            Self::InvalidChecksum => {
                ("invalid_checksum", S::UNPROCESSABLE_ENTITY, "checksum_sha256 must be 64 hexadecimal digits")
            }
            Self::InvalidExpiry => (
                "invalid_expiry",
                S::UNPROCESSABLE_ENTITY,
                "expires_in must be a whole number of seconds from 1 to 315360000",
            ),
            Self::InvalidIds => {
                ("invalid_ids", S::UNPROCESSABLE_ENTITY, "ids must be a list of 1 to 100 ids of files")
            }
            Self::InvalidUploadToken => {
                ("invalid_upload_token", S::UNPROCESSABLE_ENTITY, "A bound of the upload token is invalid")
            }
            Self::InvalidWebhook => (
                "invalid_webhook",
                S::UNPROCESSABLE_ENTITY,
                "The webhook must be an absolute http or https URL at a public address",
            ),
            Self::InvalidEvents => (
                "invalid_events",
                S::UNPROCESSABLE_ENTITY,
                "events must be a list of file.succeeded, file.failed and file.expired",
            ),
            Self::TooManyEndpoints => (
                "too_many_endpoints",
                S::CONFLICT,
                "There are 10 webhook endpoints, the most that an owner can have: delete one first",
            ),
            Self::InvalidPartNumbers => (
                "invalid_part_numbers",
                S::UNPROCESSABLE_ENTITY,
                "part_numbers must be a list of 1 to 1000 numbers of the upload's parts, from 1",
            ),
            Self::ChecksumWithMultipart => (
                "checksum_with_multipart",
                S::UNPROCESSABLE_ENTITY,
                "A SHA-256 cannot be checked for a multipart upload: leave checksum_sha256 out",
            ),
            Self::ChecksumMismatch => (
                "checksum_mismatch",
                S::UNPROCESSABLE_ENTITY,
                "The file does not have the announced checksum_sha256",
            ),
            Self::SourceRefused => (
                "source_refused",
                S::UNPROCESSABLE_ENTITY,
                "The source does not give anything that can be imported",
            ),
            Self::TooBusy => ("too_busy", S::SERVICE_UNAVAILABLE, "Too busy just now: try again"),
            Self::InternalError => (
                "internal_error",
                S::INTERNAL_SERVER_ERROR,
                "The service failed to handle the request: try again, and if it fails again, report the request_id",
            ),
        }
    }

    /// Returns the stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().0
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.entry().1
    }

    /// Returns the sentence for clients, unless the error has a better one.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.entry().2
    }
}
