//! Making a store from a backup. Until the last step the directory counts as empty.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;

use super::files::{Directory, State};
use super::tables::{EntryHash, Head, Tables, data_key};
use super::witness::Witness;
use crate::backup::{Item, Reader, RestoreError};
use crate::error::Cause;
use crate::partition::Partition;

/// Entries are written in pieces of this size.
const PIECE_BYTES: usize = 1024 * 1024;

pub(super) fn restore(path: &Path, backup: impl Read) -> Result<(), RestoreError> {
    let mut reader = Reader::new(backup)?;
    let (directory, state) = Directory::lock(path).map_err(target)?;
    if state != State::Creating {
        let error = io::Error::new(io::ErrorKind::AlreadyExists, "the directory holds a store");
        return Err(target(error));
    }
    let tables = Tables::create(&directory.data()).map_err(target)?;
    let heads = copy(&mut reader, &tables)?;
    let mut writes = tables.write();
    for (partition, head) in &heads {
        writes.head(partition, *head);
    }
    writes.commit_unsynced().map_err(target)?;
    tables.sync().map_err(target)?;
    let count = heads.values().fold(0, |sum: u64, head| sum.saturating_add(head.revision.0));
    Witness::create(&directory.witness(), count).map_err(target)?;
    directory.finish_creating().map_err(target)
}

/// Copies all entries, and answers with what the heads must be.
fn copy(
    reader: &mut Reader<impl Read>,
    tables: &Tables,
) -> Result<BTreeMap<Partition, Head>, RestoreError> {
    let mut heads = BTreeMap::new();
    let mut current: Option<(Partition, Head)> = None;
    let (mut writes, mut bytes) = (tables.write(), 0);
    while let Some(item) = reader.next()? {
        match item {
            Item::Partition(partition, revision) => {
                let head = Head { revision, restored: revision, ..Head::default() };
                heads.extend(current.replace((partition, head)));
            }
            Item::Entry(key, value) => {
                // The reader lets no entry stand before the first partition.
                let Some((partition, head)) = &mut current else { continue };
                head.digest.add(EntryHash::of(&key, &value));
                bytes += key.len() + value.len();
                writes.data((&*data_key(partition, &key)).into(), Some(value.into()));
            }
        }
        if bytes > PIECE_BYTES {
            std::mem::replace(&mut writes, tables.write()).commit_unsynced().map_err(target)?;
            bytes = 0;
        }
    }
    writes.commit_unsynced().map_err(target)?;
    heads.extend(current);
    Ok(heads)
}

fn target(error: impl std::error::Error + Send + Sync + 'static) -> RestoreError {
    RestoreError::Target(Cause::new(error))
}
