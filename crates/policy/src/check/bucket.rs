//! Bucket policies, as S3 checks them beyond what all resource policies are checked for.
//!
//! S3's texts are known from its answers; which of several defects it tells first is not, and follows the order of
//! the elements here.

use super::{Refusal, Verdict};
use crate::pattern::Pattern;
use crate::vocabulary::{self, Action, Service};
use crate::{Actions, Document, Resources, Statement};

/// What a pattern of a resource can match in a bucket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Bucket,
    Objects,
    Both,
}

/// Checks that a policy speaks of this bucket and its objects alone, of actions that S3 has and that work on them,
/// and of condition keys that S3 knows.
pub fn check_bucket(document: &Document, bucket: &str) -> Verdict {
    let Some(s3) = vocabulary::service("s3") else { return Err(Refusal::new("Unknown service")) };
    for statement in &document.statements {
        let actions = actions(s3, statement.actions.as_ref())?;
        let resources = resources(statement.resources.as_ref(), bucket)?;
        if let Some(resources) = resources {
            for named in &actions {
                let works = |action: &&Action| works_on(s3, action, &resources);
                if !named.iter().any(works) {
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
fn actions<'s>(
    s3: &'s Service,
    actions: Option<&Actions>,
) -> Result<Vec<Vec<&'s Action>>, Refusal> {
    let mut all = Vec::new();
    for pattern in actions.into_iter().flat_map(|actions| &actions.patterns) {
        let text = pattern.value.to_ascii_lowercase();
        let named = match text.as_str() {
            "*" => "*",
            _ => text.strip_prefix("s3:").unwrap_or_default(),
        };
        let named = Pattern::of(named);
        let meant = s3.actions().iter();
        let meant = meant.filter(|action| named.matches(&action.name.to_ascii_lowercase()));
        let meant: Vec<_> = meant.collect();
        if meant.is_empty() {
            return Err(Refusal::new("Policy has invalid action"));
        }
        all.push(meant);
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

fn conditions(s3: &Service, statement: &Statement, actions: &[Vec<&Action>]) -> Verdict {
    for condition in &statement.conditions {
        let name = condition.key.value.as_str();
        let prefix = name.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let known = vocabulary::condition_key(name)
            .filter(|_| prefix == "aws" || prefix == "s3")
            .ok_or_else(|| Refusal::new("Policy has an invalid condition key"))?;
        let mut meant = actions.iter().flatten();
        let applies = |action: &&Action| s3.keys_of(action).any(|key| key.name == known.name);
        if prefix == "s3" && !actions.is_empty() && !meant.any(applies) {
            return Err(Refusal::new(
                "Conditions do not apply to combination of actions and resources in statement",
            ));
        }
    }
    Ok(())
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
                "Conditions do not apply to combination of actions and resources in statement",
                r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b-1/*","Condition":{"StringEquals":{"s3:prefix":"x"}}"#,
            ),
        ] {
            assert_eq!(refused(bad).as_deref(), Some(message), "{bad}");
        }
    }
}
