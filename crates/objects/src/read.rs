//! GetObject and HeadObject: an object, a range of it, or a part, as it was at one moment.
//!
//! What is answered comes from the record alone, read once; the index only says which record. A change that
//! happens in between is noticed, and then the record is read again under the key's lock.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use iamd_types::Timestamp;
use tokio::task::JoinHandle;

use crate::bucket::{Pin, blocking};
use crate::files::Files;
use crate::frame::{MOST_OVERHEAD, SEGMENT, Seal, segments};
use crate::ids::FileId;
use crate::index::Entry;
use crate::load::check_place;
use crate::record::{Content, Data, ObjectRecord, PartRecord, Sealed};
use crate::seal::DataKey;
use crate::{Attributes, Bucket, Checksum, ETag, Error, Key, ReadCondition, VersionId};

/// The bytes of an object, checked piece by piece. An error ends it.
pub type Body = BoxStream<'static, Result<Bytes, Error>>;

/// Which object to read.
#[derive(Clone, Debug)]
pub struct Get {
    /// Its key.
    pub key: Key,
    /// Its version; the newest if absent.
    pub version: Option<VersionId>,
    /// When it is to be read at all.
    pub condition: ReadCondition,
    /// How much of it.
    pub portion: Portion,
    /// The tags that it was seen with, if it is to be read with those alone.
    pub seen: Option<Vec<(String, String)>>,
}

/// How much of an object is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Portion {
    /// All.
    #[default]
    Whole,
    /// From here to the end: `bytes=N-`.
    From(u64),
    /// From here to there, both included: `bytes=N-M`.
    Between(u64, u64),
    /// So many bytes at the end: `bytes=-N`.
    Last(u64),
    /// The part of this number.
    Part(u16),
}

/// What there is to know about an object.
#[derive(Clone, Debug)]
pub struct Info {
    /// Its key.
    pub key: Key,
    /// Its version.
    pub version: VersionId,
    /// Its bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: ETag,
    /// When it was written.
    pub modified: Timestamp,
    /// What is kept beside the data.
    pub attributes: Attributes,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Its parts, if it was uploaded in parts.
    pub parts: Vec<PartInfo>,
}

/// A part of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartInfo {
    /// Its number.
    pub number: u16,
    /// Its bytes.
    pub size: u64,
    /// Its checksum, by the object's algorithm.
    pub checksum: Option<Checksum>,
}

/// An object, or a portion of it.
pub struct Object {
    /// What there is to know about it.
    pub info: Info,
    /// The first and the last byte, if a range or a part was asked for and has any.
    pub range: Option<(u64, u64)>,
    /// How many bytes the body has.
    pub length: u64,
    /// The bytes; none after `head`.
    pub body: Body,
}

/// A record that was read, and the file it is in.
pub(crate) struct Found {
    pub(crate) sealed: Sealed<ObjectRecord>,
    pub(crate) file: File,
    pub(crate) path: PathBuf,
}

/// Why a record was not read without the key's lock.
pub(crate) enum Miss {
    /// Somebody is changing it.
    Changing,
    /// It is not there, or refused.
    Error(Error),
}

impl From<Error> for Miss {
    fn from(error: Error) -> Self {
        if error.is_not_found() { Self::Changing } else { Self::Error(error) }
    }
}

impl Bucket {
    /// Reads an object.
    pub async fn get(self: &Arc<Self>, get: Get) -> Result<Object, Error> {
        self.look(get.key.clone(), move |bucket| bucket.open_object(&get, true)).await
    }

    /// Says what there is to know about an object, as [`Self::get`] would, without its bytes.
    pub async fn head(self: &Arc<Self>, get: Get) -> Result<Object, Error> {
        self.look(get.key.clone(), move |bucket| bucket.open_object(&get, false)).await
    }

