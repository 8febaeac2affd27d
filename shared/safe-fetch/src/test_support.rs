//! Helpers for the tests of this crate.

use crate::resolver::Lookup;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// A resolver that returns one prepared result per lookup.
pub(crate) struct FakeDns {
    results: Mutex<VecDeque<io::Result<Vec<IpAddr>>>>,
    lookups: Mutex<Vec<String>>,
}

impl FakeDns {
    pub(crate) fn new(results: impl IntoIterator<Item = io::Result<Vec<IpAddr>>>) -> Arc<Self> {
        Arc::new(FakeDns { results: Mutex::new(results.into_iter().collect()), lookups: Mutex::default() })
    }

    pub(crate) fn lookups(&self) -> Vec<String> {
        self.lookups.lock().unwrap().clone()
    }
}

impl Lookup for FakeDns {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.lookups.lock().unwrap().push(name);
        let result = self.results.lock().unwrap().pop_front();
        Box::pin(async move { result.expect("a result is prepared for each lookup") })
    }
}

pub(crate) fn addresses(list: &[&str]) -> io::Result<Vec<IpAddr>> {
    Ok(list.iter().map(|text| text.parse().unwrap()).collect())
}
