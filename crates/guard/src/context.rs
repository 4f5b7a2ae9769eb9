//! Condition keys that an asker may tell, and those that only the server knows.
//!
//! Whoever asks about a principal knows the request and the resource; who the principal is, how it proved that, and
//! what time it is are known here. A key of the second kind in a question is refused, not passed over: an answer that
//! ignored it would be taken for one that did not.

use std::borrow::Cow;

use iamd_authz::RequestFacts;
use iamd_policy::Values;
use iamd_types::Timestamp;
use serde_json::{Map, Value};

use crate::exchange::ip_address;

/// The most keys, and values of a key.
const MAX_KEYS: usize = 200;
/// The longest value.
const MAX_VALUE: usize = 4096;

/// Global keys that speak of the request, of its way through a network, or of the resource ("AWS global condition
/// context keys", IAM User Guide). Those ending in a slash have a name after it.
const TOLD: [&str; 15] = [
    "aws:SourceIp",
    "aws:SecureTransport",
    "aws:UserAgent",
    "aws:Referer",
    "aws:RequestedRegion",
    "aws:RequestTag/",
    "aws:TagKeys",
    "aws:ResourceTag/",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:VpcSourceIp",
    "aws:SourceArn",
    "aws:SourceAccount",
    "aws:SourceOwner",
    "aws:ResourceOrgID",
];

/// What a signed request says itself.
const SIGNED: [&str; 3] = ["aws:UserAgent", "aws:Referer", "aws:RequestedRegion"];

/// Refuses keys beside a signed request that the request says itself.
pub(crate) fn ensure_not_signed(context: &Map<String, Value>) -> Result<(), BadContext> {
    let says = |key: &&String| SIGNED.iter().any(|signed| key.eq_ignore_ascii_case(signed));
    context.keys().find(says).map_or(Ok(()), |key| Err(BadContext::Signed(key.clone())))
}

/// What an asker tells of a request.
pub(crate) struct Told {
    pub(crate) facts: RequestFacts,
    pub(crate) keys: Vec<(Cow<'static, str>, Values)>,
}

/// Why a context is refused. `Display` is for the asker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadContext {
    #[error("the context key `{0}` is known to the server alone")]
    Derived(String),
    #[error("the context key `{0}` is told by the signed request itself")]
    Signed(String),
    #[error("the context key `{0}` is there twice")]
    Twice(String),
    #[error("the context key `{0}` has no value that it can have")]
    Value(String),
    #[error("the context has too many keys, or `{0}` is none")]
    Key(String),
}

impl Told {
    /// Nothing but the time.
    fn nothing(now: Timestamp) -> Self {
        let facts = RequestFacts {
            now,
            source_ip: None,
            user_agent: None,
            referer: None,
            // Policies that ask for TLS are not satisfied by not knowing.
            secure_transport: false,
            region: Cow::Borrowed("us-east-1"),
        };
        Self { facts, keys: Vec::new() }
    }

    /// Reads a context. Names are told apart without regard to case, as in policies.
    pub(crate) fn read(now: Timestamp, context: &Map<String, Value>) -> Result<Self, BadContext> {
        let mut told = Self::nothing(now);
        if context.len() > MAX_KEYS {
            return Err(BadContext::Key("(all)".to_owned()));
        }
        let mut seen: Vec<String> = Vec::with_capacity(context.len());
        for (key, value) in context {
            let folded = key.to_ascii_lowercase();
            if seen.contains(&folded) {
                return Err(BadContext::Twice(key.clone()));
            }
            told.put(key, &folded, value)?;
            seen.push(folded);
        }
        Ok(told)
    }

