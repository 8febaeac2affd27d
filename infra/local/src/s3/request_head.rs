//! The head of a request, kept for its response.

use http::{HeaderMap, Method, Uri};

/// The head of the request that a response belongs to.
pub(super) struct RequestHead {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
}
