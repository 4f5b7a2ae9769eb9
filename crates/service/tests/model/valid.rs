//! The smallest valid values of shapes.

use iamd_api::{Kind, Shape};

use crate::Pairs;

/// A text of this many characters that a pattern takes, if one of the usual ones is.
pub(crate) fn text(shape: &Shape, length: i64) -> Option<String> {
    let Kind::Text { pattern, values, .. } = &shape.kind else { return None };
    if let Some(value) = values.first() {
        return Some((*value).to_owned());
    }
    let count = usize::try_from(length).unwrap();
    let fillers = ["a", "0", "A", "/"].map(|letter| letter.repeat(count));
    let framed = [("arn:aws:iam::111122223333:", ""), ("/", "/")].map(|(before, after)| {
        let inside = count.saturating_sub(before.len() + after.len()).max(1);
        format!("{before}{}{after}", "a".repeat(inside))
    });
    let usual = ["/", "v1", "o-aaaaaaaaaa/r-aaaa"].map(str::to_owned);
    let takes = |text: &String| pattern.is_none_or(|pattern| pattern.matches(text));
    fillers.into_iter().chain(framed).chain(usual).find(takes)
}

/// The required members of a structure, with this in front of their names.
pub(crate) fn structure(prefix: &str, shape: &Shape) -> Pairs {
    let required = shape.members().iter().filter(|member| member.required);
    required.flat_map(|it| value(&format!("{prefix}{}", it.name), it.shape)).collect()
}

/// The smallest value of a shape under this name.
pub(crate) fn value(name: &str, shape: &Shape) -> Pairs {
    let text = match &shape.kind {
        Kind::Structure(members) => {
            let required = structure(&format!("{name}."), shape);
            // Without any member there would be no structure.
            let first = members.first().filter(|_| required.is_empty());
            let first = first.map(|it| value(&format!("{name}.{}", it.name), it.shape));
            return first.unwrap_or(required);
        }
        Kind::List { member, .. } => return value(&format!("{name}.member.1"), member),
        Kind::Map { value: of, .. } => {
            let mut pairs = value(&format!("{name}.entry.1.value"), of);
            pairs.push((format!("{name}.entry.1.key"), "key".to_owned()));
            return pairs;
        }
        Kind::Text { length, .. } => {
            let least = length.min.unwrap_or(1).max(1);
            text(shape, least).unwrap_or("a".to_owned())
        }
        Kind::Integer { range } | Kind::Long { range } => range.min.unwrap_or(1).to_string(),
        Kind::Boolean => "true".to_owned(),
        Kind::Timestamp => "2026-02-12T09:30:00Z".to_owned(),
        Kind::Blob => "AAAA".to_owned(),
    };
    vec![(name.to_owned(), text)]
}
