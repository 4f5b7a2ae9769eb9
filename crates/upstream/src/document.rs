//! XML bodies of requests, written from the decoded input along the model's shape.

use iamd_api::{Kind, Member, Place, Shape};
use iamd_s3::Call;

/// Appends `<ROOT xmlns="…">…</ROOT>` with what the input holds under this member.
pub(crate) fn write(
    call: &Call,
    member: &Member,
    root: &str,
    namespace: &str,
    keep: &dyn Fn(&str, usize) -> bool,
) -> Option<String> {
    let mut content = String::new();
    let writer = Writer { call, keep };
    if !writer.structure(&mut content, member.name, member.shape.members()) {
        return None;
    }
    Some(format!("<{root} xmlns=\"{namespace}\">{content}</{root}>"))
}

struct Writer<'a> {
    call: &'a Call,
    /// Whether the element of a list at this place, from 0, is written.
    keep: &'a dyn Fn(&str, usize) -> bool,
}

impl Writer<'_> {
    /// Whether there was anything.
    fn structure(&self, out: &mut String, path: &str, members: &[Member]) -> bool {
        let mut any = self.call.get(&format!("{path}.")).is_some();
        for member in members {
            any |= self.member(out, &format!("{path}.{}", member.name), member);
        }
        any
    }

    fn member(&self, out: &mut String, path: &str, member: &Member) -> bool {
        match (member.place, &member.shape.kind) {
            // A type's name (`xsi:type`), of ACLs alone, which no operation here has.
            (Some(Place::Attribute(_)), _) => false,
            (Some(Place::Flat(name)), Kind::List { member: shape, .. }) => {
                self.list(out, path, name, shape)
            }
            (Some(Place::List { element, member: name }), Kind::List { member: shape, .. }) => {
                let mut inner = String::new();
                let any = self.list(&mut inner, path, name, shape) || self.call.get(path).is_some();
                if any {
                    push(out, element, &inner);
                }
                any
            }
            (place, _) => {
                let name = match place {
                    Some(Place::Element(name)) => name,
                    _ => member.name,
                };
                self.element(out, path, name, member.shape)
            }
        }
    }

    fn list(&self, out: &mut String, path: &str, name: &str, shape: &Shape) -> bool {
        let mut count = 0;
        loop {
            let mut element = String::new();
            if !self.element(&mut element, &format!("{path}.member.{}", count + 1), name, shape) {
                return count > 0;
            }
            if (self.keep)(path, count) {
                out.push_str(&element);
            }
            count += 1;
        }
    }

    fn element(&self, out: &mut String, path: &str, name: &str, shape: &Shape) -> bool {
        if let Kind::Structure(members) = shape.kind {
            let mut content = String::new();
            let any = self.structure(&mut content, path, members);
            if any {
                push(out, name, &content);
            }
            return any;
        }
        let Some(value) = self.call.get(path) else { return false };
        push(out, name, &escaped(value));
        true
    }
}

fn push(out: &mut String, name: &str, content: &str) {
    for part in ["<", name, ">", content, "</", name, ">"] {
        out.push_str(part);
    }
}

/// Text of an element. Line ends are written as references: a parser turns them into others
/// otherwise (XML 1.0 §2.11), and a key would become another one.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' => escaped.push_str("&#x9;"),
            '\n' => escaped.push_str("&#xA;"),
            '\r' => escaped.push_str("&#xD;"),
            char => escaped.push(char),
        }
    }
    escaped
}
