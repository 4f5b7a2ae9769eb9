//! Unique ids of entities (`AIDA…`) and ids of access keys (`AKIA…`, `ASIA…`).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::{AccountId, base32};

/// What a unique id belongs to; its four-letter prefix (IAM User Guide, "IAM identifiers").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum IdKind {
    /// `AIDA`
    User = 1,
    /// `AGPA`
    Group = 2,
    /// `AROA`
    Role = 3,
    /// `ANPA`
    Policy = 4,
    /// `AIPA`
    InstanceProfile = 5,
    /// `ASCA`
    Certificate = 6,
    /// `APKA`
    PublicKey = 7,
    /// `ACCA`
    ServiceSpecificCredential = 8,
}

impl IdKind {
    const ALL: [Self; 8] = [
        Self::User,
        Self::Group,
        Self::Role,
        Self::Policy,
        Self::InstanceProfile,
        Self::Certificate,
        Self::PublicKey,
        Self::ServiceSpecificCredential,
    ];

    /// The four letters in front.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::User => "AIDA",
            Self::Group => "AGPA",
            Self::Role => "AROA",
            Self::Policy => "ANPA",
            Self::InstanceProfile => "AIPA",
            Self::Certificate => "ASCA",
            Self::PublicKey => "APKA",
            Self::ServiceSpecificCredential => "ACCA",
        }
    }
}

/// A unique id: a four-letter prefix and seventeen base32 digits, sixteen bytes in memory. It is
/// never used again, also when an entity of the same name is made later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueId(u128);

/// The text is not a unique id of a known kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a unique id")]
pub struct InvalidId;

impl UniqueId {
    /// Seventeen digits of five bits.
    const BITS: u32 = 85;
    const MASK: u128 = (1 << Self::BITS) - 1;

    /// Orders before every id.
    pub const MIN: Self = Self(0);

    /// An id of this kind from random bytes.
    pub fn from_random(kind: IdKind, bytes: [u8; 16]) -> Self {
        Self::new(kind, u128::from_le_bytes(bytes))
    }

    fn new(kind: IdKind, bits: u128) -> Self {
        Self(u128::from(kind as u8) << Self::BITS | bits & Self::MASK)
    }

    /// What the id belongs to.
    pub fn kind(self) -> IdKind {
        let code = u8::try_from(self.0 >> Self::BITS).unwrap_or_default();
        IdKind::ALL.into_iter().find(|kind| *kind as u8 == code).unwrap_or(IdKind::User)
    }

    /// The sixteen bytes under which stores keep it; they order as the ids do.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The id of bytes from [`Self::to_bytes`].
    pub fn from_bytes(bytes: [u8; 16]) -> Result<Self, InvalidId> {
        let id = Self(u128::from_be_bytes(bytes));
        let code = id.0 >> Self::BITS;
        let known = IdKind::ALL.into_iter().any(|kind| u128::from(kind as u8) == code);
        if known { Ok(id) } else { Err(InvalidId) }
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In one piece: these ids stand in every answer, and a string grows once per piece.
        let mut text = [0; 21];
        let (prefix, digits) = text.split_at_mut(4);
        prefix.copy_from_slice(self.kind().prefix().as_bytes());
        let mut bits = self.0;
        for digit in digits.iter_mut().rev() {
            *digit = base32::digit(bits);
            bits >>= 5;
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for UniqueId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (prefix, digits) = text.split_at_checked(4).ok_or(InvalidId)?;
        let kind = IdKind::ALL.into_iter().find(|kind| kind.prefix() == prefix).ok_or(InvalidId)?;
        if digits.len() != 17 {
            return Err(InvalidId);
        }
        base32::decode(digits).map(|bits| Self::new(kind, bits)).ok_or(InvalidId)
    }
}

/// The id of an access key: `AKIA…` long-term, `ASIA…` temporary, or any 16 to 128 letters,
/// digits and underscores that were given from outside.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(Arc<str>);

impl AccessKeyId {
    /// The prefix of a long-term key.
    pub const LONG_TERM: &str = "AKIA";
    /// The prefix of a temporary key.
    pub const TEMPORARY: &str = "ASIA";
    /// Of the first 48 bits, the account's 40.
    const ACCOUNT_MASK: u128 = 0x7fff_ffff_ff80;
    /// Bits after the account's.
    const RANDOM_BITS: u32 = 39;

