//! Receipt handles: opaque to clients, and different at each receive of a message.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::error::SqsError;

/// The content of a receipt handle.
pub(super) struct Receipt {
    /// The message's row.
    pub(super) row: i64,
    /// Identifies the receive.
    pub(super) nonce: String,
}

impl Receipt {
    /// Creates a handle for a new receive.
    pub(super) fn new(row: i64) -> Self {
        Self { row, nonce: Uuid::now_v7().simple().to_string() }
    }

    /// Encodes the handle of a message in `queue`.
    pub(super) fn encode(&self, queue: &str) -> String {
        STANDARD.encode(format!("{queue}/{}/{}", self.row, self.nonce))
    }

    /// Decodes `handle`, or refuses it if it is not one of `queue`.
    pub(super) fn decode(handle: &str, queue: &str) -> Result<Self, SqsError> {
        let parse = || {
            let text = String::from_utf8(STANDARD.decode(handle).ok()?).ok()?;
            let mut fields = text.split('/');
            let (name, row, nonce) = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?);
            let whole = name == queue && fields.next().is_none() && nonce.len() == 32;
            whole.then(|| Self { row, nonce: nonce.to_owned() })
        };
        parse().ok_or_else(|| SqsError::ReceiptHandleIsInvalid(handle.to_owned()))
    }
}
