//! RSA public keys of SSH, as they are uploaded: `ssh-rsa …` or PEM.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo};
use x509_parser::public_key::{PublicKey, RSAPublicKey};

const NAME: &[u8] = b"ssh-rsa";
/// The shortest modulus, in bits (UploadSSHPublicKey).
const MIN_BITS: usize = 2048;
/// The longest one, in bits: what OpenSSH reads.
const MAX_BITS: usize = 16_384;
/// The longest exponent, in bytes.
const MAX_EXPONENT: usize = 8;

/// An RSA public key in the encoding of RFC 4253 §6.6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    blob: Vec<u8>,
}

/// Why a text is not an SSH public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAKey {
    /// It has neither of the two forms.
    Encoding,
    /// It has one of the forms, and what is inside is no RSA key of at least 2,048 bits.
    Key,
}

impl SshKey {
    /// Reads a key in either form.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, NotAKey> {
        let text = text.trim();
        if text.starts_with("-----BEGIN ") {
            return from_pem(text).ok_or(NotAKey::Key);
        }
        let mut words = text.split_ascii_whitespace();
        if words.next() != Some("ssh-rsa") {
            return Err(NotAKey::Encoding);
        }
        let blob = words.next().and_then(|word| STANDARD.decode(word).ok()).ok_or(NotAKey::Key)?;
        Self::from_blob(blob).ok_or(NotAKey::Key)
    }

    /// A key in the encoding of RFC 4253; `None` for anything else.
    pub fn from_blob(blob: Vec<u8>) -> Option<Self> {
        let key = Self { blob };
        let (exponent, modulus) = key.numbers()?;
        let bits = modulus.len() * 8 - usize::try_from(modulus.first()?.leading_zeros()).ok()?;
        let fits = (MIN_BITS..=MAX_BITS).contains(&bits) && exponent.len() <= MAX_EXPONENT;
        fits.then_some(key)
    }

    fn of(exponent: &[u8], modulus: &[u8]) -> Option<Self> {
        let mut blob = Vec::new();
        for part in [NAME.to_vec(), signed(exponent), signed(modulus)] {
            blob.extend(u32::try_from(part.len()).ok()?.to_be_bytes());
            blob.extend(part);
        }
        Self::from_blob(blob)
    }

    /// The exponent and the modulus without leading zeros.
    fn numbers(&self) -> Option<(&[u8], &[u8])> {
        let mut rest = self.blob.as_slice();
        let mut next = || {
            let (length, after) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            let (part, after) = after.split_at_checked(length)?;
            rest = after;
            Some(part)
        };
        let (name, exponent, modulus) = (next()?, next()?, next()?);
        if name != NAME || !rest.is_empty() {
            return None;
        }
        Some((unsigned(exponent)?, unsigned(modulus)?))
    }

    /// The key in the encoding of RFC 4253.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// `ssh-rsa …`
    pub fn to_ssh(&self) -> String {
        format!("ssh-rsa {}", STANDARD.encode(&self.blob))
    }

    /// A SubjectPublicKeyInfo as PEM.
    pub fn to_pem(&self) -> Option<String> {
        let (exponent, modulus) = self.numbers()?;
        let number = |bytes: &[u8]| der(0x02, &signed(bytes));
        let key = der(0x30, &[number(modulus), number(exponent)].concat());
        // rsaEncryption (1.2.840.113549.1.1.1), NULL
        let algorithm =
            [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0x00];
        let bits = der(0x03, &[&[0], key.as_slice()].concat());
        let info = STANDARD.encode(der(0x30, &[algorithm.as_slice(), &bits].concat()));
        let mut text = "-----BEGIN PUBLIC KEY-----\n".to_owned();
        for line in info.as_bytes().chunks(64) {
            text.push_str(std::str::from_utf8(line).ok()?);
            text.push('\n');
        }
        text.push_str("-----END PUBLIC KEY-----\n");
        Some(text)
    }

    /// MD5 of the key, as `ssh-keygen -l -E md5` shows it: sixteen bytes in hexadecimal with colons.
    pub fn fingerprint(&self) -> String {
        let bytes = Md5::digest(&self.blob);
        let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        pairs.join(":")
    }
}

