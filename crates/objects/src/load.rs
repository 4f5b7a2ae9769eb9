//! Opening a bucket: its records are read into the index, and what a crash left behind is removed.
//!
//! A damaged record is remembered, so that its key is refused instead of missing; and as long as there is one,
//! no data file is removed, since it may be the one that the record names.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::files::{self, Files, UPLOAD};
use crate::ids::{FileId, KeyHash};
use crate::index::{Index, OpenUpload};
use crate::record::{ObjectRecord, PartRecord, Sealed, UploadRecord, UploadedPart};
use crate::{BucketName, Damage, Error, UploadId, VersionId};

/// Threads that read records.
const MOST_READERS: usize = 8;

/// A bucket as it was found.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) index: Index,
    /// The highest sequence number.
    pub(crate) sequence: u64,
    pub(crate) damage: Vec<Damage>,
}

/// What the records of objects refer to.
#[derive(Default)]
struct References {
    files: HashSet<FileId>,
    uploads: HashSet<UploadId>,
}

pub(crate) fn load(name: &BucketName, files: &Files) -> Result<Loaded, Error> {
    for leftover in files::names(&files.temporary())? {
        files::remove_file(&files.temporary().join(leftover))?;
    }
    let mut loaded = Loaded::default();
    let mut references = References::default();
    for found in read_objects(name, files)? {
        match found {
            Found::Record(record) => {
                loaded.sequence = loaded.sequence.max(record.sequence);
                references.files.extend(record.files());
                references.uploads.extend(record.upload());
                loaded.index.insert(&record.key, record.entry());
            }
            Found::Damaged(key, record, damage) => {
                loaded.index.add_damaged(key, record);
                loaded.damage.push(damage);
            }
        }
    }
    let data = data_files(files)?;
    read_uploads(name, files, &data, &mut references, &mut loaded)?;
    if loaded.damage.is_empty() {
        let orphans: Vec<_> = data.difference(&references.files).copied().collect();
        files.discard(&orphans);
    }
    Ok(loaded)
}

enum Found {
    Record(Box<ObjectRecord>),
    Damaged(KeyHash, VersionId, Damage),
}

/// Reads the records of all shards on several threads.
fn read_objects(name: &BucketName, files: &Files) -> Result<Vec<Found>, Error> {
    let shards: Vec<PathBuf> =
        files::names(&files.objects())?.iter().map(|shard| files.objects().join(shard)).collect();
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = || {
        while let Some(shard) = shards.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = read_shard(name, files, shard);
            results.lock().unwrap_or_else(PoisonError::into_inner).push(found);
        }
    };
    let readers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        (1..readers.min(MOST_READERS).min(shards.len())).for_each(|_| {
            scope.spawn(work);
        });
        work();
    });
    let mut all = Vec::new();
    for found in results.into_inner().unwrap_or_else(PoisonError::into_inner) {
        all.append(&mut found?);
    }
    Ok(all)
}

fn read_shard(name: &BucketName, files: &Files, shard: &Path) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for file in files::names(shard)? {
        // Names of another form were not made here, and decide nothing.
        let Some((key, version)) = KeyHash::parse_file_name(&file) else { continue };
        let path = files.record(&key, version);
        found.push(match read_object(name, &path, &key, version) {
            Ok(sealed) => Found::Record(Box::new(sealed.record)),
            Err(Error::Damaged(damage)) => Found::Damaged(key, version, damage),
            Err(error) => return Err(error),
        });
    }
    Ok(found)
}

fn read_object(
    name: &BucketName,
    path: &Path,
    key: &KeyHash,
    version: VersionId,
) -> Result<Sealed<ObjectRecord>, Error> {
    let mut file = File::open(path).map_err(|source| Error::io(path, source))?;
    let sealed = Sealed::<ObjectRecord>::read(&mut file, path)?;
    check_place(&sealed.record, name, key, version).map_err(|what| Error::damaged(path, what))?;
    Ok(sealed)
}

/// Whether a record is the one that its name says.
pub(crate) fn check_place(
    record: &ObjectRecord,
    bucket: &BucketName,
    key: &KeyHash,
    version: VersionId,
) -> Result<(), &'static str> {
    match record.bucket == bucket.as_str() && record.key.hash() == *key && record.version == version
    {
        true => Ok(()),
        false => Err("it is the record of another object"),
    }
}

/// All data files there are.
fn data_files(files: &Files) -> Result<HashSet<FileId>, Error> {
    let mut found = HashSet::new();
    for shard in files::names(&files.data())? {
        let names = files::names(&files.data().join(shard))?;
        found.extend(names.iter().filter_map(|name| FileId::parse(name)));
    }
    Ok(found)
}

fn read_uploads(
    name: &BucketName,
    files: &Files,
    data: &HashSet<FileId>,
    references: &mut References,
    loaded: &mut Loaded,
) -> Result<(), Error> {
    for directory in files::names(&files.uploads())? {
        let Some(id) = UploadId::parse(&directory) else { continue };
        let path = files.upload(id).join(UPLOAD);
        // Without a record it was ended; with one, and an object made of it, it was about to be.
        if references.uploads.contains(&id) || !path.exists() {
            files::remove_directory(&files.upload(id))?;
            continue;
        }
        match read_upload(name, files, id, data) {
            // A part's data is gone, so the upload had been completed, and the object replaced.
            Ok(None) => files::remove_directory(&files.upload(id))?,
            Ok(Some(upload)) => {
                references.files.extend(upload.parts.values().map(|part| part.file));
                loaded.index.insert_upload(upload);
            }
            Err(Error::Damaged(damage)) => {
                loaded.index.add_damaged_upload(id);
                loaded.damage.push(damage);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn read_upload(
    name: &BucketName,
    files: &Files,
    id: UploadId,
    data: &HashSet<FileId>,
) -> Result<Option<OpenUpload>, Error> {
    let path = files.upload(id).join(UPLOAD);
    let mut file = File::open(&path).map_err(|source| Error::io(&path, source))?;
    let sealed = Sealed::<UploadRecord>::read(&mut file, &path)?;
    if sealed.record.id != id || sealed.record.bucket != name.as_str() {
        return Err(Error::damaged(&path, "it is the record of another upload"));
    }
    let mut upload = OpenUpload { sealed: Arc::new(sealed), parts: Default::default() };
    for name in files::names(&files.upload(id))? {
        let Some(number) = name.parse().ok().filter(|it| files::part_name(*it) == name) else {
            continue;
        };
        let part = read_part(files, id, number)?;
        if !data.contains(&part.file) {
            return Ok(None);
        }
        upload.parts.insert(number, part);
    }
    Ok(Some(upload))
}

fn read_part(files: &Files, id: UploadId, number: u16) -> Result<PartRecord, Error> {
    let path = files.part(id, number);
    let mut file = File::open(&path).map_err(|source| Error::io(&path, source))?;
    let UploadedPart { upload, part } = Sealed::<UploadedPart>::read(&mut file, &path)?.record;
    if upload != id || part.number != number {
        return Err(Error::damaged(&path, "it is the record of another part"));
    }
    Ok(part)
}
