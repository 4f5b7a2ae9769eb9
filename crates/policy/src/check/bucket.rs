//! Bucket policies, as S3 checks them beyond what all resource policies are checked for.
//!
//! S3's texts are known from its answers; which of several defects it tells first is not, and follows the order of
//! the elements here.

use super::{PolicyType, Refusal, Verdict, check};
use crate::error::{ParseError, ParseErrorKind};
use crate::json::{self, Json};
use crate::operator::{Operator, Test};
use crate::parse::{self, Draft};
use crate::pattern::Pattern;
use crate::vocabulary::{self, Action, ConditionKey, KeyType, Service};
use crate::{Actions, Condition, Document, Resources, Statement, value};

/// S3's text for what it has no other text for.
const SYNTAX: &str = "Invalid policy syntax.";

/// Parses a document that is to be a bucket's policy, and refuses in S3's words what is none. What it says about the
/// bucket is for [`check_bucket`] to see.
pub fn read_bucket_policy(text: &str) -> Result<Document, Refusal> {
    let Draft { document, inexact_effect } =
        parse::read(text).map_err(|error| syntax(error, text))?;
    if let Some(error) = inexact_effect {
        return Err(syntax(error, text));
    }
    for statement in &document.statements {
        let missing = |field: &str| Err(Refusal::new(format!("Missing required field {field}")));
        if statement.principals.as_ref().is_none_or(|it| it.names.is_empty()) {
            return missing("Principal");
        }
        if statement.actions.as_ref().is_none_or(|it| it.patterns.is_empty()) {
            return missing("Action");
        }
        if statement.resources.as_ref().is_none_or(|it| it.patterns.is_empty()) {
            return missing("Resource");
        }
        for Condition { operator, .. } in &statement.conditions {
            if Operator::parse(&operator.value).is_none() {
                let name = &operator.value;
                return Err(Refusal::new(format!("Invalid Condition type : {name}")));
            }
        }
    }
    // What is refused of all policies of resources, too. Of these texts two are IAM's alone.
    check(text, PolicyType::Resource, false).map_err(|refusal| match refusal.message.as_str() {
        super::SYNTAX | super::LEGACY => Refusal::new(SYNTAX),
        _ => refusal,
    })
}

fn syntax(error: ParseError, text: &str) -> Refusal {
    use ParseErrorKind as Kind;
    Refusal::new(match error.kind {
        Kind::Json(_) | Kind::TooDeep => "This policy contains invalid Json".to_owned(),
        Kind::Version(_) => "The policy must contain a valid version string".to_owned(),
        Kind::MissingElement("Statement") if names_statement(text) => {
            "Could not parse the policy: Statement is empty!".to_owned()
        }
        Kind::MissingElement(name) => format!("Missing required field {name}"),
        Kind::UnknownElement(name) => format!("Unknown field {name}"),
        Kind::Effect(effect) => format!("Invalid effect: {effect}"),
        _ => SYNTAX.to_owned(),
    })
}

fn names_statement(text: &str) -> bool {
    match json::parse(text).map(|root| root.value) {
        Ok(Json::Object(members)) => members.iter().any(|member| member.name == "Statement"),
        _ => false,
    }
}

/// The actions that a pattern of `Action` means.
struct Meant<'s> {
    actions: Vec<&'s Action>,
    /// Whether it means a single one by its name.
    exact: bool,
}

/// What a pattern of a resource can match in a bucket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Bucket,
    Objects,
    Both,
}

/// Checks that a policy speaks of this bucket and its objects alone, of actions that S3 has and that work on them, and of
/// condition keys that S3 knows, with addresses where they are addresses.
pub fn check_bucket(document: &Document, bucket: &str) -> Verdict {
    let Some(s3) = vocabulary::service("s3") else { return Err(Refusal::new("Unknown service")) };
    for statement in &document.statements {
        let actions = actions(s3, statement.actions.as_ref())?;
        let resources = resources(statement.resources.as_ref(), bucket)?;
        if let Some(resources) = resources {
            for meant in &actions {
                let works = |action: &&Action| works_on(s3, action, &resources);
                if !meant.actions.iter().any(works) {
                    return Err(Refusal::new(
                        "Action does not apply to any resource(s) in statement",
                    ));
                }
            }
        }
        conditions(s3, statement, &actions)?;
    }
    Ok(())
}

/// For each pattern of `Action` the actions that it means; those of `NotAction` are all others, so none is told.
fn actions<'s>(s3: &'s Service, actions: Option<&Actions>) -> Result<Vec<Meant<'s>>, Refusal> {
    let mut all = Vec::new();
    for pattern in actions.into_iter().flat_map(|actions| &actions.patterns) {
        let text = pattern.value.to_ascii_lowercase();
        let named = match text.as_str() {
            "*" => "*",
            _ => text.strip_prefix("s3:").unwrap_or_default(),
        };
        let exact = !named.contains(['*', '?']);
        let named = Pattern::of(named);
        let meant = s3.actions().iter();
        let meant = meant.filter(|action| named.matches(&action.name.to_ascii_lowercase()));
        let meant: Vec<_> = meant.collect();
        if meant.is_empty() {
            return Err(Refusal::new("Policy has invalid action"));
        }
        all.push(Meant { actions: meant, exact });
    }
    Ok(if actions.is_some_and(|actions| actions.negated) { Vec::new() } else { all })
}

