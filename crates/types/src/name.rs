//! Friendly names and paths: the parts of an entity's ARN after its type.

/// The form under which names are compared: IAM's names are unique without regard to ASCII case
/// (IAM User Guide, "IAM identifiers").
pub fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Compares two names as IAM does: by bytes, without regard to ASCII case.
pub fn compare(left: &str, right: &str) -> std::cmp::Ordering {
    fn folded(name: &str) -> impl Iterator<Item = u8> {
        name.bytes().map(|byte| byte.to_ascii_lowercase())
    }
    folded(left).cmp(folded(right))
}

/// The path of an entity that was created without one.
pub const ROOT_PATH: &str = "/";

/// Whether the path is `/`, or begins and ends with `/` and holds only `!` to `~` between
/// (model: `pathType`).
pub fn is_path(path: &str) -> bool {
    let bytes = path.as_bytes();
    match bytes {
        [b'/'] => true,
        [b'/', inner @ .., b'/'] => {
            !inner.is_empty() && inner.iter().all(|byte| (0x21..=0x7e).contains(byte))
        }
        _ => false,
    }
}

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

    #[test]
    fn paths() {
        for good in ["/", "/a/", "/a//b/", "/division_abc/x=1/"] {
            assert!(is_path(good), "{good}");
        }
        for bad in ["", "a", "//", "/a", "a/", "/a b/", "/ü/"] {
            assert!(!is_path(bad), "{bad}");
        }
    }
}
