//! Connections between application and sidecar are cut after any number of bytes, in either direction. An application
//! that repeats the same call on a new connection ends with every transaction as it was meant.
//!
//! `SIDECOMMIT_CUTS` sets how often (1,000 without it), `SIDECOMMIT_CUTS_SEED` replays the sizes of the pieces.

use fastrand::Rng;
use sidecommit_e2e::{App, Cluster, Refused, Relay, Spec, Told, check_ledger, offsets, record, unique};
use sidecommit_rpc::proto::{v1, v1::TransactionState};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::SystemTime};
use tokio::task::LocalSet;

const APPLICATIONS: usize = 6;
/// What a connection carries at most: some ten calls, so that the cut falls into any of them, and the handshake.
const BYTES: std::ops::Range<u64> = 0..3_000;
/// An offset that only aborted transactions send.
const NEVER: i64 = 1_000_000;
const CALLS: [&str; 9] = [
    "Begin",
    "Produce",
    "ProduceStream",
    "SendOffsets",
    "KeepAlive",
    "GetTransaction",
    "Commit",
    "Abort",
    "Transact",
];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().expect("a number"))
}

/// An application behind the relay.
struct Stubborn {
    app: App,
    topic: String,
    group: String,
    told: BTreeMap<String, Told>,
    /// Calls that broke, by name.
    broken: BTreeMap<&'static str, usize>,
    /// What the group's committed offset has to be.
    offset: i64,
}

// === impl Stubborn ===

impl Stubborn {
    fn new(socket: &Path, topic: &str) -> Self {
        Self {
            app: App::connect(socket),
            topic: topic.to_owned(),
            group: unique("group"),
            told: BTreeMap::new(),
            broken: BTreeMap::new(),
            offset: 0,
        }
    }

    /// Repeats a call until the sidecar itself answers it.
    async fn again<T>(
        &mut self,
        name: &'static str,
        mut call: impl AsyncFnMut(&mut App) -> Result<T, Refused>,
    ) -> T {
        loop {
            match call(&mut self.app).await {
                Ok(answer) => return answer,
                Err(refused) if refused.reason.is_empty() => *self.broken.entry(name).or_default() += 1,
                Err(refused) => panic!("{name}: {refused:?}"),
            }
        }
    }

    /// A transaction by single calls, committed or aborted.
    async fn calls(&mut self, name: &str, commit: bool) {
        let half = |half: &str| record(&self.topic, name, &format!("{name}/{half}"));
        let (debit, credit) = (half("debit"), half("credit"));
        let begin = v1::BeginRequest {
            request_id: name.to_owned(),
            label: "cut".to_owned(),
            ..v1::BeginRequest::default()
        };
        let txn = self.again("Begin", async |app| app.begin_with(begin.clone()).await).await;
        let next = self.again("Produce", async |app| app.produce(&txn, 0, vec![debit.clone()]).await).await;
        assert_eq!(next, 1);
        let message =
            v1::ProduceStreamRequest { transaction_id: txn.clone(), sequence: 1, records: vec![credit] };
        let next = self.again("ProduceStream", async |app| stream(app, message.clone()).await).await;
        assert_eq!(next, 2);
        let offset = if commit { self.offset + 1 } else { NEVER };
        let sent = offsets(&self.group, &self.topic, 0, offset);
        let count = self.again("SendOffsets", async |app| app.send_offsets(&txn, sent.clone()).await).await;
        assert_eq!(count, 1);
        let ids = v1::KeepAliveRequest { transaction_ids: vec![txn.clone()] };
        let alive = async |app: &mut App| Ok(app.stub.keep_alive(ids.clone()).await?.into_inner());
        assert!(self.again("KeepAlive", alive).await.deadlines[0].deadline.is_some(), "{name} is open");
        let seen = self.again("GetTransaction", async |app| app.get(&txn, false).await).await;
        assert_eq!((seen.state(), seen.record_count, seen.offsets_count), (TransactionState::Open, 2, 1));
        let (told, state) = if commit {
            let committed = self.again("Commit", async |app| app.commit(&txn, 2, 1).await).await;
            self.offset = offset;
            (Told::Committed, committed.state())
        } else {
            let aborted = self.again("Abort", async |app| app.abort(&txn).await).await;
            (Told::Aborted, aborted.state())
        };
        let seen = self.again("GetTransaction", async |app| app.get(&txn, true).await).await;
        assert_eq!(seen.state(), state, "{name} was told another outcome");
        self.told.insert(name.to_owned(), told);
    }

