//! The driver of tests/conformance for the Rust client.
fn main() {}
