//! Friendly names and paths: the parts of an entity's ARN after its type.

/// Compares two names as IAM does: by bytes, without regard to ASCII case (IAM User Guide, "IAM
/// identifiers").
pub fn compare(left: &[u8], right: &[u8]) -> std::cmp::Ordering {
    fn folded(name: &[u8], from: usize) -> impl Iterator<Item = u8> {
        name.iter().skip(from).map(u8::to_ascii_lowercase)
    }
    // Names beside each other begin alike: that much is passed over eight bytes at a time.
    let words = left.as_chunks::<8>().0.iter().zip(right.as_chunks::<8>().0);
    let alike = 8 * words.take_while(|(left, right)| left == right).count();
    folded(left, alike).cmp(folded(right, alike))
}

/// The path of an entity that was created without one.
pub const ROOT_PATH: &str = "/";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_compare_without_case() {
        use std::cmp::Ordering::*;
        for (left, right, ordering) in [
            ("Alice", "aLICE", Equal),
            ("alice", "Bob", Less),
            ("bo", "Bob", Less),
            ("bob_", "Bob", Greater),
            ("developer", "developer", Equal),
            ("developer-a", "developer-B", Less),
            ("developer-b", "DEVELOPER-A", Greater),
            ("develope", "developer", Less),
            ("developers-and-operators", "developers-and-Operations", Greater),
        ] {
            assert_eq!(compare(left.as_bytes(), right.as_bytes()), ordering, "{left} {right}");
            assert_eq!(compare(right.as_bytes(), left.as_bytes()), ordering.reverse());
        }
    }

    proptest! {
        #[test]
        fn names_compare_as_their_small_letters_do(left in "[a-cA-C]{0,20}", tail in "[a-cA-C_]{0,9}", cut in 0..20_usize) {
            // Much alike, as names beside each other are.
            let right = [left.get(..cut).unwrap_or(&left), &tail].concat();
            let small = |name: &str| name.to_ascii_lowercase();
            prop_assert_eq!(compare(left.as_bytes(), right.as_bytes()), small(&left).cmp(&small(&right)));
        }
    }
}
