//! One action for several items.

use std::fmt::Display;

use futures_util::{StreamExt, stream};

use crate::failure::Failure;
use crate::print::Print;

/// Acts on all items, up to `at_once` of them side by side. A failure is reported with its item, and the other items go ahead.
///
/// # Errors
/// The failure of the only item, or `Several`.
pub(crate) async fn each<T: Display>(
    items: &[T],
    at_once: usize,
    print: &Print,
    act: impl AsyncFn(&T) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let act = &act;
    let named = async |item: &T| act(item).await.map_err(|failure| failure.of(item));
    let named = &named;
    let mut outcomes = stream::iter(items.iter().map(|item| named(item))).buffered(at_once.max(1));
    let (mut failed, mut last) = (0, None);
    while let Some(outcome) = outcomes.next().await {
        let Err(failure) = outcome else { continue };
        failed += 1;
        if items.len() > 1 {
            print.failure(&failure);
        }
        last = Some(failure);
    }
    match last {
        None => Ok(()),
        Some(only) if items.len() == 1 => Err(only),
        Some(last) => Err(Failure::Several(failed, last.exit_code())),
    }
}
