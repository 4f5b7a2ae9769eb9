//! The policy engine beside its reference and two others, on the same policies and requests, in one interleaved run:
//! cedar-policy (policies translated, and cut to what each principal has) and iam-rs.
//!
//! A principal's policies stand in layers (identity, boundary, session, each level of the organization), and all of
//! them must allow. Peers know one layer, so they are asked layer by layer until one does not allow. What is compared
//! is whether the request is allowed. Building requests and translating policies is not timed.

use std::hint::black_box;
use std::time::Instant;

use iamd_policy::{Effect, Evaluator, Reference, decide_each};

mod cedar;
#[path = "../../../crates/policy/benches/measure/mod.rs"]
mod measure;
mod rs;
#[path = "../../../crates/policy/benches/workload/mod.rs"]
mod workload;

use measure::{cpu, each, middle, net};
use workload::large::{Large, Question};
use workload::{Form, LARGE, SHAPES, Workload};

const REQUESTS: usize = 400;
const ROUNDS: usize = 5;
/// For a million principals there are so many rounds, in each of which so many questions are put to cedar, and so many
/// times as many to the index.
const LARGE_ROUNDS: usize = 15;
const TOGETHER: usize = 64;
const LARGE_PARTS: usize = 1000;

/// Somebody who answers whether the request of a number is allowed.
struct Engine<'e> {
    name: &'static str,
    /// How often the requests are asked in one round, so that a round of a fast engine is long enough to measure.
    passes: usize,
    allows: Box<dyn Fn(usize) -> bool + 'e>,
    /// Nanoseconds of processor time a decision, one number a round.
    means: Vec<f64>,
    times: Vec<u64>,
}

fn main() {
    // First, while memory is not in pieces.
    large();
    println!(
        "{:12} {:10} {:>12} {:>21} {:>9} {:>9} {:>7} {:>8} {:>6}",
        "shape", "engine", "decisions/s", "range", "p50 ns", "p99 ns", "allocs", "ours ×", "differ"
    );
    for shape in &SHAPES {
        let workload = Workload::new(shape, REQUESTS);
        compare(shape.name, &workload);
    }
}

/// A million principals, each decision about another one, so that nothing of its policies is in any cache; the request
/// is, since it has just been made. A policy set of its own for each of so many does not fit in memory, so what is
/// timed of cedar is twofold: from the principal's number to the decision, with its sets put together from policies
/// that are translated already, and the decision alone.
fn large() {
    let (large, _) = Large::new(&LARGE);
    let cedar = cedar::Cedar::of(large.documents());
    let indexes = large.indexes();
    let (mut ours, mut together, mut whole, mut alone) = (vec![], vec![], vec![], vec![]);
    let mut differ = [0, 0, 0];
    let mut seeds = 0..;
    let mut some = || -> Vec<Question> {
        seeds.by_ref().take(TOGETHER).map(|it| large.question(it)).collect()
    };
    for _ in 0..LARGE_ROUNDS {
        // So many that the index is back in the processor's last cache after cedar's turn.
        let parts = (0..LARGE_PARTS).map(|_| {
            each(&some(), |it| {
                black_box(large.decide(it));
            })
        });
        ours.push(parts.sum::<f64>() / LARGE_PARTS as f64);
        let parts = (0..LARGE_PARTS).map(|_| {
            large.together(&indexes, &some(), |asked| {
                net(|| {
                    decide_each(asked, |it| {
                        black_box(it);
                    });
                }) / asked.len() as f64
            })
        });
        together.push(parts.sum::<f64>() / LARGE_PARTS as f64);
        let questions = some();
        let requests = questions.iter().map(|it| cedar::request(&it.request()));
        let asked: Vec<_> = questions.iter().map(Question::layers).zip(requests).collect();
        whole.push(each(&asked, |(layers, request)| {
            black_box(cedar.all_allow(&cedar.sets(layers), request));
        }));
        let asked: Vec<_> =
            asked.iter().map(|(layers, request)| (cedar.sets(layers), request)).collect();
        alone.push(each(&asked, |(sets, request)| {
            black_box(cedar.all_allow(sets, request));
        }));
        let mut verdicts = Vec::new();
        large.together(&indexes, &questions, |asked| {
            decide_each(asked, |it| verdicts.push(it.is_some_and(|it| it.is_allowed())));
        });
        for ((question, (sets, request)), verdict) in questions.iter().zip(&asked).zip(verdicts) {
            let wanted = large.reference(question).0 == Effect::Allow;
            differ[0] += usize::from(large.decide(question).is_allowed() != wanted);
            differ[1] += usize::from(verdict != wanted);
            differ[2] += usize::from(cedar.all_allow(sets, request) != wanted);
        }
    }
    let [ours, together, whole, alone] =
        [&mut ours, &mut together, &mut whole, &mut alone].map(|it| middle(it));
    println!(
        "a million principals: cedar {whole:.0} ns, of it for the decision alone {alone:.0} ns"
    );
    for (how, took) in [("one at a time", ours), ("together", together)] {
        println!(
            "  indexed, {how}: {took:.0} ns ({:.0}×, the decision alone {:.0}×)",
            whole / took,
            alone / took
        );
    }
    println!(
        "  differ: {} one at a time, {} together, {} of cedar's",
        differ[0], differ[1], differ[2]
    );
}

