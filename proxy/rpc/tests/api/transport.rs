//! Health, reflection, connections, shutdown, and clients that send a path as `:authority`.

use crate::server::{Client, Server, begin, record};
use sidecommit_core::{Request, Serving};
use sidecommit_rpc::{Options, proto::v1};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};
use tonic::transport::Channel;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{v1 as reflection, v1alpha};

#[tokio::test]
async fn health_follows_the_engine_per_service() {
    let server = Server::start().await;
    let mut health = HealthClient::new(server.uds_channel("app.sock").await);
    let of = |service: &str| HealthCheckRequest { service: service.into() };
    for service in ["sidecommit.v1.TransactionService", "sidecommit.v1.ConsumeService"] {
        let mut watched = health.watch(of(service)).await.unwrap().into_inner();
        let mut next = async || watched.message().await.unwrap().unwrap().status();
        assert_eq!(next().await, ServingStatus::Serving);
        for down in [Serving::Draining, Serving::Recovering, Serving::JournalFailed("disk full".into())] {
            server.fake.set_serving(down);
            assert_eq!(next().await, ServingStatus::NotServing);
            server.fake.set_serving(Serving::Ready);
            assert_eq!(next().await, ServingStatus::Serving);
        }
    }
    let mut watched = health.watch(of("sidecommit.v1.ConsumeService")).await.unwrap().into_inner();
    let mut next = async || watched.message().await.unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::Serving);
    server.fake.set_serving(Serving::Draining);
    assert_eq!(next().await, ServingStatus::NotServing);
    let mut operators = HealthClient::new(server.uds_channel("admin.sock").await);
    let admin = operators.check(of("sidecommit.v1.AdminService")).await.unwrap().into_inner();
    assert_eq!(admin.status(), ServingStatus::Serving);
    // The whole is set just after the service.
    let mut whole = operators.watch(of("")).await.unwrap().into_inner();
    while whole.message().await.unwrap().unwrap().status() != ServingStatus::NotServing {}
}

#[tokio::test]
async fn server_info_is_answered_in_every_state() {
    let server = Server::start().await;
    server.fake.set_serving(Serving::Recovering);
    let mut client = server.uds().await;
    let info = client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap().into_inner();
    assert_eq!((info.state(), info.incarnation), (v1::ServingState::Recovering, 7));
    assert_eq!((info.identity.as_str(), info.version.as_str()), ("p/ns/app/0", "0.1.0"));
    let limits = info.limits.unwrap();
    assert_eq!(limits.open_transactions, 1000);
    let seconds = |span: Option<prost_types::Duration>| span.unwrap().seconds;
    assert_eq!((seconds(limits.delivery_timeout), seconds(limits.session_grace)), (300, 10));
}

async fn listed(channel: Channel) -> Vec<String> {
    use reflection::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let ask = |message_request| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(message_request) };
        tokio_stream::once(request)
    };
    let mut client = ServerReflectionClient::new(channel);
    let list = ask(MessageRequest::ListServices(String::new()));
    let mut answers = client.server_reflection_info(list).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    let symbol = ask(MessageRequest::FileContainingSymbol("sidecommit.v1.ErrorDetail".into()));
    let mut answers = client.server_reflection_info(symbol).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    assert!(matches!(answer, MessageResponse::FileDescriptorResponse(_)), "{answer:?}");
    services.service.into_iter().map(|service| service.name).collect()
}

#[tokio::test]
async fn reflection_lists_what_each_socket_serves() {
    let server = Server::start().await;
    let health = "grpc.health.v1.Health";
    let applications = ["sidecommit.v1.TransactionService", "sidecommit.v1.ConsumeService", health];
    for (channel, expected) in [
        (server.uds_channel("app.sock").await, &applications[..]),
        (server.tcp_channel().await, &applications[..]),
        (server.uds_channel("admin.sock").await, &["sidecommit.v1.AdminService", health][..]),
    ] {
        let services = listed(channel.clone()).await;
        assert_eq!(services[..expected.len()], *expected, "{services:?}");
        let mut old = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
        let list = v1alpha::server_reflection_request::MessageRequest::ListServices(String::new());
        let request = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
        let answers = old.server_reflection_info(tokio_stream::once(request)).await.unwrap();
        assert!(answers.into_inner().message().await.unwrap().is_some());
    }
}

#[tokio::test]
async fn open_connections_of_applications_are_counted() {
    let mut server = Server::start().await;
    let _operator = server.admin().await;
    assert_eq!(*server.connections.borrow(), 0);
    let [mut one, mut two] = server.both().await;
    for client in [&mut one, &mut two] {
        client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap();
    }
    server.connections.wait_for(|count| *count == 2).await.unwrap();
    drop(one);
    server.connections.wait_for(|count| *count == 1).await.unwrap();
    drop(two);
    server.connections.wait_for(|count| *count == 0).await.unwrap();
}

