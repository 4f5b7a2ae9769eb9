//! The files of one bucket: where they are, and the few ways in which they are made, placed and removed.
//!
//! A file is made under a name that nothing refers to, written, and made durable before anything refers to
//! it. A rename puts a record in its place; syncing the directory makes that durable.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use iamd_types::Entropy;

use crate::ids::{FileId, KeyHash};
use crate::{Error, UploadId, VersionId};

const OBJECTS: &str = "objects";
const DATA: &str = "data";
const UPLOADS: &str = "uploads";
const TEMPORARY: &str = "tmp";
/// The record of an upload within its directory.
pub(crate) const UPLOAD: &str = "upload";

/// The directory of one bucket.
pub(crate) struct Files {
    root: PathBuf,
    /// Which shard directories are known to be there: records in the first half, data in the second.
    made: Vec<AtomicBool>,
}

impl Files {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, made: (0..512).map(|_| AtomicBool::new(false)).collect() }
    }

    /// Makes the directories of a new bucket, durable but for the name of the bucket itself.
    pub(crate) fn create(root: &Path) -> Result<(), Error> {
        make_directory(root)?;
        for name in [OBJECTS, DATA, UPLOADS, TEMPORARY] {
            make_directory(&root.join(name))?;
        }
        sync_directory(root)
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.root.join(OBJECTS)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.join(DATA)
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.root.join(UPLOADS)
    }

    pub(crate) fn temporary(&self) -> PathBuf {
        self.root.join(TEMPORARY)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The record of a version.
    pub(crate) fn record(&self, key: &KeyHash, version: VersionId) -> PathBuf {
        self.objects().join(shard_name(key.shard())).join(key.file_name(version))
    }

    /// A data file.
    pub(crate) fn data_file(&self, file: &FileId) -> PathBuf {
        self.data().join(shard_name(file.shard())).join(file.to_string())
    }

    /// The directory of an upload.
    pub(crate) fn upload(&self, id: UploadId) -> PathBuf {
        self.uploads().join(id.to_string())
    }

    /// The record of a part.
    pub(crate) fn part(&self, id: UploadId, number: u16) -> PathBuf {
        self.upload(id).join(part_name(number))
    }

    fn ensure_shard(&self, parent: &Path, shard: u8, offset: usize) -> Result<(), Error> {
        let made = self.made.get(usize::from(shard) + offset);
        if made.is_some_and(|made| made.load(Ordering::Acquire)) {
            return Ok(());
        }
        let directory = parent.join(shard_name(shard));
        make_directory(&directory)?;
        // Two may come here at once; both sync, so neither goes on before the name is durable.
        sync_directory(parent)?;
        made.into_iter().for_each(|made| made.store(true, Ordering::Release));
        Ok(())
    }

    /// Writes a file and puts it at `path`, in place of what is there. Done when this returns, and durable
    /// once [`sync_directory`] of the parent has returned, too.
    pub(crate) fn place(
        &self,
        path: &Path,
        chunks: &[&[u8]],
        entropy: &dyn Entropy,
    ) -> Result<(), Error> {
        let temporary = self.temporary().join(FileId::draw(entropy).to_string());
        let mut file = NewFile::create(temporary)?;
        for chunk in chunks {
            file.write(chunk)?;
        }
        file.sync()?;
        fs::rename(&file.path, path).map_err(|source| Error::io(path, source))?;
        file.keep();
        Ok(())
    }

    /// Puts the record of a version in its place, making the directory if it is the first in it.
    pub(crate) fn place_record(
        &self,
        key: &KeyHash,
        version: VersionId,
        chunks: &[&[u8]],
        entropy: &dyn Entropy,
    ) -> Result<(), Error> {
        self.ensure_shard(&self.objects(), key.shard(), 0)?;
        self.place(&self.record(key, version), chunks, entropy)
    }

    /// Makes the names of records of this key durable: those placed, and those removed.
    pub(crate) fn sync_records(&self, key: &KeyHash) -> Result<(), Error> {
        sync_directory(&self.objects().join(shard_name(key.shard())))
    }

    /// A new data file, removed again unless it is kept.
    pub(crate) fn new_data(&self, file: &FileId) -> Result<NewFile, Error> {
        self.ensure_shard(&self.data(), file.shard(), 256)?;
        NewFile::create(self.data_file(file))
    }

    /// Removes data files that nothing refers to any more. One that stays is found by the next start.
    pub(crate) fn discard(&self, files: &[FileId]) {
        for file in files {
            let _ = fs::remove_file(self.data_file(file));
        }
    }
}

fn shard_name(shard: u8) -> String {
    format!("{shard:02x}")
}

/// The name of a part's record.
pub(crate) fn part_name(number: u16) -> String {
    format!("{number:05}")
}

/// A file that is removed when this is dropped, unless it was kept.
pub(crate) struct NewFile {
    file: File,
    path: PathBuf,
    kept: bool,
}

impl NewFile {
    fn create(path: PathBuf) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|source| Error::io(&path, source))?;
        Ok(Self { file, path, kept: false })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|source| Error::io(&self.path, source))
    }

    fn sync(&self) -> Result<(), Error> {
        self.file.sync_all().map_err(|source| Error::io(&self.path, source))
    }

    /// Makes content and name durable.
    pub(crate) fn sync_with_name(&self) -> Result<(), Error> {
        self.sync()?;
        self.path.parent().map_or(Ok(()), sync_directory)
    }

    /// Leaves the file where it is.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes a directory that only its owner can enter, unless it is there.
pub(crate) fn make_directory(path: &Path) -> Result<(), Error> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(|source| Error::io(path, source)),
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    if cfg!(windows) {
        return Ok(()); // Directories cannot be opened for this there.
    }
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| Error::io(path, source))
}

/// Removes a file; one that is not there is removed already.
pub(crate) fn remove_file(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path, error)),
        _ => Ok(()),
    }
}

/// Removes a directory with all that is in it; one that is not there is removed already.
pub(crate) fn remove_directory(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(path, error)),
        _ => Ok(()),
    }
}

/// The names in a directory.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, Error> {
    let failed = |source| Error::io(path, source);
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        // What is no text was not made here.
        names.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    Ok(names)
}
