//! The text of `Resource` and `NotResource`: ARNs of a form that the service they name has.

use super::draft::Text;
use super::place::{Place, Report, quoted};
use super::similar::hint;
use super::{FindingCode, PolicyResource, Subject};
use crate::vocabulary::{self, ArnForm};
use crate::{PolicyType, Version, variable};

/// Longer resources are not compared with the forms of ARNs (AWS: an ARN has at most 2,048 characters).
const MAX_COMPARED: usize = 1_024;

/// The most text of resources that is compared with the forms of ARNs in one document, in bytes. No policy that AWS
/// stores has more.
const MAX_COMPARED_TOGETHER: usize = 32 * 1024;

/// The names of the six fields.
const FIELDS: &str = "arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE";

pub(super) fn check(subject: &Subject<'_>, report: &mut Report) {
    if subject.policy_type == PolicyType::Trust {
        return;
    }
    let mut left = MAX_COMPARED_TOGETHER;
    for resources in subject.draft.statements.iter().filter_map(|it| it.resources.as_ref()) {
        for resource in resources.items.iter().filter(|resource| resource.value != "*") {
            if report.is_full() {
                return;
            }
            arn(subject, resource, &mut left, report);
        }
    }
}

/// An ARN taken apart, with the places of its fields.
struct Arn<'r, 'n> {
    resource: &'r Text<'n>,
    fields: Vec<&'n str>,
}

impl Arn<'_, '_> {
    fn place(&self, index: usize) -> Place {
        let start = self.fields.iter().take(index).map(|field| field.len() + 1).sum();
        let length = self.fields.get(index).map_or(0, |field| field.len());
        self.resource.place.part(self.resource.value, start, start + length)
    }
}

fn arn(subject: &Subject<'_>, resource: &Text<'_>, left: &mut usize, report: &mut Report) {
    let text = resource.value;
    // A colon inside braces is never meant to separate.
    let arn = Arn { resource, fields: variable::fields(text, Version::V2012) };
    if arn.fields.first() != Some(&"arn") {
        let message = format!("the resource {} is neither `*` nor an ARN ({FIELDS})", quoted(text));
        return report.add(FindingCode::InvalidArnPrefix, &resource.place, message);
    }
    let [_, partition, service, region, account, rest] = arn.fields.as_slice() else {
        // `arn:aws:s3*` may be any number of fields.
        if text.ends_with('*') && arn.fields.len() >= 3 {
            return;
        }
        let message = format!("{} lacks fields of an ARN ({FIELDS})", quoted(text));
        return report.add(FindingCode::MissingArnField, &resource.place, message);
    };
    if !is_open(partition) && !vocabulary::is_partition(partition) {
        let hint = hint(partition, vocabulary::partitions());
        let message = format!("there is no partition {}{hint}", quoted(partition));
        report.add(FindingCode::InvalidPartition, &arn.place(1), message);
    }
    if service.chars().any(|c| c.is_ascii_uppercase()) {
        let message = format!("write the service {} in lower case", quoted(service));
        return report.add(FindingCode::InvalidArnServiceCase, &arn.place(2), message);
    }
    if !is_region(region) {
        let hint = hint(region, vocabulary::regions());
        let message = format!("there is no region {}{hint}", quoted(region));
        report.add(FindingCode::InvalidArnRegion, &arn.place(3), message);
    }
    if !is_account(account) {
        let message = format!("{} is no account: twelve digits or `*`", quoted(account));
        report.add(FindingCode::InvalidArnAccount, &arn.place(4), message);
    }
    belongs(subject, resource, service, rest, report);
    if is_open(service) || text.len() > MAX_COMPARED {
        return;
    }
    let Some(rest_left) = left.checked_sub(text.len()) else { return };
    *left = rest_left;
    form(&arn, [service, region, account, rest], report);
}

