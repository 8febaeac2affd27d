//! The mix of faults that a seed stands for.

use super::rule::{Action, ErrorKind, Rule, Service};

/// The mix of `--faults SEED`: of the calls that an action fits, so many in a thousand get it.
///
/// The table in `README.md` says the same.
const MIX: &[(u32, Option<Service>, Action)] = &[
    // Rarer and narrower ones first: the first that applies to a call is what happens to it.
    (50, None, Action::Error(ErrorKind::TransactionConflict)),
    (50, None, Action::UnprocessedAfter(1)),
    (100, None, Action::StaleMs(1_000)),
    (20, None, Action::Error(ErrorKind::Conflict)),
    (50, None, Action::ErrorIn200),
    (100, Some(Service::Trigger), Action::Duplicate),
    (50, Some(Service::Trigger), Action::LoseAnswer),
    (100, Some(Service::Trigger), Action::OutOfOrder),
    (30, Some(Service::Trigger), Action::DelayMs(120_000)),
    (20, Some(Service::Lambda), Action::Error(ErrorKind::Throttling)),
    (20, Some(Service::Lambda), Action::KillBefore),
    (10, Some(Service::Lambda), Action::KillAfterMs(30)),
    (5, Some(Service::Lambda), Action::DeadlineMs(50)),
    (5, Some(Service::DynamoDb), Action::Error(ErrorKind::ThroughputExceeded)),
];

/// To every call of DynamoDB, S3 and SQS.
const CALLS: &[(u32, Action)] = &[
    (20, Action::Error(ErrorKind::Throttling)),
    (10, Action::Error(ErrorKind::Internal)),
    (5, Action::Cut),
    (10, Action::LoseAnswer),
    (5, Action::CutAnswer),
    (20, Action::CloseIdle),
    (20, Action::DelayMs(100)),
    (3, Action::KillBefore),
    (3, Action::KillAfter),
];

/// Returns the rules of the mix; which calls they strike depends on the seed.
pub(super) fn rules() -> Vec<Rule> {
    let rule = |thousandths: u32, service, action| Rule {
        service,
        probability: Some(f64::from(thousandths) / 1000.0),
        ..Rule::new(action)
    };
    let mix = MIX.iter().map(|(thousandths, service, action)| rule(*thousandths, *service, *action));
    let calls = [Service::DynamoDb, Service::S3, Service::Sqs].into_iter().flat_map(|service| {
        CALLS.iter().map(move |(thousandths, action)| rule(*thousandths, Some(service), *action))
    });
    // Last, so that a seed's other faults stay what they were.
    let frozen = rule(20, Some(Service::Lambda), Action::CloseFrozen);
    mix.chain(calls).chain([frozen]).collect()
}