    /// Parses an id (model: `accessKeyIdType`, `[\w]+`, 16 to 128 characters).
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        // Every byte is looked at: that is faster than stopping early.
        let is_word = text
            .bytes()
            .fold(true, |so_far, byte| so_far & (byte.is_ascii_alphanumeric() | (byte == b'_')));
        if is_word && (16..=128).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidId)
        }
    }

    /// A long-term key id that carries its account, as AWS's do, and 39 random bits.
    pub fn long_term(account: AccountId, random: [u8; 8]) -> Self {
        Self::generate(Self::LONG_TERM, account, random)
    }

    /// A temporary key id that carries its account and 39 random bits; unique only together with
    /// its session token.
    pub fn temporary(account: AccountId, random: [u8; 8]) -> Self {
        Self::generate(Self::TEMPORARY, account, random)
    }

    fn generate(prefix: &str, account: AccountId, random: [u8; 8]) -> Self {
        let random = u128::from(u64::from_le_bytes(random)) & ((1 << Self::RANDOM_BITS) - 1);
        // The top bit is set, so that the first digits look as AWS's do and never spell zeros.
        let bits = 1 << 79 | u128::from(account.number()) << Self::RANDOM_BITS | random;
        let digits = (0..16).rev().map(|place| char::from(base32::digit(bits >> (place * 5))));
        Self(prefix.chars().chain(digits).collect::<String>().into())
    }

    /// The account that the id carries in its fifth to twelfth characters; `None` for ids that
    /// came from outside. It is only where to look: the key's record decides.
    pub fn account(&self) -> Option<AccountId> {
        let (prefix, digits) = self.0.split_at_checked(4)?;
        if digits.len() != 16 || ![Self::LONG_TERM, Self::TEMPORARY].contains(&prefix) {
            return None;
        }
        let first_six_bytes = base32::decode(digits)? >> 32;
        let number = (first_six_bytes & Self::ACCOUNT_MASK) >> 7;
        AccountId::from_number(u64::try_from(number).ok()?).ok()
    }

    /// Whether the id says that it is a temporary key's.
    pub fn is_temporary(&self) -> bool {
        self.0.starts_with(Self::TEMPORARY)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unique_ids_have_aws_shape() {
        let id = UniqueId::from_random(IdKind::User, [7; 16]);
        let text = id.to_string();
        assert_eq!(text.len(), 21);
        assert!(text.starts_with("AIDA"));
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(UniqueId::from_bytes(id.to_bytes()), Ok(id));
    }

    #[test]
    fn other_texts_are_no_unique_ids() {
        for text in ["", "AIDA", "AIDAAAAAAAAAAAAAAAAA1", "AXXAAAAAAAAAAAAAAAAAA", "ÄIDAAAAAAAA"] {
            assert_eq!(text.parse::<UniqueId>(), Err(InvalidId), "{text}");
        }
        assert_eq!(UniqueId::from_bytes([0xff; 16]), Err(InvalidId));
    }

    #[test]
    fn the_account_in_a_published_key_id_is_found() {
        // The example of AWS's own documentation and its account.
        let id = AccessKeyId::parse("ASIAQNZGKIQY56JQ7WML").unwrap();
        assert_eq!(id.account().unwrap().to_string(), "029608264753");
    }

    #[test]
    fn ids_from_outside_carry_no_account() {
        assert_eq!(AccessKeyId::parse("LEGACY_ROOT_KEY_1").unwrap().account(), None);
        assert!(AccessKeyId::parse("short").is_err());
        assert!(AccessKeyId::parse("AKIA-not-word-chars").is_err());
    }

    proptest! {
        #[test]
        fn key_ids_carry_their_account(number in 0u64..1_000_000_000_000, random: [u8; 8]) {
            let account = AccountId::from_number(number).unwrap();
            let id = AccessKeyId::long_term(account, random);
            prop_assert_eq!(id.as_str().len(), 20);
            prop_assert_eq!(id.account(), Some(account));
            prop_assert!(AccessKeyId::parse(id.as_str()).is_ok());
            prop_assert!(AccessKeyId::temporary(account, random).is_temporary());
        }

        #[test]
        fn unique_ids_order_as_their_bytes(a: [u8; 16], b: [u8; 16]) {
            let (a, b) = (
                UniqueId::from_random(IdKind::Role, a),
                UniqueId::from_random(IdKind::Group, b),
            );
            prop_assert_eq!(a.cmp(&b), a.to_bytes().cmp(&b.to_bytes()));
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,30}") {
            let _ = text.parse::<UniqueId>();
            let _ = AccessKeyId::parse(&text).map(|id| id.account());
        }
    }
}
