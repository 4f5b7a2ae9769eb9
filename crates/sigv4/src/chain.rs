//! The chain of signatures of a body in chunks: each covers the one before it, from the
//! request's own (the seed) on.
//!
//! S3 API reference, "Signature Calculations for the Authorization Header: Transferring Payload
//! in Multiple Chunks" and "Signature calculations for trailing headers".

use hmac::Mac;

use crate::SigningKey;
use crate::canonical::hex;

/// SHA-256 of nothing: chunks have no headers, but their place in the string to sign stays.
const NO_HEADERS: &[u8; 64] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Where the chain has come to. No `Debug`: it holds a key and a valid signature.
pub(crate) struct Chain {
    key: SigningKey,
    /// Time and scope, a line feed after each.
    when_and_where: String,
    previous: [u8; 64],
}

impl Chain {
    /// The chain's begin. `time` and `scope` are the request's.
    pub(crate) fn new(
        key: SigningKey,
        time: [u8; 16],
        scope: [&str; 4],
        seed_signature: [u8; 64],
    ) -> Self {
        let time: String = time.iter().map(|&byte| char::from(byte)).collect();
        let when_and_where = format!("{time}\n{}\n", scope.join("/"));
        Self { key, when_and_where, previous: seed_signature }
    }

    /// The signature of the next chunk, given the SHA-256 of its data.
    pub(crate) fn chunk(&mut self, sha256: &[u8; 32]) -> [u8; 64] {
        self.next(b"AWS4-HMAC-SHA256-PAYLOAD\n", Some(NO_HEADERS), sha256)
    }

    /// The signature of the trailer, given the SHA-256 of its lines.
    pub(crate) fn trailer(&mut self, sha256: &[u8; 32]) -> [u8; 64] {
        self.next(b"AWS4-HMAC-SHA256-TRAILER\n", None, sha256)
    }

    fn next(
        &mut self,
        algorithm: &[u8],
        headers: Option<&[u8; 64]>,
        sha256: &[u8; 32],
    ) -> [u8; 64] {
        let mut hmac = self.key.hmac();
        hmac.update(algorithm);
        hmac.update(self.when_and_where.as_bytes());
        hmac.update(&self.previous);
        hmac.update(b"\n");
        if let Some(headers) = headers {
            hmac.update(headers);
            hmac.update(b"\n");
        }
        hmac.update(&hex(sha256));
        self.previous = hex(&hmac.finalize().into_bytes().into());
        self.previous
    }
}
