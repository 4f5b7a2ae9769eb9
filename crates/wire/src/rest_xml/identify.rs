//! Which operation a request is.

use iamd_api::{Binding, Operation, Place, Resource, Service};
use iamd_types::Code;

use super::Request;
use crate::DecodeError;

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    /// An operation of the model.
    Operation(&'static Operation),
    /// The upload of an object by a form, under a signed policy.
    Form,
    /// Whether a browser may send a request from another origin (CORS).
    Preflight,
}

/// The header that makes a copy of an upload.
const COPY_SOURCE: &str = "x-amz-copy-source";

/// Parameters that mean something else when they are passed over, although no path is written with them.
const DECIDING: [&str; 4] = ["annotationName", "partNumber", "uploadId", "versionId"];

/// Finds the operation that a request asks for.
///
/// The operation whose sub-resource, parameters and header the request has is found; of several the one that needs
/// most. Then everything else in the query string must be harmless: a parameter of the operation, one whose name
/// begins with `x-` (S3 passes over those; signatures and SDKs' marks are among them), one that other operations
/// have and that decides nothing, or, where the request only reads, one that S3 does not know and that has a value.
///
/// # Errors
/// `MethodNotAllowed`, `InvalidArgument`, or `NotImplemented` for a parameter that nothing is known of.
pub fn identify(service: &'static Service, request: &Request<'_>) -> Result<Asked, DecodeError> {
    let resource = request.resource();
    let found = find(service, request, resource);
    let operation = found.and_then(|binding| service.operation(binding.operation));
    for (name, value) in request.query.pairs() {
        harmless(service, request, found.zip(operation), (name, value))?;
    }
    if let Some(operation) = operation {
        let copies = operation.input.members().iter().any(|member| {
            matches!(member.place, Some(Place::Header { name, .. }) if *name == COPY_SOURCE)
        });
        if !copies && request.has(COPY_SOURCE) {
            let message = "You can only specify a copy source header for copy requests.";
            return Err(DecodeError::argument(message, COPY_SOURCE, ""));
        }
        return Ok(Asked::Operation(operation));
    }
    match (request.method, resource) {
        ("OPTIONS", Resource::Bucket | Resource::Object) => Ok(Asked::Preflight),
        ("POST", Resource::Bucket) if is_form(request) => Ok(Asked::Form),
        _ => Err(DecodeError::of_s3(Code::MethodNotAllowed)),
    }
}

fn find(
    service: &'static Service,
    request: &Request<'_>,
    resource: Resource,
) -> Option<&'static Binding> {
    let fits = |binding: &&Binding| {
        let holds = |&(name, value): &(&str, &str)| {
            request.query.get(name).is_some_and(|given| value.is_empty() || given == value)
        };
        binding.sub_resources.iter().all(holds)
            && binding.parameters.iter().all(|name| request.query.get(name).is_some())
            && binding.header.is_none_or(|header| request.has(header))
            && !is_of_others(binding, request)
    };
    // The first of those that need equally much: a request that has what two need is refused all the same,
    // for the rest of its parameters.
    let mut best: Option<&Binding> = None;
    for binding in service.asked(resource, request.method).filter(fits) {
        if best.is_none_or(|best| needs(binding) > needs(best)) {
            best = Some(binding);
        }
    }
    best
}

/// How many things must be there, sub-resources before all others.
fn needs(binding: &Binding) -> (usize, usize) {
    let others = binding.parameters.len() + usize::from(binding.header.is_some());
    (binding.sub_resources.len(), others)
}

/// Directory buckets are listed at an endpoint of their own; here the request is known by its parameter.
fn is_of_others(binding: &Binding, request: &Request<'_>) -> bool {
    const COUNT: &str = "max-directory-buckets";
    match binding.operation {
        "ListDirectoryBuckets" => request.query.get(COUNT).is_none(),
        "ListBuckets" => request.query.get(COUNT).is_some(),
        _ => false,
    }
}

/// Refuses a parameter of the query string that could make the request another one.
fn harmless(
    service: &Service,
    request: &Request<'_>,
    found: Option<(&Binding, &Operation)>,
    (name, value): (&str, &str),
) -> Result<(), DecodeError> {
    if name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-")) {
        return Ok(());
    }
    let is_in = |operation: &Operation| {
        operation
            .input
            .members()
            .iter()
            .any(|member| matches!(member.place, Some(Place::Query(query)) if *query == name))
    };
    if let Some((binding, operation)) = found {
        let named = binding.sub_resources.iter().any(|(sub_resource, _)| *sub_resource == name);
        if named || is_in(operation) {
            return Ok(());
        }
    }
    let mut all = service.bindings().iter().flat_map(|binding| binding.sub_resources);
    if all.any(|(sub_resource, _)| *sub_resource == name) {
        return Err(stray(found, name, value));
    }
    if name == "versionId" {
        let message = "This operation does not accept a version-id.";
        return Err(DecodeError::argument(message, name, value));
    }
    if DECIDING.contains(&name) {
        let message = format!("This operation does not accept the parameter {name}.");
        return Err(DecodeError::argument(message, name, value));
    }
    let reads = matches!(request.method, "GET" | "HEAD" | "OPTIONS");
    if (reads && !value.is_empty()) || service.operations.iter().any(is_in) {
        return Ok(());
    }
    Err(DecodeError::refused(
        Code::NotImplemented,
        "A parameter you provided implies functionality that is not implemented",
    ))
}

/// A sub-resource beside the operation found.
fn stray(found: Option<(&Binding, &Operation)>, name: &str, value: &str) -> DecodeError {
    let other = found.and_then(|(binding, _)| {
        let mut named = binding.sub_resources.iter().map(|(sub_resource, _)| *sub_resource);
        named.next().or_else(|| binding.parameters.first().copied())
    });
    match other {
        Some(other) => {
            let message = format!("Conflicting query string parameters: {other}, {name}");
            DecodeError::argument(message, "ResourceType", name)
        }
        // `list-type` and `select-type` take certain values alone.
        None if !value.is_empty() => {
            DecodeError::argument(format!("Argument {name} is not valid."), name, value)
        }
        None => DecodeError::of_s3(Code::MethodNotAllowed),
    }
}

fn is_form(request: &Request<'_>) -> bool {
    let mut types =
        request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let (Some((_, value)), None) = (types.next(), types.next()) else { return false };
    let media_type = value.split(|byte| *byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"multipart/form-data")
}
