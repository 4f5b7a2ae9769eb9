//! AWS's own managed policies give no ERROR, but for those in a checked-in list.
#![cfg(feature = "vocabulary")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use flate2::read::DeflateDecoder;
use iamd_policy::{FindingType, PolicyType, validate};

/// Name and document of each, from the catalogue of the crate `iamd-directory`.
fn policies() -> Vec<(String, String)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../directory/data");
    let index = std::fs::read_to_string(data.join("aws-policies.tsv")).unwrap();
    let blocks = std::fs::read(data.join("aws-policies.deflate")).unwrap();
    let line = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let number = |at: usize| columns[at].parse::<usize>().unwrap();
        let packed = &blocks[number(6)..number(6) + number(7)];
        let mut block = String::new();
        DeflateDecoder::new(packed).read_to_string(&mut block).unwrap();
        (columns[0].to_owned(), block[number(8)..number(8) + number(9)].to_owned())
    };
    index.lines().filter(|line| !line.starts_with('#')).map(line).collect()
}

#[test]
fn only_listed_ones_give_errors() {
    let mut found = BTreeSet::new();
    let all = policies();
    assert_eq!(all.len(), 1_582);
    for (name, text) in &all {
        for finding in validate(text, PolicyType::Identity, None) {
            if finding.code.finding_type() == FindingType::Error {
                found.insert(format!("{name}\t{}\t{}", finding.code, finding.message));
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/managed-policy-errors.tsv");
    let text = found.iter().map(|line| format!("{line}\n")).collect::<String>();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let head = std::fs::read_to_string(&path).unwrap_or_default();
        let head: String = head
            .lines()
            .filter(|line| line.starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect();
        std::fs::write(&path, head + &text).unwrap();
        return;
    }
    let listed = std::fs::read_to_string(&path).unwrap();
    let listed: String = listed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(text, listed, "run with UPDATE_EXPECT=1 and look at the difference");
}
