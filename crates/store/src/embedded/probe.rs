//! Checksums that fjall writes but does not compare, compared before it opens the files.
//!
//! Each keyspace's file `current` names the manifest in force and has its hash; each table ends in a list
//! of its sections with the list's hash. Version 3 of fjall's format reads both without looking at the
//! hash first: it asserts what it finds, and reserves as much memory as a number says. A flipped bit there
//! ends the process, in ways that cannot be caught. Everything else is behind checksums that it does
//! compare.

use std::fs::{self, File};
use std::io::{self, Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_128;

use crate::error::Cause;

/// `current`: the manifest's number, then its hash.
const CURRENT: &str = "current";
/// A manifest is a list of tables; far more than a store has.
const MAX_MANIFEST_BYTES: u64 = 64 * 1024 * 1024;
const TABLES: &str = "tables";
/// A table's trailer: `SFA!`, version, kind of hash, hash of the list, its position and length.
const TRAILER_BYTES: u64 = 38;
const TRAILER_START: &[u8] = b"SFA!\x01\x00";
/// A table's list of sections has about ten entries.
const MAX_LIST_BYTES: u64 = 64 * 1024;

/// Compares the hashes of all keyspaces.
pub(super) fn probe(keyspaces: &Path) -> Result<(), Cause> {
    for keyspace in fs::read_dir(keyspaces).map_err(Cause::new)? {
        let keyspace = keyspace.map_err(Cause::new)?;
        let number = keyspace.file_name();
        if number.to_str().is_none_or(|number| number.parse::<u64>().is_err()) {
            return Err(Cause::new("a keyspace's directory has a strange name"));
        }
        // Without `current` the keyspace was never finished, and is removed by fjall.
        if keyspace.path().join(CURRENT).try_exists().map_err(Cause::new)? {
            probe_keyspace(&keyspace.path()).map_err(Cause::new)?;
        }
    }
    Ok(())
}

fn probe_keyspace(keyspace: &Path) -> io::Result<()> {
    let mut current = File::open(keyspace.join(CURRENT))?;
    let number = u64::from_le_bytes(take(&mut current)?);
    let hash = u128::from_le_bytes(take(&mut current)?);
    let manifest = File::open(keyspace.join(format!("v{number}")))?;
    let manifest = read_and_compare(manifest.take(MAX_MANIFEST_BYTES), hash)?;
    // Other tables than those in the manifest can be half written; fjall removes them.
    for table in table_numbers(&manifest)? {
        probe_table(&keyspace.join(TABLES).join(table.to_string()))?;
    }
    Ok(())
}

/// The tables that a manifest lists: levels of runs of tables, each with a number, the kind of its hash,
/// the hash, and a sequence number.
fn table_numbers(manifest: &[u8]) -> io::Result<Vec<u64>> {
    let archive = sfa::Reader::from_reader(&mut Cursor::new(manifest)).map_err(io::Error::other)?;
    let section = archive.toc().section(b"tables").ok_or_else(|| invalid("no list of tables"))?;
    let mut input = Cursor::new(manifest);
    input.set_position(section.pos());
    let mut input = input.take(section.len());
    let mut numbers = Vec::new();
    let [levels] = take(&mut input)?;
    for _ in 0..levels {
        let [runs] = take(&mut input)?;
        for _ in 0..runs {
            for _ in 0..u32::from_le_bytes(take(&mut input)?) {
                numbers.push(u64::from_le_bytes(take(&mut input)?));
                take::<{ 1 + 16 + 8 }>(&mut input)?;
            }
        }
    }
    Ok(numbers)
}

fn probe_table(path: &Path) -> io::Result<()> {
    let mut table = File::open(path)?;
    let end = table.metadata()?.len().saturating_sub(TRAILER_BYTES);
    table.seek(SeekFrom::Start(end))?;
    let start: [u8; TRAILER_START.len()] = take(&mut table)?;
    let hash = u128::from_le_bytes(take(&mut table)?);
    let position = u64::from_le_bytes(take(&mut table)?);
    let len = end.checked_sub(position).filter(|len| *len <= MAX_LIST_BYTES);
    match len {
        Some(len) if start == TRAILER_START => {
            table.seek(SeekFrom::Start(position))?;
            read_and_compare(table.take(len), hash).map(drop)
        }
        _ => Err(invalid("a table's trailer is damaged")),
    }
}

fn read_and_compare(mut input: impl Read, hash: u128) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    if xxh3_128(&bytes) == hash { Ok(bytes) } else { Err(invalid("a checksum differs")) }
}

fn invalid(detail: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, detail)
}

fn take<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}
