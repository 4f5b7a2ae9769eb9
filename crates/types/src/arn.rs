//! Amazon Resource Names: `arn:partition:service:region:account:resource`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::AccountId;

/// A parsed ARN. Region and account may be empty; the resource may hold further colons.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    text: Box<str>,
    /// Where partition, service, region and account end.
    ends: [u16; 4],
}

/// The text is not an ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidArn {
    /// Longer than [`Arn::MAX_LENGTH`] bytes.
    #[error("longer than an ARN can be")]
    TooLong,
    /// Does not begin with `arn:`.
    #[error("does not begin with `arn:`")]
    Prefix,
    /// Fewer than six parts.
    #[error("has fewer than six colon-separated parts")]
    Parts,
    /// Partition, service or resource is empty.
    #[error("has an empty partition, service or resource")]
    Empty,
}

impl Arn {
    /// The longest ARN that is parsed, in bytes. AWS: 2048 characters.
    pub const MAX_LENGTH: usize = 4096;

    /// Parses an ARN with all six parts; partition, service and resource must not be empty.
    pub fn parse(text: &str) -> Result<Self, InvalidArn> {
        if text.len() > Self::MAX_LENGTH {
            return Err(InvalidArn::TooLong);
        }
        if !text.starts_with("arn:") {
            return Err(InvalidArn::Prefix);
        }
        let mut ends = [0; 4];
        let mut colons = text.bytes().enumerate().filter(|(_, byte)| *byte == b':').skip(1);
        for end in &mut ends {
            let (at, _) = colons.next().ok_or(InvalidArn::Parts)?;
            *end = u16::try_from(at).map_err(|_| InvalidArn::TooLong)?;
        }
        let arn = Self { text: text.into(), ends };
        if arn.partition().is_empty() || arn.service().is_empty() || arn.resource().is_empty() {
            return Err(InvalidArn::Empty);
        }
        Ok(arn)
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `aws`, `aws-cn`, …
    pub fn partition(&self) -> &str {
        self.slice(4, self.ends[0])
    }

    /// `iam`, `s3`, …
    pub fn service(&self) -> &str {
        self.slice(self.ends[0] + 1, self.ends[1])
    }

    /// The region; empty for global services.
    pub fn region(&self) -> &str {
        self.slice(self.ends[1] + 1, self.ends[2])
    }

    /// The text of the account part; empty where the service leaves it out, `aws` for AWS's own.
    pub fn account(&self) -> &str {
        self.slice(self.ends[2] + 1, self.ends[3])
    }

    /// The account, when that part is an account id.
    pub fn account_id(&self) -> Option<AccountId> {
        self.account().parse().ok()
    }

    /// Everything after the account: `user/division/alice`.
    pub fn resource(&self) -> &str {
        self.text.get(usize::from(self.ends[3]) + 1..).unwrap_or_default()
    }

    fn slice(&self, start: u16, end: u16) -> &str {
        self.text.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Arn {
    type Err = InvalidArn;

    fn from_str(text: &str) -> Result<Self, InvalidArn> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts() {
        let arn = Arn::parse("arn:aws:iam::123456789012:user/a/b:c").unwrap();
        assert_eq!(arn.partition(), "aws");
        assert_eq!(arn.service(), "iam");
        assert_eq!(arn.region(), "");
        assert_eq!(arn.account_id(), "123456789012".parse().ok());
        assert_eq!(arn.resource(), "user/a/b:c");
    }

    #[test]
    fn refusals() {
        let check = |text: &str, why| assert_eq!(Arn::parse(text), Err(why), "{text}");
        check("", InvalidArn::Prefix);
        check("ARN:aws:iam::1:x", InvalidArn::Prefix);
        check("arn:aws:iam::1", InvalidArn::Parts);
        check("arn::iam::1:x", InvalidArn::Empty);
        check("arn:aws:iam::1:", InvalidArn::Empty);
        check(&format!("arn:aws:iam::1:{}", "x".repeat(5000)), InvalidArn::TooLong);
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_the_text(text in "(arn:)?\\PC{0,60}") {
            if let Ok(arn) = Arn::parse(&text) {
                let joined = format!(
                    "arn:{}:{}:{}:{}:{}",
                    arn.partition(), arn.service(), arn.region(), arn.account(), arn.resource()
                );
                prop_assert_eq!(joined, text);
            }
        }
    }
}
