//! What a document may allow by its Allow statements alone, whatever resources, conditions and Deny say: what
//! AWS's access advisor asks.

use crate::pattern::Pattern;
use crate::{Actions, Document, StatementEffect};

impl Document {
    /// Whether some statement allows an action, `service:Name`.
    pub fn may_allow(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.allowed().any(|actions| names(actions, &action) != actions.negated)
    }

    /// Whether some statement allows something of a service. A `NotAction` does unless it excepts the whole
    /// service.
    pub fn may_allow_service(&self, prefix: &str) -> bool {
        let prefix = prefix.to_ascii_lowercase();
        let whole = format!("{prefix}:*");
        self.allowed().any(|actions| match actions.negated {
            // A star in a pattern matches the star that stands for all names.
            true => !names(actions, &whole),
            false => actions.patterns.iter().any(|pattern| {
                let pattern = pattern.value.to_ascii_lowercase();
                let service = pattern.split(':').next().unwrap_or_default();
                Pattern::of(service).matches(&prefix)
            }),
        })
    }

    fn allowed(&self) -> impl Iterator<Item = &Actions> {
        let allows = self.statements.iter().filter(|it| it.effect == StatementEffect::Allow);
        allows.filter_map(|statement| statement.actions.as_ref())
    }
}

fn names(actions: &Actions, action: &str) -> bool {
    let mut patterns = actions.patterns.iter();
    patterns.any(|pattern| Pattern::of(&pattern.value.to_ascii_lowercase()).matches(action))
}

#[cfg(test)]
mod tests {
    use crate::Document;

    fn document(statement: &str) -> Document {
        let text =
            format!(r#"{{"Version":"2012-10-17","Statement":{{{statement},"Resource":"*"}}}}"#);
        Document::parse(&text).unwrap()
    }

    #[test]
    fn services_and_actions_of_allow_statements() {
        let gets = document(r#""Effect":"Allow","Action":["s3:Get*","IAM:ListUsers"]"#);
        assert!(gets.may_allow_service("s3") && gets.may_allow_service("iam"));
        assert!(!gets.may_allow_service("sts") && !gets.may_allow_service("s"));
        assert!(gets.may_allow("s3:GetObject") && gets.may_allow("iam:listusers"));
        assert!(!gets.may_allow("s3:PutObject"));
        let all = document(r#""Effect":"Allow","Action":"*""#);
        assert!(all.may_allow_service("ec2") && all.may_allow("ec2:RunInstances"));
        let but_iam = document(r#""Effect":"Allow","NotAction":["iam:*","sts:Assume*"]"#);
        assert!(!but_iam.may_allow_service("iam") && but_iam.may_allow_service("sts"));
        assert!(!but_iam.may_allow("sts:AssumeRole") && but_iam.may_allow("sts:GetCallerIdentity"));
        let deny = document(r#""Effect":"Deny","Action":"*""#);
        assert!(!deny.may_allow_service("s3") && !deny.may_allow("s3:GetObject"));
    }
}
