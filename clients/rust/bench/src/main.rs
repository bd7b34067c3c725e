//! Measures the Rust client.
fn main() {}