#[tokio::test]
async fn shutdown_waits_for_calls_under_way_but_not_for_ever() {
    let linger = Duration::from_millis(500);
    let server = Server::with(Options { linger, ..Options::default() }).await;
    let mut client = server.uds().await;
    client.get_server_info(v1::GetServerInfoRequest {}).await.unwrap();
    assert!(server.stop().await < linger, "nothing is under way");

    let server = Server::with(Options { linger, ..Options::default() }).await;
    let mut health = HealthClient::new(server.uds_channel("app.sock").await);
    let _watched = health.watch(HealthCheckRequest { service: String::new() }).await.unwrap();
    assert!(server.stop().await >= linger, "a watch is under way");
}

#[tokio::test]
async fn many_calls_run_at_once_on_one_connection() {
    let server = Server::start().await;
    let client = server.uds().await;
    server.fake.gate.send_replace(false);
    let mut calls = tokio::task::JoinSet::new();
    for i in 0..1000 {
        let mut client: Client = client.clone();
        let request = v1::BeginRequest { request_id: i.to_string(), ..Default::default() };
        calls.spawn(async move { client.begin(request).await });
    }
    while server.fake.calls() < 1000 {
        tokio::task::yield_now().await;
    }
    server.fake.gate.send_replace(true);
    while let Some(call) = calls.join_next().await {
        call.unwrap().unwrap();
    }
}

/// A GetServerInfo as raw HTTP/2; true if it is answered with :status 200, false if its stream is reset.
async fn accepted(server: &Server, authority: &[u8]) -> bool {
    let literal = |index: &[u8], value: &str| [index, &[value.len() as u8], value.as_bytes()].concat();
    // :method POST, :scheme http, :path, :authority, content-type, te.
    let block = [
        vec![0x83, 0x86],
        literal(&[0x04], "/sidecommit.v1.TransactionService/GetServerInfo"),
        authority.to_vec(),
        literal(&[0x0f, 0x10], "application/grpc"),
        literal(b"\0\x02te", "trailers"),
    ]
    .concat();
    let frame = |kind, flags, stream, payload: &[u8]| {
        [&[0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream], payload].concat()
    };
    let bytes = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[]),
        frame(1, 4, 1, &block),
        // An empty gRPC message, end of stream.
        frame(0, 1, 1, &[0; 5]),
    ]
    .concat();

    let mut io = UnixStream::connect(server.socket("app.sock")).await.unwrap();
    // In pieces, so that frames are seen incomplete.
    for piece in bytes.chunks(7) {
        io.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    loop {
        let mut header = [0; 9];
        io.read_exact(&mut header).await.unwrap();
        let mut payload = vec![0; usize::from(header[1]) << 8 | usize::from(header[2])];
        io.read_exact(&mut payload).await.unwrap();
        match header[3] {
            1 => return payload[0] == 0x88,
            3 | 7 => return false,
            _ => {}
        }
    }
}

/// :authority as a literal with incremental indexing.
fn plain(value: &str) -> Vec<u8> {
    [&[0x41, value.len() as u8], value.as_bytes()].concat()
}

#[tokio::test]
async fn each_connection_is_a_caller_of_its_own() {
    let server = Server::start().await;
    let mut callers = Vec::new();
    for mut client in [server.both().await, server.both().await].into_iter().flatten() {
        begin(&mut client, &callers.len().to_string()).await;
        let Request::Begin(begun) = server.fake.last() else { panic!("a Begin") };
        let key = format!("key {}", begun.request_id);
        let records = vec![record("a")];
        client
            .transact(v1::TransactRequest { idempotency_key: key, records, ..Default::default() })
            .await
            .unwrap();
        let Request::Transact(transact) = server.fake.last() else { panic!("a Transact") };
        assert_eq!(transact.caller, begun.caller, "one connection");
        callers.push(begun.caller.0);
    }
    callers.sort_unstable();
    assert_eq!(callers, [1, 2, 3, 4], "over both listeners together; 0 would be nobody");
}

#[tokio::test]
async fn a_socket_path_is_accepted_as_authority() {
    let server = Server::start().await;
    for fine in ["localhost", "/run/sidecommit/app.sock", "%2Frun%2Fsidecommit%2Fapp.sock"] {
        assert!(accepted(&server, &plain(fine)).await, "{fine}");
    }
    // As grpcio 1.85 sends it: the name spelled out, the path without its first '/'.
    let spelled = [&b"\x40\x0a:authority\x15"[..], b"tmp%2Fhold%2Fapp.sock"].concat();
    assert!(accepted(&server, &spelled).await);
    // "/run/x.sock" in Huffman code.
    let coded = [0x41, 0x89, 0x62, 0xcb, 0x6a, 0x63, 0xca, 0xe8, 0x39, 0x3a, 0xff];
    assert!(accepted(&server, &coded).await);
    // So that the test can fail: what is no authority in any reading is still refused.
    assert!(!accepted(&server, &plain("a b")).await);
}
