//! Applies one action to several items.

use std::fmt::Display;

use futures_util::{StreamExt, stream};

use crate::failure::Failure;
use crate::print::Print;

/// Applies `act` to all items, up to `concurrency` at a time, and shows the results in the order of the items. Reports a failure
/// with its item, and continues with the other items.
///
/// # Errors
/// The failure of the only item, or [`Failure::Several`].
pub(crate) async fn each<T: Display, R>(
    items: &[T],
    concurrency: usize,
    print: &Print,
    act: impl AsyncFn(&T) -> Result<R, Failure>,
    show: impl Fn(&T, R) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let act = &act;
    let numbered = items.iter().map(async |item| (item, act(item).await));
    let mut outcomes = stream::iter(numbered).buffered(concurrency.max(1));
    let (mut failed, mut last) = (0, None);
    while let Some((item, outcome)) = outcomes.next().await {
        let Err(failure) = outcome.and_then(|result| show(item, result)) else { continue };
        let failure = failure.for_item(item);
        failed += 1;
        if items.len() > 1 {
            print.failure(&failure);
        }
        last = Some(failure);
    }
    match last {
        None => Ok(()),
        Some(only) if items.len() == 1 => Err(only),
        Some(last) => Err(Failure::Several { failed, all: items.len(), code: last.exit_code() }),
    }
}
