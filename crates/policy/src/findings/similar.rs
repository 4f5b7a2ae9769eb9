//! Names that a misspelt name may stand for.

/// Longer names are not compared: nobody misspells them by a letter.
const MAX_LENGTH: usize = 80;

/// The candidate that is nearest to a name, if it is near at all. Case does not count.
pub(super) fn nearest<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let name: Vec<char> = name.to_ascii_lowercase().chars().take(MAX_LENGTH + 1).collect();
    if name.len() > MAX_LENGTH {
        return None;
    }
    // One slip for four letters.
    let mut best = name.len().div_ceil(4).min(3) + 1;
    let mut found = None;
    for candidate in candidates {
        if candidate.len().abs_diff(name.len()) >= best {
            continue;
        }
        let letters: Vec<char> = candidate.to_ascii_lowercase().chars().collect();
        let distance = distance(&name, &letters);
        if distance < best {
            (best, found) = (distance, Some(candidate));
        }
    }
    found
}

/// ` (did you mean …?)`, or nothing.
pub(super) fn hint<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    nearest(name, candidates).map(|it| format!("; did you mean `{it}`?")).unwrap_or_default()
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut left_a = None;
    for (i, &in_a) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(last.len());
        row.push(i + 1);
        let (mut left, mut left_b) = (i + 1, None);
        for (j, (&in_b, window)) in b.iter().zip(last.windows(2)).enumerate() {
            let [diagonal, above] = window else { break };
            let mut cost = (diagonal + usize::from(in_a != in_b)).min(above + 1).min(left + 1);
            let swapped = left_a == Some(in_b) && left_b == Some(in_a);
            if let Some(&two_back) = before.get(j.wrapping_sub(1)).filter(|_| swapped) {
                cost = cost.min(two_back + 1);
            }
            row.push(cost);
            (left, left_b) = (cost, Some(in_b));
        }
        before = std::mem::replace(&mut last, row);
        left_a = Some(in_a);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        let distance = |a: &str, b: &str| {
            distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
        };
        for (a, b, wanted) in [
            ("", "", 0),
            ("a", "", 1),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "abd", 1),
            ("abc", "xabc", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), wanted, "{a} {b}");
            assert_eq!(distance(b, a), wanted, "{b} {a}");
        }
    }

    #[test]
    fn only_near_names_are_offered() {
        let names = ["GetObject", "PutObject", "DeleteObject"];
        assert_eq!(nearest("getobjekt", names), Some("GetObject"));
        assert_eq!(nearest("GteObject", names), Some("GetObject"));
        assert_eq!(nearest("Frobnicate", names), None);
        assert_eq!(nearest(&"x".repeat(1_000), names), None);
    }
}
