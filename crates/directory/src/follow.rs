//! Following the changes that others commit to the same store: what makes a directory a replica.
//!
//! A commit in an account's partition makes a replica read that account again and publish it whole; what was
//! committed meanwhile comes with it, so a burst costs few reads. Nothing is decided on a state that was never
//! durable, and what cannot be read now is tried again: until then the replica answers by what it has.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use iamd_store::{Change, Partition, Since};
use iamd_types::{AccountId, Error};

use crate::directory::Directory;
use crate::routing;

/// Keeps a directory up to date that others write to. It does its work in [`Follower::next`].
pub struct Follower {
    directory: Arc<Directory>,
    changes: BoxStream<'static, Change>,
    /// What has moved on since it was read.
    behind: BTreeSet<Partition>,
}

impl Follower {
    /// Begins to follow; everything that is committed from now on will be seen. What the directory has loaded
    /// already is brought up to date by the first [`Follower::next`].
    pub fn new(directory: Arc<Directory>) -> Self {
        let changes = directory.store().changes(Since::Now);
        let behind = directory.followed();
        Self { directory, changes, behind }
    }

    /// Waits for changes and takes them over. Returns the accounts that now have a newer state, perhaps none.
    /// Must be called again and again.
    pub async fn next(&mut self) -> Vec<AccountId> {
        match self.changes.next().await {
            Some(Change::Commit(commit)) => drop(self.behind.insert(commit.partition.clone())),
            // A moment without commits: time for what could not be read before.
            Some(Change::Progress(_)) => {}
            // Too far behind for the feed: everything may have moved on.
            Some(Change::Reset) | None => {
                self.changes = self.directory.store().changes(Since::Now);
                self.behind = self.directory.followed();
            }
        }
        let mut renewed = Vec::new();
        for partition in std::mem::take(&mut self.behind) {
            match self.renew(&partition).await {
                Ok(account) => renewed.extend(account),
                Err(error) => {
                    tracing::warn!(%error, partition = partition.as_str(), "a replica falls behind");
                    self.behind.insert(partition);
                }
            }
        }
        renewed
    }

    async fn renew(&self, partition: &Partition) -> Result<Option<AccountId>, Error> {
        if partition.as_str() == routing::PARTITION {
            self.directory.routing().renew().await?;
            return Ok(None);
        }
        // Others hold no accounts.
        let Ok(id) = partition.as_str().parse() else { return Ok(None) };
        Ok(self.directory.renew(id).await?.then_some(id))
    }
}
