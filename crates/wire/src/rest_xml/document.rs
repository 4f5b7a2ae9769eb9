//! XML bodies of requests, read along the shape of what they hold.
//!
//! The shape leads the way, so the depth is the model's. What AWS's schema does not have is refused: document types,
//! processing instructions, elements that the model does not know, an element twice, text between elements.

use std::borrow::Cow;

use iamd_api::{Kind, Member, Place, Shape};
use iamd_types::Code;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::read::Pairs;
use super::scalar::{At, scalar};
use super::{MAX_BODY_BYTES, XSI};
use crate::DecodeError;

/// The most attributes of an element. Those that are needed are two.
const MAX_ATTRIBUTES: usize = 16;

/// Reads a body whose root element holds these members.
pub(super) fn read(
    pairs: &mut Pairs,
    body: &[u8],
    (namespace, root): (&str, &str),
    (above, members): (&str, &[Member]),
) -> Result<(), DecodeError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(DecodeError::of_s3(Code::MaxMessageLengthExceeded));
    }
    let text = std::str::from_utf8(body).map_err(|_| malformed())?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{FEFF}').unwrap_or(text));
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_comments = true;
    let mut walk = Walk { reader, namespace, bindings: Vec::new(), depth: 0, pairs };
    walk.document(root, above, members)
}

fn malformed() -> DecodeError {
    DecodeError::of_s3(Code::MalformedXml)
}

struct Walk<'b, 'p> {
    reader: Reader<&'b [u8]>,
    /// The namespace that elements are in, unless they are in none.
    namespace: &'p str,
    /// The prefixes that are bound, each with the depth of the element that binds it.
    bindings: Vec<(usize, String, String)>,
    depth: usize,
    pairs: &'p mut Pairs,
}

