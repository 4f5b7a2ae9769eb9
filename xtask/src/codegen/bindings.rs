//! Where the operations and members of a REST-XML service stand in requests and answers.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, bail, ensure};

use super::{Source, Xml};
use crate::model::{Operation, Reference, Shape};

/// The `Place` of a member of a structure, as an expression.
pub(super) fn place(
    source: &Source<'_>,
    (owner, shape): (&str, &Shape),
    (member, reference): (&str, &Reference),
) -> anyhow::Result<String> {
    let target = source.model.shape(&reference.shape)?;
    let Some(xml) = source.service.xml else { return Ok("None".to_owned()) };
    let name = reference.location_name.as_deref().unwrap_or(member);
    let place = match reference.location.as_deref() {
        Some("uri") => "Label".to_owned(),
        Some("querystring") => format!("Query({name:?})"),
        Some("header") => {
            let date = match target.timestamp_format.as_deref() {
                None | Some("rfc822") => "Http",
                Some("iso8601") => "Iso8601",
                Some(other) => bail!("{owner}: {member} has the unknown date format {other}"),
            };
            let name = name.to_ascii_lowercase();
            format!("Header {{ name: {name:?}, date: DateForm::{date} }}")
        }
        Some("headers") => format!("Headers({:?})", name.to_ascii_lowercase()),
        Some(other) => bail!("{owner}: {member} stands at {other}, which is not known"),
        None => match in_body(xml, (owner, shape), (member, reference), target)? {
            Some(place) => place,
            None => return Ok("None".to_owned()),
        },
    };
    Ok(format!("Some(&Place::{place})"))
}

/// The place of a member of the body, unless it is an element of the member's name.
fn in_body(
    xml: &Xml,
    (owner, shape): (&str, &Shape),
    (member, reference): (&str, &Reference),
    target: &Shape,
) -> anyhow::Result<Option<String>> {
    let name = reference.location_name.as_deref().unwrap_or(member);
    if shape.payload.as_deref() == Some(member) {
        return Ok(Some(match target.kind.as_str() {
            "blob" | "string" => "Body".to_owned(),
            _ => {
                let told = reference.location_name.as_ref().or(target.location_name.as_ref());
                format!("Document({:?})", told.unwrap_or(&reference.shape))
            }
        }));
    }
    if xml.texts.contains(&(owner, member)) {
        return Ok(Some("Text".to_owned()));
    }
    if reference.xml_attribute {
        let local = name.strip_prefix("xsi:").with_context(|| format!("{owner}: {member}"))?;
        return Ok(Some(format!("Attribute({local:?})")));
    }
    if target.kind == "list" {
        let element = target.member.as_ref().and_then(|element| element.location_name.as_deref());
        return Ok(Some(if target.flattened || reference.flattened {
            format!("Flat({:?})", element.unwrap_or(name))
        } else {
            let element = element.unwrap_or("member");
            format!("List {{ element: {name:?}, member: {element:?} }}")
        }));
    }
    ensure!(target.kind != "map", "{owner}: {member} is a map in XML, which is not known");
    Ok((name != member).then(|| format!("Element({name:?})")))
}

/// The `Protocol` expression with the bindings of all operations.
pub(super) fn protocol(source: &Source<'_>, xml: &Xml) -> anyhow::Result<String> {
    let stray = xml.roots.iter().find(|(name, _)| !source.model.operations.contains_key(*name));
    ensure!(stray.is_none(), "the model has no {stray:?}");
    let mut bindings = String::new();
    let mut asked = BTreeMap::<(&str, &str), Vec<u8>>::new();
    for (at, operation) in source.model.operations.values().enumerate() {
        bindings.push_str(&binding(source, xml, operation)?);
        if !operation.deprecated && operation.endpoint.is_none() {
            let place = (resource(operation)?, operation.http.method.as_str());
            asked.entry(place).or_default().push(u8::try_from(at)?);
        }
    }
    let asked = asked.iter().map(|((resource, method), bindings)| {
        format!("AskedBy {{ resource: Resource::{resource}, method: {method:?}, bindings: &{bindings:?} }},")
    });
    let asked: String = asked.collect();
    Ok(format!("Protocol::RestXml {{ bindings: &[{bindings}], asked: &[{asked}] }}"))
}

/// What the path names.
fn resource(operation: &Operation) -> anyhow::Result<&'static str> {
    let uri = &operation.http.request_uri;
    Ok(match uri.split_once('?').map_or(uri.as_str(), |(path, _)| path) {
        _ if operation.endpoint.is_some() => "Elsewhere",
        "/" => "Service",
        "/{Bucket}" => "Bucket",
        "/{Bucket}/{Key+}" => "Object",
        path => bail!("{}: the path {path} is not known", operation.name),
    })
}

fn binding(source: &Source<'_>, xml: &Xml, operation: &Operation) -> anyhow::Result<String> {
    let name = &operation.name;
    let query = operation.http.request_uri.split_once('?').map_or("", |(_, query)| query);
    let resource = resource(operation)?;
    let mut sub_resources = String::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        write!(sub_resources, "({name:?}, {value:?}),")?;
    }
    let input = operation.input.as_ref().context("an operation without input")?;
    let shape = source.model.shape(&input.shape)?;
    let required = |place: &'static str| {
        let members = shape.members.0.iter();
        let members = members.filter(move |(name, member)| {
            member.location.as_deref() == Some(place) && shape.required.contains(name)
        });
        members.filter_map(|(_, member)| member.location_name.as_deref())
    };
    let parameters: Vec<_> = required("querystring").collect();
    // Where a sub-resource decides already, a header that is missing is a mistake in a request for it.
    let header =
        required("header").next().filter(|_| query.is_empty() && operation.endpoint.is_none());
    let output = operation.output.as_ref().map(|output| output.shape.as_str());
    let root = match output {
        Some(output) if stands_in_body(source.model.shape(output)?) => {
            let told = xml.roots.iter().find(|(operation, _)| operation == name);
            Some(told.map_or(output, |(_, root)| *root))
        }
        _ => None,
    };
    let request_root = stands_in_body(shape)
        .then(|| input.location_name.as_deref().with_context(|| format!("{name}: no root")))
        .transpose()?;
    let checksum = operation.http_checksum.as_ref();
    Ok(format!(
        "Binding {{ operation: {name:?}, method: {:?}, resource: Resource::{resource}, \
         sub_resources: &[{sub_resources}], parameters: &{parameters:?}, header: {header:?}, \
         checksum_required: {}, request_root: {request_root:?}, status: {}, \
         root: {root:?} }},",
        operation.http.method,
        checksum.is_some_and(|checksum| checksum.request_checksum_required),
        operation.http.response_code.unwrap_or(200),
    ))
}

/// Whether members of its own stand in the body.
fn stands_in_body(shape: &Shape) -> bool {
    shape.payload.is_none() && shape.members.0.iter().any(|(_, member)| member.location.is_none())
}
