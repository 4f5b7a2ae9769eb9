//! A directory of segment files, one record per line: `audit-20260212T093000Z-0001.jsonl`.
//!
//! Segments are only ever appended to. What was acknowledged is on the disk; whatever a crash left
//! behind it is cut off when the directory is opened again, and after a failed write before the
//! next one. Names order by time, whatever the clock did.

use std::collections::HashSet;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iamd_types::{Clock, Timestamp};
use memchr::memchr_iter;
use thiserror::Error;

use crate::EventId;
use crate::recent::Recent;
use crate::sink::{Appended, Line, Sink};

/// Held locked by the process that writes here.
const LOCK: &str = "lock";
/// So many bytes of memory are kept for the next append.
const BUFFER: usize = 4 * 1024 * 1024;
/// How many segments, from the newest, are read for the ids of their lines.
const TAIL_SEGMENTS: usize = 2;

/// The sink that keeps JSON lines in a directory.
pub struct JsonLines {
    directory: PathBuf,
    clock: Arc<dyn Clock>,
    segment_limit: u64,
    /// Dropping it unlocks.
    _lock: File,
    /// The newest name in use, also by a segment that could not be opened.
    last: Option<SegmentName>,
    current: Option<Segment>,
    recent: Recent,
    /// What is appended, all at once. Kept from one append to the next: fresh memory of this size costs more than to
    /// fill it.
    buffer: Vec<u8>,
}

/// Why a directory was not opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("another process writes its audit log in {}", .0.display())]
    Locked(PathBuf),
    /// The directory or a segment cannot be read or changed.
    #[error("cannot open {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A segment that is open for appending.
struct Segment {
    file: File,
    /// How many bytes are durable; the next line starts here.
    length: u64,
    /// Whether the file may hold more than `length`: the rest of a write that failed.
    torn: bool,
}

/// When a segment was begun, and its number among those of that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SegmentName {
    begun: Timestamp,
    number: u32,
}

impl JsonLines {
    /// The usual length at which a segment is ended, in bytes.
    pub const SEGMENT_LIMIT: u64 = 64 * 1024 * 1024;

    /// Opens the directory, making it (for its owner only) if it is not there. The end of the newest
    /// segment that is no whole record is cut off. A segment is ended when the next batch of
    /// lines would make it longer than `segment_limit`.
    pub fn open(
        directory: &Path,
        clock: Arc<dyn Clock>,
        segment_limit: u64,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { path: directory.to_owned(), source };
        make_directory(directory).map_err(failed)?;
        let lock = lock(directory)?;
        let names = segment_names(directory).map_err(failed)?;
        let mut recent = Recent::default();
        let mut current = None;
        for name in names.iter().skip(names.len().saturating_sub(TAIL_SEGMENTS)) {
            let path = directory.join(name.to_string());
            let segment = Segment::reopen(&path, &mut recent)
                .map_err(|source| OpenError::Io { path, source })?;
            current = Some(segment);
        }
        if let Some(newest) = &mut current {
            newest.cut().map_err(failed)?;
        }
        let last = names.last().copied();
        let directory = directory.to_owned();
        let buffer = Vec::new();
        Ok(Self { directory, clock, segment_limit, _lock: lock, last, current, recent, buffer })
    }

    /// The segment that takes so many more bytes.
    fn segment_for(&mut self, bytes: u64) -> io::Result<&mut Segment> {
        let full = |segment: &Segment| {
            segment.length > 0 && segment.length.saturating_add(bytes) > self.segment_limit
        };
        if self.current.as_ref().is_none_or(full) {
            if let Some(ended) = &mut self.current {
                ended.cut()?;
            }
            let name = SegmentName::after(self.last, self.clock.now());
            // Even if it fails: a name is tried once.
            self.last = Some(name);
            let segment = Segment::create(&self.directory.join(name.to_string()))?;
            sync_directory(&self.directory)?;
            self.current = Some(segment);
        }
        self.current.as_mut().ok_or_else(|| io::Error::other("no segment"))
    }

    /// Appends the lines with an empty buffer.
    fn append_with(&mut self, lines: &[Line], buffer: &mut Vec<u8>) -> io::Result<Appended> {
        buffer.reserve(lines.iter().map(|line| line.json.len() + 1).sum());
        let mut appended = Appended::default();
        let mut fresh = HashSet::with_capacity(lines.len());
        for line in lines {
            if line.id.is_some_and(|id| self.recent.contains(id) || !fresh.insert(id)) {
                appended.duplicates += 1;
                continue;
            }
            push_line(buffer, &line.json);
            appended.lines += 1;
        }
        appended.bytes = buffer.len() as u64;
        if !buffer.is_empty() {
            self.segment_for(appended.bytes)?.append(buffer)?;
        }
        lines.iter().filter_map(|line| line.id).for_each(|id| self.recent.remember(id));
        Ok(appended)
    }
}

impl Sink for JsonLines {
    fn append(&mut self, lines: &[Line]) -> io::Result<Appended> {
        let mut buffer = mem::take(&mut self.buffer);
        let appended = self.append_with(lines, &mut buffer);
        buffer.clear();
        buffer.shrink_to(BUFFER);
        self.buffer = buffer;
        appended
    }

