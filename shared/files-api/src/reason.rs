use http::StatusCode;

/// The catalogue of what can be wrong: a stable word for programs, a status, and a sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The body cannot be read.
    MalformedRequest,
    /// The id is no id.
    MalformedId,
    /// The cursor is not one we gave, or belongs to another list.
    MalformedCursor,
    /// `limit` is out of range.
    MalformedLimit,
    /// Another parameter has a value it cannot have.
    MalformedParameter,
    /// No key, or none that is good.
    InvalidApiKey,
    /// The key may not do this.
    MissingScope,
    /// No such file or route.
    NotFound,
    /// The route has other methods.
    MethodNotAllowed,
    /// `If-Match` names another version of the file.
    PreconditionFailed,
    /// Nothing to download (yet).
    NoBytesYet,
    /// The file waits for no bytes of the client's.
    UploadOver,
    /// The upload is one PUT.
    NotByParts,
    /// The upload is by parts.
    ByParts,
    /// Not all parts are there as they should be.
    PartsIncomplete,
    /// S3 knows the upload no more.
    PartsGone,
    /// The idempotency key stands for another request.
    IdempotencyConflict,
    /// Too large to go through the API.
    BodyTooLarge,
    /// Larger than this deployment takes.
    FileTooLarge,
    /// Neither a form nor JSON.
    UnsupportedMediaType,
    /// A coding that nobody would undo.
    UnsupportedEncoding,
    /// A field of the body is given more than once.
    RepeatedField,
    /// Nothing to store.
    FileOrUrlRequired,
    /// More than one thing to store.
    FileAndUrlGiven,
    /// Not a URL that can be imported.
    InvalidUrl,
    /// Not headers that a source can be sent.
    InvalidHeaders,
    /// Not a file name.
    InvalidName,
    /// Not metadata.
    InvalidMetadata,
    /// Not a size.
    InvalidSize,
    /// Not a media type.
    InvalidContentType,
    /// Not a truth value.
    InvalidMultipart,
    /// Not a SHA-256.
    InvalidChecksum,
    /// Not a lifetime.
    InvalidExpiry,
    /// Not numbers of parts.
    InvalidPartNumbers,
    /// Not to be checked for an upload by parts.
    ChecksumNotByParts,
    /// The bytes are not those announced.
    ChecksumMismatch,
    /// The source does not give what could be imported.
    SourceRefused,
    /// In the contract, but not in this version.
    NotAvailable,
    /// Try again later.
    TooBusy,
    /// Our fault.
    InternalError,
}

impl Reason {
    fn entry(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedRequest => {
                ("malformed_request", S::BAD_REQUEST, "The request body cannot be read")
            }
            Self::MalformedId => ("malformed_id", S::BAD_REQUEST, "The file id is not a UUID of a file"),
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
            Self::NotFound => ("not_found", S::NOT_FOUND, "Not found"),
            Self::MethodNotAllowed => {
                ("method_not_allowed", S::METHOD_NOT_ALLOWED, "This address does not take this method")
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
            Self::NotByParts => {
                ("not_by_parts", S::CONFLICT, "The file is uploaded by one PUT: there are no parts")
            }
            Self::ByParts => {
                ("by_parts", S::CONFLICT, "The file is uploaded by parts: have those signed instead")
            }
            Self::PartsIncomplete => (
                "parts_incomplete",
                S::CONFLICT,
                "Not all parts are stored as announced: upload those named again, then complete once more",
            ),
            Self::PartsGone => (
                "parts_gone",
                S::CONFLICT,
                "The parts of this upload have been thrown away: delete the file and upload it again",
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
                 answer with its upload.headers",
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
            Self::InvalidPartNumbers => (
                "invalid_part_numbers",
                S::UNPROCESSABLE_ENTITY,
                "part_numbers must be a list of 1 to 1000 numbers of the upload's parts, from 1",
            ),
            Self::ChecksumNotByParts => (
                "checksum_not_by_parts",
                S::UNPROCESSABLE_ENTITY,
                "A SHA-256 cannot be checked when the file comes in parts: leave checksum_sha256 out",
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
            Self::NotAvailable => {
                ("not_available", S::UNPROCESSABLE_ENTITY, "This version does not offer that yet")
            }
            Self::TooBusy => ("too_busy", S::SERVICE_UNAVAILABLE, "Too busy just now: try again"),
            Self::InternalError => {
                ("internal_error", S::INTERNAL_SERVER_ERROR, "Something went wrong on our side")
            }
        }
    }

    /// The stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().0
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.entry().1
    }

    /// The sentence, unless a better one is at hand.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.entry().2
    }
}
