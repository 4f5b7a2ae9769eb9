//! The backup format: a store written as one stream, the same from every engine.
//!
//! `docs/backup-format.md` describes it. It is checked as a whole: a reader hands out nothing that a
//! restore should keep unless the trailer's SHA-256 over everything before it holds.

use std::io::{self, BufReader, BufWriter, Read, Write};

use sha2::{Digest, Sha256};

use crate::error::{Cause, ReadError};
use crate::partition::Partition;
use crate::txn::{MAX_KEY_BYTES, MAX_VALUE_BYTES, Revision};

/// The first bytes of every backup; the last two digits are the version.
const MAGIC: &[u8; 16] = b"iamd-backup v01\n";
const PARTITION: u8 = b'P';
const ENTRY: u8 = b'E';
const END: u8 = b'Z';

/// A backup could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store could not be read.
    #[error("cannot read the store")]
    Store(#[from] ReadError),
    /// The output could not be written.
    #[error("cannot write the backup")]
    Output(#[from] io::Error),
}

/// A backup could not be restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The input could not be read, or ends early.
    #[error("cannot read the backup")]
    Input(#[from] io::Error),
    /// The input is not a backup, of another version, or damaged.
    #[error("not a sound backup: {0}")]
    Format(&'static str),
    /// The target could not be written.
    #[error("cannot write the restored store")]
    Target(#[source] Cause),
}

/// Writes a backup: each partition, followed by its entries in key order.
pub(crate) struct Writer {
    out: BufWriter<Box<dyn Write + Send>>,
    hash: Sha256,
}

impl Writer {
    pub(crate) fn new(out: Box<dyn Write + Send>) -> io::Result<Self> {
        let mut writer = Self { out: BufWriter::new(out), hash: Sha256::new() };
        writer.write(MAGIC)?;
        Ok(writer)
    }

    pub(crate) fn partition(&mut self, partition: &Partition, head: Revision) -> io::Result<()> {
        self.write(&[PARTITION])?;
        self.write_sized(partition.as_str().as_bytes())?;
        self.write(&head.0.to_be_bytes())
    }

    pub(crate) fn entry(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.write(&[ENTRY])?;
        self.write_sized(key)?;
        self.write_sized(value)
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.write(&[END])?;
        let digest = self.hash.clone().finalize();
        self.out.write_all(&digest)?;
        self.out.flush()
    }

    fn write_sized(&mut self, bytes: &[u8]) -> io::Result<()> {
        let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        self.write(&len.to_be_bytes())?;
        self.write(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }
}

/// What a backup is made of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Partition(Partition, Revision),
    Entry(Vec<u8>, Vec<u8>),
}

/// Reads a backup. Items are only to be kept once [`Reader::next`] has answered with none.
pub(crate) struct Reader<R> {
    input: BufReader<R>,
    hash: Sha256,
    /// Entries are only right after a partition.
    in_partition: bool,
}

impl<R: Read> Reader<R> {
    pub(crate) fn new(input: R) -> Result<Self, RestoreError> {
        let mut reader =
            Self { input: BufReader::new(input), hash: Sha256::new(), in_partition: false };
        if reader.read::<16>()? != *MAGIC {
            return Err(RestoreError::Format("unknown format or version"));
        }
        Ok(reader)
    }

    /// The next item; none after the last, once the checksum has been found right.
    pub(crate) fn next(&mut self) -> Result<Option<Item>, RestoreError> {
        let [tag] = self.read()?;
        match tag {
            PARTITION => {
                let name = self.read_sized(MAX_KEY_BYTES)?;
                let partition = std::str::from_utf8(&name).ok().and_then(|n| n.parse().ok());
                let partition = partition.ok_or(RestoreError::Format("bad partition name"))?;
                self.in_partition = true;
                Ok(Some(Item::Partition(partition, Revision(u64::from_be_bytes(self.read()?)))))
            }
            ENTRY if self.in_partition => {
                let key = self.read_sized(MAX_KEY_BYTES)?;
                Ok(Some(Item::Entry(key, self.read_sized(MAX_VALUE_BYTES)?)))
            }
            END => self.check_trailer(),
            _ => Err(RestoreError::Format("unknown or misplaced item")),
        }
    }

    fn check_trailer(&mut self) -> Result<Option<Item>, RestoreError> {
        let computed = self.hash.clone().finalize();
        let stated: [u8; 32] = self.read()?;
        match computed.as_slice() == stated {
            true => Ok(None),
            false => Err(RestoreError::Format("checksum differs")),
        }
    }

    fn read_sized(&mut self, max: usize) -> Result<Vec<u8>, RestoreError> {
        let len = u32::from_be_bytes(self.read()?) as usize;
        if len > max {
            return Err(RestoreError::Format("key or value too large"));
        }
        let mut bytes = vec![0; len];
        self.input.read_exact(&mut bytes)?;
        self.hash.update(&bytes);
        Ok(bytes)
    }

    fn read<const N: usize>(&mut self) -> Result<[u8; N], RestoreError> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        self.hash.update(bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Item>, RestoreError> {
        let mut reader = Reader::new(bytes)?;
        let mut items = Vec::new();
        while let Some(item) = reader.next()? {
            items.push(item);
        }
        Ok(items)
    }

    /// A stream with the right first line and the right checksum around whatever is given.
    fn sealed(middle: &[u8]) -> Vec<u8> {
        let bytes = [MAGIC, middle, &[END]].concat();
        let digest = Sha256::digest(&bytes);
        [&bytes[..], &digest].concat()
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes).is_err());
            let items = read(&sealed(&bytes));
            // The odds against a sound item in random bytes are long.
            prop_assert!(items.is_err() || bytes.first().is_none_or(|b| [PARTITION, END].contains(b)));
        }
    }

    #[test]
    fn what_is_misplaced_or_too_large_is_refused() {
        let check = |middle: &[u8], refused: bool| {
            assert_eq!(read(&sealed(middle)).is_err(), refused, "{}", middle.escape_ascii());
        };
        check(b"", false);
        check(b"P\0\0\0\x03org\0\0\0\0\0\0\0\x01", false);
        check(b"P\0\0\0\x03org\0\0\0\0\0\0\0\x01E\0\0\0\x01k\0\0\0\x01v", false);
        check(b"E\0\0\0\x01k\0\0\0\x01v", true);
        check(b"P\0\0\0\x03ORG\0\0\0\0\0\0\0\x01", true);
        check(b"P\xff\xff\xff\xff", true);
        check(b"P\0\0\0\x03org\0\0\0\0\0\0\0\x01E\0\0\x02\x01", true);
        check(b"Q", true);
    }
}
