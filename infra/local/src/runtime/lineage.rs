//! Counts how often each function was invoked in a chain of events. Lambda stops endless loops by this count.
//!
//! The count travels in the trace header (`Lineage=a87bd80c:1|68fd508a:5`). The AWS SDKs pass it from an invocation to the calls
//! made in it, and SQS passes it from a message's sender to its receiver.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};

/// Maximum of invocations of a function in one chain, unless the template sets `RecursiveLoop: Allow`.
pub const MAX_ROUNDS: u32 = 16;

/// The number of invocations of each function in a chain of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage(BTreeMap<String, u32>);

impl Lineage {
    /// Parses a trace header; one without a lineage yields an empty one.
    #[must_use]
    pub fn of_trace(header: &str) -> Self {
        let fields = header.split(';').filter_map(|field| field.trim().strip_prefix("Lineage="));
        let entries = fields.flat_map(|entries| entries.split('|'));
        let entry = |entry: &str| {
            let (function, rounds) = entry.split_once(':')?;
            Some((function.to_owned(), rounds.parse().ok()?))
        };
        Self(entries.filter_map(entry).collect())
    }

    /// Returns how often a function was invoked.
    #[must_use]
    pub fn rounds(&self, function: &str) -> u32 {
        self.0.get(&hash(function)).copied().unwrap_or_default()
    }

    /// Merges two lineages: the greater count of each function.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        for (function, rounds) in other.0 {
            let own = self.0.entry(function).or_default();
            *own = rounds.max(*own);
        }
        self
    }

    /// Adds one invocation of a function.
    #[must_use]
    pub fn then(mut self, function: &str) -> Self {
        *self.0.entry(hash(function)).or_default() += 1;
        self
    }
}

/// Returns the trace header of an invocation, whose lineage includes the invoked function.
pub(crate) fn trace_header(request_id: &str, lineage: &Lineage) -> String {
    let id = request_id.replace('-', "");
    let (time, rest) = id.split_at_checked(8).unwrap_or_default();
    format!("Root=1-{time}-{rest};Sampled=0;Lineage={lineage}")
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<_> =
            self.0.iter().map(|(function, rounds)| format!("{function}:{rounds}")).collect();
        f.write_str(&entries.join("|"))
    }
}

fn hash(function: &str) -> String {
    hex::encode(&Sha256::digest(function)[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_counted_through_headers() {
        let mut lineage = Lineage::of_trace("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0");
        for round in 0..3 {
            assert_eq!((lineage.rounds("a"), lineage.rounds("b")), (round, 0));
            lineage = Lineage::of_trace(&format!("Root=1-0-0;Lineage={};Sampled=0", lineage.then("a")));
        }
        let both = lineage.join(Lineage::default().then("a").then("b"));
        assert_eq!((both.rounds("a"), both.rounds("b")), (3, 1));
        assert_eq!(Lineage::of_trace("Lineage=a87bd80c:x|:|7"), Lineage::default());
    }
}
