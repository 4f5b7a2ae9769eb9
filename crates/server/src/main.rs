//! The iamd binary: configuration, wiring, shutdown and the command line
fn main() {}
