//! What a verified request carries to its operation besides `s3s`'s input.

/// The `Range` of a request, as it was sent.
#[derive(Clone)]
pub(super) struct RangeHeader(pub(super) String);

/// Marks a request without a body where the operation expects one.
#[derive(Clone, Copy)]
pub(super) struct NoBody;
