//! Runs the scenarios with every client.
fn main() {}
