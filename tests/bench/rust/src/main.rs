//! What `make bench` measures the sidecar against in Rust: librdkafka with its delivery reports awaited, and rust-rdkafka as its
//! documentation shows it. tests/bench/README.md is the contract of the command line.
#![deny(rust_2018_idioms, clippy::disallowed_methods, clippy::disallowed_types)]
#![forbid(unsafe_code)]

mod client;
mod error;
mod options;
mod pipeline;
mod pool;
mod settings;
mod window;
mod work;

use std::{process::ExitCode, sync::Arc};

use clap::Parser as _;

use crate::{
    client::{Awaited, Client, Documented},
    error::Error,
    options::{ClientName, Options},
};

/// EX_USAGE.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let options = Options::parse();
    if !options.is_consistent() {
        eprintln!("want at least as many callers as producers");
        return USAGE.into();
    }
    let done = match options.client {
        ClientName::Librdkafka => run::<Awaited>(options),
        ClientName::RustRdkafka => run::<Documented>(options),
    };
    match done {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run<C: Client>(options: Options) -> Result<String, Error> {
    if options.pipeline { pipeline::run::<C>(&options) } else { pool::run::<C>(Arc::new(options)) }
}
