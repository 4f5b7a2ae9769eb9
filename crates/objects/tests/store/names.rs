//! Keys that fit no file system, and keys that others would take for one another.

use iamd_objects::*;

use crate::fixture::*;

/// In their byte order.
fn hostile() -> Vec<String> {
    let mut names: Vec<String> = [
        "\0",
        " ",
        ".",
        "..",
        "../",
        "../../etc/passwd",
        "./a",
        "/",
        "//",
        "///",
        "/etc/passwd",
        "A",
        "a",
        "a\0b",
        "a ",
        "a.",
        "a/",
        "a//b",
        "a/../b",
        "a/./b",
        "a/b",
        "a\\b",
        "aux",
        "CON",
        "C:\\x",
        "%2e%2e",
        "é",
        "e\u{301}",
        "ﬁ",
        "fi",
        "İ",
        "i",
        "😀",
        "\u{feff}",
        "\u{10ffff}",
        "bucket",
        "tmp",
        "objects",
        "null",
        ".null",
        "a\nb",
        "\r",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("x".repeat(1024));
    names.push(format!("{}y", "x".repeat(1023)));
    names.push("/".repeat(1024));
    names.push("😀".repeat(256));
    names.sort_by(|left, right| left.as_bytes().cmp(right.as_bytes()));
    names
}

#[tokio::test]
async fn every_key_is_an_object_of_its_own() {
    let fixture = Fixture::new().await;
    let names = hostile();
    for name in &names {
        put(&fixture.bucket, name, name.as_bytes()).await;
    }
    let fixture = fixture.reopen();
    assert_eq!(keys(&fixture.bucket), names);
    for name in &names {
        assert_eq!(read(&fixture.bucket, name).await.unwrap(), name.as_bytes(), "{name:?}");
    }
    // Nothing is outside the bucket, and nothing has a name from outside.
    for file in fixture.files() {
        let inside = file.strip_prefix(fixture.root().join("buckets").join("bucket")).unwrap();
        let text = inside.to_str().unwrap();
        assert!(text.starts_with("objects/"), "{text}");
        assert!(text.len() <= 80 && text.is_ascii(), "{text}");
    }
    assert_eq!(std::fs::read_dir(fixture.dir.path()).unwrap().count(), 1);
    for name in &names {
        delete(&fixture.bucket, name, Versioning::Off).await;
    }
    assert!(keys(&fixture.bucket).is_empty() && fixture.files().is_empty());
}

#[test]
fn keys_that_are_none() {
    assert!(matches!(Key::new(""), Err(Error::EmptyKey)));
    assert!(matches!(Key::new(&"x".repeat(1025)), Err(Error::KeyTooLong { size: 1025 })));
    assert!(matches!(Key::new(&"é".repeat(513)), Err(Error::KeyTooLong { size: 1026 })));
}
