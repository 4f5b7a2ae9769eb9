//! One statement, ready to decide.
//!
//! The effect is known, so what makes no sense is settled here: it holds in a Deny and not in an Allow.

use prefetch_index::prefetch_index;
use smallvec::SmallVec;

use crate::compile::action::{ActionPatterns, WildAction};
use crate::compile::condition::{Condition, Readings};
use crate::compile::glob::Glob;
use crate::compile::template::{Pattern, Wildcards};
use crate::operator::Truth;
use crate::{Context, Principals, Resources, Statement, StatementEffect, Version, variable};

/// The bytes of a line of the processor's cache, on most processors.
const LINE: usize = 64;

/// A statement, with what most are decided by in one place of four lines: where policies are in no cache, each place
/// that a decision looks at is waited for.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Rule {
    pub(crate) effect: StatementEffect,
    /// Whether an operator is one that nobody knows.
    unreadable: bool,
    resources: ResourcePatterns,
    pub(crate) principals: Option<Box<Principals>>,
    pub(crate) actions: Box<ActionPatterns>,
    /// The cheapest first.
    conditions: SmallVec<[Condition; 1]>,
}

/// The resources of a statement.
#[derive(Clone, Debug)]
enum ResourcePatterns {
    /// There is no such element.
    Absent,
    /// The element makes no sense.
    Unreadable,
    /// Every resource.
    Any,
    /// The one of this name.
    Exactly(Near),
    /// Those whose names begin like this.
    Beginning(Near),
    /// Those that match.
    One(Pattern),
    /// These.
    Several(Box<Several>),
}

/// A text beside what it belongs to, if it is not long.
type Near = SmallVec<[u8; 64]>;

/// More than one pattern, or what is not one of them.
#[derive(Clone, Debug)]
struct Several {
    patterns: Box<[Pattern]>,
    negated: bool,
    /// Whether a pattern makes no sense.
    unreadable: bool,
}

/// Four bytes that every resource of a statement has in one place: the last ones before its first wildcard, since
/// the first ones are much alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    offset: u8,
    bytes: [u8; 4],
}

impl Probe {
    /// The last place that there is.
    const LAST: u8 = 127;

    /// Fits everything.
    pub(crate) const NONE: Self = Self { offset: u8::MAX, bytes: [0; 4] };

    /// What every text must have that begins like this.
    fn of(bytes: &[u8]) -> Self {
        let start = bytes.len().saturating_sub(4).min(usize::from(Self::LAST));
        match (u8::try_from(start), bytes.get(start..).and_then(<[u8]>::first_chunk)) {
            (Ok(offset), Some(bytes)) => Self { offset, bytes: *bytes },
            _ => Self::NONE,
        }
    }

    /// As 40 bits.
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(u32::from_le_bytes(self.bytes)) << 8 | u64::from(self.offset)
    }

    /// The probe of the lowest 40 bits.
    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Self {
        Self { offset: bits as u8, bytes: ((bits >> 8) as u32).to_le_bytes() }
    }

    /// Whether a text has the bytes. Without branches: nobody could foretell them.
    #[inline]
    pub(crate) fn fits(self, Probed(text): &Probed) -> bool {
        let place = usize::from(self.offset & Self::LAST);
        let found = text.get(place..).and_then(<[u8]>::first_chunk);
        (found == Some(&self.bytes)) | (self.offset == u8::MAX)
    }
}

/// The beginning of a text, with zeros behind it: every probe has its place there.
#[derive(Clone, Debug)]
pub(crate) struct Probed([u8; Probe::LAST as usize + 4]);

impl Probed {
    #[inline]
    pub(crate) fn of(text: &str) -> Self {
        let mut beginning = [0; _];
        let length = text.len().min(beginning.len());
        if let (Some(place), Some(bytes)) =
            (beginning.get_mut(..length), text.as_bytes().get(..length))
        {
            place.copy_from_slice(bytes);
        }
        Self(beginning)
    }
}

impl Rule {
    pub(crate) fn of(statement: &Statement, version: Version) -> Self {
        let known = statement.conditions.iter().map(|condition| Condition::of(condition, version));
        let mut conditions: SmallVec<[Condition; 1]> = known.flatten().collect();
        let unreadable = conditions.len() < statement.conditions.len();
        conditions.sort_by_key(Condition::cost);
        Self {
            effect: statement.effect,
            actions: Box::new(ActionPatterns::of(statement.actions.as_ref())),
            principals: statement.principals.clone().map(Box::new),
            resources: ResourcePatterns::of(statement.resources.as_ref(), version),
            conditions,
            unreadable,
        }
    }

    /// Whether the statement can apply at all, to some request. `names_principals` is whether its kind of policy
    /// does that, `of_role` whether it is about the role that it belongs to.
    pub(crate) fn may_apply(&self, names_principals: bool, of_role: bool) -> bool {
        let unreadable = self.unreadable
            || self.actions.unreadable
            || self.principals.is_some() != names_principals
            || match self.resources {
                ResourcePatterns::Absent => !of_role,
                ResourcePatterns::Unreadable => true,
                _ => false,
            };
        self.effect == StatementEffect::Deny || !unreadable
    }

    /// What shows of most resources that the statement is not about them.
    pub(crate) fn probe(&self) -> Probe {
        match &self.resources {
            ResourcePatterns::Exactly(text) | ResourcePatterns::Beginning(text) => Probe::of(text),
            ResourcePatterns::One(Pattern::Plain(glob)) => Probe::of(glob.beginning().as_bytes()),
            _ => Probe::NONE,
        }
    }

