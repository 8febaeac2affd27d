//! What several tests of this crate use.

use crate::resolver::Lookup;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// Gives one prepared answer per lookup.
pub(crate) struct Answers {
    answers: Mutex<VecDeque<io::Result<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl Answers {
    pub(crate) fn new(answers: impl IntoIterator<Item = io::Result<Vec<IpAddr>>>) -> Arc<Self> {
        Arc::new(Answers { answers: Mutex::new(answers.into_iter().collect()), asked: Mutex::default() })
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Lookup for Answers {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.asked.lock().unwrap().push(name);
        let answer = self.answers.lock().unwrap().pop_front();
        Box::pin(async move { answer.expect("an answer was prepared") })
    }
}

pub(crate) fn addresses(list: &[&str]) -> io::Result<Vec<IpAddr>> {
    Ok(list.iter().map(|text| text.parse().unwrap()).collect())
}
