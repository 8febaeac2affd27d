//! Helpers for the tests of this crate.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// A resolver that returns one prepared result per lookup.
#[derive(Default)]
pub(crate) struct FakeDns {
    /// Whether a lookup never ends.
    is_silent: bool,
    results: Mutex<VecDeque<io::Result<Vec<IpAddr>>>>,
    lookups: Mutex<Vec<String>>,
}

impl FakeDns {
    pub(crate) fn new(results: impl IntoIterator<Item = io::Result<Vec<IpAddr>>>) -> Arc<Self> {
        Arc::new(FakeDns { results: Mutex::new(results.into_iter().collect()), ..FakeDns::default() })
    }

    pub(crate) fn silent() -> Arc<Self> {
        Arc::new(FakeDns { is_silent: true, ..FakeDns::default() })
    }

    pub(crate) async fn lookup(&self, name: String) -> io::Result<Vec<IpAddr>> {
        if self.is_silent {
            return std::future::pending().await;
        }
        self.lookups.lock().unwrap().push(name);
        let result = self.results.lock().unwrap().pop_front();
        result.expect("a result is prepared for each lookup")
    }

    pub(crate) fn lookups(&self) -> Vec<String> {
        self.lookups.lock().unwrap().clone()
    }
}

pub(crate) fn addresses(list: &[&str]) -> io::Result<Vec<IpAddr>> {
    Ok(list.iter().map(|text| text.parse().unwrap()).collect())
}
