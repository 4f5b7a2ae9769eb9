//! Condition keys: what their values are, and how a name in a policy finds its key.

use std::sync::LazyLock;

use super::{find, service, special};

static SHARED: LazyLock<Vec<ConditionKey>> =
    LazyLock::new(|| special("*keys").lines().filter_map(read).collect());

/// A condition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionKey {
    /// Its name; a part that the policy chooses stands as `${…}` or `<…>`.
    pub name: &'static str,
    /// What its values are.
    pub kind: KeyType,
    /// Whether a request can have several values of it.
    pub multivalued: bool,
}

/// What the values of a condition key are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// Text.
    String,
    /// ARNs; string operators work on them as well.
    Arn,
    /// `true` and `false`.
    Bool,
    /// Numbers.
    Numeric,
    /// Moments.
    Date,
    /// Addresses.
    IpAddress,
}

/// The key that a name in a policy refers to, in any case. `None` when there is none, and for the keys of an
/// identity provider that is not known by name.
pub fn condition_key(name: &str) -> Option<&'static ConditionKey> {
    let (prefix, _) = name.split_once(':')?;
    find_key(&SHARED, name).or_else(|| find_key(service(prefix)?.condition_keys(), name))
}

/// Global keys, and those whose prefix is not a service's.
pub fn shared_keys() -> &'static [ConditionKey] {
    &SHARED
}

fn find_key(keys: &'static [ConditionKey], name: &str) -> Option<&'static ConditionKey> {
    find(keys, name, |key| key.name).or_else(|| keys.iter().find(|key| key.covers(name)))
}

pub(super) fn read(line: &'static str) -> Option<ConditionKey> {
    let (name, code) = line.split_once('\t')?;
    let (letter, multivalued) = match code.strip_prefix('+') {
        Some(letter) => (letter, true),
        None => (code, false),
    };
    let kind = match letter {
        "S" => KeyType::String,
        "A" => KeyType::Arn,
        "B" => KeyType::Bool,
        "N" => KeyType::Numeric,
        "D" => KeyType::Date,
        "I" => KeyType::IpAddress,
        _ => return None,
    };
    Some(ConditionKey { name, kind, multivalued })
}

impl ConditionKey {
    /// The fixed text before the part that the policy chooses, such as a tag key; `None` without such a part.
    pub fn stem(&self) -> Option<&'static str> {
        let at = self.name.find("${").or_else(|| self.name.find('<'))?;
        self.name.get(..at)
    }

    /// Whether a name is this key with its open parts filled in.
    fn covers(&self, name: &str) -> bool {
        let Some(stem) = self.stem() else { return false };
        let tail = self.name.rsplit(['}', '>']).next().unwrap_or_default();
        let Some((start, rest)) = name.split_at_checked(stem.len()) else { return false };
        let Some(filled) = rest.len().checked_sub(tail.len()) else { return false };
        let Some((filled, end)) = rest.split_at_checked(filled) else { return false };
        !filled.is_empty() && start.eq_ignore_ascii_case(stem) && end.eq_ignore_ascii_case(tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_any_case_with_their_open_parts() {
        let kind = |name: &str| condition_key(name).map(|key| (key.kind, key.multivalued));
        assert_eq!(kind("AWS:sourceip"), Some((KeyType::IpAddress, false)));
        assert_eq!(kind("aws:TagKeys"), Some((KeyType::String, true)));
        assert_eq!(kind("aws:ResourceTag/team"), Some((KeyType::String, false)));
        assert_eq!(kind("s3:RequestObjectTag/a"), Some((KeyType::String, false)));
        assert_eq!(kind("saml:sub"), Some((KeyType::String, false)));
        assert_eq!(
            kind("token.actions.githubusercontent.com:actor"),
            Some((KeyType::String, false))
        );
        assert_eq!(kind("ec2:SourceInstanceARN"), Some((KeyType::Arn, false)));
        for name in
            ["aws:ResourceTag/", "aws:ResourceTag", "aws:Nonsense", "s3:nonsense", "", "aws:"]
        {
            assert_eq!(kind(name), None, "{name}");
        }
    }
}
