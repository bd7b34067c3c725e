//! Below the stubs: messages that are any bytes, streams that are any HTTP/2.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use h2::{
    SendStream,
    client::{ResponseFuture, SendRequest},
};
use sidecommit_rpc::proto::v1::transaction_service_server::SERVICE_NAME;
use std::path::Path;
use tokio::net::UnixStream;
use tonic::{
    Code, Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http,
    transport::Channel,
};

/// A message as it is.
#[derive(Clone, Copy, Debug)]
struct Bare;

/// Calls a method of TransactionService with a message of any bytes.
pub(crate) async fn call(channel: Channel, method: &str, message: Bytes) -> Result<Bytes, Status> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = path(method).parse().expect("a path");
    Ok(grpc.unary(Request::new(message), path, Bare).await?.into_inner())
}

/// An HTTP/2 connection over the Unix socket.
pub(crate) async fn connect(socket: &Path) -> SendRequest<Bytes> {
    let io = UnixStream::connect(socket).await.expect("listens");
    let (calls, connection) = h2::client::handshake(io).await.expect("speaks HTTP/2");
    // Its end is seen by the calls.
    tokio::spawn(async move { drop(connection.await) });
    calls
}

/// Begins a call. What it sends is up to the test.
pub(crate) async fn open(calls: &SendRequest<Bytes>, method: &str) -> (ResponseFuture, SendStream<Bytes>) {
    let mut calls = calls.clone().ready().await.expect("takes calls");
    let request = http::Request::post(format!("http://localhost{}", path(method)))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .expect("a request");
    calls.send_request(request, false).expect("takes the call")
}

/// What a message of so many bytes begins with.
pub(crate) fn header(bytes: u32) -> Bytes {
    let mut header = BytesMut::with_capacity(5);
    header.put_u8(0);
    header.put_u32(bytes);
    header.freeze()
}

/// The gRPC code that a call ended with.
pub(crate) async fn code(response: ResponseFuture) -> Code {
    let mut response = response.await.expect("an answer");
    let code =
        |headers: &http::HeaderMap| headers.get("grpc-status").map(|code| Code::from_bytes(code.as_bytes()));
    if let Some(code) = code(response.headers()) {
        return code;
    }
    let body = response.body_mut();
    while let Some(data) = body.data().await {
        let data = data.expect("an answer");
        body.flow_control().release_capacity(data.len()).expect("was received");
    }
    let trailers = body.trailers().await.expect("an answer").expect("gRPC has trailers");
    code(&trailers).expect("gRPC has a status")
}

fn path(method: &str) -> String {
    format!("/{SERVICE_NAME}/{method}")
}

// === impl Bare ===

impl Codec for Bare {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bare {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(message);
        Ok(())
    }
}

impl Decoder for Bare {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}
