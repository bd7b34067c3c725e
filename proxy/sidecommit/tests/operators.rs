//! The operators' commands against a sidecar's real gRPC face, with an engine that is made up.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use sidecommit_core::{
    Answer, Counters, Generation, Incarnation, JournalId, LaneIndex, LaneStatus, Limits, Lookup, Millis,
    OwnerRecord, PartitionRange, Reason, Refusal, Request, Serving, SessionStatus, Slot, Status, Subscribe,
    TopicFacts, TransactionView, TxnId,
    table::{LaneState, TxnState},
};
use sidecommit_rpc::{
    Backend, ConsumeStream, Listeners, NodeStatus, Options, ServerInfo, Underway, bind_uds,
};
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::watch};

struct FakeEngine {
    serving: watch::Sender<Serving>,
}

/// A served [`FakeEngine`].
struct Served {
    folder: TempDir,
    engine: Arc<FakeEngine>,
    /// Dropped with it: what it serves ends.
    _runtime: Runtime,
}

fn open() -> TxnId {
    TxnId::new(1_000, Incarnation(3), 1)
}

fn committed() -> TxnId {
    TxnId::new(900, Incarnation(3), 2)
}

fn unknown() -> TxnId {
    TxnId::new(800, Incarnation(3), 3)
}

fn slot() -> Slot {
    "p/ns/app/0".parse().unwrap()
}

// === impl FakeEngine ===

impl FakeEngine {
    fn view(txn: TxnId, state: TxnState) -> TransactionView {
        TransactionView {
            txn,
            state,
            reason: None,
            label: "transfer".to_owned(),
            age: 61_000,
            deadline: None,
            record_count: 2,
            offsets_count: 1,
            ranges: Vec::new(),
            lane: Some(LaneIndex(4)),
        }
    }
}

impl Backend for FakeEngine {
    async fn call(&self, request: Request) -> Result<Answer, Refusal> {
        match request {
            Request::Resume => {
                self.serving.send_replace(Serving::Recovering);
                Ok(Answer::Resumed)
            }
            Request::Abort(abort) if abort.txn == open() => {
                assert!(abort.by_operator && abort.note == "stuck");
                Ok(Answer::Aborted { txn: abort.txn })
            }
            Request::Abort(_) => Err(Refusal::new(Reason::AlreadyCommitted, "it was committed before")),
            Request::Get(get) => match get.by {
                Lookup::Id(id) if id == committed() => {
                    let range = PartitionRange {
                        topic: "money".to_owned(),
                        partition: 7,
                        first_offset: 10,
                        last_offset: 13,
                        count: 2,
                    };
                    let view = TransactionView {
                        ranges: vec![range],
                        ..Self::view(committed(), TxnState::Committed)
                    };
                    Ok(Answer::Transaction(Box::new(view)))
                }
                _ => Err(Refusal::new(Reason::NeverIssued, "no such transaction")),
            },
            other => panic!("not a command's: {other:?}"),
        }
    }

    fn underway(&self, _: TxnId) -> Underway {
        Underway::new(|| {})
    }

    async fn topic(&self, _: &str) -> Result<Arc<TopicFacts>, Refusal> {
        Ok(Arc::default())
    }

    async fn status(&self) -> NodeStatus {
        let lane = LaneStatus {
            lane: LaneIndex(4),
            state: LaneState::Busy,
            generation: Generation(2),
            seq: 9,
            transactions: 1,
            since: 0,
            error: None,
        };
        let engine = Status {
            serving: self.serving.borrow().clone(),
            slot: slot(),
            incarnation: Incarnation(3),
            journal: JournalId([7; 16]),
            lanes: vec![lane],
            open: 1,
            queued: 0,
            in_doubt: 0,
            buffered_bytes: 0,
            oldest_in_kafka: 0,
            counters: Counters { committed: 12, ..Counters::default() },
        };
        NodeStatus {
            serving: engine.serving.clone(),
            slot: Some(slot()),
            engine: Some(engine),
            warnings: vec!["topic money has 1 replica".to_owned()],
        }
    }

    fn serving(&self) -> watch::Receiver<Serving> {
        self.serving.subscribe()
    }

    async fn transactions(&self) -> Vec<TransactionView> {
        vec![Self::view(open(), TxnState::Open)]
    }

