//! An owner's share of the workers: how many imports of one owner run at the same time.

use std::time::Duration;

use files_domain::limits;
use files_queues::ImportMessage;
use files_records::{Slot, SlotKind};
use tracing::{info, warn};

use crate::{BoxError, Delivery, ImportFile};

/// Longest first delay of a message that is put back, in seconds.
const FIRST_DELAY: u64 = 4;
/// Longest delay of a message that is put back, in seconds.
const LONGEST_DELAY: u64 = 60;

impl ImportFile {
    /// Takes a worker's place of the owner. `None`: the owner has its share.
    pub(crate) async fn take_place(&self, message: &ImportMessage) -> Result<Option<Place<'_>>, BoxError> {
        let Some(share) = self.owner_share else { return Ok(Some(Place { import: self, slot: None })) };
        let (owner, now) = (message.owner, lambda_startup::now());
        let slot = self.records.take_slot(owner, SlotKind::Import, share, limits::IMPORT_LEASE, now).await?;
        Ok(slot.map(|slot| Place { import: self, slot: Some(slot) }))
    }

    /// Queues the message again, with a delay that grows each time. The new message takes the place of the received one, so
    /// that waiting is no failure that counts towards the dead letters.
    pub(crate) async fn put_back(&self, message: &ImportMessage) -> Result<Delivery, BoxError> {
        let delay = delay(message.put_back);
        info!(file = %message.id, put_back = message.put_back, delay_s = delay.as_secs(), "the owner has its share");
        let message = ImportMessage { put_back: message.put_back.saturating_add(1), ..message.clone() };
        self.queue.send_later(&message, delay).await?;
        Ok(Delivery::Done)
    }
}

/// Returns a delay of whole seconds up to a bound that doubles (full jitter).
fn delay(put_back: u32) -> Duration {
    let longest = FIRST_DELAY.saturating_mul(2_u64.saturating_pow(put_back)).min(LONGEST_DELAY);
    Duration::from_secs(fastrand::u64(1..=longest))
}

/// A worker's place of an owner.
pub(crate) struct Place<'a> {
    import: &'a ImportFile,
    slot: Option<Slot>,
}

impl Place<'_> {
    /// Gives the place back. If that fails, its time ends.
    pub(crate) async fn release(self) {
        let Some(slot) = self.slot else { return };
        if let Err(error) = self.import.records.release_slot(&slot).await {
            warn!(error = &error as &dyn std::error::Error, "a worker's place is given back by its end");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_are_bounded() {
        for (put_back, longest) in [(0, 4), (1, 8), (3, 32), (4, 60), (u32::MAX, 60)] {
            for _ in 0..200 {
                let delay = delay(put_back).as_secs();
                assert!((1..=longest).contains(&delay), "{delay} after {put_back}");
            }
        }
    }
}
