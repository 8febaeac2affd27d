use std::env;

/// The error of a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// It is missing.
    #[error("the environment variable {name} is missing: {expected} is expected")]
    Missing {
        /// Its name.
        name: &'static str,
        /// Its expected value.
        expected: &'static str,
    },
    /// Its value is wrong.
    #[error("the environment variable {name} is wrong: {expected} is expected")]
    Wrong {
        /// Its name.
        name: &'static str,
        /// Its expected value.
        expected: &'static str,
    },
}

/// Reads a setting that is required and not empty.
///
/// # Errors
/// [`SettingError::Missing`].
pub fn required(name: &'static str, expected: &'static str) -> Result<String, SettingError> {
    optional(name).ok_or(SettingError::Missing { name, expected })
}

/// Reads a setting; `None` if it is missing or empty.
#[must_use]
pub fn optional(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Reads a setting that is required and a whole number.
///
/// # Errors
/// [`SettingError::Missing`], [`SettingError::Wrong`].
pub fn number(name: &'static str, expected: &'static str) -> Result<u64, SettingError> {
    required(name, expected)?.parse().map_err(|_| SettingError::Wrong { name, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert_eq!(
            required("FILES_NOT_SET", "a name").unwrap_err().to_string(),
            "the environment variable FILES_NOT_SET is missing: a name is expected"
        );
        assert_eq!(
            number("PATH", "a number of bytes").unwrap_err().to_string(),
            "the environment variable PATH is wrong: a number of bytes is expected"
        );
    }
}
