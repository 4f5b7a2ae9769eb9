//! Moves the records of changes from the accounts' outboxes to the audit log.
//!
//! A change commits its record in its own batch. From there it is delivered, and removed once the log
//! has it. After a crash a record may be delivered twice; the log knows it by its event id.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;
use iamd_audit::outbox;
use iamd_directory::OutboxEntry;
use iamd_types::AccountId;
use tokio::sync::mpsc;

use crate::Service;

/// How many records are on their way to the log at once. The log takes up to a tenth of a second for them, so this is
/// also what bounds how many changes a second do not pile up here.
const WINDOW: usize = 4096;

impl Service {
    /// Delivers outbox entries until there are no more senders. Run it as a task of its own.
    pub async fn drain_outbox(self: Arc<Self>, mut entries: mpsc::UnboundedReceiver<OutboxEntry>) {
        let mut window = Vec::with_capacity(WINDOW);
        while entries.recv_many(&mut window, WINDOW).await > 0 {
            let delivered = self.deliver(&mut window).await;
            // All accounts at once: what is removed goes down with the next changes of each.
            let removals = delivered.into_iter().map(async |(account, keys)| {
                if let Err(error) = self.directory().remove_outbox(account, keys).await {
                    // They are delivered again after the next start, and known by their ids.
                    tracing::warn!(%account, %error, "delivered audit records stay in the outbox");
                }
            });
            join_all(removals).await;
        }
    }

    /// Delivers a window of entries; the keys of those that the log has, by account.
    async fn deliver(&self, window: &mut Vec<OutboxEntry>) -> HashMap<AccountId, Vec<Box<[u8]>>> {
        let entries = window.drain(..).filter_map(|entry| {
            let id = outbox::event_id(&entry.key);
            if id.is_none() {
                tracing::error!(account = %entry.account, "an outbox entry has no event id; it stays");
            }
            id.map(|id| (id, entry))
        });
        let entries: Vec<_> = entries.collect();
        let lines = entries.iter().map(|(id, entry)| (*id, Arc::clone(&entry.value)));
        let mut delivered: HashMap<AccountId, Vec<Box<[u8]>>> = HashMap::new();
        if self.log().deliver(lines).await.is_ok() {
            for (_, entry) in entries {
                delivered.entry(entry.account).or_default().push(entry.key);
            }
        }
        delivered
    }
}