/// Whether the service has ARNs of this form.
fn form(arn: &Arn<'_, '_>, fields: [&str; 4], report: &mut Report) {
    let [service, region, account, rest] = fields;
    let forms = vocabulary::arn_forms(service);
    let fitting: Vec<&ArnForm> =
        forms.iter().filter(|form| may_meet(rest, form.resource)).collect();
    let [first, ..] = fitting.as_slice() else {
        if !forms.is_empty() {
            let message = unknown_form(service, rest, forms);
            report.add(FindingCode::InvalidArnResource, &arn.place(5), message);
        }
        return;
    };
    if is_region(region) && !fitting.iter().any(|form| field_fits(region, form.region)) {
        let (code, message) = match region.is_empty() {
            true => {
                (FindingCode::MissingArnRegion, "ARNs of this form name a region; add it or `*`")
            }
            false => (FindingCode::ArnRegionNotAllowed, "ARNs of this form name no region"),
        };
        let message = format!("{message} (`{}`)", shape(service, first));
        report.add(code, &arn.place(3), message);
    }
    // An empty account is no finding of AWS's.
    let account_fits = |form: &&ArnForm| account.is_empty() || field_fits(account, form.account);
    if is_account(account) && !fitting.iter().any(account_fits) {
        let message = format!("ARNs of this form name no account (`{}`)", shape(service, first));
        report.add(FindingCode::ArnAccountNotAllowed, &arn.place(4), message);
    }
}

/// Whether the policy's resource can be meant.
fn belongs(
    subject: &Subject<'_>,
    resource: &Text<'_>,
    service: &str,
    rest: &str,
    report: &mut Report,
) {
    let Some(owner) = subject.resource else { return };
    let access_point = rest.starts_with("accesspoint");
    let (fits, what) = match owner {
        PolicyResource::S3Bucket => (service == "s3" && !access_point, "a bucket or its objects"),
        PolicyResource::S3AccessPoint => {
            (service == "s3" && access_point, "an access point or its objects")
        }
        PolicyResource::S3MultiRegionAccessPoint => {
            (service == "s3" && access_point, "a multi-region access point or its objects")
        }
        PolicyResource::S3ObjectLambdaAccessPoint => {
            (service == "s3-object-lambda", "an Object Lambda access point")
        }
        PolicyResource::DynamoDbTable => {
            (service == "dynamodb" && rest.starts_with("table/"), "a table or its indexes")
        }
    };
    if !fits && !is_open(service) && !is_open(rest.split('/').next().unwrap_or_default()) {
        let message = format!("{} is not {what}, which this policy is for", quoted(resource.value));
        report.add(FindingCode::UnsupportedResourceArnInPolicy, &resource.place, message);
    }
}

fn unknown_form(service: &str, rest: &str, forms: &[ArnForm]) -> String {
    let kind = |resource: &str| -> String {
        resource.chars().take_while(|c| !['/', ':', '$'].contains(c)).collect()
    };
    let kinds: Vec<String> = forms.iter().map(|form| kind(form.resource)).collect();
    let own = kind(rest);
    let hint = if !own.is_empty() && kinds.contains(&own) {
        let shape = forms.iter().zip(&kinds).find(|(_, kind)| **kind == own);
        shape.map(|(form, _)| format!("; the form is `{}`", form.resource)).unwrap_or_default()
    } else {
        hint(&own, kinds.iter().map(String::as_str))
    };
    format!("{} is no form of resource that `{service}` has{hint}", quoted(rest))
}

fn shape(service: &str, form: &ArnForm) -> String {
    format!("arn:${{Partition}}:{service}:{}:{}:{}", form.region, form.account, form.resource)
}

/// Whether a field may be more than it says.
fn is_open(field: &str) -> bool {
    field.contains(['*', '?']) || field.contains("${")
}

/// Whether a field can be a region, or no field at all.
fn is_region(region: &str) -> bool {
    region.is_empty() || is_open(region) || vocabulary::is_region(region)
}