    /// Runs a look at a key: at first beside the changes, and once more alone if there was one.
    pub(crate) async fn look<T: Send + 'static>(
        self: &Arc<Self>,
        key: Key,
        look: impl Fn(&Arc<Self>) -> Result<T, Miss> + Send + Sync + 'static,
    ) -> Result<T, Error> {
        let bucket = Arc::clone(self);
        let look = Arc::new(look);
        let again = Arc::clone(&look);
        match blocking(move || Ok(look(&bucket))).await? {
            Ok(found) => Ok(found),
            Err(Miss::Error(error)) => Err(error),
            Err(Miss::Changing) => {
                let missing = key.clone();
                self.change(&key, move |bucket| match again(bucket) {
                    Ok(found) => Ok(found),
                    Err(Miss::Error(error)) => Err(error),
                    // Nobody changes it now, so a file that should be there is not.
                    Err(Miss::Changing) => Err(Error::damaged(
                        &bucket.files.record(&missing.hash(), VersionId::Null),
                        "a file of this key is missing",
                    )),
                })
                .await
            }
        }
    }

    /// The version that is meant, which is no delete marker.
    pub(crate) fn resolve(&self, key: &Key, version: Option<VersionId>) -> Result<Entry, Error> {
        let index = self.index();
        let Some(version) = version else {
            self.refuse_damaged(&index, key)?;
            return match index.newest(key) {
                Some(entry) if entry.object.is_some() => Ok(*entry),
                marker => Err(Error::NoSuchKey { marker: marker.map(|entry| entry.version) }),
            };
        };
        let hash = key.hash();
        if index.damaged(&hash).contains(&version) {
            return Err(self.damaged_record(&hash, version));
        }
        match index.find(key, version) {
            Some(entry) if entry.object.is_some() => Ok(*entry),
            Some(entry) => Err(Error::IsDeleteMarker { version, modified: entry.modified }),
            None => Err(Error::NoSuchVersion),
        }
    }

    /// Reads the record of a version, and checks that it is this one's.
    pub(crate) fn read_record(&self, key: &Key, version: VersionId) -> Result<Found, Error> {
        let hash = key.hash();
        let path = self.files.record(&hash, version);
        let mut file = File::open(&path).map_err(|source| Error::io(&path, source))?;
        let sealed = Sealed::<ObjectRecord>::read(&mut file, &path)?;
        check_place(&sealed.record, self.name(), &hash, version)
            .map_err(|what| Error::damaged(&path, what))?;
        Ok(Found { sealed, file, path })
    }

    /// The record that the index names.
    pub(crate) fn read_entry(&self, key: &Key, entry: &Entry) -> Result<Found, Miss> {
        let found = self.read_record(key, entry.version)?;
        if found.sealed.record.sequence == entry.sequence { Ok(found) } else { Err(Miss::Changing) }
    }

    fn open_object(self: &Arc<Self>, get: &Get, with_body: bool) -> Result<Object, Miss> {
        let entry = self.resolve(&get.key, get.version)?;
        let Found { sealed, file, path } = self.read_entry(&get.key, &entry)?;
        let record = &sealed.record;
        let Some(content) = &record.content else { return Err(Miss::Changing) };
        content.ensure_tags(get.seen.as_deref())?;
        get.condition.check(content.etag, record.modified(), record.version)?;
        let (start, end) = content.span(get.portion)?;
        let range = (get.portion != Portion::Whole && end > start).then(|| (start, end - 1));
        // Also for HEAD: the key opens only if the record is as it was written.
        let data_key = match content.encrypted {
            true => Some(sealed.data_key(&self.tools, &path)?),
            false => None,
        };
        let info = record.info(content);
        let length = end - start;
        if !with_body || length == 0 {
            return Ok(Object { info, range, length, body: stream::empty().boxed() });
        }
        let pin = self.pin_parts(&get.key, &entry, content)?;
        let mut source = Source {
            files: Arc::clone(&self.files),
            data_key,
            runs: content.runs(start, end),
            current: None,
            begun: false,
            _pin: pin,
        };
        if let Data::Here(id) = content.data {
            source.open(file, path, sealed.end, &Run { id, size: content.size, start, end })?;
        }
        let first = source.next_segment(source.room())?;
        Ok(Object { info, range, length, body: body(source, first) })
    }

    /// Keeps the files of an object of parts from being removed while they are read one after the other.
    fn pin_parts(
        &self,
        key: &Key,
        entry: &Entry,
        content: &Content,
    ) -> Result<Option<Arc<Pin>>, Miss> {
        let Data::Parts { parts, .. } = &content.data else { return Ok(None) };
        let Some(first) = parts.first() else { return Ok(None) };
        let pin = self.pin(first.file);
        let there = self.index().find(key, entry.version).map(|it| it.sequence);
        if there == Some(entry.sequence) { Ok(Some(pin)) } else { Err(Miss::Changing) }
    }
}