/// What the patterns of `Resource` reach; none is told of `NotResource`.
fn resources(resources: Option<&Resources>, bucket: &str) -> Result<Option<Vec<Reach>>, Refusal> {
    let Some(resources) = resources else { return Ok(None) };
    let mut reached = Vec::new();
    for pattern in &resources.patterns {
        let reach = pattern
            .value
            .strip_prefix("arn:aws:s3:::")
            .and_then(|rest| rest.strip_prefix(bucket))
            .and_then(|rest| match rest.chars().next() {
                None => Some(Reach::Bucket),
                Some('/') => Some(Reach::Objects),
                // Of all that this can match, only this bucket is ever asked about here.
                Some('*') => Some(Reach::Both),
                _ => None,
            });
        reached.push(reach.ok_or_else(|| Refusal::new("Policy has invalid resource"))?);
    }
    Ok((!resources.negated).then_some(reached))
}

fn works_on(s3: &Service, action: &Action, resources: &[Reach]) -> bool {
    s3.targets(action).any(|target| {
        let wanted = match target.resource.name {
            "bucket" => Reach::Bucket,
            "object" => Reach::Objects,
            _ => return false,
        };
        resources.iter().any(|reach| *reach == wanted || *reach == Reach::Both)
    })
}

/// A key of S3 must apply to every action that is named, and to one at least of what patterns mean.
fn conditions(s3: &Service, statement: &Statement, actions: &[Meant<'_>]) -> Verdict {
    for condition in &statement.conditions {
        let name = condition.key.value.as_str();
        let prefix = name.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let known = vocabulary::condition_key(name)
            .filter(|_| prefix == "aws" || prefix == "s3")
            .ok_or_else(|| Refusal::new("Policy has an invalid condition key"))?;
        let applies = |action: &&Action| s3.keys_of(action).any(|key| key.name == known.name);
        let named = actions.iter().filter(|meant| meant.exact);
        let all_named = named.flat_map(|meant| &meant.actions).all(applies);
        let any = actions.iter().flat_map(|meant| &meant.actions).any(applies);
        if prefix == "s3" && !actions.is_empty() && !(all_named && any) {
            return Err(Refusal::new(
                "Conditions do not apply to combination of actions and resources in statement",
            ));
        }
        addresses(condition, known)?;
    }
    Ok(())
}

/// What a key of addresses is compared with must be some, whatever the operator; but `Null` asks for none.
fn addresses(condition: &Condition, key: &ConditionKey) -> Verdict {
    let null = Operator::parse(&condition.operator.value).is_some_and(|it| it.test == Test::Null);
    if key.kind != KeyType::IpAddress || null {
        return Ok(());
    }
    match condition.values.iter().all(|text| value::address_range(&text.value).is_some()) {
        true => Ok(()),
        false => Err(Refusal::new("Invalid IP address in Conditions")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PolicyType, check};

    fn refused(statement: &str) -> Option<String> {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":"*",{statement}}}}}"#
        );
        let document = check(&text, PolicyType::Resource, false).unwrap();
        check_bucket(&document, "b-1").err().map(|refusal| refusal.message)
    }

    #[test]
    fn a_policy_speaks_of_its_bucket() {
        for good in [
            r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b-1/*""#,
            r#""Action":"S3:getobject*","Resource":"arn:aws:s3:::b-1/${aws:username}/*""#,
            r#""Action":"*","Resource":"arn:aws:s3:::b-1""#,
            r#""Action":["s3:*"],"Resource":["arn:aws:s3:::b-1*"]"#,
            r#""Action":["s3:ListBucket","s3:GetObject"],"Resource":["arn:aws:s3:::b-1","arn:aws:s3:::b-1/*"]"#,
            r#""NotAction":"s3:GetObject","Resource":"arn:aws:s3:::b-1""#,
            r#""Action":"s3:ListBucket","NotResource":"arn:aws:s3:::b-1/x""#,
            r#""Action":"s3:ListBucket","Resource":"arn:aws:s3:::b-1","Condition":{"StringLike":{"s3:prefix":"a/*"}}"#,
            r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b-1/*","Condition":{"StringEquals":{"s3:ExistingObjectTag/a":"b","aws:PrincipalTag/x":"y"},"Bool":{"aws:SecureTransport":"false"}}"#,
            r#""Action":"s3:*","Resource":"arn:aws:s3:::b-1","Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.7/24","2001:db8::/32","192.0.2.1"]},"Null":{"aws:VpcSourceIp":"true"}}"#,
            r#""Action":"s3:*","Resource":"arn:aws:s3:::b-1","Condition":{"StringEquals":{"s3:prefix":"x"},"NumericEquals":{"s3:max-keys":"ten"},"Bool":{"aws:SecureTransport":"perhaps"}}"#,
            r#""Action":["s3:GetObj*","s3:ListBucket"],"Resource":["arn:aws:s3:::b-1*"],"Condition":{"StringEquals":{"s3:prefix":"x"}}"#,
        ] {
            assert_eq!(refused(good), None, "{good}");
        }
        for (message, bad) in [
            (
                "Policy has invalid action",
                r#""Action":"s3:GetObjects","Resource":"arn:aws:s3:::b-1/*""#,
            ),
            ("Policy has invalid action", r#""Action":"ec2:Run*","Resource":"arn:aws:s3:::b-1/*""#),
            ("Policy has invalid action", r#""NotAction":"s3:No","Resource":"arn:aws:s3:::b-1/*""#),
            ("Policy has invalid resource", r#""Action":"s3:GetObject","Resource":"*""#),
            (
                "Policy has invalid resource",
                r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b-12/*""#,
            ),
            (
                "Policy has invalid resource",
                r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::*/*""#,
            ),
            (
                "Policy has invalid resource",
                r#""Action":"s3:GetObject","NotResource":"arn:aws:s3:::other/*""#,
            ),
            (
                "Action does not apply to any resource(s) in statement",
                r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b-1""#,
            ),
            (
                "Action does not apply to any resource(s) in statement",
                r#""Action":["s3:GetObject","s3:ListBucket"],"Resource":"arn:aws:s3:::b-1/*""#,
            ),
            (
                "Action does not apply to any resource(s) in statement",
                r#""Action":"s3:ListAllMyBuckets","Resource":"arn:aws:s3:::b-1""#,
            ),
            (
                "Policy has an invalid condition key",
                r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b-1/*","Condition":{"StringEquals":{"aws:Nothing":"x"}}"#,
            ),
            (
                "Policy has an invalid condition key",
                r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b-1/*","Condition":{"StringEquals":{"ec2:Region":"x"}}"#,
            ),
            (
                "Invalid IP address in Conditions",
                r#""Action":"s3:*","Resource":"arn:aws:s3:::b-1","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/33"}}"#,
            ),
            (
                "Invalid IP address in Conditions",
                r#""Action":"s3:*","Resource":"arn:aws:s3:::b-1","Condition":{"NotIpAddress":{"AWS:sourceip":["192.0.2.0/24","192.0.2"]}}"#,
            ),
            (
                "Invalid IP address in Conditions",
                r#""Action":"s3:*","Resource":"arn:aws:s3:::b-1","Condition":{"StringLike":{"aws:SourceIp":"192.0.2.*"}}"#,
            ),
            (
                "Conditions do not apply to combination of actions and resources in statement",
                r#""Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::b-1","arn:aws:s3:::b-1/*"],"Condition":{"StringEquals":{"s3:prefix":"x"}}"#,
            ),
            (
                "Conditions do not apply to combination of actions and resources in statement",
                r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b-1/*","Condition":{"StringEquals":{"s3:prefix":"x"}}"#,
            ),
        ] {
            assert_eq!(refused(bad).as_deref(), Some(message), "{bad}");
        }
    }

    #[test]
    fn what_is_no_policy_is_refused_in_s3s_words() {
        let refused = |text: &str| read_bucket_policy(text).err().map(|refusal| refusal.message);
        for (text, message) in [
            ("{", "This policy contains invalid Json"),
            ("{}", "Missing required field Statement"),
            (r#"{"Statement":[]}"#, "Could not parse the policy: Statement is empty!"),
            (r#"{"Version":"2013-10-17"}"#, "The policy must contain a valid version string"),
            (r#"{"Statements":[]}"#, "Unknown field Statements"),
            (r#"{"Statement":"x"}"#, "Invalid policy syntax."),
        ] {
            assert_eq!(refused(text).as_deref(), Some(message), "{text}");
        }
        const WHOLE: &str =
            r#""Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b""#;
        for (from, to, message) in [
            (r#""Effect":"Allow","#, "", Some("Missing required field Effect")),
            ("Allow", "allow", Some("Invalid effect: allow")),
            ("Allow", "Permit", Some("Invalid effect: Permit")),
            (r#""Principal":"*","#, "", Some("Missing required field Principal")),
            (r#""*""#, r#""arn:aws:iam::111122223333:root""#, Some("Invalid policy syntax.")),
            (r#""Action":"s3:*","#, "", Some("Missing required field Action")),
            (r#""s3:*""#, "[]", Some("Missing required field Action")),
            (r#","Resource":"arn:aws:s3:::b""#, "", Some("Missing required field Resource")),
            (r#""Action""#, r#""Actions""#, Some("Unknown field Actions")),
            (
                r#""Effect""#,
                r#""Condition":{"StringSame":{"s3:prefix":"x"}},"Effect""#,
                Some("Invalid Condition type : StringSame"),
            ),
            (
                r#""Effect""#,
                r#""Condition":{"DateEquals":{"aws:CurrentTime":"soon"}},"Effect""#,
                Some("Invalid policy syntax."),
            ),
            ("Allow", "Deny", None),
        ] {
            let text = format!(r#"{{"Statement":{{{}}}}}"#, WHOLE.replacen(from, to, 1));
            assert_eq!(refused(&text).as_deref(), message, "{text}");
        }
    }
}
