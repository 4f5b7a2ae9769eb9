//! A request as the parameters that a form with the same members would give.

use std::borrow::Cow;

use iamd_api::{Kind, Member, Operation, Place, Service};
use iamd_types::Code;

use super::scalar::{At, scalar};
use super::{MAX_PARAMETERS, Request, document};
use crate::DecodeError;
use crate::query::Parameters;

/// Headers that HTTP allows more than once, as one list: RFC 9110 §5.3.
const LISTS: [&str; 3] = ["cache-control", "content-encoding", "content-language"];

/// Dates that RFC 9110 §13.1 wants passed over when they are none.
const CONDITIONS: [&str; 2] = ["if-modified-since", "if-unmodified-since"];

/// The parameters made so far.
pub(super) struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub(super) fn put(&mut self, name: String, value: String) -> Result<(), DecodeError> {
        if self.0.len() == MAX_PARAMETERS {
            return Err(DecodeError::of_s3(Code::MalformedXml));
        }
        self.0.push((name, value));
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Reads a request for this operation and holds it against the model, so that
/// [`from_parameters`](crate::query::from_parameters) is all that is left to do.
///
/// Parameters and headers that the operation does not have are passed over; [`identify`](super::identify) has
/// refused those that matter. A body that is a stream is not in the parameters, and `body` then is not looked at.
///
/// # Errors
/// S3's code for the place: `MalformedXML` in the body, `InvalidArgument` (sometimes a code of its own) elsewhere,
/// `InvalidRequest` for a header that is missing, `MissingRequestBodyError`.
pub fn read(
    service: &Service,
    operation: &Operation,
    request: &Request<'_>,
    body: &[u8],
) -> Result<Parameters<'static>, DecodeError> {
    let mut pairs = Pairs(Vec::with_capacity(8));
    for member in operation.input.members() {
        let before = pairs.len();
        match member.place {
            Some(Place::Label) => label(&mut pairs, member, request)?,
            Some(Place::Query(name)) => parameter(&mut pairs, member, name, request)?,
            Some(Place::Header { name, .. }) => header(&mut pairs, member, name, request)?,
            Some(Place::Headers(prefix)) => headers(&mut pairs, member, prefix, request)?,
            // A stream.
            Some(Place::Body) if matches!(member.shape.kind, Kind::Blob) => continue,
            Some(Place::Body) => text(&mut pairs, member, body)?,
            Some(Place::Document(root)) => {
                if !body.is_empty() {
                    let root = (service.xml_namespace, *root);
                    let members = (member.name, member.shape.members());
                    document::read(&mut pairs, body, root, members)?;
                }
            }
            // Members of the body's root element, read below.
            _ => continue,
        }
        if member.required && pairs.len() == before {
            return Err(missing(member));
        }
    }
    let root = service.binding(operation.name).and_then(|binding| binding.request_root);
    if let Some(root) = root {
        let root = (service.xml_namespace, root);
        document::read(&mut pairs, body, root, ("", operation.input.members()))?;
    }
    Parameters::of_pairs(pairs.0)
}

fn missing(member: &Member) -> DecodeError {
    match member.place {
        Some(Place::Header { name, .. }) => DecodeError::refused(
            Code::InvalidRequest,
            format!("Missing required header for this request: {name}"),
        ),
        Some(Place::Query(name)) => {
            DecodeError::argument(format!("Missing required parameter: {name}"), name, "")
        }
        Some(Place::Body | Place::Document(_)) => DecodeError::of_s3(Code::MissingRequestBody),
        _ => DecodeError::of_s3(Code::InvalidRequest),
    }
}

fn label(pairs: &mut Pairs, member: &Member, request: &Request<'_>) -> Result<(), DecodeError> {
    let value = match member.name {
        "Bucket" => request.bucket,
        "Key" => request.key,
        _ => None,
    };
    let Some(value) = value else { return Ok(()) };
    let value = scalar(Cow::Borrowed(value), member.shape, At::Path)?;
    pairs.put(member.name.to_owned(), value)
}

/// An empty value is none where only certain values have a meaning: some clients name all parameters that there
/// are.
fn parameter(
    pairs: &mut Pairs,
    member: &Member,
    name: &str,
    request: &Request<'_>,
) -> Result<(), DecodeError> {
    let is_text = matches!(member.shape.kind, Kind::Text { values, .. } if values.is_empty());
    let value = request.query.get(name).filter(|value| is_text || !value.is_empty());
    let Some(value) = value else { return Ok(()) };
    // It comes back as a header of the answer.
    if name.starts_with("response-") && value.chars().any(char::is_control) {
        return Err(DecodeError::argument(format!("Argument {name} is not valid."), name, ""));
    }
    let value = scalar(Cow::Borrowed(value), member.shape, At::Named(name))?;
    pairs.put(member.name.to_owned(), value)
}

