//! Decisions for a million principals: how long one takes for a principal at random, what the index costs in memory,
//! how readers fare while policies change, and how two threads scale beside a loop in registers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark that fails may panic, and what it finds it prints"
)]

use std::hint::black_box;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

mod measure;
mod workload;

use iamd_policy::decide_each;
use measure::{cpu, each, middle, net};
use workload::large::{Large, Question};
use workload::{Form, LARGE, SHAPES, Workload};

const ROUNDS: usize = 7;
const QUESTIONS: usize = 40_000;
/// So many are built before they are decided: few enough that they are still in a cache.
const TOGETHER: usize = 64;
const REFERENCE_QUESTIONS: usize = 300;
/// So many pieces of work are done by one thread and by two, each going through its requests so many times.
const PIECES: usize = 101;
const PASSES: usize = 5;
/// Asks for the measurement of random principals alone.
const RANDOM: &str = "random";
/// So many changes a second.
const CHANGES: u32 = 100;

fn main() {
    let (large, bytes) = Large::new(&LARGE);
    let (median, most) = large.statements();
    println!(
        "{} principals in {} accounts, statements {median} / {most}: the index takes {} bytes a principal",
        large.principals(),
        LARGE.accounts,
        bytes / large.principals()
    );
    if std::env::args().any(|it| it == RANDOM) {
        return random(&large);
    }
    agree(&large);
    random(&large);
    changes(&large);
    threads();
    huge_pages();
}

/// Runs the program again for random principals, with memory in huge pages where the C library and the kernel give
/// them: then most of what is fetched needs no walk through the page tables.
fn huge_pages() {
    println!("with huge pages, where there are some:");
    let program = std::env::current_exe().unwrap();
    let huge = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
    assert!(Command::new(program).arg(RANDOM).env(huge.0, huge.1).status().unwrap().success());
}

fn agree(large: &Large) {
    let (mut differ, mut allowed) = (0, 0);
    let questions: Vec<Question> = (0..REFERENCE_QUESTIONS).map(|it| large.question(it)).collect();
    let mut verdicts = Vec::new();
    large.together(&large.indexes(), &questions, |asked| {
        decide_each(asked, |it| verdicts.push(it.unwrap()));
    });
    for (question, together) in questions.iter().zip(verdicts) {
        let verdict = large.decide(question);
        let wanted = large.reference(question);
        let differs = verdict != together || (verdict.effect, Some(verdict.decided_by)) != wanted;
        differ += usize::from(differs);
        allowed += usize::from(verdict.is_allowed());
    }
    println!(
        "{differ} of {REFERENCE_QUESTIONS} answers differ from the reference; {allowed} allow"
    );
    assert_eq!(differ, 0);
}

/// Every principal is another, so nothing of its own is in any cache; the request is, since it was just built.
fn random(large: &Large) {
    let mut seeds = 1_000_000..;
    let mut some = |count: usize| -> Vec<Question> {
        seeds.by_ref().take(count).map(|it| large.question(it)).collect()
    };
    let memory = Memory::new();
    let indexes = large.indexes();
    let (mut means, mut times, mut reads) = (Vec::new(), Vec::new(), Vec::new());
    let mut together = Vec::new();
    for _ in 0..ROUNDS {
        reads.push(memory.read());
        let mean = |_| {
            each(&some(TOGETHER), |it| {
                black_box(large.decide(it));
            })
        };
        means.push(mean_of((0..QUESTIONS / TOGETHER).map(mean)));
        let mean = |_| {
            large.together(&indexes, &some(TOGETHER), |asked| {
                net(|| {
                    decide_each(asked, |it| {
                        black_box(it);
                    });
                }) / asked.len() as f64
            })
        };
        together.push(mean_of((0..QUESTIONS / TOGETHER).map(mean)));
        times.extend((0..QUESTIONS).map(|_| timed(large, &some(1)[0])));
    }
    times.sort_unstable();
    let question = large.question(7);
    let allocations = allocation_counter::measure(|| {
        black_box(large.decide(&question));
    });
    let questions = some(TOGETHER);
    let allocations_together = large.together(&indexes, &questions, |asked| {
        allocation_counter::measure(|| {
            decide_each(asked, |it| {
                black_box(it);
            });
        })
    });
    println!(
        "random principals: mean {:.0} ns ({}), p50 {} ns, p99 {} ns, {} allocations; decided together mean {:.0} ns ({}), {} allocations; a read that waits for the one before takes {:.0} ns ({})",
        middle(&mut means),
        range(&means),
        percentile(&times, 50),
        percentile(&times, 99),
        allocations.count_total,
        middle(&mut together),
        range(&together),
        allocations_together.count_total,
        middle(&mut reads),
        range(&reads),
    );
}