    /// Whether resource and conditions hold in every request.
    pub(crate) fn always_holds(&self) -> bool {
        use ResourcePatterns::{Absent, Any, Unreadable};
        matches!(self.resources, Absent | Unreadable | Any) && self.conditions.is_empty()
    }

    /// Whether the statement, in a policy that names no principals, allows everything.
    pub(crate) fn allows_everything(&self) -> bool {
        let every = |it: &WildAction| it.glob == Some(Glob::Any);
        self.effect == StatementEffect::Allow
            && self.may_apply(false, false)
            && self.always_holds()
            && !self.actions.negated
            && self.actions.wild.iter().any(every)
    }

    /// How much work the statement is, roughly.
    pub(crate) fn cost(&self) -> usize {
        let resources = match &self.resources {
            ResourcePatterns::Absent | ResourcePatterns::Unreadable | ResourcePatterns::Any => 0,
            ResourcePatterns::Several(several) => several.patterns.len(),
            _ => 1,
        };
        resources + self.conditions.iter().map(Condition::cost).sum::<usize>()
    }

    /// Asks memory for the statement, all of it at once.
    #[inline]
    pub(crate) fn ask_for(&self) {
        let bytes = std::slice::from_ref(&self.effect);
        [0, LINE, 2 * LINE, 3 * LINE].into_iter().for_each(|byte| prefetch_index(bytes, byte));
    }

    /// Whether resource and conditions hold.
    #[inline]
    pub(crate) fn holds(&self, resource: &str, context: &Context, readings: &Readings) -> bool {
        self.resources.cover(resource, context, self.effect)
            && self
                .conditions
                .iter()
                .all(|condition| accepts(self.effect, condition.holds(context, readings)))
    }
}

/// What cannot be understood must not weaken a Deny, nor widen an Allow.
fn accepts(effect: StatementEffect, truth: Truth) -> bool {
    match effect {
        StatementEffect::Allow => truth == Truth::Yes,
        StatementEffect::Deny => truth != Truth::No,
    }
}

impl ResourcePatterns {
    fn of(resources: Option<&Resources>, version: Version) -> Self {
        let Some(resources) = resources else { return Self::Absent };
        let negated = resources.negated;
        let texts: Vec<&str> = resources.patterns.iter().map(|it| it.value.as_str()).collect();
        if texts.is_empty() {
            return Self::Unreadable;
        }
        if !negated && texts.contains(&"*") {
            return Self::Any;
        }
        let mut patterns = Vec::with_capacity(texts.len());
        let mut unreadable = false;
        for text in texts {
            match Pattern::of(text, version, Wildcards::Yes) {
                Some(pattern) => patterns.push(pattern),
                None => unreadable = true,
            }
            // In a short ARN the missing fields count as `*`, too.
            let fields = variable::fields(text, version).len();
            if (2..6).contains(&fields) {
                let padded = [text, &":*".repeat(6 - fields)].concat();
                patterns.extend(Pattern::of(&padded, version, Wildcards::Yes));
            }
        }
        if patterns.len() == 1 && !negated && !unreadable {
            match patterns.pop() {
                None => Self::Unreadable,
                Some(Pattern::Plain(Glob::Exact(text))) => Self::Exactly(text.as_bytes().into()),
                Some(Pattern::Plain(Glob::Prefix(text))) => Self::Beginning(text.as_bytes().into()),
                Some(pattern) => Self::One(pattern),
            }
        } else {
            Self::Several(Box::new(Several { patterns: patterns.into(), negated, unreadable }))
        }
    }

    #[inline]
    fn cover(&self, resource: &str, context: &Context, effect: StatementEffect) -> bool {
        let named = match self {
            Self::Absent | Self::Unreadable | Self::Any => return true,
            Self::Exactly(text) => (**text == *resource.as_bytes()).into(),
            Self::Beginning(text) => resource.as_bytes().starts_with(text).into(),
            Self::One(pattern) => pattern.matches(resource, context),
            Self::Several(several) => several.name(resource, context),
        };
        accepts(effect, named)
    }
}

impl Several {
    fn name(&self, resource: &str, context: &Context) -> Truth {
        let named = Truth::any(self.patterns.iter().map(|it| it.matches(resource, context)));
        let named = if named == Truth::No && self.unreadable { Truth::Unreadable } else { named };
        if self.negated { named.not() } else { named }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_the_lines_that_memory_is_asked_for() {
        assert_eq!(size_of::<Rule>(), 4 * LINE);
    }

    #[test]
    fn probes_say_no_of_what_does_not_match_alone() {
        let long = "a".repeat(300);
        for (beginning, text, fits) in [
            ("arn:aws:s3:::b", "arn:aws:s3:::b/k", true),
            ("arn:aws:s3:::b", "arn:aws:s3:::c/k", false),
            ("arn:aws:s3:::b", "arn", false),
            ("abc", "x", true),
            ("", "", true),
            ("abcd", "abcd", true),
            (&long, &long, true),
            (&long, "a", false),
            ("é€", "é€", true),
            ("é€", "é£x", false),
        ] {
            assert_eq!(
                Probe::of(beginning.as_bytes()).fits(&Probed::of(text)),
                fits,
                "{beginning} {text}"
            );
        }
    }
}
