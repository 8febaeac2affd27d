use std::env;

/// An error in an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The variable is missing or empty.
    #[error("the environment variable {name} is missing: {expected} is expected")]
    Missing {
        /// The name of the variable.
        name: &'static str,
        /// A description of the expected value.
        expected: &'static str,
    },
    /// The value is invalid.
    #[error("the environment variable {name} is wrong: {expected} is expected")]
    Wrong {
        /// The name of the variable.
        name: &'static str,
        /// A description of the expected value.
        expected: &'static str,
    },
}

/// Reads a required environment variable. `expected` describes its value for the error message.
///
/// # Errors
/// [`SettingError::Missing`] if it is missing or empty.
pub fn required(name: &'static str, expected: &'static str) -> Result<String, SettingError> {
    optional(name).ok_or(SettingError::Missing { name, expected })
}

/// Reads an environment variable. Returns `None` if it is missing, empty or not UTF-8.
#[must_use]
pub fn optional(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Reads a required environment variable that is a whole number.
///
/// # Errors
/// [`SettingError::Missing`] if it is missing or empty, [`SettingError::Wrong`] if it is not a whole number.
pub fn number(name: &'static str, expected: &'static str) -> Result<u64, SettingError> {
    required(name, expected)?.parse().map_err(|_| SettingError::Wrong { name, expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_messages_name_the_variable() {
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
