//! Extensions that a verified request carries besides `s3s`'s input.

/// The `Range` header of a request, unparsed.
#[derive(Clone)]
pub(super) struct RangeHeader(pub(super) String);

/// Marks a request without a body, for an operation that requires one.
#[derive(Clone, Copy)]
pub(super) struct NoBody;
