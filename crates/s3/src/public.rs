//! Whether a bucket policy lets the public in (S3 User Guide, "Blocking public access to your Amazon S3
//! storage", "The meaning of public").

use iamd_policy::{Document, PrincipalType, Statement, StatementEffect};
use ipnet::IpNet;

/// Keys that tie a statement to somebody in particular when they have a fixed value.
const FIXED: [&str; 12] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
];

/// Whether some statement allows everybody.
pub fn is_public(policy: &Document) -> bool {
    policy.statements().iter().any(|statement| {
        statement.effect == StatementEffect::Allow
            && names_everybody(statement)
            && !is_tied(statement)
    })
}

fn names_everybody(statement: &Statement) -> bool {
    let Some(principals) = &statement.principals else { return true };
    // A statement for all but some is for everybody else.
    principals.negated
        || principals
            .names
            .iter()
            .any(|named| matches!(named.kind, PrincipalType::Aws) && named.name.value.contains('*'))
}

/// Whether a condition leaves only callers that are known: an exact operator on one of the keys, with
/// values without wildcards, or addresses of a network that is not too wide.
fn is_tied(statement: &Statement) -> bool {
    statement.conditions.iter().any(|condition| {
        let operator = condition.operator.value.to_ascii_lowercase();
        // A set operator that holds for no values, or one that passes over a missing key, ties nothing.
        if operator.starts_with("forallvalues:") || operator.ends_with("ifexists") {
            return false;
        }
        let operator = operator.strip_prefix("foranyvalue:").unwrap_or(&operator);
        let key = condition.key.value.to_ascii_lowercase();
        let mut values = condition.values.iter().map(|value| value.value.as_str());
        match operator {
            "stringequals" | "stringequalsignorecase" | "stringlike" | "arnequals" | "arnlike" => {
                FIXED.contains(&key.as_str()) && values.all(|value| is_fixed(&key, value))
            }
            "ipaddress" => key == "aws:sourceip" && values.all(is_narrow),
            _ => false,
        }
    })
}

fn is_fixed(key: &str, value: &str) -> bool {
    // A session's name may be anything; the role before it may not.
    let value = match key {
        "aws:userid" => value.strip_suffix(":*").unwrap_or(value),
        _ => value,
    };
    !value.contains(['*', '?', '$'])
}

/// Networks as wide as /8 (IPv4) or /32 (IPv6) are known to somebody; wider ones are the public.
fn is_narrow(network: &str) -> bool {
    match network.parse::<IpNet>() {
        Ok(IpNet::V4(network)) => network.prefix_len() >= 8,
        Ok(IpNet::V6(network)) => network.prefix_len() >= 32,
        Err(_) => network.parse::<std::net::IpAddr>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(statement: &str) -> bool {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":{{{statement}}}}}"#);
        is_public(&Document::parse(&text).unwrap())
    }

    #[test]
    fn everybody_is_public_unless_a_condition_ties_it() {
        let all = r#""Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*""#;
        let with = |condition: &str| public(&format!(r#"{all},"Condition":{{{condition}}}"#));
        assert!(public(all));
        assert!(public(&all.replace(r#""*","Action""#, r#"{"AWS":["*"]},"Action""#)));
        assert!(!public(&all.replace("Allow", "Deny")));
        assert!(!public(&all.replace(r#""*","Action""#, r#"{"AWS":"111122223333"},"Action""#)));
        assert!(!with(r#""StringEquals":{"aws:PrincipalAccount":"111122223333"}"#));
        assert!(with(r#""StringEqualsIfExists":{"aws:PrincipalAccount":"111122223333"}"#));
        assert!(with(r#""ForAllValues:StringEquals":{"aws:PrincipalAccount":"111122223333"}"#));
        assert!(with(r#""StringLike":{"aws:PrincipalAccount":"*"}"#));
        assert!(with(r#""StringNotEquals":{"aws:PrincipalAccount":"111122223333"}"#));
        assert!(with(r#""StringEquals":{"aws:PrincipalTag/team":"x"}"#));
        assert!(!with(r#""StringLike":{"aws:userid":"AROAEXAMPLE:*"}"#));
        assert!(!with(r#""IpAddress":{"aws:SourceIp":["192.0.2.0/24","2001:db8::/32"]}"#));
        assert!(with(r#""IpAddress":{"aws:SourceIp":["192.0.2.0/24","0.0.0.0/0"]}"#));
        assert!(with(r#""NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}"#));
    }
}
