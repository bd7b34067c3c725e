//! The application of the tests' pods: it knows `SIDECOMMIT_ADDRESS` and nothing else of its sidecar.
//!
//! `write TOPIC [COUNT]` commits transactions of one record, `deaf TOPIC` does and ignores SIGTERM. SIGUSR1 makes it leave one open with its
//! records in Kafka, and deaf. What it does and is told goes to standard output, a [`Line`] each.

use sidecommit_e2e::{App, Refused, record, unique};
use sidecommit_kube_tests::Line;
use std::{path::PathBuf, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// Larger than what a sidecar keeps in memory of one transaction (limits.streaming_bytes).
const STREAMED_BYTES: usize = 1 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = std::env::var("SIDECOMMIT_ADDRESS").expect("the sidecar was injected");
    let socket = PathBuf::from(address.strip_prefix("unix://").expect("a Unix socket"));
    let mut app = App::connect(&socket);
    let mut terminate = signal(SignalKind::terminate()).expect("a handler");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", topic] => {
            write(&mut app, topic, async move {
                terminate.recv().await;
            })
            .await;
        }
        ["write", topic, count] => {
            let count: u32 = count.parse().expect("a number");
            for _ in 0..count {
                transact(&mut app, topic).await;
            }
        }
        ["deaf", topic] => write(&mut app, topic, std::future::pending()).await,
        _ => panic!("usage: write TOPIC [COUNT] | deaf TOPIC, not {arguments:?}"),
    }
    Line::Ended.say();
}

/// Transactions until told to end; the last is ended first.
async fn write(app: &mut App, topic: &str, until: impl Future<Output = ()>) {
    let mut hold_now = signal(SignalKind::user_defined1()).expect("a handler");
    let mut until = std::pin::pin!(until);
    loop {
        transact(app, topic).await;
        // A breath between, so that hundreds of pods do not measure the machine.
        tokio::select! {
            () = &mut until => return,
            _ = hold_now.recv() => {
                hold(app, topic).await;
                std::future::pending().await
            }
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
    }
}

fn value() -> String {
    let pod = std::env::var("POD_NAME").unwrap_or_else(|_| "nobody".to_owned());
    unique(&pod)
}

/// One transaction to its outcome, begun again under another value as long as it is aborted.
async fn transact(app: &mut App, topic: &str) {
    loop {
        let value = value();
        Line::Trying(value.clone()).say();
        match attempt(app, topic, &value).await {
            Ok(()) => return Line::Committed(value).say(),
            Err(refused) => {
                assert!(refused.next == "BEGIN_AGAIN", "{refused:?}");
                Line::Aborted(value).say();
            }
        }
    }
}

async fn attempt(app: &mut App, topic: &str, value: &str) -> Result<(), Refused> {
    let txn = loop {
        match app.begin(value).await {
            Err(refused) if refused.asks_again() => tokio::time::sleep(Duration::from_millis(50)).await,
            begun => break begun?,
        }
    };
    loop {
        match app.produce(&txn, 0, vec![record(topic, "k", value)]).await {
            Err(refused) if refused.asks_again() => tokio::time::sleep(Duration::from_millis(50)).await,
            produced => {
                produced?;
                break;
            }
        };
    }
    app.settle_within(&txn, 1, Duration::from_secs(600)).await.map(drop)
}

/// An open transaction whose records are in Kafka.
async fn hold(app: &mut App, topic: &str) {
    let value = value();
    let filler = "x".repeat(1 << 16);
    loop {
        let sent = async {
            let txn = app.begin(&unique(&value)).await?;
            for n in 0..(STREAMED_BYTES >> 16) as i64 {
                app.produce(&txn, n, vec![record(topic, &value, &filler)]).await?;
            }
            Ok::<_, Refused>(())
        };
        match sent.await {
            Ok(()) => return Line::Open(value).say(),
            Err(refused) => assert!(refused.asks_again(), "{refused:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
