//! The canonical request and the string to sign, written straight into the hash.
//!
//! See "Create a canonical request" (IAM user guide).

use hmac::digest::Update;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::key::{HmacSha256, SigningKey};
use crate::payload::{Covered, UNSIGNED};
use crate::uri::{Reading, canonical_path, canonical_query};
use crate::{ALGORITHM, RequestParts, Settings, names};

/// Everything that goes into one canonical request.
pub(crate) struct Canonical<'a> {
    pub(crate) parts: &'a RequestParts<'a>,
    /// Names separated by semicolons, in lower case and sorted.
    pub(crate) signed_headers: &'a str,
    pub(crate) covered: Covered,
    pub(crate) presigned: bool,
    pub(crate) settings: &'a Settings<'a>,
}

impl Canonical<'_> {
    /// The SHA-256 of the canonical request, or nothing when a signed header is absent.
    pub(crate) fn digest(&self, reading: Reading) -> Option<[u8; 32]> {
        let mut sink = CanonicalSink::new(Sha256::new());
        sink.push(self.parts.method.as_bytes());
        sink.push(b"\n");
        let Settings { normalize_path, double_encode_path, .. } = *self.settings;
        let (path, query) = self.parts.path_and_query();
        canonical_path(path, normalize_path, double_encode_path, reading.as_sent, |chunk| {
            sink.push(chunk);
        });
        sink.push(b"\n");
        canonical_query(query, self.presigned, reading, |chunk| sink.push(chunk));
        sink.push(b"\n");
        for name in names(self.signed_headers) {
            self.header(name, reading.as_sent, &mut sink)?;
        }
        sink.push(b"\n");
        sink.push(self.signed_headers.as_bytes());
        sink.push(b"\n");
        match self.covered {
            Covered::Sha256(hash) => sink.push(&hex(&hash)),
            Covered::Unsigned => sink.push(UNSIGNED.as_bytes()),
            Covered::Streaming(streaming) => sink.push(streaming.as_str().as_bytes()),
        }
        Some(sink.finish().finalize().into())
    }

    /// `name:value,value` and a line feed. Values are trimmed, and runs of white space in them,
    /// line folds included, become one blank. AWS's published test suite signs the lines of a
    /// folded value like values sent one by one: that is the reading "as sent".
    fn header(&self, name: &[u8], as_sent: bool, sink: &mut CanonicalSink) -> Option<()> {
        sink.push(name);
        let mut separator = b":";
        for value in self.parts.values(name) {
            for line in value.split(|&byte| as_sent && byte == b'\n') {
                sink.push(separator);
                separator = b",";
                push_value(line.trim_ascii(), sink);
            }
        }
        sink.push(b"\n");
        (separator == b",").then_some(())
    }
}

fn push_value(value: &[u8], sink: &mut CanonicalSink) {
    if memchr::memchr3(b' ', b'\t', b'\n', value).is_none() {
        return sink.push(value);
    }
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (position, word) in words.enumerate() {
        if position > 0 {
            sink.push(b" ");
        }
        sink.push(word);
    }
}

/// The string to sign.
pub(crate) struct ToSign<'a> {
    /// `20150830T123600Z`
    pub(crate) time: [u8; 16],
    /// Date, region, service and terminator.
    pub(crate) scope: [&'a str; 4],
    pub(crate) canonical_request: [u8; 32],
}

impl ToSign<'_> {
    pub(crate) fn signature(&self, key: &SigningKey) -> [u8; 32] {
        let hmac: HmacSha256 = self.write(key.hmac());
        hmac::Mac::finalize(hmac).into_bytes().into()
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        self.write(Sha256::new()).finalize().into()
    }

    fn write<H: Update>(&self, hash: H) -> H {
        let mut sink = Sink::<H, 192>::new(hash);
        sink.push(ALGORITHM.as_bytes());
        sink.push(b"\n");
        sink.push(&self.time);
        let mut separator = b"\n";
        for part in self.scope {
            sink.push(separator);
            separator = b"/";
            sink.push(part.as_bytes());
        }
        sink.push(b"\n");
        sink.push(&hex(&self.canonical_request));
        sink.finish()
    }
}

/// Gathers small pieces, so that the hash is fed few large ones: a call of it costs more than
/// copying a few bytes.
struct Sink<H, const SIZE: usize> {
    hash: H,
    buffer: [u8; SIZE],
    used: usize,
}

/// Holds a small request's canonical form whole.
type CanonicalSink = Sink<Sha256, 512>;

impl<H: Update, const SIZE: usize> Sink<H, SIZE> {
    fn new(hash: H) -> Self {
        Self { hash, buffer: [0; SIZE], used: 0 }
    }

    /// Inlined, so that a line feed is one store.
    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        if self.copy(bytes) {
            return;
        }
        self.flush();
        if !self.copy(bytes) {
            self.hash.update(bytes);
        }
    }

    #[inline]
    fn copy(&mut self, bytes: &[u8]) -> bool {
        let end = self.used + bytes.len();
        let Some(room) = self.buffer.get_mut(self.used..end) else { return false };
        room.copy_from_slice(bytes);
        self.used = end;
        true
    }

    fn flush(&mut self) {
        self.hash.update(self.buffer.get(..self.used).unwrap_or_default());
        self.used = 0;
    }

    fn finish(mut self) -> H {
        self.flush();
        self.hash
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(hash: &[u8; 32]) -> [u8; 64] {
    let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
    let mut text = [0; 64];
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(hash) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    text
}

/// What [`hex`] writes, as text.
pub(crate) fn hex_text(hash: &[u8; 32]) -> String {
    String::from_utf8_lossy(&hex(hash)).into_owned()
}

/// Reads what [`hex`] writes, and nothing else.
pub(crate) fn unhex(text: &[u8]) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text: &[u8; 64] = text.try_into().ok()?;
    let mut hash = [0; 32];
    for (byte, &[high, low]) in hash.iter_mut().zip(text.as_chunks::<2>().0) {
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(hash)
}

/// Compares in constant time, eight bytes at a time.
pub(crate) fn same(left: &[u8; 64], right: &[u8; 64]) -> bool {
    let pairs = left.as_chunks::<8>().0.iter().zip(right.as_chunks::<8>().0);
    let same = pairs.fold(Choice::from(1), |same, (left, right)| {
        same & u64::from_ne_bytes(*left).ct_eq(&u64::from_ne_bytes(*right))
    });
    same.into()
}
