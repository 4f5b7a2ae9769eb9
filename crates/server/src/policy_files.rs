//! The files that policy commands read: named ones, and those of directories.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The largest file read, in bytes. Documents have a limit of their own far below; files of cases hold many.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// How deep directories are searched.
const MAX_DEPTH: usize = 32;

/// The named files, and those with one of these extensions in named directories, in order. Links are followed only
/// when they are named.
pub(crate) fn find(named: &[PathBuf], extensions: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in named {
        if path.is_dir() {
            let before = files.len();
            search(path, extensions, 0, &mut files)?;
            if files.len() == before {
                bail!("`{}` has no file with extension {}", path.display(), extensions.join(", "));
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn search(
    directory: &Path,
    extensions: &[&str],
    depth: usize,
    files: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    let fault = || format!("cannot read the directory `{}`", directory.display());
    let entries: io::Result<Vec<_>> = fs::read_dir(directory).with_context(fault)?.collect();
    let mut entries = entries.with_context(fault)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().with_context(fault)?);
        let extension = path.extension().and_then(|extension| extension.to_str());
        if kind.is_dir() && depth < MAX_DEPTH {
            search(&path, extensions, depth + 1, files)?;
        } else if kind.is_file() && extension.is_some_and(|it| extensions.contains(&it)) {
            files.push(path);
        }
    }
    Ok(())
}

/// The text of a file; `-` is standard input.
pub(crate) fn read(path: &Path) -> anyhow::Result<String> {
    let fault = || format!("cannot read `{}`", path.display());
    let mut text = String::new();
    let size = if path == Path::new("-") {
        io::stdin().take(MAX_FILE + 1).read_to_string(&mut text).with_context(fault)?
    } else {
        let file = File::open(path).with_context(fault)?;
        file.take(MAX_FILE + 1).read_to_string(&mut text).with_context(fault)?
    };
    if size as u64 > MAX_FILE {
        bail!("`{}` is larger than {MAX_FILE} bytes", path.display());
    }
    Ok(text)
}
