//! The whole webhook on real sockets; only the API server is ours.

mod client;

use super::*;
use crate::{
    certs::{authority, bundle},
    decision::{Decision, Patch, Skip},
    fake_api::FakeApi,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use client::{NAME, clear, connect, get, post, read_answer};
use rustls::pki_types::CertificateDer;
use serde_json::{Map, Value, json};
use std::path::Path;
use tokio::{io::AsyncWriteExt as _, sync::oneshot, task::JoinHandle};

const CONFIGURATION: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/injector";
const EVENTS: &str = "/api/v1/namespaces/orders/events";
const DAY: Duration = Duration::from_secs(86_400);
const DELAY: Duration = Duration::from_millis(300);

/// Decides as the pod's name says.
struct ByName;

impl Decide for ByName {
    fn decide(&self, pod: &Value, _: &Map<String, Value>) -> Decision {
        match pod["metadata"]["name"].as_str() {
            Some("denied") => Decision::Deny(vec!["slots = \"x\"".to_owned()]),
            Some("skipped") => {
                Decision::Skip(Skip { reason: "host-network", message: Some("ports clash"), mark: None })
            }
            _ => Decision::Patch(Patch { operations: json!([]), warnings: Vec::new() }),
        }
    }
}

struct Running {
    api: FakeApi,
    tls: SocketAddr,
    http: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), Error>>,
}

async fn start(certs: Certs) -> Running {
    let api = FakeApi::default();
    api.put("/api/v1/namespaces/orders", json!({ "metadata": { "name": "orders" } }));
    let webhook =
        json!({ "name": "pods", "sideEffects": "None", "admissionReviewVersions": [], "clientConfig": {} });
    api.put(CONFIGURATION, json!({ "metadata": { "name": "injector" }, "webhooks": [webhook] }));
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let certs_poll = Duration::from_millis(50);
    let options = Options { listen: any, http: any, certs, certs_poll, shutdown_delay: DELAY };
    let webhook = Webhook::open(api.client(), options, ByName).await.unwrap();
    let [tls, http] = webhook.addresses().unwrap();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(webhook.run(async move { stopped.await.unwrap() }));
    Running { api, tls, http, stop, ended }
}

fn own() -> Certs {
    let text = str::to_owned;
    let place =
        Place { namespace: text("kube-system"), secret: text("certs"), configuration: text("injector") };
    Certs::Own(place, Plan { names: vec![text(NAME)], authority_life: 360 * DAY, leaf_life: 90 * DAY })
}

fn review(name: &str, dry_run: bool) -> String {
    let version = json!({ "group": "", "version": "v1", "kind": "Pod" });
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1", "kind": version, "namespace": "orders", "operation": "CREATE", "dryRun": dry_run,
            "resource": { "group": "", "version": "v1", "resource": "pods" }, "userInfo": {},
            "object": { "metadata": { "name": name } },
        },
    })
    .to_string()
}

/// Asks until it is so; the test's own time limit is the harness's.
async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not within 12 s");
}

// === impl Running ===

impl Running {
    async fn ready(&self) {
        eventually(async || get(self.http, "/readyz").await.starts_with("HTTP/1.1 200").then_some(())).await;
    }

    fn bundle(&self) -> Vec<CertificateDer<'static>> {
        let configuration = self.api.get(CONFIGURATION).unwrap();
        let pem = configuration["webhooks"][0]["clientConfig"]["caBundle"].as_str().unwrap_or_default();
        bundle::decode(&STANDARD.decode(pem).unwrap())
    }

    async fn review(&self, body: &str) -> String {
        post(self.tls, &self.bundle(), body).await
    }
}

#[tokio::test]
async fn it_is_ready_once_the_api_server_trusts_it_and_answers_reviews() {
    let running = start(own()).await;
    let early = get(running.http, "/readyz").await;
    assert!(early.starts_with("HTTP/1.1 503") && early.contains("no certificate yet"), "{early}");
    running.ready().await;
    let answer = running.review(&review("app", false)).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains(r#""uid":"u-1""#), "{answer}");
    let bad = running.review("hello").await;
    assert!(bad.starts_with("HTTP/1.1 400") && bad.contains("the body is not JSON"), "{bad}");
    let page = get(running.http, "/metrics").await;
    for line in [
        r#"sidecommit_webhook_reviews_total{outcome="patched"} 1"#,
        r#"sidecommit_webhook_reviews_total{outcome="bad"} 1"#,
        "sidecommit_webhook_review_duration_seconds_count 2",
    ] {
        assert!(page.contains(line), "{line} is not in {page}");
    }
    let expiry = page.lines().find_map(|line| {
        line.strip_prefix("sidecommit_webhook_certificate_expiry_timestamp_seconds ")?.parse::<i64>().ok()
    });
    assert!(expiry.unwrap() > Timestamp::now().as_second(), "{page}");
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let running = start(own()).await;
    running.ready().await;
    let answer = running.review(&" ".repeat(routes::BODY_MAX + 1)).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("8388608 bytes"), "{answer}");
}

