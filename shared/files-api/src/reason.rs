use http::StatusCode;

/// Declares [`Reason`] from one table. An entry has a description, the variant, the word for programs, the HTTP status and the
/// sentence for people.
macro_rules! reasons {
    ($($(#[doc = $meaning:literal])+ $variant:ident: $word:literal, $status:ident, $message:literal;)+) => {
        /// The catalogue of errors. Each has a stable word for programs, an HTTP status, and a sentence for people.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason {
            $($(#[doc = $meaning])+ $variant,)+
        }

        impl Reason {
            /// All reasons, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            fn entry(self) -> (&'static str, StatusCode, &'static str) {
                match self {
                    $(Self::$variant => ($word, StatusCode::$status, $message),)+
                }
            }
        }
    };
}

reasons! {
    /// The body cannot be read.
    MalformedRequest: "malformed_request", BAD_REQUEST, "The request body cannot be read";
    /// The id of a file is not a UUID.
    MalformedId: "malformed_id", BAD_REQUEST, "The file id must be a UUID";
    /// The cursor is not one of this list.
    MalformedCursor: "malformed_cursor", BAD_REQUEST,
        "The cursor is not one that this list gave: use next_cursor with the same filters and order";
    /// `limit` is out of range.
    MalformedLimit: "malformed_limit", BAD_REQUEST, "limit must be a whole number from 1 to 500";
    /// The value of another parameter is invalid.
    MalformedParameter: "malformed_parameter", BAD_REQUEST, "A parameter has no valid value";
    /// There is no API key, or it is unknown, expired or revoked.
    InvalidApiKey: "invalid_api_key", UNAUTHORIZED, "Invalid or expired API key";
    /// The API key lacks the scope.
    MissingScope: "missing_scope", FORBIDDEN, "The API key lacks the scope of this request: use a key that has it";
    /// The upload token has created as many files as it may.
    UploadTokenUsedUp: "upload_token_used_up", FORBIDDEN, "The upload token has created as many files as it may";
    /// There is no such file or route.
    NotFound: "not_found", NOT_FOUND, "Not found";
    /// The path has other methods.
    MethodNotAllowed: "method_not_allowed", METHOD_NOT_ALLOWED, "This method is not allowed here: see Allow";
    /// `If-Match` does not name the current version of the file.
    PreconditionFailed: "precondition_failed", PRECONDITION_FAILED,
        "If-Match does not name the current version of the file: get the file again";
    /// The file has no bytes to download, or not yet.
    NoBytesYet: "no_bytes_yet", CONFLICT, "The file has no bytes to download";
    /// The file does not wait for an upload.
    UploadOver: "upload_over", CONFLICT, "The file does not wait for an upload: see its status";
    /// The upload is a single PUT.
    NotMultipart: "not_multipart", CONFLICT, "The upload is a single PUT: it has no parts";
    /// The upload is a multipart upload.
    IsMultipart: "is_multipart", CONFLICT, "The upload is a multipart upload: sign its parts instead";
    /// Parts are missing, or differ from what was announced.
    PartsIncomplete: "parts_incomplete", CONFLICT,
        "Not all parts are stored as announced: upload those named again, then complete once more";
    /// S3 has aborted the multipart upload.
    PartsGone: "parts_gone", CONFLICT, "The parts of this upload are gone: delete the file and upload it again";
    /// A storage limit of the owner would be exceeded.
    QuotaExceeded: "quota_exceeded", FORBIDDEN, "A limit of the API key's owner would be exceeded";
    /// The owner sends more requests per second than its limit.
    TooManyRequests: "too_many_requests", TOO_MANY_REQUESTS,
        "The API key's owner sends more requests per second than its limit";
    /// The owner has as many of these at once as its limit allows.
    TooManyAtOnce: "too_many_at_once", TOO_MANY_REQUESTS,
        "The API key's owner has too many of these at once: try again later";
    /// The idempotency key was used for another request.
    IdempotencyConflict: "idempotency_conflict", CONFLICT,
        "This Idempotency-Key was used for another request, or for a file that has been deleted";
    /// The file is too large to go through the API.
    BodyTooLarge: "body_too_large", PAYLOAD_TOO_LARGE,
        "A file above 4 MiB cannot be sent through the API. Ask for a presigned upload instead: POST the JSON \
                 {\"name\": …, \"size\": …, \"content_type\": …} to /v1/files and PUT the bytes to the upload.url of the \
                 response with its upload.headers";
    /// The file is larger than this deployment accepts.
    FileTooLarge: "file_too_large", PAYLOAD_TOO_LARGE, "The file is larger than is accepted here";
    /// The body is neither a form nor JSON.
    UnsupportedMediaType: "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE,
        "Send multipart/form-data, application/json or application/x-www-form-urlencoded, and say so in Content-Type";
    /// The body has an unsupported content coding.
    UnsupportedEncoding: "unsupported_encoding", UNSUPPORTED_MEDIA_TYPE,
        "The body is encoded in a way that is not supported: send the bytes as they are";
    /// A field of the body is given more than once.
    RepeatedField: "repeated_field", BAD_REQUEST, "A field is given more than once: give it once";
    /// The body has a field that the request does not take.
    UnknownField: "unknown_field", UNPROCESSABLE_ENTITY, "The request does not take this field";
    /// The request changes no field.
    NothingToChange: "nothing_to_change", UNPROCESSABLE_ENTITY,
        "Give at least one of name, metadata, expires_in and expires_at";
    /// The request names no bytes.
    FileOrUrlRequired: "file_or_url_required", UNPROCESSABLE_ENTITY, "File or URL is required";
    /// The request names bytes in more than one way.
    FileAndUrlGiven: "file_and_url_given", UNPROCESSABLE_ENTITY,
        "Only one of file, file_url and size can be given: they are three ways to create a file";
    /// `file_url` cannot be imported.
    InvalidUrl: "invalid_url", UNPROCESSABLE_ENTITY, "Invalid URL";
    /// `headers` cannot be sent to a source.
    InvalidHeaders: "invalid_headers", UNPROCESSABLE_ENTITY,
        "headers must be an object of strings: the headers to send to the source of file_url";
    /// `name` is invalid.
    InvalidName: "invalid_name", UNPROCESSABLE_ENTITY, "The name has no character that a file name can have";
    /// `metadata` is invalid.
    InvalidMetadata: "invalid_metadata", UNPROCESSABLE_ENTITY, "metadata must be an object of strings";
    /// `size` is invalid.
    InvalidSize: "invalid_size", UNPROCESSABLE_ENTITY, "size must be the file's length in bytes";
    /// `content_type` is invalid.
    InvalidContentType: "invalid_content_type", UNPROCESSABLE_ENTITY,
        "content_type must be a media type such as video/mp4";
    /// `multipart` is not a boolean.
    InvalidMultipart: "invalid_multipart", UNPROCESSABLE_ENTITY, "multipart must be true or false";
    /// `checksum_sha256` is invalid.
    InvalidChecksum: "invalid_checksum", UNPROCESSABLE_ENTITY, "checksum_sha256 must be 64 hexadecimal digits";
    /// `expires_in` is invalid.
    InvalidExpiry: "invalid_expiry", UNPROCESSABLE_ENTITY,
        "expires_in must be a whole number of seconds from 1 to 315360000";
    /// `ids` is invalid.
    InvalidIds: "invalid_ids", UNPROCESSABLE_ENTITY, "ids must be a list of 1 to 100 ids of files";
    /// A bound of an upload token is invalid.
    InvalidUploadToken: "invalid_upload_token", UNPROCESSABLE_ENTITY, "A bound of the upload token is invalid";
    /// `webhook`, or the `url` of a webhook endpoint, is not one that events can be sent to.
    InvalidWebhook: "invalid_webhook", UNPROCESSABLE_ENTITY,
        "The webhook must be an absolute http or https URL at a public address";
    /// `events` of a webhook endpoint is invalid.
    InvalidEvents: "invalid_events", UNPROCESSABLE_ENTITY,
        "events must be a list of file.succeeded, file.failed and file.expired";
    /// The owner has as many webhook endpoints as are allowed.
    TooManyEndpoints: "too_many_endpoints", CONFLICT,
        "There are 10 webhook endpoints, the most that an owner can have: delete one first";
    /// `part_numbers` is invalid.
    InvalidPartNumbers: "invalid_part_numbers", UNPROCESSABLE_ENTITY,
        "part_numbers must be a list of 1 to 1000 numbers of the upload's parts, from 1";
    /// A SHA-256 cannot be checked for a multipart upload.
    ChecksumWithMultipart: "checksum_with_multipart", UNPROCESSABLE_ENTITY,
        "A SHA-256 cannot be checked for a multipart upload: leave checksum_sha256 out";
    /// The bytes differ from the announced checksum.
    ChecksumMismatch: "checksum_mismatch", UNPROCESSABLE_ENTITY, "The file does not have the announced checksum_sha256";
    /// The source has nothing that can be imported.
    SourceRefused: "source_refused", UNPROCESSABLE_ENTITY, "The source does not give anything that can be imported";
    /// Try again later.
    TooBusy: "too_busy", SERVICE_UNAVAILABLE, "Too busy just now: try again";
    /// An error of this service.
    InternalError: "internal_error", INTERNAL_SERVER_ERROR,
        "The service failed to handle the request: try again, and if it fails again, report the request_id";
}

impl Reason {
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

    /// Returns the default sentence for clients.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.entry().2
    }
}
