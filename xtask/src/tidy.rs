//! `cargo xtask tidy`: the house rules that a program can check.
//!
//! All that is tracked or could be is looked at. Each finding names the file and the rule.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// The crates from the bottom up. Each may depend on those of earlier rows alone.
const LAYERS: &[&[&str]] = &[
    &["types"],
    &["api", "policy", "sigv4"],
    &["wire"],
    &["store"],
    &["credentials"],
    &["objects"],
    &["directory"],
    &["authz", "federation", "audit"],
    &["operation"],
    &["analyzer", "iam", "s3", "sts"],
    &["service", "upstream"],
    &["gateway", "guard", "console"],
    &["server"],
    // For tests, so it may know all, and only development dependencies may name it.
    &["testkit"],
];

/// Crates without async, files, sockets, clock and randomness.
const PURE: &[&str] = &["types", "policy", "sigv4", "wire", "api"];

/// What a pure crate does not depend on.
const IMPURE: &[&str] = &["fjall", "hyper", "hyper-util", "rand", "rustls", "tokio", "tracing"];

/// `anyhow` is for programs; libraries have errors that callers can act on.
const PROGRAMS: &[&str] = &["server"];

/// The most lines of a source file.
const MAX_LINES: usize = 800;

/// Names of modules that say nothing.
const EMPTY_NAMES: &[&str] = &["common.rs", "helper.rs", "helpers.rs", "util.rs", "utils.rs"];

/// Directories of one machine. In pieces, so that this file passes.
const MACHINE_PATHS: &[&str] = &[concat!("/work", "/"), concat!("/root", "/")];

/// Where locked packages come from; anything else is a mirror of one machine.
const REGISTRIES: &[&str] =
    &["registry+https://github.com/rust-lang/crates.io-index", "https://registry.npmjs.org/"];

/// Fails with all findings, if there are any.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let mut findings = Vec::new();
    for name in files(root)? {
        // What is not text has no rules; what is listed but deleted neither.
        let Ok(text) = std::fs::read_to_string(root.join(&name)) else { continue };
        check(&name, &text, &mut findings);
    }
    ensure!(findings.is_empty(), "{}", findings.join("\n"));
    Ok(())
}

fn files(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git")?;
    ensure!(output.status.success(), "git ls-files failed");
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

fn check(name: &str, text: &str, findings: &mut Vec<String>) {
    let mut report = |rule: String| findings.push(format!("{name}: {rule}"));
    if name.ends_with(".rs") {
        source(name, text, &mut report);
    }
    if let Some(package) = name.strip_prefix("crates/")
        && let Some(package) = package.strip_suffix("/Cargo.toml").filter(|it| !it.contains('/'))
    {
        dependencies(package, text, &mut report);
    }
    if name.ends_with("Cargo.lock") || name.ends_with("package-lock.json") {
        locked(text, &mut report);
    }
    for path in MACHINE_PATHS.iter().filter(|path| text.contains(**path)) {
        report(format!("names a directory of one machine, {path}"));
    }
}

fn source(name: &str, text: &str, report: &mut impl FnMut(String)) {
    let first = text.lines().next().unwrap_or_default();
    if !first.starts_with("//!") {
        report("does not begin with `//!`".to_owned());
    }
    let lines = text.lines().count();
    if lines >= MAX_LINES && !first.contains("@generated") {
        report(format!("has {lines} lines; {MAX_LINES} are too many"));
    }
    if name.rsplit('/').next().is_some_and(|file| EMPTY_NAMES.contains(&file)) {
        report("is named after nothing".to_owned());
    }
    for (at, line) in text.lines().enumerate() {
        if has_loose_end(line) {
            report(format!("line {}: work left without the number of an issue", at + 1));
        }
    }
}

/// A mark of work to be done, unless `(#NUMBER)` follows it.
fn has_loose_end(line: &str) -> bool {
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X ")].iter().any(|mark| {
        line.split(mark).skip(1).any(|after| {
            !after
                .strip_prefix("(#")
                .is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
        })
    })
}

