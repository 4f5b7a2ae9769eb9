//! Where records stand in an account's partition, and how large values are cut.
//!
//! | key | record |
//! |---|---|
//! | `a` | the account |
//! | `c/KEY#n` | further pieces of the value at KEY |
//! | `d/NAME` | S3 bucket |
//! | `e/ID` `h/ID` `l/ID` `m/ID` `y/ID` | signing certificate, SSH public key, login profile, MFA device, service-specific credential; ids as text |
//! | `g/ID` `i/ID` `p/ID` `r/ID` `u/ID` | group, instance profile, managed policy, role, user |
//! | `k/KEY-ID` | access key |
//! | `n/OWNER-ID/NAME` | inline policy |
//! | `t/ID` | server certificate |
//! | `b/KEY-ID` `j/` | key that tokens are signed with, the account as an issuer of tokens |
//! | `o/URL` `s/NAME` | OIDC provider, SAML provider (name in lower case) |
//! | `v/POLICY-ID n` | policy version, n as four bytes, most significant first |
//! | `w/` `z/` | password policy, credential report |
//! | `x/n` | outbox: audit records on their way to the log, in places with numbers of four bytes (once: event ids) |
//!
//! IDs stand as their sixteen bytes.

use iamd_store::{MAX_VALUE_BYTES, Op};
use iamd_types::UniqueId;

/// The prefix of audit records that wait to be moved to the log.
pub(crate) const OUTBOX: &[u8] = b"x/";
/// The prefix of the pieces of large values.
pub(crate) const PIECES: &[u8] = b"c/";
pub(crate) const ACCOUNT: &[u8] = b"a";

pub(crate) fn entity(kind: u8, id: UniqueId) -> Vec<u8> {
    [&[kind, b'/'], id.to_bytes().as_slice()].concat()
}

/// The key of a record that is found by what it is called.
pub(crate) fn called(kind: u8, name: &str) -> Vec<u8> {
    [&[kind, b'/'], name.as_bytes()].concat()
}

pub(crate) fn version(policy: UniqueId, version: u32) -> Vec<u8> {
    [b"v/", policy.to_bytes().as_slice(), version.to_be_bytes().as_slice()].concat()
}

pub(crate) fn inline(owner: UniqueId, name: &str) -> Vec<u8> {
    [b"n/", owner.to_bytes().as_slice(), b"/", name.as_bytes()].concat()
}

pub(crate) fn shelved(letter: u8, key: &str) -> Vec<u8> {
    [&[letter, b'/'], key.as_bytes()].concat()
}

pub(crate) fn access_key(id: &str) -> Vec<u8> {
    [b"k/", id.as_bytes()].concat()
}

/// The largest piece. Smaller than the store's limit, so that a value of exactly that size is whole.
const PIECE: usize = MAX_VALUE_BYTES - 1024;

fn piece(key: &[u8], number: usize) -> Vec<u8> {
    let number = u16::try_from(number).unwrap_or(u16::MAX);
    [PIECES, key, b"#", number.to_be_bytes().as_slice()].concat()
}

/// Adds the operations that put a value: the first piece under its own key, the others, and the removal
/// of pieces that the old value had beyond these.
pub(crate) fn put(ops: &mut Vec<Op>, key: Vec<u8>, value: &[u8], old_length: usize) {
    let count = value.len().div_ceil(PIECE).max(1);
    remove_pieces(ops, &key, count, old_length);
    for (number, part) in value.chunks(PIECE).enumerate().skip(1) {
        ops.push(Op::put(piece(&key, number), part));
    }
    // The first piece goes last: a reader that applies in order then has the whole value.
    ops.push(Op::put(key, value.chunks(PIECE).next().unwrap_or_default()));
}

/// Adds the operations that remove a value of this length.
pub(crate) fn delete(ops: &mut Vec<Op>, key: Vec<u8>, old_length: usize) {
    remove_pieces(ops, &key, 1, old_length);
    ops.push(Op::delete(key));
}

fn remove_pieces(ops: &mut Vec<Op>, key: &[u8], kept: usize, old_length: usize) {
    ops.extend((kept..old_length.div_ceil(PIECE)).map(|number| Op::delete(piece(key, number))));
}

/// Whether the value that begins with this piece may have more.
pub(crate) fn may_continue(first: &[u8]) -> bool {
    first.len() == PIECE
}

/// The key of a piece after the first.
pub(crate) fn continuation(key: &[u8], number: usize) -> Vec<u8> {
    piece(key, number)
}
