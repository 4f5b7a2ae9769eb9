//! Packs the catalogue of AWS managed policies for `iamd-directory`.
//!
//! The input is the facts' `managed-policies.json`. The output is an index in plain text, small and
//! quick to read at start, and the documents in compressed blocks that are opened on first use.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::Deserialize;

/// Documents are packed together until a block holds this much text.
const BLOCK: usize = 48 * 1024;

#[derive(Deserialize)]
struct Facts {
    policies: BTreeMap<String, Policy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    path: String,
    id: Option<String>,
    default_version_id: String,
    create_date: String,
    update_date: String,
    document: serde_json::Value,
}

/// Reads `facts` and writes `aws-policies.tsv` and `aws-policies.deflate` into the crate's data.
pub(crate) fn run(root: &Path, facts: &Path) -> Result<()> {
    let text = std::fs::read(facts).with_context(|| format!("reading {}", facts.display()))?;
    let facts: Facts = serde_json::from_slice(&text)?;
    let mut policies: Vec<_> = facts.policies.into_iter().collect();
    policies.sort_by(|(a_name, a), (b_name, b)| {
        (&a.create_date, a_name).cmp(&(&b.create_date, b_name))
    });

    let mut index = String::from(
        "# name\tpath\tid\tdefault version\tcreated\tupdated\tblock offset\tblock length\toffset\tlength\n",
    );
    let mut blocks = Vec::new();
    for block in blocks_of(&policies)? {
        let compressed = compress(&block.text)?;
        let (offset, length) = (blocks.len(), compressed.len());
        blocks.extend(compressed);
        for ((name, policy), (start, end)) in block.policies {
            writeln!(
                index,
                "{name}\t{}\t{}\t{}\t{}\t{}\t{offset}\t{length}\t{start}\t{}",
                policy.path,
                policy.id.as_deref().unwrap_or("-"),
                policy.default_version_id,
                policy.create_date.replace("+00:00", "Z"),
                policy.update_date.replace("+00:00", "Z"),
                end - start,
            )?;
        }
    }
    let data = root.join("crates/directory/data");
    std::fs::create_dir_all(&data)?;
    std::fs::write(data.join("aws-policies.tsv"), index)?;
    std::fs::write(data.join("aws-policies.deflate"), blocks)?;
    Ok(())
}

type Placed<'a> = (&'a (String, Policy), (usize, usize));

struct Block<'a> {
    text: String,
    policies: Vec<Placed<'a>>,
}

fn blocks_of(policies: &[(String, Policy)]) -> Result<Vec<Block<'_>>> {
    let mut blocks = vec![];
    let mut block = Block { text: String::new(), policies: vec![] };
    for entry in policies {
        let start = block.text.len();
        block.text.push_str(&document_text(&entry.1.document)?);
        block.policies.push((entry, (start, block.text.len())));
        if block.text.len() >= BLOCK {
            blocks.push(std::mem::replace(
                &mut block,
                Block { text: String::new(), policies: vec![] },
            ));
        }
    }
    blocks.push(block);
    Ok(blocks)
}

/// The document with Version in front, as AWS writes them, and no white space.
fn document_text(document: &serde_json::Value) -> Result<String> {
    let members = document.as_object().context("a policy document is an object")?;
    let first = members.iter().filter(|(name, _)| *name == "Version");
    let rest = members.iter().filter(|(name, _)| *name != "Version");
    let members: Vec<String> = first
        .chain(rest)
        .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str())))
        .collect();
    Ok(format!("{{{}}}", members.join(",")))
}

fn compress(text: &str) -> Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?)
}
