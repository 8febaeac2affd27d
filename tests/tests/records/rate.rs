//! Requests per second of an owner.

use files_domain::{ApiKey, Caller, Limit, Scope, Timestamp};
use files_records::{Keys, RecordsError};

use crate::dynamodb::DynamoDb;
use crate::owner::Owner;
use crate::samples::at;

async fn limited<'s>(store: &'s DynamoDb, rate: u64) -> Owner<'s> {
    let press = Owner::new(store, "press").await;
    store.set_limits(press.id(), &[(Limit::RequestsPerSecond, rate)]).await;
    press
}

/// Returns the keys of a process that has just cached the key, so that its next request is counted.
async fn process(store: &DynamoDb, press: &Owner<'_>, now: Timestamp) -> Keys {
    let keys = store.other_keys();
    let caller = press.caller(Scope::Read, now);
    keys.admit(&caller).await.expect("the key is not cached");
    keys.check(&caller).await.expect("a valid key");
    keys
}

/// Returns how many of 100 simultaneous requests are admitted.
async fn admitted(keys: &Keys, press: &Owner<'_>, now: Timestamp) -> u64 {
    let mut admitted = 0;
    for _ in 0..100 {
        match keys.admit(&press.caller(Scope::Read, now)).await {
            Ok(()) => admitted += 1,
            Err(RecordsError::Limit(exceeded)) => assert_eq!(exceeded.limit, Limit::RequestsPerSecond),
            Err(error) => panic!("{error:?}"),
        }
    }
    admitted
}

#[tokio::test]
async fn requests_in_a_second_are_limited_to_the_rate() {
    let store = &DynamoDb::start().await;
    for rate in [1, 7, 25, 99] {
        let press = limited(store, rate).await;
        let keys = process(store, &press, at(rate * 10_000)).await;
        for second in 0..3 {
            let now = at(rate * 10_000 + second * 1_000);
            assert_eq!(admitted(&keys, &press, now).await, rate, "{rate} in second {second}");
        }
    }
}

#[tokio::test]
async fn processes_share_the_rate_and_reserve_at_most_a_block() {
    let store = &DynamoDb::start().await;
    let press = limited(store, 50).await;
    let (first, second) = (process(store, &press, at(0)).await, process(store, &press, at(0)).await);
    // The second process uses one token of a block of 5, and keeps 4.
    second.admit(&press.caller(Scope::Read, at(1))).await.expect("admitted");
    assert_eq!(admitted(&first, &press, at(2)).await, 45);
    assert_eq!(admitted(&second, &press, at(3)).await, 4);
    assert_eq!(admitted(&first, &press, at(1_000)).await, 50);
    assert_eq!(admitted(&second, &press, at(1_001)).await, 0);
}

#[tokio::test]
async fn an_invalid_key_uses_no_token_of_the_owner_that_it_names() {
    let store = &DynamoDb::start().await;
    let press = limited(store, 1).await;
    let keys = process(store, &press, at(0)).await;
    let forged = Caller {
        principal: ApiKey::generate(press.id()).expect("randomness").into(),
        ..press.caller(Scope::Read, at(1))
    };
    keys.admit(&forged).await.expect("it is not cached yet");
    assert_refused!(keys.check(&forged).await, RecordsError::Key(_));
    assert_refused!(keys.admit(&forged).await, RecordsError::Key(_));
    assert_eq!(admitted(&keys, &press, at(2)).await, 1);
}

#[tokio::test]
async fn without_a_limit_nothing_is_counted() {
    let store = &DynamoDb::start().await;
    let press = limited(store, 0).await;
    let keys = process(store, &press, at(0)).await;
    assert_eq!(admitted(&keys, &press, at(1)).await, 100);
    let second = format!("rate#{}", at(1).seconds());
    assert!(store.item(press.id(), &second).await.is_empty());
}