#[tokio::test]
async fn skips_and_denials_are_events_told_once_and_not_of_dry_runs() {
    let running = start(own()).await;
    running.ready().await;
    for name in ["app", "skipped", "denied", "denied", "skipped"] {
        for dry_run in [true, false] {
            let answer = running.review(&review(name, dry_run)).await;
            assert_eq!(answer.contains(r#""allowed":false"#), name == "denied", "{answer}");
        }
    }
    let told = eventually(async || {
        let events = running.api.list(EVENTS);
        (events.len() == 2).then_some(events)
    })
    .await;
    let texts: Vec<_> =
        told.iter().map(|event| (event["reason"].clone(), event["message"].clone())).collect();
    assert!(texts.contains(&(json!("InjectionDenied"), json!("slots = \"x\""))), "{texts:?}");
    let skipped = json!("sidecommit was not injected (host-network): ports clash");
    assert!(texts.contains(&(json!("InjectionSkipped"), skipped)), "{texts:?}");
    let page = get(running.http, "/metrics").await;
    assert!(page.contains(r#"sidecommit_webhook_events_total{outcome="repeated"} 2"#), "{page}");
    assert!(page.contains(r#"sidecommit_webhook_skips_total{reason="host-network"} 4"#), "{page}");
}

#[tokio::test]
async fn without_its_namespace_a_review_has_no_answer() {
    let running = start(own()).await;
    running.ready().await;
    running.api.delete("/api/v1/namespaces/orders");
    let answer = running.review(&review("app", false)).await;
    assert!(
        answer.starts_with("HTTP/1.1 500") && answer.contains("namespace orders cannot be read"),
        "{answer}"
    );
}

#[tokio::test]
async fn told_to_stop_it_serves_on_for_a_while_and_answers_what_was_asked() {
    let running = start(own()).await;
    running.ready().await;
    let bundle = running.bundle();
    // Half a review is under way.
    let body = review("app", false);
    let mut slow = connect(running.tls, &bundle).await;
    let head = format!("POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.flush().await.unwrap();

    let before = tokio::time::Instant::now();
    running.stop.send(()).unwrap();
    eventually(async || get(running.http, "/readyz").await.contains("draining").then_some(())).await;
    let answer = post(running.tls, &bundle, &body).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(get(running.http, "/livez").await.starts_with("HTTP/1.1 200"));

    eventually(async || clear(running.tls).await.is_err().then_some(())).await;
    assert!(before.elapsed() >= DELAY);
    assert!(!running.ended.is_finished(), "a review is under way");
    slow.write_all(body.as_bytes()).await.unwrap();
    slow.flush().await.unwrap();
    let answer = read_answer(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    running.ended.await.unwrap().unwrap();
}

/// As the kubelet mounts a Secret: the files are links through one link, which is replaced.
fn mount(folder: &Path, version: &str, pair: &authority::Pair) {
    let data = folder.join(version);
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("tls.crt"), &pair.certificate).unwrap();
    std::fs::write(data.join("tls.key"), &pair.key).unwrap();
    std::os::unix::fs::symlink(version, folder.join("..next")).unwrap();
    std::fs::rename(folder.join("..next"), folder.join("..data")).unwrap();
}

#[tokio::test]
async fn files_that_change_are_served_from_the_next_connection_on() {
    let now = Timestamp::now();
    let ca = authority::authority(now, DAY).unwrap();
    let leaf = || authority::leaf(&ca, &[NAME.to_owned()], now, DAY, now + DAY).unwrap();
    let (one, two) = (leaf(), leaf());
    let folder = tempfile::tempdir().unwrap();
    mount(folder.path(), "1", &one);
    let file = |name: &str| folder.path().join("..data").join(name);
    let running = start(Certs::Files(Files { certificate: file("tls.crt"), key: file("tls.key") })).await;
    running.ready().await;
    let bundle = [ca.der().unwrap()];
    let served = async || {
        let stream = connect(running.tls, &bundle).await;
        stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).cloned()
    };
    let mut old = connect(running.tls, &bundle).await;
    assert_eq!(served().await, one.der());

    // A key that is another's: what was served is served on.
    mount(folder.path(), "2", &authority::Pair { key: one.key.clone(), ..two.clone() });
    let failures = "sidecommit_webhook_certificate_failures_total";
    eventually(async || {
        (!get(running.http, "/metrics").await.contains(&format!("{failures} 0"))).then_some(())
    })
    .await;
    assert_eq!(served().await, one.der());

    mount(folder.path(), "3", &two);
    eventually(async || (served().await == two.der()).then_some(())).await;
    let request = "GET /mutate HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    old.write_all(request.as_bytes()).await.unwrap();
    let answer = read_answer(&mut old).await;
    assert!(answer.starts_with("HTTP/1.1 405"), "an open connection goes on: {answer}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named_before_a_port_opens() {
    let files = Files { certificate: "/nowhere/tls.crt".into(), key: "/nowhere/tls.key".into() };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let options = Options {
        listen: any,
        http: any,
        certs: Certs::Files(files),
        certs_poll: DAY,
        shutdown_delay: DELAY,
    };
    let opened = Webhook::open(FakeApi::default().client(), options, ByName).await;
    let error = opened.err().unwrap().to_string();
    assert!(error.starts_with("--tls-cert /nowhere/tls.crt: "), "{error}");
}