fn from_pem(text: &str) -> Option<SshKey> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes()).ok()?;
    let (rest, info) = SubjectPublicKeyInfo::from_der(&der).ok()?;
    let PublicKey::RSA(RSAPublicKey { modulus, exponent }) = info.parsed().ok()? else {
        return None;
    };
    if !rest.is_empty() {
        return None;
    }
    SshKey::of(unsigned(exponent)?, unsigned(modulus)?)
}

/// A positive number without leading zeros; `None` for zero and negative ones.
fn unsigned(number: &[u8]) -> Option<&[u8]> {
    if number.first()? & 0x80 != 0 {
        return None;
    }
    let start = number.iter().position(|byte| *byte != 0)?;
    number.get(start..)
}

/// With a zero in front where the number would be taken for a negative one.
fn signed(number: &[u8]) -> Vec<u8> {
    let zero: &[u8] = if number.first().is_some_and(|byte| byte & 0x80 != 0) { &[0] } else { &[] };
    [zero, number].concat()
}

/// A value of ASN.1 in DER.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = value.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    match significant.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | long.len() as u8);
            out.extend(long);
        }
    }
    out.extend(value);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(bytes: usize) -> Option<SshKey> {
        let mut modulus = vec![0xc5; bytes];
        modulus[bytes - 1] = 1;
        SshKey::of(&[1, 0, 1], &modulus)
    }

    #[test]
    fn both_forms_are_read_and_written() {
        let key = key(256).unwrap();
        let (ssh, pem) = (key.to_ssh(), key.to_pem().unwrap());
        assert!(ssh.starts_with("ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB"), "{ssh}");
        assert_eq!(SshKey::parse(&ssh).unwrap(), key);
        assert_eq!(SshKey::parse(&format!("{ssh} alice@host\n")).unwrap(), key);
        assert_eq!(SshKey::parse(&pem).unwrap(), key);
        assert_eq!(key.fingerprint().len(), 47);
    }

    /// Made with `ssh-keygen -t rsa -b 2048`; the fingerprint is that of `ssh-keygen -l -E md5`.
    #[test]
    fn openssh_agrees() {
        let key = SshKey::parse(include_str!("../testdata/id_rsa.pub")).unwrap();
        let told = include_str!("../testdata/id_rsa.fingerprint");
        assert_eq!(key.fingerprint(), told.trim());
        let pem = include_str!("../testdata/id_rsa.pem");
        assert_eq!(key.to_pem().unwrap(), pem);
    }

    #[test]
    fn what_is_no_rsa_key_is_refused() {
        assert_eq!(SshKey::parse("hello"), Err(NotAKey::Encoding));
        assert_eq!(SshKey::parse("ssh-ed25519 AAAA"), Err(NotAKey::Encoding));
        for text in ["ssh-rsa", "ssh-rsa !", "ssh-rsa AAAA", "-----BEGIN PUBLIC KEY-----"] {
            assert_eq!(SshKey::parse(text), Err(NotAKey::Key), "{text}");
        }
        assert_eq!(key(255), None);
        assert_eq!(key(4096), None);
        let longer = [key(256).unwrap().blob(), &[0]].concat();
        assert_eq!(SshKey::from_blob(longer), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_none(text: String, bytes: Vec<u8>) {
            let _ = SshKey::parse(&text);
            let _ = SshKey::parse(&format!("ssh-rsa {}", STANDARD.encode(&bytes)));
            let body = STANDARD.encode(&bytes);
            let _ = SshKey::parse(&format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----"));
        }

        #[test]
        fn keys_come_back(modulus in proptest::collection::vec(any::<u8>(), 256..300)) {
            if let Some(key) = unsigned(&signed(&modulus)).and_then(|it| SshKey::of(&[3], it)) {
                let forms = [key.to_ssh(), key.to_pem().unwrap()];
                let read = forms.map(|form| SshKey::parse(&form).unwrap());
                prop_assert!(read.iter().all(|it| *it == key));
            }
        }
    }
}