/// Whether a field can be an account, or no field at all: twelve digits, or one of AWS's own.
fn is_account(account: &str) -> bool {
    account.is_empty()
        || is_open(account)
        || ["aws", "aws-marketplace", "cloudfront"].contains(&account)
        || account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())
}

/// Whether the region or account of a resource can be that of a form.
fn field_fits(field: &str, form: &str) -> bool {
    match (field, form) {
        ("", "") => true,
        ("", form) => !form.starts_with('$') && form == "*",
        (field, "") => is_open(field),
        (field, form) => form.contains('$') || is_open(field) || field == form,
    }
}

/// Whether some text is covered both by a pattern (wildcards and variables) and by a form (variables).
pub(super) fn may_meet(pattern: &str, form: &str) -> bool {
    meet(&tokens(pattern, true), &tokens(form, false))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Letter(char),
    One,
    Any,
}

/// Takes a text apart: a variable is any text, also where the policy's language would have no variables.
fn tokens(mut text: &str, wild: bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    loop {
        let (before, after) = text.split_once("${").unwrap_or((text, ""));
        tokens.extend(before.chars().map(|c| match c {
            '*' => Token::Any,
            '?' if wild => Token::One,
            c => Token::Letter(c),
        }));
        if before.len() == text.len() {
            return tokens;
        }
        tokens.push(Token::Any);
        text = after.split_once('}').map_or("", |(_, rest)| rest);
    }
}

/// Whether two patterns have a text in common: which lengths of the second can go with each beginning of the first.
fn meet(a: &[Token], b: &[Token]) -> bool {
    let differ =
        |(a, b): (&Token, &Token)| matches!((a, b), (Token::Letter(a), Token::Letter(b)) if a != b);
    let is_any = |(a, b): &(&Token, &Token)| **a == Token::Any || **b == Token::Any;
    // Most forms differ before any wildcard.
    if a.iter().zip(b).take_while(|pair| !is_any(pair)).any(differ) {
        return false;
    }
    // row[j]: the beginning of `a` so far and the first j tokens of `b` have a text in common.
    let mut row = vec![false; b.len() + 1];
    let mut open = true;
    for (j, cell) in row.iter_mut().enumerate() {
        *cell = open;
        open &= b.get(j) == Some(&Token::Any);
    }
    for &in_a in a {
        let mut next = Vec::with_capacity(row.len());
        let mut left = in_a == Token::Any && row.first() == Some(&true);
        next.push(left);
        for (&in_b, cells) in b.iter().zip(row.windows(2)) {
            let &[diagonal, above] = cells else { break };
            let cell = match (in_a, in_b) {
                (Token::Any, _) => above || left,
                (_, Token::Any) => left || above,
                (Token::Letter(a), Token::Letter(b)) => diagonal && a == b,
                (Token::One, _) | (_, Token::One) => diagonal,
            };
            next.push(cell);
            left = cell;
        }
        row = next;
    }
    row.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::may_meet;

    #[test]
    fn patterns_meet_when_they_share_a_text() {
        for (pattern, form) in [
            ("role/a", "role/${RoleNameWithPath}"),
            ("*", "role/${RoleNameWithPath}"),
            ("ro*", "role/${RoleNameWithPath}"),
            ("*/x", "${BucketName}/${ObjectName}"),
            ("r?le/${aws:username}", "role/${RoleNameWithPath}"),
            ("", ""),
            ("a*b", "a${X}c${Y}b"),
        ] {
            assert!(may_meet(pattern, form), "{pattern} {form}");
        }
        for (pattern, form) in [
            ("roles/a", "role/${RoleNameWithPath}"),
            ("user/*", "role/${RoleNameWithPath}"),
            ("a", ""),
            ("", "a"),
            ("a*d", "a${X}c"),
            ("?", "ab"),
        ] {
            assert!(!may_meet(pattern, form), "{pattern} {form}");
        }
    }
}
