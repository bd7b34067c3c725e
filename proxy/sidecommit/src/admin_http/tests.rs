use super::*;
use crate::metrics::tests::{metrics, node};
use sidecommit_core::{Incarnation, JournalId, OwnerRecord};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
};

/// Serves one request over a real socket and gives status line and body. None: the loop has ended.
async fn get(path: &str, serving: Option<Serving>) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let ask = move || std::future::ready(serving.clone().map(node));
    let server = tokio::spawn(serve(listener, ask, metrics(), None, async move {
        stopped.await.unwrap();
    }));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test]
async fn ready_says_why_not() {
    let rival = OwnerRecord {
        incarnation: Incarnation(9),
        journal: JournalId([0; 16]),
        pod_uid: "u-2".to_owned(),
        lanes_max: 8,
        time: 0,
    };
    for (serving, code, said) in [
        (Serving::Ready, "200", "ready"),
        (Serving::Recovering, "503", "recovering: lane 1 is opening (no coordinator)"),
        (Serving::NoSlot("all 3 slots are held".to_owned()), "503", "no slot: all 3 slots are held"),
        (Serving::Connecting("waits for Kafka".to_owned()), "503", "recovering: waits for Kafka"),
        (Serving::Draining, "503", "draining"),
        (Serving::FencedByRival(rival), "503", "incarnation 9 of pod u-2"),
        (Serving::JournalFailed("disk full".to_owned()), "503", "disk full"),
    ] {
        let (head, body) = get("/readyz", Some(serving.clone())).await;
        assert!(head.contains(code) && body.contains(said), "{serving:?}: {head} {body}");
    }
}

#[tokio::test]
async fn alive_is_the_loop_and_not_kafka() {
    let (head, _) = get("/livez", Some(Serving::Recovering)).await;
    assert!(head.contains("200"), "{head}");
    for path in ["/livez", "/readyz"] {
        let (head, body) = get(path, None).await;
        assert!(head.contains("503") && body.contains("does not answer"), "{head} {body}");
    }
}

#[tokio::test]
async fn a_loop_that_hangs_is_taken_for_dead() {
    let patience = Duration::from_millis(1);
    let shared = Shared { ask: Arc::new(|| Box::pin(std::future::pending())), metrics: metrics(), patience };
    assert_eq!(shared.status().await, None);
}

#[tokio::test]
async fn metrics_are_served_and_nothing_else() {
    let (head, body) = get("/metrics", Some(Serving::Ready)).await;
    assert!(head.contains("200") && body.contains("sidecommit_transactions_open 5"), "{head} {body}");
    let (head, _) = get("/", Some(Serving::Ready)).await;
    assert!(head.contains("404"), "{head}");
}

#[tokio::test]
async fn shutdown_is_a_post_and_only_if_it_was_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, mut asked) = tokio::sync::watch::channel(false);
    let shutdown: Shutdown = Arc::new(move || drop(told.send_replace(true)));
    let server = tokio::spawn(serve_shutdown(listener, shutdown, std::future::pending()));
    let call = async |method: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{method} /shutdown HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let refused = call("GET").await;
    assert!(refused.contains("405") && !*asked.borrow_and_update(), "{refused}");
    let taken = call("POST").await;
    assert!(taken.contains("200") && *asked.borrow_and_update(), "{taken}");
    server.abort();
    let (head, _) = get("/shutdown", Some(Serving::Ready)).await;
    assert!(head.contains("404"), "{head}");
}
