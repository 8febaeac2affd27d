use std::collections::BTreeMap;
use std::env;

use files_domain::OwnerLimits;

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

/// Reads the limits of owners that have none of their own from `FILES_OWNER_LIMITS`: JSON such as
/// `{"files": 1000, "imports": 0}`, where 0 means that there is no limit. Without the variable there are no limits.
///
/// # Errors
/// [`SettingError::Wrong`].
pub fn owner_limits() -> Result<OwnerLimits, SettingError> {
    optional(OWNER_LIMITS).map_or_else(|| Ok(OwnerLimits::default()), |text| parse_limits(&text))
}

const OWNER_LIMITS: &str = "FILES_OWNER_LIMITS";

fn parse_limits(text: &str) -> Result<OwnerLimits, SettingError> {
    let names: Option<BTreeMap<String, u64>> = serde_json::from_str(text).ok();
    let limits = names.and_then(|names| OwnerLimits::from_names(names).ok());
    limits.ok_or(SettingError::Wrong { name: OWNER_LIMITS, expected: "JSON of limits and whole numbers" })
}

#[cfg(test)]
mod tests {
    use files_domain::Limit;

    use super::*;

    #[test]
    fn limits_are_read_from_json_and_a_wrong_one_is_named() {
        let limits = parse_limits(r#"{"files": 3, "imports": 0}"#).unwrap();
        assert_eq!((limits.get(Limit::Files), limits.get(Limit::Imports)), (Some(3), None));
        for wrong in ["", "3", r#"{"file": 3}"#, r#"{"files": -1}"#, r#"{"files": "3"}"#] {
            assert!(parse_limits(wrong).unwrap_err().to_string().contains(OWNER_LIMITS), "{wrong}");
        }
    }

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
