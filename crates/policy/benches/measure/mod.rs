//! How the benchmarks of the engine measure.

/// The processor time of this thread that something takes, in nanoseconds.
pub(crate) fn cpu(work: impl FnOnce()) -> f64 {
    let now = || -> f64 {
        // The kernel counts up to the last time that it was asked for something like this.
        std::thread::yield_now();
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    };
    let before = now();
    work();
    now() - before
}

/// The processor time that something takes, in nanoseconds, without that of measuring.
pub(crate) fn net(work: impl FnOnce()) -> f64 {
    let nothing = cpu(|| ());
    cpu(work) - nothing
}

/// The processor time that each of some things takes, in nanoseconds.
pub(crate) fn each<T>(things: &[T], work: impl FnMut(&T)) -> f64 {
    net(|| things.iter().for_each(work)) / things.len() as f64
}

/// The median; sorts the numbers.
pub(crate) fn middle(numbers: &mut [f64]) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
