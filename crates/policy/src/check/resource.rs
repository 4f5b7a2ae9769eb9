//! The text of `Resource` and `NotResource` on write.

use super::{Refusal, Verdict, legacy};
use crate::{Document, Resources, Statement, Version, variable};

/// AWS's partitions; a star stands for all of them.
const PARTITIONS: [&str; 9] = [
    "aws",
    "aws-cn",
    "aws-eusc",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
    "aws-us-gov",
    "*",
];

const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

/// Newer kinds of IAM resource, by the service authorization reference. The recorded message does not name
/// them; refused, nobody could be allowed the actions on them.
const NEWER_IAM_PATHS: [&str; 2] = ["delegation-request/", "role-template/"];

/// The kinds of S3 resource that live in a region, by the service authorization reference. Access points are
/// recorded as accepted.
const S3_REGIONAL: [&str; 5] =
    ["accesspoint", "access-grants/", "async-request/", "job/", "storage-lens"];

/// What AWS's older parser cannot take apart.
pub(super) fn legacy_arns(document: &Document) -> Verdict {
    for resource in resources(document) {
        let fields = fields(resource);
        // `arn:aws:x` is taken for `arn:aws:x:*:*:*`; four or five fields are no ARN.
        let short = (4..6).contains(&fields.len());
        let without_service = fields.get(2) == Some(&"");
        let variable_account = fields.get(4).is_some_and(|account| account.contains("${"));
        if short || without_service || variable_account {
            return Err(legacy());
        }
    }
    Ok(())
}

/// The defects of resources, one after the other over the whole document.
pub(super) fn check(document: &Document) -> Verdict {
    if document.statements.iter().any(lacks_resources) {
        return Err(Refusal::new("Policy statement must contain resources."));
    }
    for test in [arn_format, partition, vendor, region, iam_path] {
        for resource in resources(document).filter(|&resource| resource != "*") {
            test(resource)?;
        }
    }
    Ok(())
}

fn lacks_resources(statement: &Statement) -> bool {
    statement.resources.as_ref().is_none_or(|Resources { patterns, .. }| patterns.is_empty())
}

fn arn_format(resource: &str) -> Verdict {
    if resource.contains(':') {
        return Ok(());
    }
    Err(Refusal::new(format!("Resource {resource} must be in ARN format or \"*\".")))
}

fn partition(resource: &str) -> Verdict {
    let fields = fields(resource);
    let field = |index: usize| fields.get(index).copied().unwrap_or("*");
    let (partition, service, region, account, rest) =
        (field(1), field(2), field(3), field(4), field(5));
    if PARTITIONS.contains(&partition) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "Partition \"{partition}\" is not valid for resource \
         \"arn:{partition}:{service}:{region}:{account}:{rest}\"."
    )))
}

/// A missing service is a star, and a star is no service.
fn vendor(resource: &str) -> Verdict {
    let fields = fields(resource);
    match fields.get(2) {
        Some(service) if !service.contains(['*', '?', '$']) => Ok(()),
        _ => {
            Err(Refusal::new("Resource vendor must be fully qualified and cannot contain regexes."))
        }
    }
}

fn region(resource: &str) -> Verdict {
    let [_, _, service, region, _, rest] = fields(resource)[..] else { return Ok(()) };
    match service {
        _ if region.is_empty() => Ok(()),
        "iam" => {
            Err(Refusal::new(format!("IAM resource {resource} cannot contain region information.")))
        }
        "s3" if !S3_REGIONAL.iter().any(|kind| rest.starts_with(kind)) => {
            Err(Refusal::new(format!("Resource {resource} can not contain region information.")))
        }
        _ => Ok(()),
    }
}

fn iam_path(resource: &str) -> Verdict {
    let [_, _, "iam", _, _, rest] = fields(resource)[..] else { return Ok(()) };
    let mut known = IAM_PATHS.iter().chain(&NEWER_IAM_PATHS);
    if ["*", "root"].contains(&rest) || known.any(|path| rest.starts_with(path)) {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "IAM resource path must either be \"*\", root, or start with {}.",
        IAM_PATHS.join(", ")
    )))
}

fn resources(document: &Document) -> impl Iterator<Item = &str> {
    let elements = document.statements.iter().flat_map(|statement| &statement.resources);
    elements.flat_map(|resources| &resources.patterns).map(|pattern| pattern.value.as_str())
}

/// Either version: a colon inside braces is never meant to separate.
fn fields(resource: &str) -> Vec<&str> {
    variable::fields(resource, Version::V2012)
}
