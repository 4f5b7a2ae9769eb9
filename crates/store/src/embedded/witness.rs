//! A second memory of how much was acknowledged.
//!
//! A journal that was cut short looks like one that was never longer, and fjall cuts its journal at the
//! first damaged byte. So the number of acknowledged transactions is also kept outside of it: written
//! after the commit is durable and before its callers are answered, and not synced. It never runs ahead
//! of the data, it survives the process being killed, and after a power failure it can only be too low.
//!
//! Two slots in turn, each with its checksum, so that one torn or damaged slot leaves the one before.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::files::{OpenError, private_file};

/// Bytes of a slot: the count, then the start of its SHA-256.
const SLOT_BYTES: usize = 16;
/// The slots are in different sectors.
const SLOT_DISTANCE: u64 = 4096;
const SLOTS: u64 = 2;

/// The file with the count of acknowledged transactions.
pub(super) struct Witness {
    file: File,
    /// The slot to write next.
    next: u64,
}

impl Witness {
    /// Makes the file, with this count. Durable when it returns.
    pub(super) fn create(path: &Path, count: u64) -> Result<Self, OpenError> {
        let mut options = OpenOptions::new();
        let file = private_file(path, options.read(true).write(true).create(true).truncate(true))?;
        let mut witness = Self { file, next: 0 };
        (0..SLOTS)
            .try_for_each(|_| witness.record(count))
            .and_then(|()| witness.file.sync_all())
            .map_err(|source| OpenError::Unreadable { path: path.to_owned(), source })?;
        Ok(witness)
    }

    /// Opens the file and answers with the highest count in it.
    pub(super) fn open(path: &Path) -> Result<(Self, u64), OpenError> {
        let corrupt =
            |detail: &str| OpenError::Corrupt { file: path.to_owned(), detail: detail.to_owned() };
        let mut file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(corrupt("missing"));
            }
            Err(source) => return Err(OpenError::Unreadable { path: path.to_owned(), source }),
        };
        let counts = (0..SLOTS).filter_map(|slot| Some((read_slot(&mut file, slot)?, slot)));
        let (count, slot) = counts.max().ok_or_else(|| corrupt("no slot has a right checksum"))?;
        Ok((Self { file, next: (slot + 1) % SLOTS }, count))
    }

    /// Notes that so many transactions are durable.
    pub(super) fn record(&mut self, count: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.next * SLOT_DISTANCE))?;
        self.file.write_all(&encode(count))?;
        self.next = (self.next + 1) % SLOTS;
        Ok(())
    }

    /// Makes the count itself durable. For a shutdown; commits do not wait for it.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// The count in a slot; none when it is missing or damaged.
fn read_slot(file: &mut File, slot: u64) -> Option<u64> {
    let mut bytes = [0; SLOT_BYTES];
    file.seek(SeekFrom::Start(slot * SLOT_DISTANCE)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    let count = u64::from_be_bytes(*bytes.first_chunk()?);
    (bytes == encode(count)).then_some(count)
}

fn encode(count: u64) -> [u8; SLOT_BYTES] {
    let count = count.to_be_bytes();
    let checksum = Sha256::digest(count);
    let mut slot = [0; SLOT_BYTES];
    let bytes = count.into_iter().chain(checksum).take(SLOT_BYTES);
    slot.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    slot
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_sound_count_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("witness");
        let mut witness = Witness::create(&path, 3).unwrap();
        for count in [4, 5, 9] {
            witness.record(count).unwrap();
            assert_eq!(Witness::open(&path).unwrap().1, count);
        }
        // 9 went to slot 0, 5 to slot 1.
        witness.file.seek(SeekFrom::Start(0)).unwrap();
        witness.file.write_all(&[0xff]).unwrap();
        let (mut reopened, count) = Witness::open(&path).unwrap();
        assert_eq!(count, 5);
        reopened.record(10).unwrap();
        assert_eq!(Witness::open(&path).unwrap().1, 10);
    }

    #[test]
    fn a_damaged_or_missing_file_is_corrupt() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("witness");
        assert!(matches!(Witness::open(&path), Err(OpenError::Corrupt { .. })));
        for content in [vec![], vec![0; 15], vec![0; 8192]] {
            std::fs::write(&path, content).unwrap();
            assert!(matches!(Witness::open(&path), Err(OpenError::Corrupt { .. })));
        }
    }
}
