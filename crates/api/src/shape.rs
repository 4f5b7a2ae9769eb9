//! What requests and answers may hold, as constant tables.
//!
//! The generated modules build these; they refer to each other by `&'static`, so a shape may be
//! recursive. Reading a request against them is the wire's work.

use crate::Pattern;

/// An AWS service.
#[derive(Debug)]
pub struct Service {
    /// The name in signatures and event sources: `iam`.
    pub name: &'static str,
    /// The only `Version` that requests may ask for.
    pub api_version: &'static str,
    /// The namespace of answers in XML.
    pub xml_namespace: &'static str,
    /// How requests and answers are written.
    pub protocol: Protocol,
    /// Whether validation messages repeat the refused value. Sensitive values are never repeated.
    pub echoes_values: bool,
    /// How CloudTrail's `responseElements` write a date, in the notation of `strftime`.
    pub audit_date_format: &'static str,
    /// Sorted by name.
    pub operations: &'static [Operation],
    /// The errors of the model, sorted by code.
    pub errors: &'static [ErrorShape],
}

/// How requests and answers are written.
#[derive(Debug)]
pub enum Protocol {
    /// Forms in, XML out; `Action` names the operation.
    Query,
    /// JSON in and out; method and path name the operation.
    RestJson(&'static [Route]),
    /// XML in and out; method, path, sub-resource and headers name the operation.
    RestXml {
        /// In the order of [`Service::operations`].
        bindings: &'static [Binding],
        /// The same by what is known first of a request.
        asked: &'static [AskedBy],
    },
}

/// The operations that can be asked for by one method at one kind of path: all but those that share what they are asked
/// by with their successor, and those whose host is another.
#[derive(Debug)]
pub struct AskedBy {
    /// What the path names.
    pub resource: Resource,
    /// The method.
    pub method: &'static str,
    /// Places among the bindings, in their order.
    pub bindings: &'static [u8],
}

/// Where an operation is asked for.
#[derive(Debug)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// The operation's name.
    pub operation: &'static str,
    /// The members of the input that stand in the query string; the others stand in the body.
    pub query: &'static [&'static str],
}

/// How an operation is asked for and answered where a protocol is REST with XML.
#[derive(Debug)]
pub struct Binding {
    /// The operation's name.
    pub operation: &'static str,
    /// The method.
    pub method: &'static str,
    /// What the path names.
    pub resource: Resource,
    /// The parameters of the query string that the path is written with, such as `?acl`; with the only
    /// value taken, or an empty text where any is.
    pub sub_resources: &'static [(&'static str, &'static str)],
    /// The other parameters of the query string without which it is not this operation.
    pub parameters: &'static [&'static str],
    /// The header without which it is not this operation.
    pub header: Option<&'static str>,
    /// Whether AWS takes no request without a checksum of its body.
    pub checksum_required: bool,
    /// The root element of a request's body, where the input's own members stand in it.
    pub request_root: Option<&'static str>,
    /// The HTTP status of success.
    pub status: u16,
    /// The root element of the answer's body, where the output's own members stand in it.
    pub root: Option<&'static str>,
}

/// What the path of a REST-XML request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The service as a whole: `/`.
    Service,
    /// A bucket.
    Bucket,
    /// An object in a bucket.
    Object,
    /// Something else, at a host of its own.
    Elsewhere,
}