fn dependencies(package: &str, manifest: &str, report: &mut impl FnMut(String)) {
    let layer = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name));
    let Some(own) = layer(package) else {
        return report("is not in the map of crates in xtask/src/tidy.rs".to_owned());
    };
    for dependency in dependency_names(manifest) {
        if PURE.contains(&package) && IMPURE.contains(&dependency) {
            report(format!("is pure and depends on {dependency}"));
        }
        if dependency == "anyhow" && !PROGRAMS.contains(&package) {
            report("is a library and depends on anyhow".to_owned());
        }
        if let Some(other) = dependency.strip_prefix("iamd-")
            && layer(other).is_none_or(|other| other >= own)
        {
            report(format!("depends upwards or sideways, on {dependency}"));
        }
    }
}

/// What stands in `[dependencies]` and `[build-dependencies]`.
fn dependency_names(manifest: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    manifest.lines().filter_map(move |line| {
        if line.starts_with('[') {
            inside = matches!(line, "[dependencies]" | "[build-dependencies]");
            return None;
        }
        let end = line.find(['.', ' ', '='])?;
        line.get(..end).filter(|name| inside && !name.is_empty() && !name.starts_with('#'))
    })
}

fn locked(text: &str, report: &mut impl FnMut(String)) {
    for line in text.lines().map(str::trim) {
        let source = line
            .strip_prefix("source = \"")
            .or_else(|| line.strip_prefix("\"resolved\": \""))
            .filter(|source| !REGISTRIES.iter().any(|registry| source.starts_with(registry)));
        if let Some(source) = source {
            return report(format!("a package comes from {source}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    fn findings(name: &str, text: &str) -> usize {
        let mut findings = Vec::new();
        check(name, text, &mut findings);
        findings.len()
    }

    #[test]
    fn sources() {
        assert_eq!(findings("crates/x/src/a.rs", "//! A.\n"), 0);
        assert_eq!(findings("crates/x/src/a.rs", "use b;\n"), 1);
        assert_eq!(findings("crates/x/src/utils.rs", "//! A.\n"), 1);
        assert_eq!(findings("crates/x/src/a.rs", &("//! A.\n".to_owned() + &"\n".repeat(799))), 1);
        assert_eq!(findings("a.rs", &("//! @generated\n".to_owned() + &"\n".repeat(799))), 0);
        let mark = ["TO", "DO"].concat();
        assert_eq!(findings("a.rs", &format!("//! A.\n// {mark}: b\n")), 1);
        assert_eq!(findings("a.rs", &format!("//! A.\n// {mark}(#12): b\n")), 0);
    }

    #[test]
    fn dependencies_point_down() {
        let manifest = |names: &str| {
            format!(
                "[dependencies]\n{names}\n[dev-dependencies]\ntokio.workspace = true\niamd-server.workspace = true\n"
            )
        };
        assert_eq!(findings("crates/wire/Cargo.toml", &manifest("iamd-api.workspace = true")), 0);
        assert_eq!(findings("crates/api/Cargo.toml", &manifest("iamd-wire.workspace = true")), 1);
        assert_eq!(findings("crates/iam/Cargo.toml", &manifest("iamd-sts = { path = \"x\" }")), 1);
        assert_eq!(findings("crates/wire/Cargo.toml", &manifest("tokio.workspace = true")), 1);
        assert_eq!(findings("crates/iam/Cargo.toml", &manifest("anyhow = \"1\"")), 1);
        assert_eq!(findings("crates/nowhere/Cargo.toml", &manifest("")), 1);
    }

    #[test]
    fn nothing_is_of_one_machine() {
        assert_eq!(findings("a.md", &["see /work", "/x"].concat()), 1);
        let lock = |source: &str| format!("[[package]]\nsource = \"{source}\"\n");
        let public = "registry+https://github.com/rust-lang/crates.io-index";
        assert_eq!(findings("Cargo.lock", &lock(public)), 0);
        assert_eq!(findings("Cargo.lock", &lock("registry+https://mirror.example/index")), 1);
    }
}
