//! Every vector in `testdata/`: AWS's published suite, requests signed by botocore, and hostile
//! ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

#[path = "../examples/vectors/check.rs"]
mod check;

#[test]
fn every_vector_holds() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata");
    let mut checked = 0;
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(directory).expect("testdata is there") {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for line in text.lines() {
            checked += 1;
            failures.extend(check::line(line).err());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(checked > 100, "only {checked} vectors found");
}
