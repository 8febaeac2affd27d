//! The mix of faults of a seed.

use super::rule::{Action, ErrorKind, Rule, Service};

/// The mix of `--faults SEED`, in calls per thousand of those that the action applies to.
///
/// `README.md` has the same table.
const MIX: &[(u32, Option<Service>, Action)] = &[
    // Rare and narrow faults first: the first rule that applies decides.
    (50, None, Action::Error(ErrorKind::TransactionConflict)),
    (50, None, Action::UnprocessedAfter(1)),
    (100, None, Action::StaleMs(1_000)),
    (20, None, Action::Error(ErrorKind::Conflict)),
    (50, None, Action::ErrorIn200),
    (100, Some(Service::Trigger), Action::Duplicate),
    (50, Some(Service::Trigger), Action::LoseResponse),
    (100, Some(Service::Trigger), Action::OutOfOrder),
    (30, Some(Service::Trigger), Action::DelayMs(120_000)),
    (20, Some(Service::Lambda), Action::Error(ErrorKind::Throttling)),
    (20, Some(Service::Lambda), Action::KillBefore),
    (10, Some(Service::Lambda), Action::KillAfterMs(30)),
    (5, Some(Service::Lambda), Action::DeadlineMs(50)),
    (5, Some(Service::DynamoDb), Action::Error(ErrorKind::ThroughputExceeded)),
];

/// Faults of every call of DynamoDB, S3 and SQS.
const CALLS: &[(u32, Action)] = &[
    (20, Action::Error(ErrorKind::Throttling)),
    (10, Action::Error(ErrorKind::Internal)),
    (5, Action::Cut),
    (10, Action::LoseResponse),
    (5, Action::CutResponse),
    (20, Action::CloseIdle),
    (20, Action::DelayMs(100)),
    (3, Action::KillBefore),
    (3, Action::KillAfter),
];

/// Returns the rules of the mix; the seed decides to which calls they apply.
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
    // Last, so that the other faults of a seed do not change.
    let frozen = rule(20, Some(Service::Lambda), Action::CloseFrozen);
    mix.chain(calls).chain([frozen]).collect()
}
