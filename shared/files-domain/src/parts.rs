//! Multipart uploads: divides a file into parts, and checks the stored parts.

use std::fmt;

use crate::limits;

/// The part sizes of an upload: all parts have the same size, except the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartPlan {
    size: u64,
    part_size: u64,
}

/// A part that S3 has stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredPart {
    /// Number of the part, from 1.
    pub number: u32,
    /// Size in bytes.
    pub size: u64,
}

/// An error of a part of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartFault {
    /// The part is not stored.
    Missing {
        /// Its number.
        number: u32,
    },
    /// The size is wrong.
    WrongSize {
        /// Its number.
        number: u32,
        /// Its size in bytes.
        size: u64,
        /// The announced size in bytes.
        expected: u64,
    },
    /// The upload has no part with this number.
    Foreign {
        /// Its number.
        number: u32,
    },
}

impl PartPlan {
    /// Returns the plan for a new upload of `size` bytes. Parts are as small as the largest number of parts allows, so that retries are
    /// cheap. `None`: `size` exceeds the largest object.
    #[must_use]
    pub fn for_size(size: u64) -> Option<Self> {
        if size > limits::MAX_OBJECT_BYTES {
            return None;
        }
        let least = size.div_ceil(u64::from(limits::MAX_PARTS)).next_multiple_of(limits::PART_SIZE_STEP);
        Some(Self { size, part_size: least.max(limits::USUAL_PART_BYTES) })
    }

    /// Returns the plan of an existing upload of `size` bytes with this part size.
    #[must_use]
    pub fn recorded(size: u64, part_size: u64) -> Self {
        Self { size, part_size: part_size.max(1) }
    }

    /// Returns the size in bytes of every part except the last.
    #[must_use]
    pub fn part_size(self) -> u64 {
        self.part_size
    }

    /// Returns the number of parts: at least one, which is empty for an empty file.
    #[must_use]
    pub fn count(self) -> u32 {
        u32::try_from(self.size.div_ceil(self.part_size).max(1)).unwrap_or(u32::MAX)
    }

    /// Returns the size in bytes of the part with this number; `None` if there is none.
    #[must_use]
    pub fn length(self, number: u32) -> Option<u64> {
        let count = self.count();
        if number == 0 || number > count {
            return None;
        }
        let before = u64::from(number - 1) * self.part_size;
        Some((self.size - before).min(self.part_size))
    }

    /// Returns the errors of the stored parts, both in the order of their numbers. Empty: the parts are complete.
    #[must_use]
    pub fn faults(self, stored: &[StoredPart]) -> Vec<PartFault> {
        let mut faults = Vec::new();
        let mut stored = stored.iter().peekable();
        for number in 1..=self.count() {
            let expected = self.length(number).unwrap_or(0);
            match stored.next_if(|part| part.number == number) {
                None => faults.push(PartFault::Missing { number }),
                Some(part) if part.size != expected => {
                    faults.push(PartFault::WrongSize { number, size: part.size, expected });
                }
                Some(_) => {}
            }
        }
        faults.extend(stored.map(|part| PartFault::Foreign { number: part.number }));
        faults
    }
}

impl PartFault {
    /// Returns the number of the part.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Missing { number } | Self::WrongSize { number, .. } | Self::Foreign { number } => number,
        }
    }
}

impl fmt::Display for PartFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { number } => write!(f, "part {number} is missing"),
            Self::WrongSize { number, size, expected } => {
                write!(f, "part {number} has {size} bytes and should have {expected}")
            }
            Self::Foreign { number } => write!(f, "part {number} is none of this upload"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    fn plan(size: u64) -> (u64, u32) {
        let plan = PartPlan::for_size(size).expect("it fits");
        (plan.part_size(), plan.count())
    }

    #[test]
    fn parts_are_as_small_as_their_number_allows() {
        for (size, expected) in [
            (0, (8 * MIB, 1)),
            (1, (8 * MIB, 1)),
            (8 * MIB - 1, (8 * MIB, 1)),
            (8 * MIB, (8 * MIB, 1)),
            (8 * MIB + 1, (8 * MIB, 2)),
            (5 * GIB, (8 * MIB, 640)),
            (80_000 * MIB - 1, (8 * MIB, 10_000)),
            (80_000 * MIB, (8 * MIB, 10_000)),
            (80_000 * MIB + 1, (9 * MIB, 8_889)),
            (90_000 * MIB - 1, (9 * MIB, 10_000)),
            (90_000 * MIB, (9 * MIB, 10_000)),
            (90_000 * MIB + 1, (10 * MIB, 9_001)),
        ] {
            assert_eq!(plan(size), expected, "{size}");
        }
    }

    #[test]
    fn the_largest_object_fits_exactly() {
        let largest = 10_000 * 5 * GIB;
        assert_eq!(plan(largest - 1), (5 * GIB, 10_000));
        assert_eq!(plan(largest), (5 * GIB, 10_000));
        assert_eq!(PartPlan::for_size(largest + 1), None);
        assert_eq!(PartPlan::for_size(u64::MAX), None);
    }

    /// The smallest part except the last (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
    const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;

    proptest! {
        #[test]
        fn every_plan_satisfies_the_limits_of_s3(size in 0..=limits::MAX_OBJECT_BYTES) {
            let plan = PartPlan::for_size(size).expect("it fits");
            let count = plan.count();
            prop_assert!((1..=limits::MAX_PARTS).contains(&count));
            prop_assert!((MIN_PART_BYTES..=limits::MAX_PART_BYTES).contains(&plan.part_size()));
            let last = plan.length(count).expect("the last one");
            prop_assert!(last <= plan.part_size() && (last > 0 || size == 0));
            prop_assert_eq!(u64::from(count - 1) * plan.part_size() + last, size);
            prop_assert_eq!(plan.length(1), Some(plan.part_size().min(size)));
            prop_assert_eq!((plan.length(0), plan.length(count + 1)), (None, None));
        }
    }

    fn stored(parts: &[(u32, u64)]) -> Vec<StoredPart> {
        parts.iter().map(|&(number, size)| StoredPart { number, size }).collect()
    }

    #[test]
    fn every_faulty_part_is_reported() {
        let plan = PartPlan::recorded(25, 10);
        assert_eq!(plan.faults(&stored(&[(1, 10), (2, 10), (3, 5)])), []);
        for (parts, faults) in [
            (vec![], vec!["part 1 is missing", "part 2 is missing", "part 3 is missing"]),
            (vec![(1, 10), (3, 5)], vec!["part 2 is missing"]),
            (vec![(1, 10), (2, 9), (3, 5)], vec!["part 2 has 9 bytes and should have 10"]),
            (vec![(1, 10), (2, 10), (3, 10)], vec!["part 3 has 10 bytes and should have 5"]),
            (vec![(1, 10), (2, 10), (3, 5), (7, 1)], vec!["part 7 is none of this upload"]),
            (
                vec![(2, 10), (9, 5)],
                vec!["part 1 is missing", "part 3 is missing", "part 9 is none of this upload"],
            ),
        ] {
            let found: Vec<String> = plan.faults(&stored(&parts)).iter().map(ToString::to_string).collect();
            assert_eq!(found, faults);
        }
        assert_eq!(PartPlan::recorded(0, 10).faults(&stored(&[(1, 0)])), []);
    }
}
