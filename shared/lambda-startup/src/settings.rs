use std::env;

/// A setting that stops the start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// It is not there.
    #[error("the environment variable {name} is missing: {expected} is expected")]
    Missing {
        /// Its name.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// It is not what it should be.
    #[error("the environment variable {name} is wrong: {expected} is expected")]
    Wrong {
        /// Its name.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
}

/// A setting that must be there and not empty.
///
/// # Errors
/// It is not.
pub fn required(name: &'static str, expected: &'static str) -> Result<String, SettingError> {
    optional(name).ok_or(SettingError::Missing { name, expected })
}

/// A setting that may be missing or empty.
#[must_use]
pub fn optional(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A setting that must be a whole number.
///
/// # Errors
/// It is missing or no such number.
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