    fn pattern(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn consume(&self, _: Subscribe) -> ConsumeStream {
        panic!("not a command's")
    }

    async fn sessions(&self) -> Vec<SessionStatus> {
        Vec::new()
    }

    fn now(&self) -> Millis {
        62_000
    }

    fn info(&self) -> ServerInfo {
        ServerInfo {
            version: "0".to_owned(),
            slot: Some(slot()),
            cluster_id: "cluster".into(),
            limits: Limits::default(),
        }
    }
}

// === impl Served ===

impl Served {
    fn new(serving: Serving) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Arc::new(FakeEngine { serving: watch::Sender::new(serving) });
        let runtime = Runtime::new().unwrap();
        let listeners = {
            let _entered = runtime.enter();
            Listeners {
                uds: Some(bind_uds(&folder.path().join("api.sock"), 0o600).unwrap()),
                tcp: None,
                admin_uds: Some(bind_uds(&folder.path().join("admin.sock"), 0o600).unwrap()),
            }
        };
        let (backend, connections) = (engine.clone(), watch::Sender::new(0));
        let never = std::future::pending();
        runtime.spawn(sidecommit_rpc::serve(backend, listeners, Options::default(), connections, never));
        Self { folder, engine, _runtime: runtime }
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(arguments, &self.socket("admin.sock"), &self.socket("api.sock"))
    }

    /// Exit code 0, and what was printed.
    fn prints(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.prints(arguments)).unwrap()
    }

    /// The exit code, and what was told on standard error.
    fn fails(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.run(arguments);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn run(arguments: &[&str], admin: &Path, api: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidecommit"));
    command.env_clear().args(arguments).arg("--admin-socket").arg(admin).arg("--socket").arg(api);
    command.output().unwrap()
}

#[test]
fn transactions_are_listed_shown_and_aborted() {
    let served = Served::new(Serving::Ready);
    let id = open().to_string();
    let list = served.prints(&["transactions", "list"]);
    assert!(list.contains(&format!("{id}  open   1m01s  2        1        4     transfer")), "{list}");
    assert!(list.ends_with("1 in all\n"), "{list}");
    let list = served.json(&["transactions", "list", "--json"]);
    assert_eq!(list["total"], 1);
    assert_eq!(list["transactions"][0]["transaction_id"], id);
    assert_eq!(list["transactions"][0]["age_ms"], 61_000);

    let shown = served.json(&["transactions", "show", &id, "--json"]);
    assert_eq!(shown["state"], "open");
    let shown = served.prints(&["transactions", "show", &committed().to_string()]);
    assert!(shown.contains("committed") && shown.contains("money/7: 2 in 10 to 13"), "{shown}");
    let (code, message) = served.fails(&["transactions", "show", &unknown().to_string()]);
    assert!(code == Some(1) && message.contains("no such transaction"), "{code:?} {message}");

    let aborted = served.prints(&["transactions", "abort", &id, "--reason", "stuck"]);
    assert_eq!(aborted, format!("{id} aborted\n"));
    let (code, message) = served.fails(&["transactions", "abort", &committed().to_string()]);
    assert!(code == Some(1) && message.contains("committed before"), "{code:?} {message}");
}

#[test]
fn healthcheck_tells_whether_it_serves_and_why_not() {
    let served = Served::new(Serving::Ready);
    let said = served.prints(&["healthcheck"]);
    assert_eq!(said, "ready\nwarning: topic money has 1 replica\n");
    let rival = OwnerRecord {
        incarnation: Incarnation(8),
        journal: JournalId([8; 16]),
        pod_uid: "u-8".to_owned(),
        lanes_max: 8,
        time: 0,
    };
    served.engine.serving.send_replace(Serving::FencedByRival(rival));
    let (code, message) = served.fails(&["healthcheck"]);
    assert!(code == Some(69) && message.contains("fenced_by_rival"), "{code:?} {message}");
    let status = served.json(&["healthcheck", "--live", "--json"]);
    assert_eq!(status["rival"]["pod_uid"], "u-8");
    assert_eq!(status["lanes"][0]["state"], "busy");
    assert_eq!(status["counters"]["committed"], 12);

    assert!(served.prints(&["resume"]).contains("claimed again"));
    let (code, message) = served.fails(&["healthcheck"]);
    assert!(code == Some(69) && message.contains("recovering"), "{code:?} {message}");
}
