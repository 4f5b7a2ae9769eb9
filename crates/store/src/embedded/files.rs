//! The directory of a store: who may use it, which format it has, and whether its creation was finished.
//!
//! The one idea: the file `format` is the last thing that a creation puts in place, by renaming
//! `creating`. So a directory with `format` is whole, one with `creating` never acknowledged anything and
//! is made anew, and one with neither but with data in it has been damaged.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The version of the directory's layout and of everything that is encoded in it.
pub(super) const FORMAT_VERSION: u32 = 1;

const LOCK: &str = "lock";
const FORMAT: &str = "format";
const CREATING: &str = "creating";
const DATA: &str = "data";
const WITNESS: &str = "witness";
/// Longest `format` file that is read.
const MAX_FORMAT_BYTES: usize = 64;

/// A store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or this one, has it open.
    #[error("{} is in use by another process", path.display())]
    Locked {
        /// The store's directory.
        path: PathBuf,
    },
    /// The operating system refuses.
    #[error("cannot use {}", path.display())]
    Unreadable {
        /// The file or directory concerned.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Written by a version that this one does not know.
    #[error("the store has format `{found}`, supported is {supported}")]
    Format {
        /// What the directory says.
        found: String,
        /// What this version reads and writes.
        supported: u32,
    },
    /// Files are damaged or missing: acknowledged commits may be lost. Restore a backup.
    #[error("{} is damaged: {detail}", file.display())]
    Corrupt {
        /// The file or directory concerned.
        file: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

/// A locked store directory. The lock is let go when this is dropped.
pub(super) struct Directory {
    path: PathBuf,
    /// Held, not read.
    _lock: File,
}

/// What [`Directory::lock`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing, or a creation that was not finished. Now prepared for a new one.
    Creating,
    /// A whole store of the supported format.
    Whole,
}

impl Directory {
    /// Takes the directory for this process, making it if it is not there.
    pub(super) fn lock(path: &Path) -> Result<(Self, State), OpenError> {
        private_directory(path)?;
        let lock_path = path.join(LOCK);
        let lock =
            private_file(&lock_path, OpenOptions::new().read(true).write(true).create(true))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::Locked { path: path.to_owned() },
            TryLockError::Error(source) => OpenError::Unreadable { path: lock_path, source },
        })?;
        let directory = Self { path: path.to_owned(), _lock: lock };
        let state = directory.inspect()?;
        if state == State::Creating {
            directory.start_creating()?;
        }
        Ok((directory, state))
    }

    fn inspect(&self) -> Result<State, OpenError> {
        let format = self.path.join(FORMAT);
        match fs::read(&format) {
            Ok(bytes) => check_format(&bytes).map(|()| State::Whole),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.inspect_unfinished(),
            Err(source) => Err(OpenError::Unreadable { path: format, source }),
        }
    }

    fn inspect_unfinished(&self) -> Result<State, OpenError> {
        let unreadable = |source| OpenError::Unreadable { path: self.path.clone(), source };
        let mut others = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(unreadable)? {
            let name = entry.map_err(unreadable)?.file_name();
            if name != OsStr::new(LOCK) {
                others.push(name);
            }
        }
        match others.is_empty() || others.iter().any(|name| name == CREATING) {
            true => Ok(State::Creating),
            false => Err(OpenError::Corrupt {
                file: self.path.join(FORMAT),
                detail: "missing, though the directory is not empty".to_owned(),
            }),
        }
    }

    fn start_creating(&self) -> Result<(), OpenError> {
        let data = self.path.join(DATA);
        match fs::remove_dir_all(&data) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(OpenError::Unreadable { path: data, source });
            }
            _ => {}
        }
        let creating = self.path.join(CREATING);
        let mut options = OpenOptions::new();
        let mut file = private_file(&creating, options.write(true).create(true).truncate(true))?;
        writeln!(file, "iamd-store {FORMAT_VERSION}")
            .and_then(|()| file.sync_all())
            .map_err(|source| OpenError::Unreadable { path: creating, source })?;
        sync_directory(&self.path)?;
        private_directory(&data)
    }

    /// Declares a creation finished. Everything else must be durable by now.
    pub(super) fn finish_creating(&self) -> Result<(), OpenError> {
        let format = self.path.join(FORMAT);
        fs::rename(self.path.join(CREATING), &format)
            .map_err(|source| OpenError::Unreadable { path: format, source })?;
        sync_directory(&self.path)
    }

    /// Where the library keeps its files.
    pub(super) fn data(&self) -> PathBuf {
        self.path.join(DATA)
    }

    /// Where the count of acknowledged transactions is.
    pub(super) fn witness(&self) -> PathBuf {
        self.path.join(WITNESS)
    }
}

fn check_format(bytes: &[u8]) -> Result<(), OpenError> {
    if bytes == format!("iamd-store {FORMAT_VERSION}\n").as_bytes() {
        return Ok(());
    }
    let start = bytes.get(..bytes.len().min(MAX_FORMAT_BYTES)).unwrap_or_default();
    let found = start.trim_ascii().escape_ascii().to_string();
    Err(OpenError::Format { found, supported: FORMAT_VERSION })
}

/// Makes a directory that only its owner can enter, and those above it, unless they are there already.
/// Their names are durable when it returns.
fn private_directory(path: &Path) -> Result<(), OpenError> {
    let missing: Vec<_> = path.ancestors().take_while(|above| !above.exists()).collect();
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|source| OpenError::Unreadable { path: path.to_owned(), source })?;
    for made in missing {
        match made.parent() {
            Some(parent) if parent != Path::new("") => sync_directory(parent)?,
            _ => sync_directory(Path::new("."))?,
        }
    }
    Ok(())
}

/// Opens a file that, if it is made now, only its owner can read.
pub(super) fn private_file(path: &Path, options: &mut OpenOptions) -> Result<File, OpenError> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path).map_err(|source| OpenError::Unreadable { path: path.to_owned(), source })
}

/// Makes names in the directory durable.
fn sync_directory(path: &Path) -> Result<(), OpenError> {
    if cfg!(windows) {
        return Ok(()); // Directories cannot be opened for this there.
    }
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| OpenError::Unreadable { path: path.to_owned(), source })
}
