//! Account ids: twelve decimal digits, held as a number.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::time::decimal;

/// A twelve-digit AWS account id, leading zeros included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(u64);

/// The text is not twelve ASCII digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an account id is twelve digits")]
pub struct InvalidAccountId;

impl AccountId {
    /// One more than the largest id.
    const END: u64 = 1_000_000_000_000;

    /// The id with this number, when it has at most twelve digits.
    pub fn from_number(number: u64) -> Result<Self, InvalidAccountId> {
        if number < Self::END { Ok(Self(number)) } else { Err(InvalidAccountId) }
    }

    /// The id as a number below 10^12.
    pub fn number(self) -> u64 {
        self.0
    }

    /// An id drawn from eight random bytes; the first digit is never zero, so that
    /// spreadsheets and YAML readers keep it whole.
    pub fn from_random(bytes: [u8; 8]) -> Self {
        const FIRST: u64 = 100_000_000_000;
        Self(FIRST + u64::from_le_bytes(bytes) % (Self::END - FIRST))
    }

    /// The ARN of the account itself, `arn:aws:iam::ACCOUNT:root`: the root user, and in policies
    /// everyone in the account.
    pub fn root_arn(self) -> String {
        let digits = decimal::<12>(self.0);
        ["arn:aws:iam::", str::from_utf8(&digits).unwrap_or_default(), ":root"].concat()
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&decimal::<12>(self.0)).unwrap_or_default())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AccountId {
    type Err = InvalidAccountId;

    fn from_str(text: &str) -> Result<Self, InvalidAccountId> {
        if text.len() != 12 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidAccountId);
        }
        text.parse().map(Self).map_err(|_| InvalidAccountId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_survive() {
        let id: AccountId = "000000000042".parse().unwrap();
        assert_eq!(id.number(), 42);
        assert_eq!(id.to_string(), "000000000042");
    }

    #[test]
    fn anything_but_twelve_digits_is_refused() {
        for text in ["", "1", "1234567890123", "12345678901a", "+23456789012", "１２３４"] {
            assert_eq!(text.parse::<AccountId>(), Err(InvalidAccountId), "{text}");
        }
        assert_eq!(AccountId::from_number(1_000_000_000_000), Err(InvalidAccountId));
    }

    #[test]
    fn random_ids_have_twelve_digits_without_a_leading_zero() {
        for seed in [[0; 8], [0xff; 8], *b"whatever"] {
            let text = AccountId::from_random(seed).to_string();
            assert_eq!(text.len(), 12);
            assert!(!text.starts_with('0'));
        }
    }
}
