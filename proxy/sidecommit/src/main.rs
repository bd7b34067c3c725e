//! The sidecar binary.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    sidecommit::cli::run(std::env::args_os(), &sidecommit::settings::Environment::of_process())
}
