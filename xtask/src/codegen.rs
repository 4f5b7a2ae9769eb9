//! `cargo xtask codegen`: writes the generated modules of `iamd-api` from `models/*.json`.

mod structs;
mod tables;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::model::{Model, Shape};

/// What the models do not say about a service.
pub(crate) struct Service {
    /// The file under `models/` and the module of `iamd-api`.
    pub(crate) name: &'static str,
    /// IAM's validation messages leave the refused value out since 2026; STS's repeat it.
    echoes_values: bool,
    /// Recorded: `Aug 1, 2024 1:33:28 PM` in IAM's records, `Nov 30, 2024, 8:43:17 PM` in STS's.
    audit_date_format: &'static str,
    /// Shapes that hold secrets though the model does not mark them.
    secrets: &'static [&'static str],
    /// Patterns whose violation is answered with a sentence of its own.
    sentences: &'static [(&'static str, &'static str)],
}

const PATH_SENTENCE: &str = "It must begin and end with / and contain only alphanumeric characters \
                             and/or / characters.";

/// The services whose models are generated.
pub(crate) const SERVICES: &[Service] = &[
    Service {
        name: "iam",
        echoes_values: false,
        audit_date_format: "%b %-d, %Y %-I:%M:%S %p",
        // One-time codes of an MFA device.
        secrets: &["authenticationCodeType"],
        // Recorded for paths, quoted in public reports for names.
        sentences: &[
            (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", PATH_SENTENCE),
            (r"((/[A-Za-z0-9\.,\+@=_-]+)*)/", PATH_SENTENCE),
            (
                r"[\w+=,.@-]+",
                "It must contain only alphanumeric characters and/or the following: +=,.@_-",
            ),
        ],
    },
    Service {
        name: "sts",
        echoes_values: true,
        audit_date_format: "%b %-d, %Y, %-I:%M:%S %p",
        // Session tokens are bearer secrets as far as we are concerned (AWS's records keep them);
        // the other is the one-time code of an MFA device.
        secrets: &["tokenType", "tokenCodeType"],
        sentences: &[],
    },
    Service {
        name: "accessanalyzer",
        echoes_values: true,
        audit_date_format: "%b %-d, %Y, %-I:%M:%S %p",
        secrets: &[],
        sentences: &[],
    },
];

/// A service's model and what is derived from it once.
struct Source<'a> {
    service: &'a Service,
    model: Model,
    /// Shapes reachable from an input.
    inputs: BTreeSet<String>,
    /// Shapes reachable from an output.
    outputs: BTreeSet<String>,
}

/// Writes the generated files, or with `check` only says which are stale.
pub(crate) fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for (path, text) in files(root)? {
        if std::fs::read_to_string(&path).is_ok_and(|present| present == text) {
            continue;
        }
        if !check {
            std::fs::create_dir_all(path.parent().unwrap_or(root))?;
            std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        }
        stale.push(path.display().to_string());
    }
    ensure!(!check || stale.is_empty(), "stale, run `cargo xtask codegen`: {}", stale.join(", "));
    Ok(())
}

/// The generated files with their contents.
fn files(root: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let api = root.join("crates/api/src");
    let mut files = Vec::new();
    for service in SERVICES {
        let source = Source::read(root, service)?;
        let name = service.name;
        files.push((api.join(format!("{name}.rs")), format(root, &structs::module(&source)?)?));
        for (file, text) in
            [("shapes", tables::shapes(&source)?), ("operations", tables::operations(&source)?)]
        {
            files.push((api.join(name).join(format!("{file}.rs")), format(root, &text)?));
        }
    }
    Ok(files)
}

fn format(root: &Path, text: &str) -> anyhow::Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("rustfmt")?;
    rustfmt.stdin.take().context("rustfmt's input")?.write_all(text.as_bytes())?;
    let output = rustfmt.wait_with_output()?;
    ensure!(output.status.success(), "rustfmt refused the generated text");
    Ok(String::from_utf8(output.stdout)?)
}

impl<'a> Source<'a> {
    fn read(root: &Path, service: &'a Service) -> anyhow::Result<Self> {
        let model = Model::read(root, service.name)?;
        let protocol = model.metadata.protocol.as_str();
        ensure!(model.service == service.name && ["query", "rest-json"].contains(&protocol));
        let operations = model.operations.values();
        let inputs = operations.clone().filter_map(|operation| operation.input.as_ref());
        let inputs = reachable(&model, inputs.map(|input| input.shape.as_str()))?;
        let outputs = operations.filter_map(|operation| operation.output.as_ref());
        let outputs = reachable(&model, outputs.map(|output| output.shape.as_str()))?;
        Ok(Self { service, model, inputs, outputs })
    }

    /// Whether requests and answers are JSON, and methods and paths tell operations apart.
    fn is_rest(&self) -> bool {
        self.model.metadata.protocol == "rest-json"
    }

    /// The shapes that requests or answers hold, in order of name.
    fn shapes(&self) -> impl Iterator<Item = (&String, &Shape)> {
        let used = |name: &String| self.inputs.contains(name) || self.outputs.contains(name);
        self.model.shapes.iter().filter(move |(name, _)| used(name))
    }

    fn is_secret(&self, name: &str, shape: &Shape) -> bool {
        shape.sensitive || self.service.secrets.contains(&name)
    }
}

fn reachable<'m>(
    model: &Model,
    roots: impl Iterator<Item = &'m str>,
) -> anyhow::Result<BTreeSet<String>> {
    let mut reached = BTreeSet::new();
    for root in roots {
        reach(model, root, &mut Vec::new(), &mut reached)?;
    }
    Ok(reached)
}

fn reach(
    model: &Model,
    name: &str,
    above: &mut Vec<String>,
    reached: &mut BTreeSet<String>,
) -> anyhow::Result<()> {
    // None of the models has one so far; the struct's member would need a `Box`.
    ensure!(!above.iter().any(|shape| shape == name), "{name} is recursive");
    if !reached.insert(name.to_owned()) {
        return Ok(());
    }
    above.push(name.to_owned());
    for reference in model.shape(name)?.references() {
        reach(model, reference, above, reached)?;
    }
    above.pop();
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_generated_files_are_those_of_the_models() {
        super::run(&crate::root(), true).unwrap();
    }
}