impl ObjectRecord {
    fn info(&self, content: &Content) -> Info {
        let algorithm = content.checksum.as_ref().map(|it| it.algorithm);
        let part = |part: &PartRecord| PartInfo {
            number: part.number,
            size: part.size,
            checksum: part.checksums.iter().find(|it| Some(it.algorithm) == algorithm).cloned(),
        };
        Info {
            key: self.key.clone(),
            version: self.version,
            size: content.size,
            etag: content.etag,
            modified: self.modified(),
            attributes: content.attributes.clone(),
            checksum: content.checksum.clone(),
            encrypted: content.encrypted,
            parts: content.parts().iter().map(part).collect(),
        }
    }
}

impl Content {
    /// Refuses when the object has other tags than it was seen with.
    pub(crate) fn ensure_tags(&self, seen: Option<&[(String, String)]>) -> Result<(), Error> {
        match seen.is_none_or(|seen| seen == self.attributes.tags) {
            true => Ok(()),
            false => Err(Error::OtherTags),
        }
    }

    fn parts(&self) -> &[PartRecord] {
        match &self.data {
            Data::Parts { parts, .. } => parts,
            Data::Here(_) | Data::File(_) => &[],
        }
    }

    /// The first byte of a portion, and the one behind the last (RFC 9110 §14.1.2).
    fn span(&self, portion: Portion) -> Result<(u64, u64), Error> {
        let size = self.size;
        let outside = Err(Error::InvalidRange { size });
        match portion {
            Portion::Whole => Ok((0, size)),
            Portion::From(start) | Portion::Between(start, _) if start >= size => outside,
            Portion::From(start) => Ok((start, size)),
            Portion::Between(start, last) if last < start => outside,
            Portion::Between(start, last) => Ok((start, last.saturating_add(1).min(size))),
            Portion::Last(0) => outside,
            Portion::Last(_) if size == 0 => outside,
            Portion::Last(count) => Ok((size.saturating_sub(count), size)),
            Portion::Part(number) => self.part_span(number),
        }
    }

    fn part_span(&self, number: u16) -> Result<(u64, u64), Error> {
        if self.parts().is_empty() && number == 1 {
            return Ok((0, self.size));
        }
        let mut start = 0;
        for part in self.parts() {
            if part.number == number {
                return Ok((start, start + part.size));
            }
            start += part.size;
        }
        Err(Error::InvalidPartNumber)
    }

    /// The pieces of data files that make up a span.
    fn runs(&self, start: u64, end: u64) -> VecDeque<Run> {
        match &self.data {
            Data::Here(_) => VecDeque::new(),
            Data::File(id) => VecDeque::from([Run { id: *id, size: self.size, start, end }]),
            Data::Parts { parts, .. } => {
                let mut runs = VecDeque::new();
                let mut at = 0u64;
                for part in parts {
                    let (first, last) = (start.max(at), end.min(at + part.size));
                    if first < last {
                        let (start, end) = (first - at, last - at);
                        runs.push_back(Run { id: part.file, size: part.size, start, end });
                    }
                    at += part.size;
                }
                runs
            }
        }
    }
}

/// Bytes to read of one data file.
struct Run {
    id: FileId,
    /// All its bytes of data.
    size: u64,
    start: u64,
    end: u64,
}

/// What remains to be read.
struct Source {
    files: Arc<Files>,
    data_key: Option<DataKey>,
    runs: VecDeque<Run>,
    current: Option<Current>,
    /// Whether bytes were given out: from then on nothing may be missing.
    begun: bool,
    _pin: Option<Arc<Pin>>,
}

/// A data file being read.
struct Current {
    file: File,
    path: PathBuf,
    /// Where the first segment begins.
    base: u64,
    seal: Seal,
    size: u64,
    at: u64,
    end: u64,
}

impl Source {
    fn is_done(&self) -> bool {
        self.current.is_none() && self.runs.is_empty()
    }

