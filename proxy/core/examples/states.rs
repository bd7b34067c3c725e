//! Prints the transition tables as a graph: `cargo run -p sidecommit-core --example states > docs/states.dot`.
fn main() {
    print!("{}", sidecommit_core::table::dot());
}
