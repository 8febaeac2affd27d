//! A table of costs: cold starts compared with a bare function, pages of short and long lists, webhooks, and each operation. All are
//! measured interleaved in one run, so that the ratios hold on a busy machine too. Prints markdown; fails if a budget is
//! exceeded.
//!
//! `make bench` builds the prerequisites. `BENCH_ROUNDS` is the number of measurements, `BENCH_FILES` the length of the long
//! list, and `BENCH_ONLY` one of `operations`, `pages`, `webhooks` and `cold`.

#![expect(clippy::print_stdout, reason = "a benchmark's result is what it prints")]

mod cold;
mod latency;
mod operations;
mod pages;
mod stats;
mod webhooks;

/// Reads an integer from the environment.
fn setting(name: &str, usual: usize) -> usize {
    let text = std::env::var(name).ok();
    text.map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a whole number, not {text}")))
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let rounds = setting("BENCH_ROUNDS", 21);
    let only = std::env::var("BENCH_ONLY").ok();
    let wanted = |table: &str| only.as_deref().is_none_or(|only| only == table);
    let mut over = Vec::new();
    if wanted("operations") {
        over.extend(operations::measure(rounds).await);
    }
    if wanted("pages") {
        over.extend(pages::measure(rounds, setting("BENCH_FILES", 100_000)).await);
    }
    if wanted("webhooks") {
        over.extend(webhooks::measure(rounds).await);
    }
    if wanted("cold") {
        over.extend(cold::measure(rounds).await);
    }
    assert!(over.is_empty(), "over budget: {over:#?}");
}
