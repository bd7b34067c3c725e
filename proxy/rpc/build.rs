//! Compiles proto/ without protoc: protox parses, tonic-prost-build generates.

use prost::Message as _;
use std::{error::Error, path::PathBuf};

const PROTO: &str = "../../proto";
const FILES: [&str; 5] = [
    "sidecommit/v1/transaction.proto",
    "sidecommit/v1/consume.proto",
    "sidecommit/v1/admin.proto",
    "google/rpc/status.proto",
    "google/rpc/error_details.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO}");
    let descriptors = protox::compile(FILES, [PROTO])?;
    let out: PathBuf = std::env::var_os("OUT_DIR").ok_or("no OUT_DIR")?.into();
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        // Keys and values stay where the transport put them.
        .bytes(".sidecommit.v1.Record")
        .bytes(".sidecommit.v1.Header")
        .bytes(".sidecommit.v1.ConsumedRecord")
        .compile_fds(descriptors)?;
    Ok(())
}
