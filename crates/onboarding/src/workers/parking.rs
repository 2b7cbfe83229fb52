//! Parking inputs, however large they are.

use messaging::Client;
use messaging::dlq::{DlqPublisher, Parking};
use messaging::inbox::PublishError;

/// Kept free of NATS' `max_payload`, in bytes: for a parked input's headers with the reason, and
/// for what an event says beside the input that it records.
const BESIDE: usize = 16 * 1024;

/// Where inputs are parked.
#[derive(Clone)]
pub(crate) struct ParkingLot {
    client: Client,
    dlq: DlqPublisher,
}

impl ParkingLot {
    pub(crate) fn new(client: &Client) -> Self {
        Self { client: client.clone(), dlq: DlqPublisher::new(client) }
    }

    /// Bytes of the largest input that may be decided. The events of a larger one may not fit into
    /// a message, and EVT, which must hold every event, would end before the first of them.
    pub(crate) fn largest_input(&self) -> usize {
        self.client.max_payload().saturating_sub(BESIDE).max(BESIDE)
    }

    /// Parks an input, one that leaves no room for its reason in parts. Once this returns, all of
    /// it is stored.
    ///
    /// # Errors
    /// It is not known to be stored. Parking it again is safe.
    pub(crate) async fn park(&self, input: Parking) -> Result<(), PublishError> {
        let most = self.largest_input();
        let parts = input.payload.len().div_ceil(most).max(1);
        for part in 0..parts {
            let end = input.payload.len().min((part + 1) * most);
            let mut parking = input.clone();
            parking.payload = input.payload.slice(part * most..end);
            if parts > 1 {
                parking.reason = format!("{} (part {} of {parts})", input.reason, part + 1);
            }
            self.dlq.park(parking).await?;
        }
        metrics::counter!("onboarding_parked_total", "code" => input.code).increment(1);
        Ok(())
    }
}