fn header(
    pairs: &mut Pairs,
    member: &Member,
    name: &str,
    request: &Request<'_>,
) -> Result<(), DecodeError> {
    let is_list = matches!(member.shape.kind, Kind::List { .. });
    let sent = request.headers.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name));
    let mut value: Option<Cow<'_, str>> = None;
    for (_, given) in sent {
        let given = utf8(given, name)?;
        match &mut value {
            None => value = Some(Cow::Borrowed(given)),
            Some(value) if is_list || LISTS.contains(&name) => {
                value.to_mut().push(',');
                value.to_mut().push_str(given);
            }
            Some(_) => return Err(twice(name)),
        }
    }
    if let Some(given) = request.hoisted(name) {
        if value.is_some() {
            return Err(twice(name));
        }
        value = Some(Cow::Borrowed(given));
    }
    let Some(value) = value else { return Ok(()) };
    if let Kind::List { member: element, .. } = &member.shape.kind {
        for (at, part) in value.split(',').map(str::trim_ascii).enumerate() {
            let part = scalar(Cow::Borrowed(part), element, At::Named(name))?;
            pairs.put(format!("{}.member.{}", member.name, at + 1), part)?;
        }
        return Ok(());
    }
    match scalar(value, member.shape, At::Named(name)) {
        Ok(value) => pairs.put(member.name.to_owned(), value),
        Err(_) if CONDITIONS.contains(&name) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A header that must not be there twice.
pub(super) fn single<'r>(
    request: &'r Request<'_>,
    name: &str,
) -> Result<Option<&'r str>, DecodeError> {
    let sent = request.headers.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name));
    let mut values = sent.map(|(_, value)| utf8(value, name)).chain(request.hoisted(name).map(Ok));
    let value = values.next().transpose()?;
    if values.next().is_some() { Err(twice(name)) } else { Ok(value) }
}

/// A map: the headers with this prefix. Of one that is there more than once the values are joined, as S3 does.
fn headers(
    pairs: &mut Pairs,
    member: &Member,
    prefix: &str,
    request: &Request<'_>,
) -> Result<(), DecodeError> {
    let Kind::Map { value: of, .. } = &member.shape.kind else { return Ok(()) };
    let key = |name: &str| {
        let start = name.get(..prefix.len())?;
        let key = name.get(prefix.len()..)?.to_ascii_lowercase();
        start.eq_ignore_ascii_case(prefix).then_some(key)
    };
    let mut entries: Vec<(String, String)> = Vec::new();
    for (name, value) in request.headers {
        let Some(key) = key(name) else { continue };
        let value = utf8(value, name)?;
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, joined)) => {
                joined.push(',');
                joined.push_str(value);
            }
            None => entries.push((key, value.to_owned())),
        }
    }
    for (name, value) in request.query.pairs() {
        let Some(key) = key(name) else { continue };
        if entries.iter().any(|(known, _)| *known == key) {
            return Err(twice(name));
        }
        entries.push((key, value.to_owned()));
    }
    for (at, (key, value)) in entries.into_iter().enumerate() {
        let entry = format!("{}.entry.{}", member.name, at + 1);
        let header = format!("{prefix}{key}");
        if key.is_empty() || value.chars().any(char::is_control) {
            let message = format!("Argument {header} is not valid.");
            return Err(DecodeError::argument(message, &header, ""));
        }
        let value = scalar(Cow::Owned(value), of, At::Named(&header))?;
        pairs.put(format!("{entry}.key"), key)?;
        pairs.put(format!("{entry}.value"), value)?;
    }
    Ok(())
}

/// A body that is a text.
fn text(pairs: &mut Pairs, member: &Member, body: &[u8]) -> Result<(), DecodeError> {
    if body.is_empty() {
        return Ok(());
    }
    let text = std::str::from_utf8(body)
        .map_err(|_| DecodeError::refused(Code::InvalidRequest, "The body is not UTF-8."))?;
    pairs.put(member.name.to_owned(), text.to_owned())
}

fn utf8<'v>(value: &'v [u8], name: &str) -> Result<&'v str, DecodeError> {
    let text = std::str::from_utf8(value).map(str::trim_ascii);
    text.map_err(|_| DecodeError::argument(format!("Header {name} is not UTF-8."), name, ""))
}

fn twice(name: &str) -> DecodeError {
    DecodeError::argument(format!("Header {name} was given more than once."), name, "")
}
