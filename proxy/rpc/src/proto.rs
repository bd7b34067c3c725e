//! What proto/ compiles to: messages, clients and servers.

/// Package `sidecommit.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::too_many_lines, rustdoc::all)]
pub mod v1 {
    tonic::include_proto!("sidecommit.v1");
}

/// Package `google.rpc`: what statuses carry in their details.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::too_many_lines, rustdoc::all)]
pub mod google_rpc {
    tonic::include_proto!("google.rpc");
}

/// The descriptors of both packages, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
