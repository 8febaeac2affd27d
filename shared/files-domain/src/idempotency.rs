/// An idempotency key of a client, with the hash of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key.
    pub key: String,
    /// SHA-256 of the request in hex.
    pub request_hash: String,
}
