//! `cargo xtask coverage`: writes `docs/coverage.md`, which operations of AWS's APIs there are.
//!
//! An operation is missing when `crates/service/unimplemented/SERVICE.txt` lists it, refuses by rule when
//! `crates/service/refusing/SERVICE.txt` does (lines of `OPERATION: RULE`), and is done otherwise. That
//! the lists are true is tested in `iamd-service`, against the tables of operations.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, bail, ensure};

use crate::codegen::SERVICES;
use crate::model::Model;

/// Writes the page, or with `check` only says whether it is stale.
pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let path = root.join("docs/coverage.md");
    let text = page(root)?;
    if !check {
        return Ok(std::fs::write(path, text)?);
    }
    let present = std::fs::read_to_string(path).unwrap_or_default();
    ensure!(present == text, "docs/coverage.md is stale, run `cargo xtask coverage`");
    Ok(())
}

fn page(root: &Path) -> anyhow::Result<String> {
    let mut summary = String::new();
    let mut lists = String::new();
    for service in SERVICES {
        let model = Model::read(root, service.name)?;
        let missing = listed(root, "unimplemented", service.name, &model)?;
        let refusing = listed(root, "refusing", service.name, &model)?;
        let name = service.name.to_uppercase();
        let elsewhere = service.xml.map_or(&[][..], |xml| xml.elsewhere);
        let counted = |operation: &&String| !elsewhere.contains(&operation.as_str());
        let all = model.operations.keys().filter(counted).count();
        let (not_yet, by_rule) = (missing.len(), refusing.len());
        let done = all.saturating_sub(not_yet + by_rule);
        writeln!(summary, "| {name} | {done} | {by_rule} | {not_yet} | {all} |")?;
        write!(lists, "\n## {name}\n\n| Operation | |\n| --- | --- |\n")?;
        for operation in model.operations.keys().filter(counted) {
            let state = match (missing.contains_key(operation), refusing.get(operation)) {
                (true, None) => "missing".to_owned(),
                (false, Some(rule)) => format!("refuses by rule: {rule}"),
                (false, None) => "done".to_owned(),
                (true, Some(_)) => bail!("{operation} both refuses and is missing"),
            };
            writeln!(lists, "| {operation} | {state} |")?;
        }
    }
    Ok(format!(
        "# Coverage of AWS's APIs\n\n\
         Written by `cargo xtask coverage`. An operation that refuses by rule checks its input and the caller's\n\
         permission, and then answers with AWS's error for that rule. A missing one answers `NotImplemented`.\n\n\
         Of S3's operations those of general-purpose buckets are counted.\n\n\
         | Service | Done | Refuses by rule | Missing | Operations |\n\
         | --- | --- | --- | --- | --- |\n{summary}{lists}"
    ))
}

/// The operations of a list, with what the list says after the colon.
fn listed(
    root: &Path,
    list: &str,
    service: &str,
    model: &Model,
) -> anyhow::Result<BTreeMap<String, String>> {
    let path = root.join(format!("crates/service/{list}/{service}.txt"));
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let split = |line| str::split_once(line, ": ").unwrap_or((line, ""));
    let entries = text.lines().map(split).map(|(name, rule)| (name.to_owned(), rule.to_owned()));
    let entries: BTreeMap<String, String> = entries.collect();
    let names = text.lines().map(|line| split(line).0);
    ensure!(entries.keys().eq(names), "{}: not sorted, or a name twice", path.display());
    let unknown = entries.keys().find(|name| !model.operations.contains_key(*name));
    ensure!(unknown.is_none(), "{}: the model has no {unknown:?}", path.display());
    Ok(entries)
}