/// What comes next.
enum Piece<'b> {
    Start(BytesStart<'b>),
    End,
    Text(Cow<'b, str>),
    Comment,
    Eof,
}

/// An element that begins.
struct Opened {
    name: String,
    /// Those of the namespace `xsi`, by local name.
    attributes: Vec<(String, String)>,
}

impl<'b> Walk<'b, '_> {
    fn document(&mut self, root: &str, above: &str, members: &[Member]) -> Result<(), DecodeError> {
        self.declaration()?;
        let opened = loop {
            match self.next()? {
                Piece::Start(start) => break self.open(&start)?,
                piece => ensure_between(&piece)?,
            }
        };
        if opened.name != root {
            return Err(malformed());
        }
        self.structure(above, members, &opened)?;
        loop {
            match self.next()? {
                Piece::Eof => return Ok(()),
                piece => ensure_between(&piece)?,
            }
        }
    }

    /// Passes over the XML declaration. Bodies are UTF-8, so one that says otherwise is not read as what it says.
    fn declaration(&mut self) -> Result<(), DecodeError> {
        let mut ahead = self.reader.clone();
        let Ok(Event::Decl(declaration)) = ahead.read_event() else { return Ok(()) };
        self.reader = ahead;
        let is_utf8 = |encoding: &str| {
            ["utf-8", "utf8", "us-ascii"].iter().any(|it| it.eq_ignore_ascii_case(encoding))
        };
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(encoding)) if is_utf8(&encoding) => Ok(()),
            Some(_) => Err(malformed()),
        }
    }

    fn next(&mut self) -> Result<Piece<'b>, DecodeError> {
        let text = match self.reader.read_event().map_err(|_| malformed())? {
            Event::Start(start) => return Ok(Piece::Start(start)),
            Event::End(_) => {
                self.bindings.retain(|(depth, ..)| *depth < self.depth);
                self.depth = self.depth.checked_sub(1).ok_or_else(malformed)?;
                return Ok(Piece::End);
            }
            Event::Comment(_) => return Ok(Piece::Comment),
            Event::Eof => return Ok(Piece::Eof),
            Event::Text(text) => text.xml10_content(),
            Event::CData(text) => text.xml10_content(),
            Event::GeneralRef(reference) => {
                let name: &str = &reference;
                let char = match name {
                    "lt" => '<',
                    "gt" => '>',
                    "amp" => '&',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => {
                        let char = reference.resolve_char_ref().map_err(|_| malformed())?;
                        char.ok_or_else(malformed)?
                    }
                };
                Cow::Owned(char.to_string())
            }
            Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {
                return Err(malformed());
            }
        };
        if text.chars().all(is_char) { Ok(Piece::Text(text)) } else { Err(malformed()) }
    }

    /// Begins an element: its prefixes are bound, and its name must be in the namespace or in none.
    fn open(&mut self, start: &BytesStart<'_>) -> Result<Opened, DecodeError> {
        self.depth += 1;
        let mut attributes = Vec::new();
        if !start.attributes_raw().trim_ascii().is_empty() {
            let mut given = start.attributes();
            for (at, attribute) in given.with_checks(false).enumerate() {
                if at == MAX_ATTRIBUTES {
                    return Err(malformed());
                }
                let attribute = attribute.map_err(|_| malformed())?;
                let value = quick_xml::escape::unescape(&attribute.value);
                let value = value.map_err(|_| malformed())?.into_owned();
                attributes.push((attribute.key.as_ref().to_owned(), value));
            }
        }
        for (key, value) in &attributes {
            let prefix = match key.strip_prefix("xmlns:") {
                Some(prefix) => prefix,
                None if key == "xmlns" => "",
                None => continue,
            };
            self.bindings.push((self.depth, prefix.to_owned(), value.clone()));
        }
        let name = start.name();
        let (prefix, local) = name.as_ref().split_once(':').unwrap_or(("", name.as_ref()));
        let is_ours = match self.bound(prefix) {
            Some(bound) => bound == self.namespace || (prefix.is_empty() && bound.is_empty()),
            None => prefix.is_empty(),
        };
        if !is_ours {
            return Err(malformed());
        }
        let mut in_xsi = Vec::new();
        for (key, value) in attributes {
            let Some((prefix, local)) = key.split_once(':') else { continue };
            if self.bound(prefix) == Some(XSI) {
                in_xsi.push((local.to_owned(), value));
            }
        }
        Ok(Opened { name: local.to_owned(), attributes: in_xsi })
    }

    fn bound(&self, prefix: &str) -> Option<&str> {
        let mut bindings = self.bindings.iter().rev();
        bindings.find(|(_, bound, _)| bound == prefix).map(|(.., namespace)| namespace.as_str())
    }

    fn structure(
        &mut self,
        above: &str,
        members: &[Member],
        opened: &Opened,
    ) -> Result<(), DecodeError> {
        let before = self.pairs.len();
        // How many elements each member has had.
        let mut counts = vec![0_usize; members.len()];
        for (member, count) in members.iter().zip(&mut counts) {
            let Some(Place::Attribute(local)) = member.place else { continue };
            let mut given = opened.attributes.iter().filter(|(name, _)| name == local);
            if let Some((_, value)) = given.next() {
                let value = scalar(Cow::Borrowed(value), member.shape, At::Element)?;
                self.pairs.put(join(above, member.name), value)?;
                *count += 1;
            }
        }
        loop {
            let child = match self.next()? {
                Piece::Start(start) => self.open(&start)?,
                Piece::End => break,
                piece => {
                    ensure_between(&piece)?;
                    continue;
                }
            };
            let mut known = members.iter().zip(&mut counts);
            let known = known.find(|(member, _)| element(member) == Some(child.name.as_str()));
            let (member, count) = known.ok_or_else(malformed)?;
            *count += 1;
            let name = join(above, member.name);
            match (member.place, &member.shape.kind) {
                (Some(Place::Flat(_)), Kind::List { member, .. }) => {
                    self.value(&format!("{name}.member.{count}"), member, &child)?;
                }
                _ if *count > 1 => return Err(malformed()),
                (Some(Place::List { member: inner, .. }), Kind::List { member, .. }) => {
                    self.list(&name, inner, member)?;
                }
                _ => self.value(&name, member.shape, &child)?,
            }
        }
        let mut missing = members.iter().zip(&counts);
        if missing.any(|(member, count)| member.required && *count == 0 && stands_here(member)) {
            return Err(malformed());
        }
        if self.pairs.len() == before {
            // Nothing under a name is a member that was left out; this is one that is there and empty.
            self.pairs.put(format!("{above}."), String::new())?;
        }
        Ok(())
    }

    fn list(&mut self, name: &str, inner: &str, shape: &Shape) -> Result<(), DecodeError> {
        let mut count = 0;
        loop {
            match self.next()? {
                Piece::Start(start) => {
                    let child = self.open(&start)?;
                    if child.name != inner {
                        return Err(malformed());
                    }
                    count += 1;
                    self.value(&format!("{name}.member.{count}"), shape, &child)?;
                }
                Piece::End if count == 0 => return self.pairs.put(name.to_owned(), String::new()),
                Piece::End => return Ok(()),
                piece => ensure_between(&piece)?,
            }
        }
    }

    fn value(&mut self, name: &str, shape: &Shape, opened: &Opened) -> Result<(), DecodeError> {
        if let Kind::Structure(members) = shape.kind {
            return self.structure(name, members, opened);
        }
        let text = self.text()?;
        let value = scalar(text, shape, At::Element)?;
        self.pairs.put(name.to_owned(), value)
    }

    /// The text of an element, to its last blank.
    fn text(&mut self) -> Result<Cow<'b, str>, DecodeError> {
        let mut whole = Cow::Borrowed("");
        loop {
            match self.next()? {
                Piece::Text(text) if whole.is_empty() => whole = text,
                Piece::Text(text) => whole.to_mut().push_str(&text),
                Piece::End => return Ok(whole),
                // A comment inside would make two texts of one for some readers.
                Piece::Start(_) | Piece::Comment | Piece::Eof => return Err(malformed()),
            }
        }
    }
}

/// What may stand between elements: blanks and comments.
fn ensure_between(piece: &Piece<'_>) -> Result<(), DecodeError> {
    match piece {
        Piece::Comment => Ok(()),
        Piece::Text(text) if text.bytes().all(|byte| byte.is_ascii_whitespace()) => Ok(()),
        _ => Err(malformed()),
    }
}

/// The name of the elements that a member has in a body.
fn element(member: &Member) -> Option<&'static str> {
    match member.place {
        None => Some(member.name),
        Some(Place::Element(name) | Place::Flat(name) | Place::List { element: name, .. }) => {
            Some(name)
        }
        Some(_) => None,
    }
}

fn stands_here(member: &Member) -> bool {
    element(member).is_some() || matches!(member.place, Some(Place::Attribute(_)))
}

fn join(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}

/// XML 1.0, production 2.
fn is_char(char: char) -> bool {
    match char {
        '\t' | '\n' | '\r' => true,
        _ => char >= ' ' && !matches!(char, '\u{FFFE}' | '\u{FFFF}'),
    }
}
