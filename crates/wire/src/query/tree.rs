//! The parameters as a tree.

use super::Pair;
use crate::DecodeError;

/// So few parameters are faster gone through than halved.
const FEW: usize = 8;

/// The parameters under one path: a run of sorted pairs whose names agree up to `depth`.
#[derive(Clone, Copy)]
pub(crate) struct Node<'p> {
    pairs: &'p [Pair<'p>],
    /// How many bytes of each name lead here, with the point behind them.
    depth: usize,
}

impl<'p> Node<'p> {
    pub(super) const fn root(pairs: &'p [Pair<'p>]) -> Self {
        Self { pairs, depth: 0 }
    }

    /// What is under this step of the path.
    pub(crate) fn child(self, step: &str) -> Option<Self> {
        let leads = |pair: &Pair<'_>| self.leads(pair, step);
        let start = match self.pairs.len() {
            ..=FEW => self.pairs.iter().position(leads)?,
            // INVARIANT: in the order of paths, the steps at one depth are in the order of their bytes.
            _ => self.pairs.partition_point(|pair| self.step(pair) < step),
        };
        let run = self.pairs.get(start..)?;
        let end = run.partition_point(leads);
        let pairs = run.get(..end).filter(|run| !run.is_empty())?;
        Some(Self { pairs, depth: self.depth + step.len() + 1 })
    }

    /// The steps that lead on from here, each with what is under it.
    pub(crate) fn children(self) -> impl Iterator<Item = (&'p str, Self)> {
        let under = self.pairs.get(usize::from(self.own_value().is_some())..).unwrap_or_default();
        under.chunk_by(move |left, right| self.step(left) == self.step(right)).map(move |pairs| {
            let step = pairs.first().map(|pair| self.step(pair)).unwrap_or_default();
            (step, Self { pairs, depth: self.depth + step.len() + 1 })
        })
    }

    /// The value, where a single value is expected.
    pub(crate) fn text(self) -> Result<&'p str, DecodeError> {
        match (self.own_value(), self.pairs) {
            (Some(value), [_]) => Ok(value),
            _ => Err(self.malformed("must be a single value")),
        }
    }

    /// Refuses a value where a structure is expected.
    pub(crate) fn structure(self) -> Result<Self, DecodeError> {
        match self.own_value() {
            None => Ok(self),
            Some(_) => Err(self.malformed("must be a structure")),
        }
    }

    /// The elements of a list in the order of their numbers. Gaps close up; `Name=` is empty.
    pub(crate) fn list(self) -> Result<Vec<Self>, DecodeError> {
        self.numbered("member").ok_or_else(|| self.malformed("must be a list: NAME.member.N"))
    }

    /// The entries of a map in the order of their numbers. `Name=` is empty.
    pub(crate) fn map(self) -> Result<Vec<(&'p str, Self)>, DecodeError> {
        let malformed = || self.malformed("must be a map: NAME.entry.N.key, NAME.entry.N.value");
        let entries = self.numbered("entry").ok_or_else(malformed)?;
        let mut pairs: Vec<(&str, Self)> = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = entry.child("key").ok_or_else(malformed)?.text()?;
            let value = entry.child("value").ok_or_else(malformed)?;
            pairs.push((key, value));
        }
        let mut keys: Vec<&str> = pairs.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        if keys.array_windows().any(|[left, right]| left == right) {
            return Err(self.malformed("has a key more than once"));
        }
        Ok(pairs)
    }

    /// What stands under `STEP.1`, `STEP.2` and so on, or none if anything else is here.
    fn numbered(self, step: &str) -> Option<Vec<Self>> {
        if self.own_value().is_some() {
            return (self.own_value() == Some("") && self.pairs.len() == 1).then(Vec::new);
        }
        let mut children = self.children();
        let (Some((only, numbers)), None) = (children.next(), children.next()) else { return None };
        if only != step || numbers.own_value().is_some() {
            return None;
        }
        let mut elements = Vec::new();
        for (digits, element) in numbers.children() {
            elements.push((number(digits)?, element));
        }
        // INVARIANT: no two are equal, since equal numbers have equal digits.
        elements.sort_unstable_by_key(|(number, _)| *number);
        Some(elements.into_iter().map(|(_, element)| element).collect())
    }

    fn own_value(self) -> Option<&'p str> {
        // Shorter than `depth`: the name ends here, without a point behind it. It sorts first.
        self.pairs.first().filter(|pair| pair.name.len() < self.depth).map(|pair| &*pair.value)
    }

    fn step(self, pair: &'p Pair<'p>) -> &'p str {
        let rest = pair.name.get(self.depth..).unwrap_or_default();
        let end = rest.bytes().position(|byte| byte == b'.');
        end.and_then(|end| rest.get(..end)).unwrap_or(rest)
    }

    /// Whether this is a pair's next step.
    fn leads(self, pair: &Pair<'_>, step: &str) -> bool {
        let rest = pair.name.as_bytes().get(self.depth..).unwrap_or_default();
        rest.strip_prefix(step.as_bytes()).is_some_and(|rest| matches!(rest, [] | [b'.', ..]))
    }

    pub(crate) fn malformed(self, must: &str) -> DecodeError {
        let name = self.pairs.first().map(|pair| &*pair.name).unwrap_or_default();
        let name = self.depth.checked_sub(1).and_then(|end| name.get(..end)).unwrap_or(name);
        DecodeError::malformed(format!("The parameter {name} {must}."))
    }
}

/// A list index as AWS's clients write it, from 1 on, without leading zeros.
fn number(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain)
}