fn mean_of(parts: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = parts.len() as f64;
    parts.sum::<f64>() / count
}

/// Places that say which one comes next, all of them once and in no order: as much memory as the index takes.
struct Memory(Vec<u32>);

impl Memory {
    fn new() -> Self {
        // Every odd number of steps reaches all places of a power of two; the multiplier scatters them.
        let places = 1_u32 << 24;
        let place = |step: u32| step.wrapping_mul(0x9e37_79b1) % places;
        let mut next = vec![0; places as usize];
        (0..places).for_each(|step| next[place(step) as usize] = place((step + 1) % places));
        Self(next)
    }

    /// How long a read takes, in nanoseconds.
    fn read(&self) -> f64 {
        let steps = 200_000;
        cpu(|| {
            black_box((0..steps).fold(0, |at: u32, _| self.0[at as usize]));
        }) / f64::from(steps)
    }
}

fn timed(large: &Large, question: &Question) -> u64 {
    let start = Instant::now();
    black_box(large.decide(black_box(question)));
    start.elapsed().as_nanos() as u64
}

/// Rounds without and with a thread that writes policies.
fn changes(large: &Large) {
    let questions: Vec<Question> = (0..2000).map(|it| large.question(it)).collect();
    let decide = |passes: usize| -> u64 {
        let mut times: Vec<u64> =
            (0..passes).flat_map(|_| questions.iter().map(|it| timed(large, it))).collect();
        times.sort_unstable();
        percentile(&times, 99)
    };
    let (mut without, mut with, mut took) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        without.push(decide(100) as f64);
        let stop = AtomicBool::new(false);
        let (p99, times) = std::thread::scope(|scope| {
            let writer = scope.spawn(|| write(large, round, &stop));
            let p99 = decide(100);
            stop.store(true, Ordering::Relaxed);
            (p99, writer.join().unwrap())
        });
        with.push(p99 as f64);
        took.extend(times);
    }
    println!(
        "p99 without changes {:.0} ns ({}), with {CHANGES} a second {:.0} ns ({}); {} changes, each compiled and visible after {:.0} µs (at most {:.0})",
        middle(&mut without),
        range(&without),
        middle(&mut with),
        range(&with),
        took.len(),
        middle(&mut took) / 1e3,
        took[took.len() - 1] / 1e3,
    );
}

/// Changes policies until it is told to stop. Returns how long each took, in nanoseconds.
fn write(large: &Large, round: usize, stop: &AtomicBool) -> Vec<f64> {
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        large.change(round * 1_000_000 + times.len());
        times.push(start.elapsed().as_nanos() as f64);
        std::thread::park_timeout(Duration::from_secs(1) / CHANGES);
    }
    times
}

/// How much more two threads do than one: decisions, and a loop that touches no memory. Short pieces in turn, for what
/// else runs on the machine's cores to fall on all of them alike.
fn threads() {
    let medium = SHAPES.iter().find(|shape| shape.name == "medium").unwrap();
    let workload = Workload::new(medium, 2000);
    let decisions = || {
        for number in (0..PASSES).flat_map(|_| 0..workload.requests()) {
            black_box(workload.ready(number).decide(Form::Indexed));
        }
    };
    let registers = || {
        let mut state = black_box(1_u64);
        for _ in 0..5_000_000_u64 {
            state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) ^ 1;
        }
        black_box(state);
    };
    let (mut ours, mut loops, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PIECES {
        let (decided, looped) = (scaling(&decisions), scaling(&registers));
        ours.push(decided);
        loops.push(looped);
        ratios.push(decided / looped);
    }
    println!(
        "two threads: decisions × {:.2} ({}), a register loop × {:.2} ({}), ratio {:.3} ({})",
        middle(&mut ours),
        range(&ours),
        middle(&mut loops),
        range(&loops),
        middle(&mut ratios),
        range(&ratios),
    );
}

/// How much more work two threads do than one in the same time, by their processor time.
fn scaling(work: &(impl Fn() + Sync)) -> f64 {
    // The first time warms the core's caches.
    let warm = || {
        work();
        cpu(work)
    };
    let mean = |threads: usize| {
        std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|_| scope.spawn(warm)).collect();
            running.into_iter().map(|it| it.join().unwrap()).sum::<f64>() / threads as f64
        })
    };
    2.0 * mean(1) / mean(2)
}

fn percentile(sorted: &[u64], percent: usize) -> u64 {
    sorted[(sorted.len() - 1) * percent / 100]
}

/// The least and the most of sorted numbers.
fn range(sorted: &[f64]) -> String {
    let digits = if sorted[0] < 10.0 { 2 } else { 0 };
    format!("{:.digits$}–{:.digits$}", sorted[0], sorted[sorted.len() - 1])
}
