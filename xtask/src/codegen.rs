//! `cargo xtask codegen`: writes the generated modules of `iamd-api` from `models/*.json`.

mod bindings;
mod s3;
mod structs;
mod tables;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::model::{Model, Operation, Shape};

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
    /// What only a REST-XML service has.
    pub(crate) xml: Option<&'static Xml>,
}

/// What the model of a REST-XML service does not say.
pub(crate) struct Xml {
    /// The namespace of bodies.
    namespace: &'static str,
    /// The operations that structs are written for; the tables hold all.
    structs: &'static [&'static str],
    /// The root elements of answers whose members stand in the body: operation, element.
    roots: &'static [(&'static str, &'static str)],
    /// Members that are the text of the root element: shape, member.
    texts: &'static [(&'static str, &'static str)],
    /// Operations that are not counted as missing, since they are not for what there is here.
    pub(crate) elsewhere: &'static [&'static str],
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
        xml: None,
    },
    Service {
        name: "sts",
        echoes_values: true,
        audit_date_format: "%b %-d, %Y, %-I:%M:%S %p",
        // Session tokens are bearer secrets as far as we are concerned (AWS's records keep them);
        // the other is the one-time code of an MFA device.
        secrets: &["tokenType", "tokenCodeType"],
        sentences: &[],
        xml: None,
    },
    Service {
        name: "accessanalyzer",
        echoes_values: true,
        audit_date_format: "%b %-d, %Y, %-I:%M:%S %p",
        secrets: &[],
        sentences: &[],
        xml: None,
    },
    Service {
        name: "s3",
        echoes_values: true,
        audit_date_format: "%b %-d, %Y, %-I:%M:%S %p",
        secrets: &[],
        sentences: &[],
        xml: Some(&s3::XML),
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
    /// Those of them that structs are written for, from inputs.
    struct_inputs: BTreeSet<String>,
    /// Those of them that structs are written for, from outputs.
    struct_outputs: BTreeSet<String>,
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
        let known = ["query", "rest-json", "rest-xml"].contains(&protocol);
        ensure!(model.service == service.name && known);
        ensure!((protocol == "rest-xml") == service.xml.is_some());
        let (inputs, outputs) = reachable_from(&model, |_| true)?;
        let (struct_inputs, struct_outputs) = match service.xml {
            Some(xml) => {
                let unknown =
                    xml.structs.iter().find(|name| !model.operations.contains_key(**name));
                ensure!(unknown.is_none(), "the model has no {unknown:?}");
                reachable_from(&model, |operation| xml.structs.contains(&operation.name.as_str()))?
            }
            None => (inputs.clone(), outputs.clone()),
        };
        Ok(Self { service, model, inputs, outputs, struct_inputs, struct_outputs })
    }

    /// Whether requests and answers are JSON, and methods and paths tell operations apart.
    fn is_rest_json(&self) -> bool {
        self.model.metadata.protocol == "rest-json"
    }

    /// Whether requests are forms.
    fn is_query(&self) -> bool {
        self.model.metadata.protocol == "query"
    }

    /// The shapes that requests or answers hold, in order of name.
    fn shapes(&self) -> impl Iterator<Item = (&String, &Shape)> {
        let used = |name: &String| self.inputs.contains(name) || self.outputs.contains(name);
        self.model.shapes.iter().filter(move |(name, _)| used(name))
    }

    /// The shapes that structs and enums are written for, in order of name.
    fn struct_shapes(&self) -> impl Iterator<Item = (&String, &Shape)> {
        let used =
            |name: &String| self.struct_inputs.contains(name) || self.struct_outputs.contains(name);
        self.shapes().filter(move |(name, _)| used(name))
    }

    fn is_secret(&self, name: &str, shape: &Shape) -> bool {
        shape.sensitive || self.service.secrets.contains(&name)
    }
}

/// The shapes that the inputs and the outputs of these operations hold.
fn reachable_from(
    model: &Model,
    of: impl Fn(&Operation) -> bool,
) -> anyhow::Result<(BTreeSet<String>, BTreeSet<String>)> {
    let operations = model.operations.values().filter(|operation| of(operation));
    let inputs = operations.clone().filter_map(|operation| operation.input.as_ref());
    let outputs = operations.filter_map(|operation| operation.output.as_ref());
    Ok((
        reachable(model, inputs.map(|input| input.shape.as_str()))?,
        reachable(model, outputs.map(|output| output.shape.as_str()))?,
    ))
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
