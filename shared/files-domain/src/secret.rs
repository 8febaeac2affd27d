use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

/// Random bytes in a secret. The specification requires 24 to 64.
const BYTES: usize = 32;

/// A signing secret of webhooks: `whsec_` and base64
/// (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// Generates a secret.
    ///
    /// # Errors
    /// The system's random number generator failed.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("whsec_{}", BASE64.encode(bytes))))
    }

    /// Returns the clear text, to show to its owner once and to sign with.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Hides the secret.
impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_debug_output_hides_them() {
        let secret = WebhookSecret::generate().unwrap();
        assert_ne!(secret, WebhookSecret::generate().unwrap());
        assert_eq!(BASE64.decode(secret.reveal().strip_prefix("whsec_").unwrap()).unwrap().len(), BYTES);
        assert!(!format!("{secret:?}").contains(&secret.reveal()[6..]));
    }
}
