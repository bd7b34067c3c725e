//! A sidecar that has no Kafka yet: it answers from its start, says what it waits for, and ends when it is told to.

use sidecommit_e2e::{Cluster, Sidecar, Spec, command, eventually, record, unique};
use std::{
    net::{SocketAddr, TcpListener as StdListener},
    process::Output,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What a sidecar says whose Kafka is not there.
fn lonely(spec: Spec) -> Spec {
    let why = "nothing listens where Kafka is to be";
    spec.expects("WARN .. waiting for Kafka", why).expects("librdkafka: ", why)
}

/// An address where nobody listens.
fn nowhere() -> SocketAddr {
    StdListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound")
}

/// `sidecommit healthcheck` with these arguments: exit code, and what it printed.
fn healthcheck(sidecar: &Sidecar, arguments: &[&str]) -> (i32, String) {
    let (socket, admin) = (sidecar.socket(), sidecar.admin_socket());
    let mut healthcheck = command(&["healthcheck"]);
    healthcheck.args(arguments).env("SIDECOMMIT_SOCKET", socket).env("SIDECOMMIT_ADMIN_SOCKET", admin);
    let Output { status, stdout, stderr } = healthcheck.output().expect("the binary runs");
    let text = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (status.code().expect("ends by itself"), text)
}

/// Status line and body of a request to the sidecar's HTTP.
async fn http(address: &str, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("listens");
    let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answers");
    answer
}

/// Waits until it answers at all.
async fn alive(sidecar: &Sidecar) {
    let mut app = sidecar.app();
    eventually("it answers", 10, async || app.state().await.is_some()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sidecar_without_kafka_answers_with_the_reason_and_serves_over_the_same_connection_once_kafka_is_there()
 {
    let cluster = Cluster::shared();
    let (topic, address) = (cluster.topic(1), nowhere());
    let spec = lonely(Spec::new(&address.to_string())).set("metrics_address", "127.0.0.1:0");
    let sidecar = spec.start();
    alive(&sidecar).await;
    let mut app = sidecar.app();

    let refused = app.begin("early").await.expect_err("there is no Kafka");
    assert_eq!((refused.reason.as_str(), refused.next.as_str()), ("RECOVERING", "RETRY_SAME"));
    assert!(refused.message.contains(&address.to_string()) && refused.delay.is_some(), "{refused:?}");
    assert_eq!(app.state().await.as_deref(), Some("RECOVERING"));
    for flag in ["--claimed", "--live"] {
        let (code, said) = healthcheck(&sidecar, &[flag]);
        assert_eq!(code, 0, "{flag}: {said}");
    }
    let (code, said) = healthcheck(&sidecar, &[]);
    assert!(code == 69 && said.contains("recovering: waits for Kafka at"), "{code} {said}");
    let started = Instant::now();
    assert_eq!(healthcheck(&sidecar, &["--wait", "700ms"]).0, 69);
    assert!(started.elapsed() >= Duration::from_millis(700), "it waits");
    let metrics = sidecar.bound("metrics");
    assert!(http(&metrics, "GET", "/livez").await.contains("200 OK"));
    let ready = http(&metrics, "GET", "/readyz").await;
    assert!(ready.contains("503") && ready.contains("waits for Kafka"), "{ready}");
    let page = http(&metrics, "GET", "/metrics").await;
    assert!(page.contains("sidecommit_slot_claimed 1.0"), "{page}");
    assert!(page.contains("sidecommit_serving{state=\"recovering\"} 1"), "{page}");

    // Kafka comes.
    let bootstrap = cluster.bootstrap();
    let listener = TcpListener::bind(address).await.expect("is still free");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut broker = TcpStream::connect(&bootstrap).await.expect("the broker listens");
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut broker).await });
        }
    });
    let (code, said) = healthcheck(&sidecar, &["--wait", "60s"]);
    assert_eq!(code, 0, "{said}");
    app.run(&unique("first"), vec![record(&topic, "k", "v")]).await.expect("serves");
    assert_eq!(cluster.visible(&topic).len(), 1);
}

#[tokio::test]
async fn sigterm_ends_a_sidecar_that_waits_for_kafka() {
    let mut sidecar = lonely(Spec::new(&nowhere().to_string())).start();
    alive(&sidecar).await;
    let (socket, started) = (sidecar.socket(), Instant::now());
    sidecar.signal("TERM");
    let status = sidecar.wait(Duration::from_secs(5));
    assert!(status.success(), "{status}; {}", sidecar.log());
    assert!(started.elapsed() < Duration::from_secs(2), "at once: {:?}", started.elapsed());
    assert!(!socket.exists(), "an application that finds no socket knows that nobody serves");
}

#[tokio::test]
async fn two_processes_of_one_folder_do_not_steal_each_others_sockets() {
    let spec = lonely(Spec::new(&nowhere().to_string()));
    let first = spec.start();
    alive(&first).await;
    // Not its log: a refused start says why at the end of it.
    let mut second = spec.expects("sidecommit: ", "it is refused").start();
    assert_eq!(second.wait(Duration::from_secs(10)).code(), Some(69), "{}", second.log());
    assert!(second.log().contains(&first.id().to_string()), "names who has it: {}", second.log());
    alive(&first).await;
}

#[tokio::test]
async fn shutdown_over_loopback_is_as_sigterm() {
    let spec = lonely(Spec::new(&nowhere().to_string())).set("metrics_address", "127.0.0.1:0");
    let mut sidecar = spec.clone().set("admin.shutdown", "true").start();
    alive(&sidecar).await;
    let answer = http(&sidecar.bound("metrics"), "POST", "/shutdown").await;
    assert!(answer.contains("200 OK"), "{answer}");
    assert!(sidecar.wait(Duration::from_secs(5)).success());

    let sidecar = spec.start();
    alive(&sidecar).await;
    let answer = http(&sidecar.bound("metrics"), "POST", "/shutdown").await;
    assert!(answer.contains("404"), "off by default: {answer}");
}
