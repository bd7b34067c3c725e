//! Generates in a build script, so that the generators are those of proxy/rpc's, built once.

use std::error::Error;

const PROTO: &str = "../../../proto";
const FILES: [&str; 4] = [
    "sidecommit/v1/transaction.proto",
    "sidecommit/v1/consume.proto",
    "google/rpc/status.proto",
    "google/rpc/error_details.proto",
];
/// What the client reads of google/rpc.
const DETAILS: [&str; 2] = ["Status", "RetryInfo"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO}");
    let mut descriptors = protox::compile(FILES, [PROTO])?;
    for file in descriptors.file.iter_mut().filter(|file| file.package() == "google.rpc") {
        file.message_type.retain(|message| DETAILS.contains(&message.name()));
        file.source_code_info = None;
    }
    tonic_prost_build::configure()
        // Keys and values stay where the transport put them.
        .bytes(".sidecommit.v1.Record")
        .bytes(".sidecommit.v1.Header")
        .bytes(".sidecommit.v1.ConsumedRecord")
        .build_server(false)
        // The client makes its own channel.
        .build_transport(false)
        .compile_fds(descriptors)?;
    Ok(())
}
