//! The directory of all buckets: opened by one process at a time, checked and swept at the start.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use iamd_credentials::Keyring;
use iamd_types::{Clock, Entropy};

use crate::bucket::blocking;
use crate::files::{self, Files};
use crate::ids::FileId;
use crate::load::load;
use crate::{Bucket, BucketName, Damage, Error};

const LOCK: &str = "lock";
const FORMAT: &str = "format";
const BUCKETS: &str = "buckets";
const TEMPORARY: &str = "tmp";
/// What `format` says: the version of the layout and of the records.
const VERSION: &str = "iamd-objects 1\n";

/// What the store takes from outside.
pub struct Tools {
    /// The time that objects are written at.
    pub clock: Arc<dyn Clock>,
    /// Ids and keys.
    pub entropy: Arc<dyn Entropy>,
    /// Wraps the data keys of encrypted objects.
    pub keyring: Arc<Keyring>,
}

/// Why a directory of objects cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or this one, has it open.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// Written by a version that this one does not know, or no directory of objects at all.
    #[error("{} has the format `{found}`, which this version of iamd does not know", path.display())]
    Format {
        /// The directory.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// A file cannot be read or made.
    #[error(transparent)]
    Store(#[from] Error),
}

/// All buckets.
pub struct Objects {
    root: PathBuf,
    tools: Arc<Tools>,
    buckets: Arc<RwLock<BTreeMap<BucketName, Arc<Bucket>>>>,
    /// Held by whoever makes or removes a bucket.
    changing: Arc<tokio::sync::Mutex<()>>,
    damage: Vec<Damage>,
    /// Held, not read.
    _lock: File,
}

impl Objects {
    /// Opens a directory, making it if it is not there. Blocks while it reads all records.
    pub fn open(root: &Path, tools: Tools) -> Result<Self, OpenError> {
        if !root.exists() {
            files::make_directory(root)?;
            root.parent()
                .filter(|parent| *parent != Path::new(""))
                .map_or(Ok(()), files::sync_directory)?;
        }
        let lock = lock(root)?;
        check_format(root, &*tools.entropy)?;
        for name in [BUCKETS, TEMPORARY] {
            files::make_directory(&root.join(name))?;
        }
        files::sync_directory(root)?;
        for leftover in files::names(&root.join(TEMPORARY))? {
            files::remove_directory(&root.join(TEMPORARY).join(leftover))?;
        }
        let tools = Arc::new(tools);
        let (mut buckets, mut damage) = (BTreeMap::new(), Vec::new());
        for name in files::names(&root.join(BUCKETS))? {
            let Some(name) = BucketName::new(&name) else { continue };
            let files = Files::new(root.join(BUCKETS).join(name.as_str()));
            let mut loaded = load(&name, &files)?;
            damage.append(&mut loaded.damage);
            let bucket = Bucket::new(name.clone(), files, Arc::clone(&tools), loaded);
            buckets.insert(name, Arc::new(bucket));
        }
        Ok(Self {
            root: root.to_owned(),
            tools,
            buckets: Arc::new(RwLock::new(buckets)),
            changing: Arc::default(),
            damage,
            _lock: lock,
        })
    }

    /// The damaged files that were found at the start, for the log.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The names of all buckets, in order.
    pub fn names(&self) -> Vec<BucketName> {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.keys().cloned().collect()
    }

    /// An open bucket.
    pub fn bucket(&self, name: &BucketName) -> Result<Arc<Bucket>, Error> {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.get(name).cloned().ok_or(Error::NoSuchBucket)
    }

    /// Makes a bucket. One that is there already and empty is taken as it is, so that a creation that was
    /// cut short can be repeated; one that holds anything is refused: it may be somebody else's.
    pub async fn create_bucket(&self, name: &BucketName) -> Result<Arc<Bucket>, Error> {
        let changing = Arc::clone(&self.changing).lock_owned().await;
        if let Ok(bucket) = self.bucket(name) {
            let empty = bucket.index().is_empty();
            return if empty { Ok(bucket) } else { Err(Error::BucketExists) };
        }
        let (temporary, parent) = (self.temporary(), self.root.join(BUCKETS));
        let (name, tools) = (name.clone(), Arc::clone(&self.tools));
        let buckets = Arc::clone(&self.buckets);
        blocking(move || {
            let _changing = changing;
            let path = parent.join(name.as_str());
            let made = Files::create(&temporary).and_then(|()| {
                fs::rename(&temporary, &path).map_err(|source| Error::io(&path, source))
            });
            if let Err(error) = made {
                let _ = files::remove_directory(&temporary);
                return Err(error);
            }
            files::sync_directory(&parent)?;
            let bucket = Bucket::new(name.clone(), Files::new(path), tools, Default::default());
            let bucket = Arc::new(bucket);
            let mut buckets = buckets.write().unwrap_or_else(PoisonError::into_inner);
            buckets.insert(name, Arc::clone(&bucket));
            Ok(bucket)
        })
        .await
    }

    /// Removes an empty bucket: one without objects, versions, delete markers, and uploads.
    pub async fn remove_bucket(&self, name: &BucketName) -> Result<(), Error> {
        let changing = Arc::clone(&self.changing).lock_owned().await;
        let bucket = self.bucket(name)?;
        // Waits for the changes that are under way; those that come later are refused.
        let mut removed = bucket.close().await;
        let (temporary, parent) = (self.temporary(), self.root.join(BUCKETS));
        let (name, buckets) = (name.clone(), Arc::clone(&self.buckets));
        blocking(move || {
            let _changing = changing;
            if !bucket.index().is_empty() {
                return Err(Error::BucketNotEmpty);
            }
            let path = bucket.files.root();
            fs::rename(path, &temporary).map_err(|source| Error::io(path, source))?;
            *removed = true;
            buckets.write().unwrap_or_else(PoisonError::into_inner).remove(&name);
            files::sync_directory(&parent)?;
            // What is left of it is removed now, or at the next start.
            let _ = files::remove_directory(&temporary);
            Ok(())
        })
        .await
    }

    fn temporary(&self) -> PathBuf {
        self.root.join(TEMPORARY).join(FileId::draw(&*self.tools.entropy).to_string())
    }
}

fn lock(root: &Path) -> Result<File, OpenError> {
    let path = root.join(LOCK);
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path).map_err(|source| Error::io(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(root.to_owned())),
        Err(TryLockError::Error(source)) => Err(Error::io(&path, source).into()),
    }
}