    /// A transaction in one call.
    async fn transact(&mut self, name: &str) {
        let first = SystemTime::now();
        let mut request = v1::TransactRequest {
            idempotency_key: name.to_owned(),
            records: ["debit", "credit"]
                .map(|half| record(&self.topic, name, &format!("{name}/{half}")))
                .to_vec(),
            ..v1::TransactRequest::default()
        };
        self.again("Transact", async |app| {
            let sent = request.clone();
            request.first_attempt_time = Some(first.into());
            Ok(app.stub.transact(sent).await.map(drop)?)
        })
        .await;
        self.told.insert(name.to_owned(), Told::Committed);
    }
}

async fn stream(app: &mut App, message: v1::ProduceStreamRequest) -> Result<i64, Refused> {
    let mut acks = app.stub.produce_stream(tokio_stream::once(message)).await?.into_inner();
    let mut next = 0;
    while let Some(ack) = acks.message().await? {
        next = ack.next_sequence;
    }
    Ok(next)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_cut_the_repeat_of_the_call_ends_right() {
    let cuts = number("SIDECOMMIT_CUTS").unwrap_or(1_000) as usize;
    let seed = number("SIDECOMMIT_CUTS_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("SIDECOMMIT_CUTS_SEED={seed}");
    let cluster = Cluster::shared();
    let topic = cluster.topic(3);
    // Nothing may end by a clock: what a lost reply leaves behind has to be seen.
    let spec = Spec::new(&cluster.bootstrap())
        .set("limits.idle_timeout", "5m")
        .set("limits.lane_timeout", "10m")
        .set("limits.default_timeout", "5m");
    let sidecar = spec.serve().await;
    let relay = Arc::new(Relay::start(sidecar.socket(), Rng::with_seed(seed), BYTES));
    let applications = LocalSet::new();
    let running = (0..APPLICATIONS).map(|_| {
        let (relay, mut application) = (relay.clone(), Stubborn::new(&relay.socket(), &topic));
        applications.spawn_local(async move {
            for n in 0.. {
                if relay.cuts() >= cuts {
                    break;
                }
                let name = unique("transfer");
                match n % 4 {
                    0 | 2 => application.calls(&name, true).await,
                    1 => application.calls(&name, false).await,
                    _ => application.transact(&name).await,
                }
            }
            application
        })
    });
    let running: Vec<_> = running.collect();
    applications.await;
    let (mut told, mut broken) = (BTreeMap::new(), BTreeMap::new());
    for application in running {
        let application = application.await.expect("an application ends well");
        let committed = cluster.committed_offset(&application.group, &topic, 0);
        assert_eq!(committed, Some(application.offset), "{}", application.group);
        told.extend(application.told);
        application.broken.into_iter().for_each(|(name, n)| *broken.entry(name).or_insert(0) += n);
    }
    assert!(relay.cuts() >= cuts, "{} of {cuts} cuts", relay.cuts());
    println!("{} cuts; {} transactions; calls that broke: {broken:?}", relay.cuts(), told.len());
    check_ledger(&told, &cluster.values(&topic));
    let left = sidecar.command(&["transactions", "list"]);
    assert!(!left.contains("cut"), "a repeated Begin left a transaction behind:\n{left}");
    for name in CALLS {
        let n = broken.get(name).copied().unwrap_or(0);
        assert!(n >= cuts / 200, "{name} broke only {n} times: the test shows too little of it");
    }
}
