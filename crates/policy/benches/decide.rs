//! Decisions: how many per processor second, how long one takes, how much it does, and the ratio to the reference in
//! the same interleaved run. Where valgrind is installed, also the instructions of a decision, which do not depend on
//! what else the machine does: the program runs itself under callgrind with few and with many rounds.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark that fails may panic, and what it finds it prints"
)]

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use iamd_policy::{Compiled, Effect, Evaluator, Reference, Verdict};

mod measure;
mod workload;

use measure::{cpu, each, middle};
use workload::{Form, SHAPES, Workload};

const REQUESTS: usize = 2000;
const ROUNDS: usize = 7;
/// How often the requests are decided in one round: once is too short to measure.
const PASSES: usize = 20;
/// The reference is slow: a part of the requests tells enough.
const REFERENCE_REQUESTS: usize = 200;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|it| it == "count") {
        let form = if arguments[at + 2] == "merged" { Form::Merged } else { Form::Indexed };
        return count(&arguments[at + 1], form);
    }
    println!(
        "shape         statements  form         decisions/s      p50      p99  allocs  instructions  × reference  allow/deny/none"
    );
    for shape in &SHAPES {
        let workload = Workload::new(shape, REQUESTS);
        let effects = agree(&workload);
        for form in [Form::Merged, Form::Indexed] {
            measure(shape.name, &workload, form, effects);
        }
    }
    for (stars, length) in [(20, 800), (40, 800), (20, 1600)] {
        let counted = instructions(&format!("{stars}:{length}"), Form::Merged)
            .map_or(String::new(), |it| it.to_string());
        println!("{stars:3} stars against {length:4} characters: {counted} instructions");
    }
    compile();
}

fn measure(name: &str, workload: &Workload, form: Form, effects: [usize; 3]) {
    let (mut fast, mut slow) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let all = (PASSES * workload.requests()) as f64;
        fast.push(cpu(|| (0..PASSES).for_each(|_| run(workload, form))) / all);
        slow.push(cpu(|| run_reference(workload)) / REFERENCE_REQUESTS as f64);
    }
    let mut times: Vec<u64> = (0..ROUNDS * workload.requests())
        .map(|number| {
            workload.just_made(number % workload.requests(), |request| {
                let start = Instant::now();
                black_box(black_box(request).decide(form));
                start.elapsed().as_nanos() as u64
            })
        })
        .collect();
    times.sort_unstable();
    let allocations = allocation_counter::measure(|| run(workload, form)).count_total;
    let (median, most) = workload.statements();
    println!(
        "{name:12} {median:5} /{most:5}  {:8} {:13.0}/s {:6} ns {:6} ns {:7.2} {:>13} {:11.0}×  {}/{}/{} %",
        format!("{form:?}").to_lowercase(),
        1e9 / middle(&mut fast),
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        allocations as f64 / workload.requests() as f64,
        instructions(name, form).map_or("-".to_owned(), |it| it.to_string()),
        middle(&mut slow) / middle(&mut fast),
        effects[0],
        effects[1],
        effects[2],
    );
}

/// The reference and both forms of the engine on every request; gives the shares of the answers in percent.
fn agree(workload: &Workload) -> [usize; 3] {
    let mut effects = [0; 3];
    for number in 0..workload.requests() {
        let [verdict, indexed] =
            [Form::Merged, Form::Indexed].map(|form| workload.ready(number).decide(form));
        let short = |it: Verdict| (it.effect, it.decided_by);
        assert_eq!(short(indexed), short(verdict), "request {number}");
        effects[match verdict.effect {
            Effect::Allow => 0,
            Effect::ExplicitDeny => 1,
            Effect::ImplicitDeny => 2,
        }] += 1;
        if number < REFERENCE_REQUESTS {
            let wanted = workload.plain(number, |request, policies| {
                let decision = Reference.decide(request, policies);
                (decision.effect, decision.decided_by)
            });
            assert_eq!((verdict.effect, Some(verdict.decided_by)), wanted, "request {number}");
        }
    }
    effects.map(|count| count * 100 / workload.requests())
}

fn run(workload: &Workload, form: Form) {
    for number in 0..workload.requests() {
        black_box(black_box(workload.ready(number)).decide(form));
    }
}

fn run_reference(workload: &Workload) {
    for number in 0..REFERENCE_REQUESTS {
        let effect = workload.plain(number, |it, policies| Reference.decide(it, policies).effect);
        black_box(effect);
    }
}

/// How long one document takes to compile, and a principal's set to be put together.
fn compile() {
    let medium = SHAPES.iter().find(|shape| shape.name == "medium").unwrap();
    let workload = Workload::new(medium, 1);
    let documents = workload.documents();
    let mut times: Vec<f64> =
        (0..ROUNDS).map(|_| each(documents, |it| drop(black_box(Compiled::of(it))))).collect();
    println!("one document of the medium shape is compiled in {:.1} µs", middle(&mut times) / 1e3);
    let mut sets: Vec<f64> =
        (0..ROUNDS).map(|_| cpu(|| workload.put_together()) / 1000.0).collect();
    let mut kept = None;
    let memory = allocation_counter::measure(|| kept = Some(workload.sets()));
    println!(
        "a principal's set is put together in {:.1} µs and takes {} bytes; those who have the same share it",
        middle(&mut sets) / 1e3,
        memory.bytes_current / 1000
    );
    drop(kept);
}

/// Runs the workload once, for callgrind to count.
fn count(name: &str, form: Form) {
    let workload = match name.split_once(':') {
        Some((stars, length)) => Workload::stars(stars.parse().unwrap(), length.parse().unwrap()),
        None => Workload::new(SHAPES.iter().find(|it| it.name == name).unwrap(), REQUESTS),
    };
    run(&workload, form);
}

/// The instructions of a decision, where they can be counted.
fn instructions(name: &str, form: Form) -> Option<u64> {
    let requests = if name.contains(':') { 1 } else { REQUESTS };
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=decide::workload::Ready::decide")
        .arg(std::env::current_exe().ok()?)
        .args(["count", name, &format!("{form:?}").to_lowercase()])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stderr).ok()?;
    let counted: u64 =
        text.split("Collected : ").nth(1)?.split_whitespace().next()?.parse().ok()?;
    Some(counted / requests as u64)
}