/// Reads the file `format`, or writes it into a new directory. It is the first file of a store, so a
/// directory with other things in it and without `format` is something else.
fn check_format(root: &Path, entropy: &dyn Entropy) -> Result<(), OpenError> {
    let path = root.join(FORMAT);
    match fs::read(&path) {
        Ok(bytes) if bytes == VERSION.as_bytes() => Ok(()),
        Ok(bytes) => {
            let start = bytes.get(..bytes.len().min(64)).unwrap_or_default();
            let found = start.trim_ascii().escape_ascii().to_string();
            Err(OpenError::Format { path: root.to_owned(), found })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let foreign = files::names(root)?
                .into_iter()
                .find(|name| name != LOCK && !name.starts_with("format.") && name != "lost+found");
            if let Some(found) = foreign {
                return Err(OpenError::Format { path: root.to_owned(), found });
            }
            write_format(root, &path, entropy).map_err(|source| Error::io(&path, source).into())
        }
        Err(source) => Err(Error::io(&path, source).into()),
    }
}

fn write_format(root: &Path, path: &Path, entropy: &dyn Entropy) -> io::Result<()> {
    let temporary = root.join(format!("format.{}", FileId::draw(entropy)));
    let mut file = File::create_new(&temporary)?;
    file.write_all(VERSION.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
