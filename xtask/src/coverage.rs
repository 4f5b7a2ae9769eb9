//! `cargo xtask coverage`: writes `docs/coverage.md`, which operations of AWS's APIs there are.
//!
//! Done is what the model has and `crates/service/unimplemented/SERVICE.txt` does not list. That the
//! lists are true is tested in `iamd-service`, against the tables of operations.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, ensure};

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
        let missing = unimplemented(root, service.name, &model)?;
        let name = service.name.to_uppercase();
        let all = model.operations.len();
        writeln!(summary, "| {name} | {} | {all} |", all - missing.len())?;
        write!(lists, "\n## {name}\n\n| Operation | |\n| --- | --- |\n")?;
        for operation in model.operations.keys() {
            let state = if missing.contains(operation) { "not yet" } else { "done" };
            writeln!(lists, "| {operation} | {state} |")?;
        }
    }
    Ok(format!(
        "# Coverage of AWS's APIs\n\n\
         Written by `cargo xtask coverage`. An operation that is not there yet answers with an error.\n\n\
         | Service | Done | Operations |\n| --- | --- | --- |\n{summary}{lists}"
    ))
}

fn unimplemented(root: &Path, service: &str, model: &Model) -> anyhow::Result<BTreeSet<String>> {
    let path = root.join(format!("crates/service/unimplemented/{service}.txt"));
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let names: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    ensure!(names.iter().eq(text.lines()), "{}: not sorted, or a name twice", path.display());
    let unknown = names.iter().find(|name| !model.operations.contains_key(*name));
    ensure!(unknown.is_none(), "{}: the model has no {unknown:?}", path.display());
    Ok(names)
}
