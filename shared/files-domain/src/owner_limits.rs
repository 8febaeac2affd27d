//! The limits of an owner, and how much of each is used.

use std::collections::BTreeMap;
use std::fmt;

/// A limit of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// Bytes stored, or reserved by announced uploads.
    StoredBytes,
    /// Files, whatever their status.
    Files,
    /// Bytes of one file.
    FileBytes,
    /// Uploads that wait for their bytes.
    PendingUploads,
    /// Imports that are queued or running.
    Imports,
    /// Concurrent previews.
    Previews,
    /// Requests per second.
    RequestsPerSecond,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 7] = [
        Self::StoredBytes,
        Self::Files,
        Self::FileBytes,
        Self::PendingUploads,
        Self::Imports,
        Self::Previews,
        Self::RequestsPerSecond,
    ];

    /// Returns the name, in the API, in the records and in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StoredBytes => "stored_bytes",
            Self::Files => "files",
            Self::FileBytes => "file_bytes",
            Self::PendingUploads => "pending_uploads",
            Self::Imports => "imports",
            Self::Previews => "previews",
            Self::RequestsPerSecond => "requests_per_second",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Numbers by limit, as in settings and in records. 0 means that there is no limit.
pub type LimitNumbers = BTreeMap<Limit, u64>;

/// The limits that apply to an owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerLimits(LimitNumbers);

impl OwnerLimits {
    /// Returns limits by their numbers. A missing number, or 0, is no limit.
    #[must_use]
    pub fn new(numbers: LimitNumbers) -> Self {
        Self(numbers.into_iter().filter(|(_, number)| *number > 0).collect())
    }

    /// Reads limits by name, such as `{"files": 1000, "previews": 0}`.
    ///
    /// # Errors
    /// The first name that is not a limit's.
    pub fn from_names(names: BTreeMap<String, u64>) -> Result<Self, String> {
        let limit = |name: &str| Limit::ALL.into_iter().find(|limit| limit.as_str() == name);
        let numbers = names.into_iter().map(|(name, number)| match limit(&name) {
            Some(limit) => Ok((limit, number)),
            None => Err(name),
        });
        Ok(Self::new(numbers.collect::<Result<_, _>>()?))
    }

    /// Returns these limits, replaced by an owner's individual ones. The largest file of the deployment bounds that of the owner.
    #[must_use]
    pub fn with_own(&self, own: &LimitNumbers) -> Self {
        let mut numbers = self.0.clone();
        numbers.extend(own);
        let mut limits = Self::new(numbers);
        if let Some(largest) = self.get(Limit::FileBytes) {
            limits.0.entry(Limit::FileBytes).and_modify(|own| *own = largest.min(*own)).or_insert(largest);
        }
        limits
    }

    /// Returns the number of a limit; `None`: there is no limit.
    #[must_use]
    pub fn get(&self, limit: Limit) -> Option<u64> {
        self.0.get(&limit).copied()
    }

    /// Checks that `used` and `requested` together do not exceed the limit.
    ///
    /// # Errors
    /// [`LimitExceeded`].
    pub fn check(&self, limit: Limit, used: u64, requested: u64) -> Result<(), LimitExceeded> {
        match self.get(limit) {
            Some(max) if used.saturating_add(requested) > max => {
                Err(LimitExceeded { limit, used, max, requested })
            }
            _ => Ok(()),
        }
    }
}

/// The error of a request that would exceed a limit of its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit}: {used} used of {max}, {requested} requested")]
pub struct LimitExceeded {
    /// The limit.
    pub limit: Limit,
    /// How much is used.
    pub used: u64,
    /// The limit's number.
    pub max: u64,
    /// How much more was requested.
    pub requested: u64,
}

/// The usage of an owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes stored, or reserved by announced uploads.
    pub stored_bytes: u64,
    /// Files, whatever their status.
    pub files: u64,
    /// Uploads that wait for their bytes.
    pub pending_uploads: u64,
    /// Imports that are queued or running.
    pub imports: u64,
    /// Running previews.
    pub previews: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(numbers: &[(Limit, u64)]) -> OwnerLimits {
        OwnerLimits::new(numbers.iter().copied().collect())
    }

    #[test]
    fn individual_limits_replace_the_defaults_and_zero_removes_a_limit() {
        let defaults = limits(&[(Limit::Files, 10), (Limit::Imports, 5), (Limit::Previews, 0)]);
        let own = limits(&[]).with_own(&[(Limit::Files, 3)].into());
        assert_eq!(own.get(Limit::Files), Some(3));
        let own = defaults.with_own(&[(Limit::Files, 0), (Limit::Previews, 2)].into());
        let numbers = [Limit::Files, Limit::Imports, Limit::Previews].map(|limit| own.get(limit));
        assert_eq!(numbers, [None, Some(5), Some(2)]);
    }

    #[test]
    fn the_largest_file_of_the_deployment_bounds_that_of_an_owner() {
        let defaults = limits(&[(Limit::FileBytes, 100)]);
        for (own, effective) in [(7, 7), (100, 100), (101, 100), (0, 100)] {
            let own = defaults.with_own(&[(Limit::FileBytes, own)].into());
            assert_eq!(own.get(Limit::FileBytes), Some(effective));
        }
    }

    #[test]
    fn a_limit_may_be_reached_but_not_exceeded() {
        let limits = limits(&[(Limit::Files, 3)]);
        assert_eq!(limits.check(Limit::Files, 2, 1), Ok(()));
        let exceeded = limits.check(Limit::Files, 3, 1).unwrap_err();
        assert_eq!(exceeded.to_string(), "files: 3 used of 3, 1 requested");
        assert!(limits.check(Limit::Files, u64::MAX, u64::MAX).is_err());
        assert_eq!(limits.check(Limit::Imports, u64::MAX, u64::MAX), Ok(()));
    }

    #[test]
    fn limits_are_read_by_name() {
        let names = |names: &[(&str, u64)]| names.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        let read = OwnerLimits::from_names(names(&[("files", 3), ("previews", 0)]));
        assert_eq!(read, Ok(limits(&[(Limit::Files, 3)])));
        assert_eq!(OwnerLimits::from_names(names(&[("file", 3)])), Err("file".to_owned()));
        for limit in Limit::ALL {
            assert_eq!(
                OwnerLimits::from_names(names(&[(limit.as_str(), 1)])),
                Ok(OwnerLimits::new([(limit, 1)].into()))
            );
        }
    }
}