fn compare(shape: &str, workload: &Workload) {
    let (cedar, rs) = (cedar::Cedar::new(workload), rs::Rs::new(workload));
    let ours = |number, form| workload.ready(number).decide(form).is_allowed();
    let reference = |number| {
        workload.plain(number, |request, policies| Reference.decide(request, policies).is_allowed())
    };
    let wanted: Vec<bool> = (0..REQUESTS).map(reference).collect();
    let mut engines = [
        Engine::new("indexed", 100, |number| ours(number, Form::Indexed)),
        Engine::new("merged", 100, |number| ours(number, Form::Merged)),
        Engine::new("reference", 2, reference),
        Engine::new("cedar", 1, |number| cedar.allows(number)),
        Engine::new("iam-rs", 10, |number| rs.allows(number)),
    ];
    for _ in 0..ROUNDS {
        engines.iter_mut().for_each(Engine::round);
    }
    let ours = engines[0].median();
    for engine in &mut engines {
        engine.report(shape, ours, &wanted);
    }
}

impl<'e> Engine<'e> {
    fn new(name: &'static str, passes: usize, allows: impl Fn(usize) -> bool + 'e) -> Self {
        Self { name, passes, allows: Box::new(allows), means: Vec::new(), times: Vec::new() }
    }

    fn round(&mut self) {
        let all = || (0..self.passes).flat_map(|_| 0..REQUESTS);
        let took = cpu(|| {
            all().for_each(|number| {
                black_box((self.allows)(number));
            });
        });
        self.means.push(took / (self.passes * REQUESTS) as f64);
        let timed = |number| {
            let start = Instant::now();
            black_box((self.allows)(number));
            start.elapsed().as_nanos() as u64
        };
        self.times.extend((0..REQUESTS).map(timed));
    }

    fn median(&mut self) -> f64 {
        middle(&mut self.means)
    }

    fn report(&mut self, shape: &str, ours: f64, wanted: &[bool]) {
        let median = self.median();
        self.times.sort_unstable();
        let allocations = allocation_counter::measure(|| {
            (0..REQUESTS).for_each(|number| {
                black_box((self.allows)(number));
            });
        });
        let differ = (0..REQUESTS).filter(|it| (self.allows)(*it) != wanted[*it]).count();
        println!(
            "{shape:12} {:10} {:12.0} {:>21} {:9} {:9} {:7.1} {:7.1}× {:6}",
            self.name,
            1e9 / median,
            format!("{:.0}–{:.0}", 1e9 / self.means[self.means.len() - 1], 1e9 / self.means[0]),
            self.times[self.times.len() / 2],
            self.times[self.times.len() * 99 / 100],
            allocations.count_total as f64 / REQUESTS as f64,
            median / ours,
            differ,
        );
    }
}
