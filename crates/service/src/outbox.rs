//! Moves the records of changes from the accounts' outboxes to the audit log.
//!
//! A change commits its record in its own batch. From there it is delivered; once the log has it, another may stand in
//! its place. After a crash a record may be delivered twice; the log knows it by its event id.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use iamd_audit::outbox;
use iamd_directory::{OutboxEntry, Receipt};
use iamd_types::AccountId;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::Service;

/// How many records are on their way to the log at once. The log takes up to a tenth of a second for them, so this is
/// also what bounds how many changes a second do not pile up here.
const WINDOW: usize = 4096;

/// A place of an outbox in which nothing was put for so long is removed, at the latest after twice that. Until then its
/// record is delivered again after a crash, and the log must still know it.
const TIDIED_EVERY: Duration = Duration::from_millis(500);

impl Service {
    /// Delivers outbox entries until there are no more senders. Run it as a task of its own.
    pub async fn drain_outbox(self: Arc<Self>, mut entries: mpsc::UnboundedReceiver<OutboxEntry>) {
        let mut window = Vec::with_capacity(WINDOW);
        // Accounts whose outboxes have places that are to be removed, should nothing more be put there.
        let mut untidy = HashSet::new();
        let mut tick = interval(TIDIED_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                count = entries.recv_many(&mut window, WINDOW) => {
                    if count == 0 {
                        return;
                    }
                    for (account, receipts) in self.deliver(&mut window).await {
                        untidy.insert(account);
                        self.directory().moved_on(account, receipts).await;
                    }
                }
                _ = tick.tick(), if !untidy.is_empty() => {
                    untidy = self.tidy_outboxes(untidy).await;
                }
            }
        }
    }

    /// Removes what stayed spare in these accounts' outboxes. Returns the accounts that have more of it.
    async fn tidy_outboxes(&self, accounts: HashSet<AccountId>) -> HashSet<AccountId> {
        // All accounts at once: what is removed goes down together.
        let tidied = accounts.into_iter().map(async |account| {
            let tidied = self.directory().tidy_outbox(account).await.inspect_err(|error| {
                // They are delivered again after the next start, and known by their ids.
                tracing::warn!(%account, %error, "delivered audit records stay in the outbox");
            });
            tidied.unwrap_or_default().then_some(account)
        });
        join_all(tidied).await.into_iter().flatten().collect()
    }

    /// Delivers a window of entries; the receipts of those that the log has, by account.
    async fn deliver(&self, window: &mut Vec<OutboxEntry>) -> HashMap<AccountId, Vec<Receipt>> {
        let mut receipts: HashMap<AccountId, Vec<Receipt>> = HashMap::new();
        let mut lines = Vec::with_capacity(window.len());
        for OutboxEntry { account, value, receipt } in window.drain(..) {
            let Some(id) = outbox::event_id(&value) else {
                tracing::error!(%account, "an outbox entry has no event id; it stays");
                continue;
            };
            receipts.entry(account).or_default().push(receipt);
            lines.push((id, value));
        }
        match self.log().deliver(lines).await {
            Ok(()) => receipts,
            Err(_) => HashMap::new(),
        }
    }
}