    fn put(&mut self, key: &str, folded: &str, value: &Value) -> Result<(), BadContext> {
        let wrong = || BadContext::Value(key.to_owned());
        let well_formed = key.len() <= 256
            && key.split_once(':').is_some_and(|(service, name)| {
                !service.is_empty() && !name.is_empty() && !key.contains(char::is_control)
            });
        if !well_formed {
            return Err(BadContext::Key(key.chars().take(64).collect()));
        }
        if folded.starts_with("aws:") && !TOLD.iter().any(|told| is_told(folded, told)) {
            return Err(BadContext::Derived(key.to_owned()));
        }
        let values = values(value).ok_or_else(wrong)?;
        let single = match &values {
            Values::Single(value) => Some(value.as_str()),
            Values::Multiple(_) => None,
        };
        match folded {
            "aws:sourceip" => {
                let address = single.and_then(ip_address);
                self.facts.source_ip = Some(address.ok_or_else(wrong)?);
            }
            "aws:securetransport" => {
                let secure = single.and_then(|value| value.parse().ok());
                self.facts.secure_transport = secure.ok_or_else(wrong)?;
            }
            "aws:useragent" => self.facts.user_agent = Some(single.ok_or_else(wrong)?.to_owned()),
            "aws:referer" => self.facts.referer = Some(single.ok_or_else(wrong)?.to_owned()),
            "aws:requestedregion" => {
                self.facts.region = Cow::Owned(single.ok_or_else(wrong)?.to_owned());
            }
            _ => self.keys.push((Cow::Owned(key.to_owned()), values)),
        }
        Ok(())
    }
}

fn is_told(folded: &str, told: &str) -> bool {
    if told.ends_with('/') {
        let start = folded.get(..told.len());
        return start.is_some_and(|start| start.eq_ignore_ascii_case(told))
            && folded.len() > told.len();
    }
    folded.eq_ignore_ascii_case(told)
}

/// A text, number or boolean, or a list of them.
fn values(value: &Value) -> Option<Values> {
    match value {
        Value::Array(items) if items.len() <= MAX_KEYS => {
            Some(Values::Multiple(items.iter().map(text).collect::<Option<_>>()?))
        }
        value => text(value).map(Values::Single),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.len() <= MAX_VALUE => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(context: &Value) -> Result<Told, BadContext> {
        Told::read(Timestamp::default(), context.as_object().unwrap())
    }

    #[test]
    fn what_an_asker_knows_is_taken() {
        let told = read(&json!({
            "aws:SourceIp": "::ffff:192.0.2.1",
            "aws:securetransport": true,
            "aws:ResourceTag/team": "red",
            "s3:prefix": "a/",
            "s3:max-keys": 7,
            "aws:TagKeys": ["a", "b"],
        }));
        let told = told.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(told.facts.source_ip, "192.0.2.1".parse().ok());
        assert!(told.facts.secure_transport);
        assert_eq!(told.keys.len(), 4);
    }

    #[test]
    fn what_the_server_knows_is_refused_in_any_case() {
        for key in [
            "aws:PrincipalArn",
            "AWS:PRINCIPALARN",
            "aws:PrincipalTag/team",
            "aws:MultiFactorAuthPresent",
            "aws:MultiFactorAuthAge",
            "aws:CurrentTime",
            "aws:EpochTime",
            "aws:TokenIssueTime",
            "aws:username",
            "aws:userid",
            "aws:SourceIdentity",
            "aws:ResourceAccount",
            "aws:ViaAWSService",
            "aws:CalledVia",
            "aws:PrincipalOrgID",
            "aws:ResourceTag/",
            "aws:unheard-of",
        ] {
            let refused = read(&json!({ key: "x" })).err();
            assert_eq!(refused, Some(BadContext::Derived(key.to_owned())), "{key}");
        }
    }

    #[test]
    fn contexts_that_make_no_sense_are_refused() {
        for context in [
            json!({"aws:SourceIp": "here"}),
            json!({"aws:SourceIp": ["192.0.2.1"]}),
            json!({"aws:SecureTransport": "maybe"}),
            json!({"s3:prefix": {}}),
            json!({"s3:prefix": null}),
            json!({"s3:prefix": [[]]}),
            json!({"prefix": "a"}),
            json!({":prefix": "a"}),
            json!({"s3:prefix": "a", "S3:Prefix": "b"}),
        ] {
            assert!(read(&context).is_err(), "{context}");
        }
    }
}