    fn describe(&self) -> String {
        format!("audit log in {}", self.directory.display())
    }
}

impl Segment {
    fn create(path: &Path) -> io::Result<Self> {
        let file = open_options().create_new(true).open(path)?;
        Ok(Self { file, length: 0, torn: false })
    }

    /// Opens a segment of an earlier run, and remembers the ids of its changes.
    fn reopen(path: &Path, recent: &mut Recent) -> io::Result<Self> {
        let file = open_options().read(true).open(path)?;
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        let (mut read, mut length) = (0, 0);
        let mut line = Vec::new();
        loop {
            line.clear();
            let count = reader.read_until(b'\n', &mut line)?;
            if count == 0 {
                break;
            }
            read += count as u64;
            if let Some(known) = whole_record(&line) {
                length = read;
                known.into_iter().for_each(|id| recent.remember(id));
            }
        }
        Ok(Self { file, length, torn: read > length })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.cut()?;
        self.torn = true;
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        self.torn = false;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Removes what is behind the durable lines.
    fn cut(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.file.sync_data()?;
            self.torn = false;
        }
        self.file.seek(SeekFrom::Start(self.length))?;
        Ok(())
    }
}

impl SegmentName {
    /// A name behind all others, also when the clock was set back.
    fn after(last: Option<Self>, now: Timestamp) -> Self {
        let begun = now.whole_seconds();
        match last {
            Some(last) if last.begun >= begun => {
                Self { begun: last.begun, number: last.number.saturating_add(1) }
            }
            _ => Self { begun, number: 1 },
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let (begun, number) =
            name.strip_prefix("audit-")?.strip_suffix(".jsonl")?.split_once('-')?;
        let digits: Vec<&str> = [0..4, 4..6, 6..8, 9..11, 11..13, 13..15]
            .into_iter()
            .map(|range| begun.get(range))
            .collect::<Option<_>>()?;
        let [year, month, day, hour, minute, second] = digits.try_into().ok()?;
        let begun = Timestamp::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z"))?;
        let parsed = Self { begun, number: number.parse().ok()? };
        // Only what is written here counts.
        (parsed.to_string() == name).then_some(parsed)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begun = self.begun.to_string().replace(['-', ':'], "");
        write!(f, "audit-{begun}-{:04}.jsonl", self.number)
    }
}

/// Appends a line. Between the tokens of JSON a line feed is white space, inside them it cannot be.
fn push_line(buffer: &mut Vec<u8>, json: &[u8]) {
    let start = buffer.len();
    buffer.extend_from_slice(json);
    for at in memchr_iter(b'\n', json) {
        buffer.get_mut(start + at).into_iter().for_each(|byte| *byte = b' ');
    }
    buffer.push(b'\n');
}

/// Whether the line is a record to its end; with the event id of one that may come again. Records
/// of reads never wait in an outbox.
fn whole_record(line: &[u8]) -> Option<Option<EventId>> {
    let (id, rest) = EventId::in_record(line.strip_suffix(b"}\n")?)?;
    Some((!rest.starts_with(br#"","readOnly":true"#)).then_some(id))
}

fn segment_names(directory: &Path) -> io::Result<Vec<SegmentName>> {
    let mut names = Vec::new();
    for entry in directory.read_dir()? {
        names.extend(entry?.file_name().to_str().and_then(SegmentName::parse));
    }
    names.sort();
    Ok(names)
}

fn lock(directory: &Path) -> Result<File, OpenError> {
    let path = directory.join(LOCK);
    let failed = |source| OpenError::Io { path: path.clone(), source };
    let file = open_options().create(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Writing, and for the owner only when it makes the file.
fn open_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Makes a new file's name durable.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failed_write_left_is_cut_before_the_next() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("segment");
        let mut segment = Segment::create(&path).unwrap();
        segment.append(b"one\n").unwrap();

        // A handle that cannot write stands for a full disk; the rest of the write is put there.
        let writable = mem::replace(&mut segment.file, File::open(&path).unwrap());
        assert!(segment.append(b"two\n").is_err());
        std::fs::write(&path, b"one\ntwo and mo").unwrap();
        assert!(segment.append(b"two\n").is_err(), "it cannot be cut either");
        segment.file = writable;
        segment.append(b"2\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\n2\n");
    }

    #[test]
    fn only_names_that_are_written_are_read() {
        let name = "audit-20260212T093000Z-0001.jsonl";
        assert_eq!(SegmentName::parse(name).unwrap().to_string(), name);
        for other in [
            "audit-20260212T093000Z-1.jsonl",
            "audit-20260212t093000z-0001.jsonl",
            "audit-20261312T093000Z-0001.jsonl",
            "audit-ä0260212T09300-0001.jsonl",
            "audit-20260212T093000Z-0001.jsonl.gz",
            "audit--.jsonl",
            "",
        ] {
            assert_eq!(SegmentName::parse(other), None, "{other}");
        }
    }
}
