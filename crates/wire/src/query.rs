//! Requests of the AWS Query protocol: a form whose parameter names are paths,
//! `Tags.member.1.Key=Team`.
//!
//! The pairs are sorted by path once. A `Node` is then a run of pairs with a common beginning, so
//! the tree needs no memory of its own: its children are the runs inside.

mod check;
mod de;
mod rule;
mod tree;

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::DecodeError;
use crate::form;

pub use check::check;
pub use de::from_parameters;
pub(crate) use rule::broken_rules;
pub(crate) use tree::Node;

/// The largest form, in bytes. A SAML metadata document may have ten million characters.
pub const MAX_FORM_BYTES: usize = 16 * 1024 * 1024;
/// The most parameters of one request. The largest lists of the models hold a thousand elements.
pub const MAX_PARAMETERS: usize = 10_000;
/// The longest name of a parameter, in bytes.
pub const MAX_NAME_BYTES: usize = 512;
/// As many parameters as most requests have.
const FEW: usize = 8;
/// The most steps in the path of a name. The deepest input of the models has seven.
pub const MAX_DEPTH: usize = 32;

/// The parameters of a request, sorted by path. Values are borrowed from the form unless they had to
/// be decoded.
#[derive(Clone)]
pub struct Parameters<'f> {
    pairs: Vec<Pair<'f>>,
}

#[derive(Clone)]
pub(crate) struct Pair<'f> {
    name: Cow<'f, str>,
    value: Cow<'f, str>,
}

/// Takes a form apart and makes the operation's input of it, refusing what the model forbids.
/// [`check`] comes first because its messages are AWS's.
pub fn decode<'p, T: serde::Deserialize<'p>>(
    parameters: &'p Parameters<'_>,
    service: &iamd_api::Service,
    operation: &iamd_api::Operation,
) -> Result<T, DecodeError> {
    check(parameters, service, operation)?;
    from_parameters(parameters)
}

impl<'f> Parameters<'f> {
    /// Reads `application/x-www-form-urlencoded` text: the body of a POST, the query string of a GET.
    ///
    /// A name that is there twice is refused, since two readers could take different values for the
    /// one that counts; so is whatever does not decode to UTF-8.
    pub fn parse(form: &'f [u8]) -> Result<Self, DecodeError> {
        if form.len() > MAX_FORM_BYTES {
            return Err(DecodeError::TooLarge);
        }
        let pairs = match form::plain(form) {
            Some(text) => read(form::pieces(text).filter(|pair| !pair.is_empty()), Pair::plain),
            None => {
                let pairs = form.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty());
                read(pairs, Pair::decoded)
            }
        }?;
        Self::sorted(pairs)
    }

    /// Parameters that another protocol gave, by the names that they would have in a form.
    pub(crate) fn of_pairs(pairs: Vec<(String, String)>) -> Result<Self, DecodeError> {
        let pair = |(name, value)| Pair { name: Cow::Owned(name), value: Cow::Owned(value) };
        Self::sorted(pairs.into_iter().map(pair).collect())
    }

    fn sorted(mut pairs: Vec<Pair<'f>>) -> Result<Self, DecodeError> {
        pairs.sort_unstable_by(|left, right| by_path(&left.name, &right.name));
        let twice = pairs.array_windows().find(|[left, right]| left.name == right.name);
        if let Some([pair, _]) = twice {
            let message = format!("The parameter {} was given more than once.", pair.name);
            return Err(DecodeError::malformed(message));
        }
        Ok(Self { pairs })
    }

    /// The operation asked for.
    pub fn action(&self) -> Option<&str> {
        self.get("Action")
    }

    /// The API version asked for.
    pub fn version(&self) -> Option<&str> {
        self.get("Version")
    }

    /// The value of the parameter of exactly this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        // Few are found faster by their lengths than by their order.
        let found = match self.pairs.len() {
            ..=FEW => self.pairs.iter().find(|pair| pair.name == name),
            _ => {
                let at = self.pairs.binary_search_by(|pair| by_path(&pair.name, name)).ok()?;
                self.pairs.get(at)
            }
        };
        found.map(|pair| &*pair.value)
    }

    /// The names and values, sorted by path.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|pair| (&*pair.name, &*pair.value))
    }

    pub(crate) fn root(&self) -> Node<'_> {
        Node::root(&self.pairs)
    }
}

/// Names without values: a value can be a secret.
impl std::fmt::Debug for Parameters<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|pair| &pair.name)).finish()
    }
}

fn read<'f, T>(
    pairs: impl Iterator<Item = T>,
    parse: impl Fn(T) -> Result<Pair<'f>, DecodeError>,
) -> Result<Vec<Pair<'f>>, DecodeError> {
    let mut read = Vec::with_capacity(8);
    for pair in pairs {
        if read.len() == MAX_PARAMETERS {
            return Err(DecodeError::malformed("Too many parameters."));
        }
        read.push(parse(pair)?);
    }
    Ok(read)
}

impl<'f> Pair<'f> {
    /// A pair of a form in which nothing is escaped.
    fn plain(pair: &'f str) -> Result<Self, DecodeError> {
        let equals = memchr::memchr(b'=', pair.as_bytes()).unwrap_or(pair.len());
        let (name, value) = pair.split_at_checked(equals).unwrap_or((pair, ""));
        let value = value.get(1..).unwrap_or_default();
        ensure_name(name)?;
        Ok(Self { name: Cow::Borrowed(name), value: Cow::Borrowed(value) })
    }

    fn decoded(pair: &'f [u8]) -> Result<Self, DecodeError> {
        let (name, value) =
            match memchr::memchr(b'=', pair).and_then(|at| pair.split_at_checked(at)) {
                Some((name, value)) => (name, value.get(1..).unwrap_or_default()),
                None => (pair, &[][..]),
            };
        let name = form::decode(name)?;
        ensure_name(&name)?;
        Ok(Self { name, value: form::decode(value)? })
    }
}

fn ensure_name(name: &str) -> Result<(), DecodeError> {
    if name.is_empty() {
        return Err(DecodeError::Syntax("a parameter without a name"));
    }
    let is_deep =
        name.len() >= MAX_DEPTH && memchr::memchr_iter(b'.', name.as_bytes()).count() >= MAX_DEPTH;
    if name.len() > MAX_NAME_BYTES || is_deep {
        return Err(DecodeError::Syntax("a parameter's name is too long"));
    }
    Ok(())
}

/// The order that keeps what is under one path together: `A`, `A.1`, `A-`, although `-` comes before
/// the point in ASCII.
fn by_path(left: &str, right: &str) -> Ordering {
    match left.bytes().zip(right.bytes()).find(|(left, right)| left != right) {
        Some((b'.', _)) => Ordering::Less,
        Some((_, b'.')) => Ordering::Greater,
        Some((left, right)) => left.cmp(&right),
        None => left.len().cmp(&right.len()),
    }
}