/// Where a member stands in REST-XML requests and answers.
#[derive(Debug)]
pub enum Place {
    /// The path.
    Label,
    /// The parameter of the query string that has this name.
    Query(&'static str),
    /// A header.
    Header {
        /// Its name, in small letters.
        name: &'static str,
        /// How answers write an instant there; requests may use either form.
        date: DateForm,
    },
    /// All headers whose names begin so; what follows is the key of a map.
    Headers(&'static str),
    /// The whole body as it is.
    Body,
    /// The whole body, as XML with this root element.
    Document(&'static str),
    /// The text of the body's root element.
    Text,
    /// An attribute of the namespace `xsi`, by its local name.
    Attribute(&'static str),
    /// An element of another name than the member's.
    Element(&'static str),
    /// A list: an element of this name for each of its elements.
    Flat(&'static str),
    /// A list: an element that holds one for each of its elements.
    List {
        /// The name around.
        element: &'static str,
        /// The name of each.
        member: &'static str,
    },
}

/// How an instant is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateForm {
    /// RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
    Http,
    /// ISO 8601.
    Iso8601,
}

/// One operation of a service.
#[derive(Debug)]
pub struct Operation {
    /// The `Action` that asks for it.
    pub name: &'static str,
    /// A structure; one without members when the operation takes nothing.
    pub input: &'static Shape,
    /// A structure, or none when the answer is only a request id.
    pub output: Option<&'static Shape>,
    /// The codes of [`Service::errors`] that the model names for it.
    pub errors: &'static [&'static str],
    /// Whether it is called without a signature.
    pub unsigned: bool,
    /// Whether its answer comes in pages (`Marker`, `MaxItems`, `IsTruncated`).
    pub paginated: bool,
    /// What CloudTrail calls it.
    pub read_only: bool,
    /// Whether CloudTrail records its output: those of writes, and new credentials.
    pub records_output: bool,
}

/// An error of the model.
#[derive(Debug)]
pub struct ErrorShape {
    /// The code in answers: `NoSuchEntity`.
    pub code: &'static str,
    /// The name in CloudTrail records: `NoSuchEntityException`.
    pub exception: &'static str,
    /// The HTTP status.
    pub status: u16,
}

/// A type of the model with its constraints.
#[derive(Debug)]
pub struct Shape {
    /// Whether values are secrets: hidden by `Debug`, never in messages or audit records.
    pub sensitive: bool,
    /// The type.
    pub kind: Kind,
}

/// What a [`Shape`] is.
#[derive(Debug)]
pub enum Kind {
    /// Members in the model's order, which is the order of answers.
    Structure(&'static [Member]),
    /// `Name.member.N`.
    List {
        /// What each element is.
        member: &'static Shape,
        /// How many elements there may be.
        length: Bounds,
    },
    /// `Name.entry.N.key` and `Name.entry.N.value`.
    Map {
        /// What each key is.
        key: &'static Shape,
        /// What each value is.
        value: &'static Shape,
        /// How many entries there may be.
        length: Bounds,
    },
    /// Text.
    Text {
        /// How many Unicode code points there may be.
        length: Bounds,
        /// What the whole text must match.
        pattern: Option<&'static Pattern>,
        /// The only values allowed; empty when any is.
        values: &'static [&'static str],
    },
    /// A whole number of 32 bits.
    Integer {
        /// The values allowed.
        range: Bounds,
    },
    /// A whole number of 64 bits.
    Long {
        /// The values allowed.
        range: Bounds,
    },
    /// `true` or `false`.
    Boolean,
    /// An instant.
    Timestamp,
    /// Bytes, base64 on the wire.
    Blob,
}

/// A least and a greatest number, both allowed themselves.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The least.
    pub min: Option<i64>,
    /// The greatest.
    pub max: Option<i64>,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// The name on the wire: `UserName`.
    pub name: &'static str,
    /// Whether a request without it is refused.
    pub required: bool,
    /// What it is.
    pub shape: &'static Shape,
    /// Where it stands in protocols that have several places: an element of its own name if none is told.
    pub place: Option<&'static Place>,
}

impl Service {
    /// Where a method and path lead, for services that are asked so.
    pub fn route(&self, method: &str, path: &str) -> Option<&'static Route> {
        match self.protocol {
            Protocol::Query | Protocol::RestXml { .. } => None,
            Protocol::RestJson(routes) => {
                routes.iter().find(|route| route.method == method && route.path == path)
            }
        }
    }

    /// How operations are asked for, where the protocol is REST with XML.
    pub fn bindings(&self) -> &'static [Binding] {
        match self.protocol {
            Protocol::RestXml { bindings, .. } => bindings,
            Protocol::Query | Protocol::RestJson(_) => &[],
        }
    }

    /// Those of them that can be asked for by this method at such a path.
    pub fn asked(
        &self,
        resource: Resource,
        method: &str,
    ) -> impl Iterator<Item = &'static Binding> + use<> {
        let (bindings, asked) = match self.protocol {
            Protocol::RestXml { bindings, asked } => (bindings, asked),
            Protocol::Query | Protocol::RestJson(_) => (&[][..], &[][..]),
        };
        let mut asked = asked.iter();
        let found = asked.find(|it| it.resource == resource && it.method == method);
        let places = found.map_or(&[][..], |found| found.bindings);
        places.iter().filter_map(|&at| bindings.get(usize::from(at)))
    }

    /// How this operation is asked for.
    pub fn binding(&self, name: &str) -> Option<&'static Binding> {
        let bindings = self.bindings();
        bindings.get(bindings.binary_search_by(|binding| binding.operation.cmp(name)).ok()?)
    }

    /// The operation of this name.
    pub fn operation(&self, name: &str) -> Option<&'static Operation> {
        let at = self.operations.binary_search_by(|operation| operation.name.cmp(name)).ok()?;
        self.operations.get(at)
    }

    /// The model's error with this code. The common errors of AWS's query APIs are not in it.
    pub fn error(&self, code: &str) -> Option<&'static ErrorShape> {
        let at = self.errors.binary_search_by(|error| error.code.cmp(code)).ok()?;
        self.errors.get(at)
    }
}

impl Shape {
    /// A structure without members: the input of operations that take nothing.
    pub const NOTHING: Self = Self { sensitive: false, kind: Kind::Structure(&[]) };

    /// The members of a structure; none for other shapes.
    pub fn members(&self) -> &'static [Member] {
        match self.kind {
            Kind::Structure(members) => members,
            _ => &[],
        }
    }

    /// The member of this wire name.
    pub fn member(&self, name: &str) -> Option<&'static Member> {
        self.members().iter().find(|member| member.name == name)
    }
}

impl Bounds {
    /// No limits.
    pub const NONE: Self = Self { min: None, max: None };
}
