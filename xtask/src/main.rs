//! Generators and checks of this repository: `cargo xtask --help`.
//!
//! What writes files has a `--check` form that changes nothing and fails when they are stale.

mod catalogue;
mod codegen;
mod coverage;
mod model;
mod naming;
mod pattern;
mod policy_checks;
mod tidy;
mod vocabulary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask COMMAND [--check]

  catalogue FACTS   pack managed-policies.json into crates/directory/data
  codegen           write the generated modules of crates/api from models/*.json
  coverage          write docs/coverage.md from the models and the lists of what is missing
  policy-checks     write docs/policy-checks.md, the findings about policies
  tidy              check the house rules
  vocabulary FACTS  pack services, actions and condition keys into crates/policy/data
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["catalogue", facts] => catalogue::run(&root(), Path::new(facts)),
        ["codegen"] => codegen::run(&root(), false),
        ["codegen", "--check"] => codegen::run(&root(), true),
        ["coverage"] => coverage::run(&root(), false),
        ["coverage", "--check"] => coverage::run(&root(), true),
        ["policy-checks"] => policy_checks::run(&root(), false),
        ["policy-checks", "--check"] => policy_checks::run(&root(), true),
        ["tidy"] => tidy::run(&root()),
        ["vocabulary", facts] => vocabulary::run(&root(), Path::new(facts)),
        _ => Err(anyhow::anyhow!(HELP)),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    #[expect(clippy::print_stderr, reason = "a command line tool")]
    {
        eprintln!("{error:#}");
    }
    ExitCode::FAILURE
}

/// The root of the repository.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}
