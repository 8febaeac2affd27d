//! Fault injection: failures as AWS produces them, by rule or at random from a seed.
//!
//! Every call of a service, every invocation, every process and every event asks `Faults::decide` once. A chance depends on
//! the seed, the rule, and the call's number among those of its caller, service and operation. It depends neither on time
//! nor on other callers.

mod chance;
mod middleware;
mod mix;
mod processes;
mod rule;
mod rules;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

pub(crate) use processes::Processes;
pub use rule::{Action, ErrorKind, Rule, Service};
pub use rules::Rules;

/// The active rules. Clones share them.
#[derive(Clone, Default)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Whether there are any rules: without rules no call takes the lock.
    any: AtomicBool,
    state: Mutex<State>,
    processes: Processes,
}

#[derive(Default)]
struct State {
    seed: u64,
    rules: Vec<Active>,
    /// How many calls each stream had since the rules were added.
    streams: HashMap<(String, Service, String), u64>,
}

/// An active rule.
struct Active {
    rule: Rule,
    /// Calls that the rule matched.
    matched: u64,
    /// Calls to which the rule was applied.
    hits: u64,
}

impl Active {
    /// Returns whether the rule applies to a call that it matches.
    fn applies(&mut self, chance: impl FnOnce() -> f64) -> bool {
        self.matched += 1;
        let times = self.rule.times.or(self.rule.nth.map(|_| 1));
        if times.is_some_and(|times| self.hits >= times) {
            return false;
        }
        self.rule.nth.is_none_or(|nth| self.matched >= nth)
            && self.rule.probability.is_none_or(|probability| chance() < probability)
    }
}

impl Faults {
    /// Adds rules after the active ones.
    pub fn add(&self, rules: Rules) {
        let mut state = self.state();
        state.seed = rules.seed.unwrap_or(state.seed);
        state.rules.extend(rules.rules.into_iter().map(|rule| Active { rule, matched: 0, hits: 0 }));
        self.inner.any.store(!state.rules.is_empty(), Ordering::Release);
    }

    /// Removes all rules, the seed and the counts.
    pub fn clear(&self) {
        let mut state = self.state();
        *state = State::default();
        self.inner.any.store(false, Ordering::Release);
    }

    /// Returns the active rules: `{"seed": 0, "rules": [{"rule": {…}, "matched": 7, "hits": 1}]}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let state = self.state();
        let shown =
            |active: &Active| json!({"rule": active.rule, "matched": active.matched, "hits": active.hits});
        json!({"seed": state.seed, "rules": state.rules.iter().map(shown).collect::<Vec<_>>()})
    }

    /// Decides the fault of a call: that of the first rule that applies. The rules after it count the call too.
    pub(crate) fn decide(&self, caller: &str, service: Service, operation: &str) -> Option<Action> {
        if !self.inner.any.load(Ordering::Acquire) {
            return None;
        }
        let mut state = self.state();
        let state = &mut *state;
        let call = state.streams.entry((caller.to_owned(), service, operation.to_owned())).or_default();
        *call += 1;
        let mut decided = None;
        for (number, active) in state.rules.iter_mut().enumerate() {
            if !active.rule.matches(caller, service, operation) {
                continue;
            }
            let stream = [caller, service.name(), operation];
            let applies = active.applies(|| chance::of(state.seed, number, stream, *call));
            if applies && decided.is_none() {
                active.hits += 1;
                decided = Some(active.rule.action);
            }
        }
        if let Some(action) = decided {
            tracing::info!(caller, service = service.name(), operation, call = *call, ?action, "fault");
        }
        decided
    }

    /// Returns whether a rule makes reads stale, so that writes must be noted.
    pub(crate) fn may_be_stale(&self) -> bool {
        let stale = |active: &Active| matches!(active.rule.action, Action::StaleMs(_));
        self.inner.any.load(Ordering::Acquire) && self.state().rules.iter().any(stale)
    }

    /// Returns the functions' processes.
    pub(crate) fn processes(&self) -> &Processes {
        &self.inner.processes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
