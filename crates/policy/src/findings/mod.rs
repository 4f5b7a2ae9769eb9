//! What is wrong or doubtful in a policy, as Access Analyzer's ValidatePolicy says it: AWS's codes and types, and the
//! places. Messages are our own.
//!
//! Not a gate: [`crate::check`] refuses documents, findings only speak about them. The one idea: a document is made
//! out as far as it can be, then each module looks at one element and adds to one report. Names come
//! from [`crate::vocabulary`]; nothing here touches a decision.

mod action;
mod code;
mod condition;
mod draft;
mod elements;
mod finding;
mod operand;
mod place;
mod principal;
mod redundancy;
mod resource;
mod role;
mod similar;
mod tags;
mod trust;
mod variables;

use crate::error::ParseErrorKind;
use crate::{ParseError, PolicyType, json};

pub use code::{FindingCode, FindingType, Origin, Status};
pub use finding::{Finding, Location, PathElement};
pub use place::MAX_FINDINGS;

use draft::Draft;
use place::{Place, Report, quoted};

/// The resource that a resource policy belongs to, where that is known: AWS's `ValidatePolicyResourceType`, trust
/// policies aside, which are a [`PolicyType`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyResource {
    /// `AWS::S3::Bucket`.
    S3Bucket,
    /// `AWS::S3::AccessPoint`.
    S3AccessPoint,
    /// `AWS::S3::MultiRegionAccessPoint`.
    S3MultiRegionAccessPoint,
    /// `AWS::S3ObjectLambda::AccessPoint`.
    S3ObjectLambdaAccessPoint,
    /// `AWS::DynamoDB::Table`.
    DynamoDbTable,
}

/// A document and what it is for, as the checks see it.
struct Subject<'n> {
    text: &'n str,
    draft: Draft<'n>,
    policy_type: PolicyType,
    resource: Option<PolicyResource>,
}

/// Says what is wrong or doubtful in a text that is to be a policy of this type. `resource` narrows what a resource
/// policy may say; for other types it means nothing. At most [`MAX_FINDINGS`], in the order of their places.
pub fn validate(
    text: &str,
    policy_type: PolicyType,
    resource: Option<PolicyResource>,
) -> Vec<Finding> {
    let mut report = Report::default();
    let (root, faults) = json::parse_leniently(text);
    for fault in &faults {
        syntax(fault, &mut report);
    }
    if let Some(root) = &root {
        let draft = draft::read(root, &mut report);
        let resource = resource.filter(|_| policy_type == PolicyType::Resource);
        let subject = Subject { text, draft, policy_type, resource };
        for check in [
            elements::check,
            action::check,
            resource::check,
            condition::check,
            principal::check,
            trust::check,
            variables::check,
            role::check,
            tags::check,
            redundancy::check,
        ] {
            check(&subject, &mut report);
        }
    }
    report.finish()
}

fn syntax(fault: &ParseError, report: &mut Report) {
    let message = match &fault.kind {
        ParseErrorKind::DuplicateKey(name) => {
            format!("the key {} stands here a second time", quoted(name))
        }
        ParseErrorKind::Json(wanted) => format!("not JSON: expected {wanted}"),
        kind => kind.to_string(),
    };
    report.add(FindingCode::JsonSyntaxError, &Place::bare(fault.span), message);
}
