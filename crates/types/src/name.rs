//! Friendly names and paths: the parts of an entity's ARN after its type.

/// Compares two names as IAM does: by bytes, without regard to ASCII case (IAM User Guide, "IAM
/// identifiers").
pub fn compare(left: &str, right: &str) -> std::cmp::Ordering {
    fn folded(name: &str) -> impl Iterator<Item = u8> {
        name.bytes().map(|byte| byte.to_ascii_lowercase())
    }
    folded(left).cmp(folded(right))
}

/// The path of an entity that was created without one.
pub const ROOT_PATH: &str = "/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case() {
        use std::cmp::Ordering::*;
        assert_eq!(compare("Alice", "aLICE"), Equal);
        assert_eq!(compare("alice", "Bob"), Less);
        assert_eq!(compare("bo", "Bob"), Less);
        assert_eq!(compare("bob_", "Bob"), Greater);
    }
}
