//! What is wrong or doubtful in a policy.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iamd_api::accessanalyzer as api;
use iamd_authz::{Access, AccessList, Permit};
use iamd_operation::{Entry, Operation, Query, View};
use iamd_policy::{
    Finding, FindingType, Location, PathElement, PolicyResource, PolicyType, Position, validate,
};
use iamd_types::{Code, Error};

pub(crate) const OPERATIONS: &[Entry] = &[Entry::query::<ValidatePolicy>()];

/// Findings of a page when `maxResults` is not given. AWS's default is not known; this is every finding.
const DEFAULT_RESULTS: usize = 1000;
/// What tokens begin with, before their encoding.
const TOKEN_VERSION: &str = "1/";

/// `access-analyzer:ValidatePolicy`. Every locale is taken, and answered in English. A document longer than any
/// policy may be has one finding that says so.
pub(crate) struct ValidatePolicy;

impl Operation for ValidatePolicy {
    const NAME: &'static str = "ValidatePolicy";
    type Input = api::ValidatePolicyRequest;
    type Output = api::ValidatePolicyResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("access-analyzer:ValidatePolicy")))
    }
}

impl Query for ValidatePolicy {
    fn run(input: &Self::Input, _: &Permit<Self>, _: &View<'_>) -> Result<Self::Output, Error> {
        let (policy_type, resource) = kind(input)?;
        let start = start(input.next_token.as_deref())?;
        let count = count(input.max_results)?;
        let findings = validate(&input.policy_document, policy_type, resource);
        let next = start.saturating_add(count);
        Ok(api::ValidatePolicyResponse {
            next_token: (next < findings.len()).then(|| token(next)),
            findings: findings.into_iter().skip(start).take(count).map(finding).collect(),
        })
    }
}

/// AWS: a trust policy is a resource policy of the resource type `AWS::IAM::AssumeRolePolicyDocument`. A resource
/// type with another type of policy is refused (our reading).
fn kind(input: &api::ValidatePolicyRequest) -> Result<(PolicyType, Option<PolicyResource>), Error> {
    use api::ValidatePolicyResourceType as Resource;
    let resource = match (input.policy_type, input.validate_policy_resource_type) {
        (api::PolicyType::ResourcePolicy, resource) => resource,
        (_, Some(_)) => {
            let message = "validatePolicyResourceType can be specified only with RESOURCE_POLICY.";
            return Err(Error::validation(message));
        }
        (api::PolicyType::IdentityPolicy, None) => return Ok((PolicyType::Identity, None)),
        (api::PolicyType::ServiceControlPolicy, None) => {
            return Ok((PolicyType::ServiceControl, None));
        }
        (api::PolicyType::ResourceControlPolicy, None) => {
            return Ok((PolicyType::ResourceControl, None));
        }
    };
    let of = match resource {
        None => None,
        Some(Resource::AwsIamAssumeRolePolicyDocument) => return Ok((PolicyType::Trust, None)),
        Some(Resource::AwsS3Bucket) => Some(PolicyResource::S3Bucket),
        Some(Resource::AwsS3AccessPoint) => Some(PolicyResource::S3AccessPoint),
        Some(Resource::AwsS3MultiRegionAccessPoint) => {
            Some(PolicyResource::S3MultiRegionAccessPoint)
        }
        Some(Resource::AwsS3ObjectLambdaAccessPoint) => {
            Some(PolicyResource::S3ObjectLambdaAccessPoint)
        }
        Some(Resource::AwsDynamoDbTable) => Some(PolicyResource::DynamoDbTable),
    };
    Ok((PolicyType::Resource, of))
}

fn count(asked: Option<i32>) -> Result<usize, Error> {
    match asked.map(usize::try_from) {
        None => Ok(DEFAULT_RESULTS),
        Some(Ok(count @ 1..)) => Ok(count),
        Some(_) => Err(Error::validation("maxResults must be greater than 0.")),
    }
}

/// The same document has the same findings in the same order: a token is where to go on.
fn token(next: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{TOKEN_VERSION}{next}"))
}

fn start(token: Option<&str>) -> Result<usize, Error> {
    let Some(token) = token else { return Ok(0) };
    let read = || {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        text.strip_prefix(TOKEN_VERSION)?.parse().ok()
    };
    read().ok_or_else(|| Error::new(Code::ValidationError, "Invalid nextToken."))
}

fn finding(finding: Finding) -> api::ValidatePolicyFinding {
    use api::ValidatePolicyFindingType as Type;
    api::ValidatePolicyFinding {
        finding_type: match finding.code.finding_type() {
            FindingType::Error => Type::Error,
            FindingType::SecurityWarning => Type::SecurityWarning,
            FindingType::Warning => Type::Warning,
            FindingType::Suggestion => Type::Suggestion,
        },
        issue_code: finding.code.name().to_owned(),
        learn_more_link: finding.code.learn_more_link(),
        locations: finding.locations.into_iter().map(location).collect(),
        finding_details: finding.message,
    }
}

fn location(location: Location) -> api::Location {
    api::Location {
        path: location.path.into_iter().map(path_element).collect(),
        span: api::Span { start: position(location.span.start), end: position(location.span.end) },
    }
}

fn path_element(element: PathElement) -> api::PathElement {
    let mut one = api::PathElement::default();
    match element {
        PathElement::Index(index) => one.index = Some(number(index)),
        PathElement::Key(key) => one.key = Some(key.to_string()),
        PathElement::Value(name) => one.value = Some(name.to_string()),
        PathElement::Substring { start, length } => {
            one.substring = Some(api::Substring { start: number(start), length: number(length) });
        }
    }
    one
}

/// AWS (Access Analyzer API, `Position`): lines count from 1, columns and offsets from 0.
fn position(position: Position) -> api::Position {
    let Position { line, column, offset } = position;
    let number = |it| i32::try_from(it).unwrap_or(i32::MAX);
    api::Position {
        line: number(line),
        column: number(column.saturating_sub(1)),
        offset: number(offset),
    }
}

fn number(it: usize) -> i32 {
    i32::try_from(it).unwrap_or(i32::MAX)
}
