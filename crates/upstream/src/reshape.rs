//! XML bodies of the store's answers, written anew along the model's shape.
//!
//! Elements that the model does not know are left out; names and order are the model's; texts are
//! the store's, but for what would show the store or its account, and errors, which are in S3's words.

use iamd_api::{Kind, Member, Place, Shape};
use iamd_types::s3::message;
use roxmltree::{Document, Node, ParsingOptions};

use crate::document::escaped;
use crate::failure::told;

/// The most elements and texts of an answer: a thousand objects with all that can be told of each.
const MAX_NODES: u32 = 200_000;

/// What stands in answers instead of the store's own.
pub(crate) struct Ours<'a> {
    /// The account that owns the bucket, shown as the owner of everything in it.
    pub(crate) owner: &'a str,
    /// The bucket.
    pub(crate) bucket: &'a str,
    /// The URL of the object that was made.
    pub(crate) location: Option<&'a str>,
}

/// A body that is no XML, or has another root element.
#[derive(Debug, thiserror::Error)]
#[error("the store's answer is not the XML that it should be")]
pub(crate) struct NotXml;

/// Reads a body.
pub(crate) fn parse(body: &str) -> Result<Document<'_>, NotXml> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..Default::default() };
    Document::parse_with_options(body, options).map_err(|_| NotXml)
}

/// The text of a child element.
pub(crate) fn text<'a>(parent: Node<'a, '_>, name: &str) -> Option<&'a str> {
    children(parent, name).next().map(|child| child.text().unwrap_or_default())
}

/// The child elements of this name.
pub(crate) fn children<'a, 'input>(
    parent: Node<'a, 'input>,
    name: &str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    parent.children().filter(move |it| it.is_element() && it.tag_name().name() == name)
}

/// `<ROOT xmlns="…">…</ROOT>` with what the model knows of `from`.
pub(crate) fn reshape(
    from: Node<'_, '_>,
    (root, namespace): (&str, &str),
    members: &[Member],
    ours: &Ours<'_>,
    more: &str,
) -> String {
    let mut content = String::new();
    structure(&mut content, from, members, ours);
    let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    format!("{declaration}<{root} xmlns=\"{namespace}\">{content}{more}</{root}>")
}

fn structure(out: &mut String, from: Node<'_, '_>, members: &[Member], ours: &Ours<'_>) {
    for member in members {
        match (member.place, &member.shape.kind) {
            (Some(Place::Flat(name)), Kind::List { member: shape, .. }) => {
                for child in children(from, name) {
                    element(out, child, name, shape, ours);
                }
            }
            (
                Some(Place::List { element: name, member: inner }),
                Kind::List { member: shape, .. },
            ) => {
                let Some(list) = children(from, name).next() else { continue };
                let mut content = String::new();
                for child in children(list, inner) {
                    element(&mut content, child, inner, shape, ours);
                }
                push(out, name, &content);
            }
            (Some(Place::Element(name)), _) => one(out, from, name, member, ours),
            (None, _) => one(out, from, member.name, member, ours),
            // Headers and the like.
            _ => {}
        }
    }
}

fn one(out: &mut String, from: Node<'_, '_>, name: &str, member: &Member, ours: &Ours<'_>) {
    let Some(child) = children(from, name).next() else { return };
    match (name, &member.shape.kind) {
        ("Owner" | "Initiator", Kind::Structure(_)) => {
            push(out, name, &format!("<ID>{}</ID>", escaped(ours.owner)));
        }
        ("Bucket", Kind::Text { .. }) => push(out, name, &escaped(ours.bucket)),
        ("Location", Kind::Text { .. }) => {
            if let Some(location) = ours.location {
                push(out, name, &escaped(location));
            }
        }
        // Of an object in a list: the whole answer has been looked at.
        ("Code", Kind::Text { .. }) => push(out, name, told(&content(child)).as_str()),
        ("Message", Kind::Text { .. }) => {
            let code = children(from, "Code").next().map(content).unwrap_or_default();
            push(out, name, &escaped(message(told(&code))));
        }
        _ => element(out, child, name, member.shape, ours),
    }
}

fn element(out: &mut String, from: Node<'_, '_>, name: &str, shape: &Shape, ours: &Ours<'_>) {
    if let Kind::Structure(members) = shape.kind {
        let mut content = String::new();
        structure(&mut content, from, members, ours);
        return push(out, name, &content);
    }
    push(out, name, &escaped(&content(from)));
}

/// The text of an element, comments in it left out.
fn content(from: Node<'_, '_>) -> String {
    from.children().filter(|child| child.is_text()).filter_map(|child| child.text()).collect()
}

fn push(out: &mut String, name: &str, content: &str) {
    for part in ["<", name, ">", content, "</", name, ">"] {
        out.push_str(part);
    }
}
