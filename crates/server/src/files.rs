//! Files that only this server's user may read, written so that a crash leaves all or nothing.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use iamd_types::Secret;

/// Mode bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Makes the directory if it is not there, and refuses one that other users can look into.
pub(crate) fn prepare_directory(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the data directory `{shown}`"))?;
    let metadata =
        fs::metadata(path).with_context(|| format!("cannot use the data directory `{shown}`"))?;
    refuse_shared(path, "data directory", metadata.permissions().mode(), "700")
}

/// The text of a secret file, `None` when it is not there. Refuses one that others can read.
pub(crate) fn read_secret(path: &Path, what: &str) -> anyhow::Result<Option<Secret<String>>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("cannot read the {what} `{}`", path.display()));
        }
    };
    let metadata = file.metadata()?;
    refuse_shared(path, what, metadata.permissions().mode(), "600")?;
    let text = io::read_to_string(&mut file)
        .with_context(|| format!("cannot read the {what} `{}`", path.display()))?;
    Ok(Some(Secret::new(text)))
}

fn refuse_shared(path: &Path, what: &str, mode: u32, wanted: &str) -> anyhow::Result<()> {
    if mode & OTHERS != 0 {
        let (mode, path) = (mode & 0o777, path.display());
        bail!(
            "the {what} `{path}` is open to other users (mode {mode:o}): run `chmod {wanted} {path}`"
        );
    }
    Ok(())
}

/// Writes a file with mode 0600, in place of any former one, and returns once it is durable.
pub(crate) fn write_secret(path: &Path, contents: &Secret<String>) -> anyhow::Result<()> {
    write(path, contents.expose().as_bytes())
        .with_context(|| format!("cannot write `{}`", path.display()))
}

fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let unborn = path.with_file_name(name);
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unborn)?;
    // An older file of that name keeps its mode when it is opened.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&unborn, path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn directories_and_secrets_are_private() {
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("a/b");
        prepare_directory(&data).unwrap();
        assert_eq!(mode(&data), 0o700);

        let file = data.join("key");
        write_secret(&file, &Secret::new("one".to_owned())).unwrap();
        write_secret(&file, &Secret::new("two".to_owned())).unwrap();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(read_secret(&file, "key").unwrap().unwrap().expose(), "two");
        assert!(read_secret(&data.join("none"), "key").unwrap().is_none());
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
    }

    #[test]
    fn what_others_can_read_is_refused() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("key");
        write_secret(&file, &Secret::new("one".to_owned())).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_secret(&file, "master key").unwrap_err().to_string();
        let path = file.display();
        let expected = format!(
            "the master key `{path}` is open to other users (mode 640): run `chmod 600 {path}`"
        );
        assert_eq!(error, expected);

        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(prepare_directory(folder.path()).is_err());
    }

    #[test]
    fn a_file_in_place_of_a_directory_is_named() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("data");
        fs::write(&file, "").unwrap();
        let error = format!("{:#}", prepare_directory(&file).unwrap_err());
        assert!(error.starts_with(&format!("cannot make the data directory `{}`", file.display())));
    }
}
