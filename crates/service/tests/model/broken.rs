//! Requests that break one constraint, and AWS's words for it.

use iamd_api::{Kind, Service, Shape};

use crate::{Pairs, valid};

/// A broken value.
pub(crate) struct Case {
    pub(crate) pairs: Pairs,
    pub(crate) message: String,
}

/// Longer texts are not tried.
const LONGEST: i64 = 20_480;

/// All requests that break one constraint of this input.
pub(crate) fn request(service: &Service, input: &Shape) -> Vec<Case> {
    Breaker { echoes: service.echoes_values }.structure("", "", input)
}

struct Breaker {
    /// Whether messages repeat the value.
    echoes: bool,
}

fn lower_first(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_lowercase() + rest
}

impl Breaker {
    fn message(&self, value: Option<&str>, path: &str, rules: &[String]) -> String {
        let value = match value.filter(|_| self.echoes) {
            Some(value) => format!("Value {value}"),
            None => "Value".to_owned(),
        };
        let parts = rules
            .iter()
            .map(|rule| format!("{value} at '{path}' failed to satisfy constraint: Member {rule}"));
        let errors = if rules.len() == 1 { "error" } else { "errors" };
        let parts = parts.collect::<Vec<_>>().join("; ");
        format!("{} validation {errors} detected: {parts}", rules.len())
    }

    /// `name` and `path` end with a point, or are empty.
    fn structure(&self, name: &str, path: &str, shape: &Shape) -> Vec<Case> {
        let mut cases = vec![];
        for member in shape.members() {
            let inner = format!("{name}{}", member.name);
            let mut others = valid::structure(name, shape);
            let point = format!("{inner}.");
            others.retain(|(given, _)| *given != inner && !given.starts_with(&point));
            let inner_path = format!("{path}{}", lower_first(member.name));
            if member.required && (name.is_empty() || !others.is_empty()) {
                let rule = "must not be null".to_owned();
                let message = self.message(Some("null"), &inner_path, &[rule]);
                cases.push(Case { pairs: others.clone(), message });
            }
            for mut case in self.value(&inner, &inner_path, member.shape) {
                case.pairs.extend(others.clone());
                cases.push(case);
            }
        }
        cases
    }

    fn value(&self, name: &str, path: &str, shape: &Shape) -> Vec<Case> {
        match &shape.kind {
            Kind::Structure(_) => self.structure(&format!("{name}."), &format!("{path}."), shape),
            Kind::List { member, length } => {
                let mut cases = self.elements(name, path, member);
                if let Some(max) = length.max.filter(|max| *max <= 100) {
                    let rule = format!("must have length less than or equal to {max}");
                    let all = (1..=max + 1)
                        .flat_map(|at| valid::value(&format!("{name}.member.{at}"), member));
                    let message = self.message(None, path, &[rule]);
                    cases.push(Case { pairs: all.collect(), message });
                }
                if let Some(min) = length.min.filter(|min| *min == 1) {
                    let rule = format!("must have length greater than or equal to {min}");
                    let message = self.message(None, path, &[rule]);
                    cases.push(Case { pairs: vec![(name.to_owned(), String::new())], message });
                }
                cases
            }
            _ => self.scalar(name, path, shape),
        }
    }

    fn elements(&self, name: &str, path: &str, member: &Shape) -> Vec<Case> {
        let first = format!("{name}.member.1");
        if matches!(member.kind, Kind::Structure(_)) {
            return self.value(&first, &format!("{path}.1.member"), member);
        }
        let case = |value: String| {
            let rule = format!("must satisfy constraint: [{}]", self.every_rule(member).join(", "));
            let shown = format!("'[{value}]'");
            let shown = (!member.sensitive).then_some(shown.as_str());
            let message = self.message(shown, path, &[rule]);
            Case { pairs: vec![(first.clone(), value)], message }
        };
        let broken = values(member).into_iter();
        broken.filter(|value| !self.rules(value, member).is_empty()).map(case).collect()
    }

    fn scalar(&self, name: &str, path: &str, shape: &Shape) -> Vec<Case> {
        let case = |value: String| {
            let rules = self.rules(&value, shape);
            let shown = format!("'{value}'");
            let mut message = self.message((!shape.sensitive).then_some(&shown), path, &rules);
            if let Kind::Text { pattern: Some(pattern), .. } = &shape.kind
                && let Some(sentence) = pattern.sentence
                && !pattern.matches(&value)
                && rules.is_empty()
            {
                message = format!("The specified value for {path} is invalid. {sentence}");
            } else if rules.is_empty() {
                return None;
            }
            Some(Case { pairs: vec![(name.to_owned(), value)], message })
        };
        values(shape).into_iter().filter_map(case).collect()
    }

    /// The rules that a value breaks, but for patterns that have a sentence of their own.
    fn rules(&self, value: &str, shape: &Shape) -> Vec<String> {
        let mut rules = vec![];
        let (bounds, size, what) = match &shape.kind {
            Kind::Text { length, pattern, values } => {
                if !values.is_empty() && !values.contains(&value) {
                    rules.push(self.one_of(values));
                }
                let pattern = pattern.filter(|it| it.sentence.is_none() && !it.matches(value));
                rules.extend(
                    pattern
                        .map(|it| format!("must satisfy regular expression pattern: {}", it.text)),
                );
                (length, i64::try_from(value.chars().count()).unwrap(), "length")
            }
            Kind::Integer { range } => (range, value.parse().unwrap(), "value"),
            _ => return rules,
        };
        if let Some(min) = bounds.min.filter(|min| size < *min) {
            rules.push(format!("must have {what} greater than or equal to {min}"));
        }
        if let Some(max) = bounds.max.filter(|max| size > *max) {
            rules.push(format!("must have {what} less than or equal to {max}"));
        }
        rules
    }

    fn one_of(&self, values: &[&str]) -> String {
        let listed = if self.echoes { format!(": [{}]", values.join(", ")) } else { String::new() };
        format!("must satisfy enum value set{listed}")
    }

    /// All rules of a list's elements, in the order in which AWS tells them.
    fn every_rule(&self, shape: &Shape) -> Vec<String> {
        let mut rules = vec![];
        if let Kind::Text { length, pattern, values } = &shape.kind {
            let bounds = [(length.max, "less"), (length.min, "greater")];
            for (bound, end) in bounds {
                rules.extend(
                    bound.map(|it| format!("Member must have length {end} than or equal to {it}")),
                );
            }
            rules.extend(
                pattern.map(|it| {
                    format!("Member must satisfy regular expression pattern: {}", it.text)
                }),
            );
            rules.extend((!values.is_empty()).then(|| format!("Member {}", self.one_of(values))));
        }
        rules.push("Member must not be null".to_owned());
        rules
    }
}

/// Values that a scalar's model may refuse.
fn values(shape: &Shape) -> Vec<String> {
    match &shape.kind {
        Kind::Text { values, .. } if !values.is_empty() => vec!["no such value".to_owned()],
        Kind::Text { length, .. } => {
            let around = [length.min.map(|min| min - 1), length.max.map(|max| max + 1)];
            let around = around.into_iter().flatten().filter(|it| (0..=LONGEST).contains(it));
            let texts = around.filter_map(|length| valid::text(shape, length));
            texts.chain(["\u{7f}€".to_owned()]).collect()
        }
        Kind::Integer { range } => {
            let around = [range.min.map(|min| min - 1), range.max.map(|max| max + 1)];
            let in_range = |it: &i64| i32::try_from(*it).is_ok();
            around.into_iter().flatten().filter(in_range).map(|it| it.to_string()).collect()
        }
        _ => vec![],
    }
}
