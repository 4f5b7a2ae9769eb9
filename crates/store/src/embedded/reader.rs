//! Reading: pages at one revision, and the check of a partition's contents when it is first read.

use std::collections::VecDeque;
use std::io::Write;

use tokio::task::spawn_blocking;

use super::Shared;
use super::tables::{Digest, EntryHash, Head, View, damaged};
use crate::backup::{self, BackupError};
use crate::error::{Cause, ReadError};
use crate::feed::{Cursor, lock};
use crate::partition::Partition;
use crate::range::{Entry, KeyRange, Page, PageBuilder, PageLimit};
use crate::store::At;
use crate::txn::{Revision, TxnId, Value};

/// How many revisions are held for the pages that follow. The oldest goes first.
const HELD_REVISIONS: usize = 64;
/// A held revision is let go after so many transactions, so that it does not keep old versions on disk.
const HELD_FOR_TXNS: u64 = 100_000;

/// Views that pages with more to follow were read from, the oldest first.
#[derive(Default)]
pub(super) struct Held {
    /// Transactions so far in this run.
    position: u64,
    views: VecDeque<HeldView>,
}

struct HeldView {
    position: u64,
    partition: Partition,
    revision: Revision,
    view: View,
}

impl Held {
    fn find(&self, partition: &Partition, revision: Revision) -> Option<&View> {
        let mut views = self.views.iter();
        let held = views.find(|v| v.revision == revision && v.partition == *partition);
        held.map(|held| &held.view)
    }

    fn hold(&mut self, partition: &Partition, revision: Revision, view: &View) {
        if self.find(partition, revision).is_some() {
            return;
        }
        if self.views.len() >= HELD_REVISIONS {
            self.views.pop_front();
        }
        let (position, partition, view) = (self.position, partition.clone(), view.clone());
        self.views.push_back(HeldView { position, partition, revision, view });
    }

    /// Lets go of what has become too old.
    pub(super) fn advance(&mut self, txns: usize) {
        self.position += txns as u64;
        let oldest = self.position.saturating_sub(HELD_FOR_TXNS);
        while self.views.front().is_some_and(|held| held.position < oldest) {
            self.views.pop_front();
        }
    }
}

impl Shared {
    pub(super) fn get(
        &self,
        partition: &Partition,
        key: &[u8],
        at: At,
    ) -> Result<Option<Value>, ReadError> {
        let (view, _) = self.view(partition, at)?;
        Ok(view.get(partition, key)?.map(|value| Value::from(&*value)))
    }

    pub(super) fn page(
        &self,
        partition: &Partition,
        range: &KeyRange,
        limit: PageLimit,
        at: At,
    ) -> Result<Page, ReadError> {
        let (view, revision) = self.view(partition, at)?;
        let mut page = PageBuilder::new(range, limit);
        for entry in view.entries(partition, range) {
            let entry = entry?;
            if !page.has_room(entry.key(), entry.value()) {
                break;
            }
            page.push(Entry { key: entry.key().into(), value: entry.value().into() });
        }
        let page = page.finish(revision);
        if page.next.is_some() {
            lock(&self.held).hold(partition, revision, &view);
        }
        Ok(page)
    }

    pub(super) fn outcome(
        &self,
        partition: &Partition,
        id: TxnId,
    ) -> Result<Option<Revision>, ReadError> {
        self.ensure_certain()?;
        self.tables.view().outcome(partition, id)
    }

    /// Writes every partition, and checks each on the way.
    pub(super) fn backup(&self, out: Box<dyn Write + Send>) -> Result<Cursor, BackupError> {
        // Before the view: what is committed in between is in both, never in neither.
        let cursor = self.feed.cursor();
        let view = self.tables.view();
        let mut writer = backup::Writer::new(out)?;
        for head in view.heads() {
            let (partition, head) = head?;
            writer.partition(&partition, head.revision)?;
            let mut digest = Digest::default();
            for entry in view.entries(&partition, &KeyRange::all()) {
                let entry = entry?;
                digest.add(EntryHash::of(entry.key(), entry.value()));
                writer.entry(entry.key(), entry.value())?;
            }
            if digest != head.digest {
                return Err(damaged("a partition's contents are not what was committed").into());
            }
        }
        writer.finish()?;
        Ok(cursor)
    }

    /// A view of a partition that has been checked, and the revision that it shows.
    fn view(&self, partition: &Partition, at: At) -> Result<(View, Revision), ReadError> {
        if at != At::Stale {
            self.ensure_certain()?;
        }
        if let At::Revision(revision) = at
            && let Some(view) = lock(&self.held).find(partition, revision)
        {
            return Ok((view.clone(), revision));
        }
        let view = self.tables.view();
        let head = view.head(partition)?;
        match at {
            At::Revision(revision) if revision != head.revision => Err(ReadError::Gone(revision)),
            _ => {
                self.ensure_sound(&view, partition, head)?;
                Ok((view, head.revision))
            }
        }
    }

    fn ensure_sound(
        &self,
        view: &View,
        partition: &Partition,
        head: Head,
    ) -> Result<(), ReadError> {
        if head.revision == Revision(0) || lock(&self.sound).contains(partition) {
            return Ok(());
        }
        view.check(partition, head)?;
        lock(&self.sound).insert(partition.clone());
        Ok(())
    }
}

/// Runs a read where it may block. The library asserts some of what it reads: that is damage, too.
pub(super) async fn blocking<T, E>(
    read: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<ReadError> + Send + 'static,
{
    let result = spawn_blocking(read).await;
    result.unwrap_or_else(|error| {
        let cause = Cause::new(error.to_string());
        Err(match error.is_panic() {
            true => ReadError::Corrupt(cause),
            false => ReadError::Unavailable(cause),
        }
        .into())
    })
}