    fn open(&mut self, file: File, path: PathBuf, base: u64, run: &Run) -> Result<(), Error> {
        let seal = match &self.data_key {
            Some(key) => Seal::Encrypt(Box::new(key.of_file(&run.id))),
            None => Seal::check(&run.id),
        };
        let found = file.metadata().map_err(|source| Error::io(&path, source))?.len();
        if found != base.saturating_add(seal.framed_size(run.size)) {
            return Err(Error::damaged(&path, "it has another length than its record says"));
        }
        let (size, at, end) = (run.size, run.start, run.end);
        self.current = Some(Current { file, path, base, seal, size, at, end });
        Ok(())
    }

    /// Room for the next segment. Made where it is also let go of: a thread that only reads would keep for itself
    /// what others give back.
    fn room(&self) -> Vec<u8> {
        let most = match (&self.current, self.runs.front()) {
            (Some(current), _) => current.seal.framed_size(current.size),
            (None, Some(run)) => run.size + MOST_OVERHEAD as u64,
            (None, None) => 0,
        };
        const MOST: usize = SEGMENT + MOST_OVERHEAD;
        Vec::with_capacity(usize::try_from(most).unwrap_or(MOST).min(MOST))
    }

    /// The next bytes, read and checked. There must be some.
    fn next_segment(&mut self, room: Vec<u8>) -> Result<Bytes, Error> {
        if self.current.is_none() {
            let run = self.runs.pop_front().ok_or(Error::Stopped)?;
            let path = self.files.data_file(&run.id);
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if self.begun && error.kind() == io::ErrorKind::NotFound => {
                    return Err(Error::damaged(&path, "it is missing"));
                }
                Err(source) => return Err(Error::io(&path, source)),
            };
            self.open(file, path, 0, &run)?;
        }
        self.begun = true;
        let current = self.current.as_mut().ok_or(Error::Stopped)?;
        let segment = current.read_segment(room)?;
        if current.at >= current.end {
            self.current = None;
        }
        Ok(segment)
    }

    /// Reads the next segment while the one before is sent.
    fn read_on(mut self) -> Step {
        if self.is_done() {
            return Step::End;
        }
        let room = self.room();
        Step::Reading(tokio::task::spawn_blocking(move || {
            let segment = self.next_segment(room)?;
            Ok((self, segment))
        }))
    }
}

impl Current {
    fn read_segment(&mut self, mut framed: Vec<u8>) -> Result<Bytes, Error> {
        let number = self.at / SEGMENT as u64;
        let start = number * SEGMENT as u64;
        let overhead = self.seal.overhead() as u64;
        let length = (self.size - start).min(SEGMENT as u64) + overhead;
        let from = self.base + number * (SEGMENT as u64 + overhead);
        let read = self
            .file
            .seek(SeekFrom::Start(from))
            .and_then(|_| Read::by_ref(&mut self.file).take(length).read_to_end(&mut framed))
            .map_err(|source| Error::io(&self.path, source))?;
        if read as u64 != length {
            return Err(Error::damaged(&self.path, "it is cut short"));
        }
        let place = u32::try_from(number).unwrap_or(u32::MAX);
        let last = number == segments(self.size) - 1;
        let size = self.seal.open(place, last, &mut framed, &self.path)?;
        let skip = usize::try_from(self.at - start).unwrap_or_default();
        let until = usize::try_from(self.end - start).map_or(size, |end| end.min(size));
        self.at = self.end.min(start + SEGMENT as u64);
        Ok(Bytes::from(framed).slice(skip.min(until)..until))
    }
}

/// Where a body is between two polls.
enum Step {
    /// Before the first: an answer that nobody reads holds no thread.
    First(Source, Bytes),
    Reading(JoinHandle<Result<(Source, Bytes), Error>>),
    End,
}

/// The stream of a first segment and what the source still has.
fn body(source: Source, first: Bytes) -> Body {
    stream::try_unfold(Step::First(source, first), |step| async move {
        let (source, segment) = match step {
            Step::First(source, segment) => (source, segment),
            Step::Reading(work) => work.await.unwrap_or(Err(Error::Stopped))?,
            Step::End => return Ok(None),
        };
        Ok(Some((segment, source.read_on())))
    })
    .boxed()
}
