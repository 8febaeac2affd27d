//! An owner's share of the workers: the number of attempts of one owner that wait for slow receivers at the same time. A fast attempt
//! needs no slot, so it costs no call. An attempt that becomes slow takes one, and is cancelled if the owner has none left. Further
//! attempts to its endpoint are then postponed before a request is sent.

use files_domain::{Endpoint, EndpointId, OwnerId, Timestamp, limits};
use files_records::{RecordsError, Slot, SlotKind};
use tracing::warn;

use crate::DeliverWebhook;

impl DeliverWebhook {
    /// Returns whether an attempt to this endpoint is postponed, because it is slow and its owner has no slot left.
    pub(crate) fn is_crowded(&self, endpoint: &Endpoint, held: u64, now: Timestamp) -> bool {
        let is_slow = endpoint.slow_until.is_some_and(|until| until > now);
        is_slow && self.owner_share.is_some_and(|share| held >= share)
    }

    /// Waits for an attempt. `None`: it was slow and the owner had no slot left, so it was cancelled.
    pub(crate) async fn within_share<T>(
        &self,
        owner: OwnerId,
        endpoint: EndpointId,
        now: Timestamp,
        attempt: impl Future<Output = T>,
    ) -> Option<T> {
        let mut attempt = std::pin::pin!(attempt);
        let Some(share) = self.owner_share else { return Some(attempt.await) };
        if let Ok(outcome) = tokio::time::timeout(limits::SLOW_DELIVERY, &mut attempt).await {
            return Some(outcome);
        }
        let slot = match self.take_slot(owner, endpoint, share, now.plus(limits::SLOW_DELIVERY)).await {
            Ok(slot) => slot?,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "taking a slot failed");
                return None;
            }
        };
        let outcome = attempt.await;
        if let Err(error) = self.records.release_slot(&slot).await {
            warn!(error = &error as &dyn std::error::Error, "releasing the slot failed");
        }
        Some(outcome)
    }

    /// Marks the endpoint as slow, and takes a slot. `None`: all are taken.
    async fn take_slot(
        &self,
        owner: OwnerId,
        endpoint: EndpointId,
        share: u64,
        now: Timestamp,
    ) -> Result<Option<Slot>, RecordsError> {
        let lease = limits::SLOW_DELIVERY_LEASE;
        self.records.mark_slow_endpoint(owner, endpoint, now.plus(lease)).await?;
        self.records.take_slot(owner, SlotKind::SlowDelivery, share, lease, now).await
    }
}
