//! Every call is repeated at every point: right away, after each later call, while the transaction commits, after its
//! end, and after a restart.

use sidecommit_e2e::{App, Cluster, Refused, Sidecar, Spec, eventually, offsets, record, unique};
use sidecommit_rpc::proto::v1::{self, TransactionState};
use std::time::{Duration, SystemTime};

/// The calls of a transaction, in the order in which they are made first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Call {
    Begin,
    Produce,
    ProduceStream,
    SendOffsets,
    KeepAlive,
    GetTransaction,
    Commit,
    Abort,
}

use Call::*;

const CALLS: [Call; 8] =
    [Begin, Produce, ProduceStream, SendOffsets, KeepAlive, GetTransaction, Commit, Abort];

/// What has become of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Became {
    Open,
    Committing,
    Committed,
    Aborted,
    EndedByRestart,
}

/// What a repeat is told, in the order of [`CALLS`]. "it" is Begin's transaction id, "new" another one; "all" is the
/// number of records that the transaction has; "reply" is the first reply to Commit or Abort, word by word.
const TOLD: [(Became, [&str; 8]); 5] = [
    (Became::Open, ["it", "all", "all", "1", "alive", "OPEN", "", ""]),
    (
        Became::Committing,
        ["it", "all", "all", "NOT_OPEN", "over", "COMMITTING", "reply", "ALREADY_COMMITTED"],
    ),
    (
        Became::Committed,
        ["it", "NOT_OPEN", "NOT_OPEN", "NOT_OPEN", "over", "COMMITTED", "reply", "ALREADY_COMMITTED"],
    ),
    (
        Became::Aborted,
        [
            "new",
            "ABORTED_BY_CALLER",
            "ABORTED_BY_CALLER",
            "ABORTED_BY_CALLER",
            "over",
            "ABORTED",
            "ABORTED_BY_CALLER",
            "reply",
        ],
    ),
    (
        Became::EndedByRestart,
        [
            "new",
            "SIDECAR_RESTARTED",
            "SIDECAR_RESTARTED",
            "SIDECAR_RESTARTED",
            "over",
            "SIDECAR_RESTARTED",
            "SIDECAR_RESTARTED",
            // That nothing of it is visible is what Abort asks for.
            "reply",
        ],
    ),
];

/// A transaction of two records and an offset.
#[derive(Clone)]
struct Txn {
    app: App,
    topic: String,
    name: String,
    group: String,
    id: String,
    /// The calls that were made.
    made: Vec<Call>,
    /// How many records it has.
    records: i64,
    /// The reply to its Commit or Abort.
    reply: String,
}

// === impl Txn ===

impl Txn {
    async fn begin(sidecar: &Sidecar, topic: &str, name: &str) -> Self {
        let mut txn = Self {
            app: sidecar.app(),
            topic: topic.to_owned(),
            name: name.to_owned(),
            group: unique("group"),
            id: String::new(),
            made: Vec::new(),
            records: 0,
            reply: String::new(),
        };
        txn.id = txn.app.begin(name).await.expect("begins");
        txn.made(Begin);
        txn
    }

    /// Makes the next calls for the first time, and repeats all so far after each.
    async fn advance(&mut self, upto: Call) {
        for call in CALLS.into_iter().filter(|call| *call > Begin && *call <= upto) {
            self.call(call).await.expect("is well");
            self.made(call);
            self.repeats(Became::Open).await;
        }
    }

    /// Makes Commit or Abort for the first time.
    async fn end(&mut self, call: Call) {
        self.reply = self.call(call).await.expect("ends");
        self.made(call);
    }

    fn made(&mut self, call: Call) {
        self.records += i64::from(matches!(call, Produce | ProduceStream));
        self.made.push(call);
    }

    /// Makes a call and says in a word what it was told.
    async fn call(&mut self, call: Call) -> Result<String, Refused> {
        let (app, id) = (&mut self.app, self.id.clone());
        let value = |n: i64| record(&self.topic, &self.name, &format!("{}/{n}", self.name));
        Ok(match call {
            Begin => if app.begin(&self.name).await? == id { "it" } else { "new" }.to_owned(),
            Produce => app.produce(&id, 0, vec![value(0)]).await?.to_string(),
            ProduceStream => stream(app, &id, value(1)).await?.to_string(),
            SendOffsets => app.send_offsets(&id, offsets(&self.group, &self.topic, 0, 7)).await?.to_string(),
            KeepAlive => {
                let request = v1::KeepAliveRequest { transaction_ids: vec![id] };
                let alive = app.stub.keep_alive(request).await?.into_inner();
                if alive.deadlines[0].deadline.is_some() { "alive" } else { "over" }.to_owned()
            }
            GetTransaction => {
                let state = app.get(&id, false).await?.state();
                state.as_str_name().trim_start_matches("TRANSACTION_STATE_").to_owned()
            }
            Commit => format!("{:?}", app.commit(&id, 2, 1).await?),
            Abort => format!("{:?}", app.abort(&id).await?),
        })
    }

    /// Repeats a call that was made.
    async fn repeat(mut self, call: Call, became: Became) {
        let told = match self.call(call).await {
            Ok(told) => told,
            Err(refused) => refused.reason,
        };
        let row = TOLD.iter().find(|(of, _)| *of == became).expect("the table has all");
        let expected = match row.1[call as usize] {
            "all" => self.records.to_string(),
            "reply" if self.reply.is_empty() => format!("{:?}", aborted(&self.id)),
            "reply" => self.reply.clone(),
            word => word.to_owned(),
        };
        assert_eq!(told, expected, "{call:?} of {}, {became:?}", self.name);
    }

    /// Repeats all calls that were made, each twice, and asks for the end that it did not have.
    async fn repeats(&self, became: Became) {
        let never_made = [Commit, Abort].into_iter().filter(|_| became != Became::Open);
        for call in self.made.iter().copied().chain(never_made) {
            for _ in 0..2 {
                self.clone().repeat(call, became).await;
            }
        }
    }

    /// The same of another process.
    fn at(&self, sidecar: &Sidecar) -> Self {
        Self { app: sidecar.app(), ..self.clone() }
    }
}

fn aborted(id: &str) -> v1::AbortResponse {
    v1::AbortResponse { transaction_id: id.to_owned(), state: TransactionState::Aborted.into() }
}

async fn stream(app: &mut App, txn: &str, record: v1::Record) -> Result<i64, Refused> {
    let message =
        v1::ProduceStreamRequest { transaction_id: txn.to_owned(), sequence: 1, records: vec![record] };
    let mut acks = app.stub.produce_stream(tokio_stream::once(message)).await?.into_inner();
    let mut next = 0;
    while let Some(ack) = acks.message().await? {
        next = ack.next_sequence;
    }
    Ok(next)
}

async fn transact(mut app: App, topic: String, first_attempt: Option<SystemTime>) -> v1::TransactResponse {
    let request = v1::TransactRequest {
        idempotency_key: "key".to_owned(),
        first_attempt_time: first_attempt.map(Into::into),
        records: vec![record(&topic, "key", "keyed")],
        ..v1::TransactRequest::default()
    };
    app.stub.transact(request).await.map_err(Refused::from).expect("commits").into_inner()
}

/// One has all its calls repeated while its Commit waits for the only lane, which another has; so has a Transact. All
/// that ask for the end are told the same.
async fn while_committing(sidecar: &Sidecar, topic: &str, txn: &mut Txn) -> v1::TransactResponse {
    let mut app = sidecar.app();
    let holds = app.begin("holds the lane").await.expect("begins");
    let large = record(topic, "k", &"x".repeat(4_000));
    app.produce(&holds, 0, vec![large]).await.expect("streams");
    let mut first = txn.clone();
    let first = tokio::spawn(async move {
        first.end(Commit).await;
        first.reply
    });
    eventually("its Commit waits", 60, async || {
        app.get(&txn.id, false).await.is_ok_and(|seen| seen.state() == TransactionState::Committing)
    })
    .await;
    for call in [Begin, Produce, ProduceStream, SendOffsets, KeepAlive, GetTransaction] {
        txn.clone().repeat(call, Became::Committing).await;
    }
    let ends = [Commit, Abort, Commit].map(|call| {
        let mut again = txn.clone();
        tokio::spawn(async move { again.call(call).await.map_err(|refused| refused.reason) })
    });
    let now = SystemTime::now();
    let keyed = [None, Some(now), Some(now)]
        .map(|first_attempt| tokio::spawn(transact(sidecar.app(), topic.to_owned(), first_attempt)));
    app.commit(&holds, 1, 0).await.expect("commits");

    txn.reply = first.await.expect("ends well");
    txn.made(Commit);
    let [commit, abort, again] = ends;
    for commit in [commit, again] {
        assert_eq!(commit.await.expect("ends well"), Ok(txn.reply.clone()));
    }
    assert_eq!(abort.await.expect("ends well"), Err("ALREADY_COMMITTED".to_owned()));
    let [first, second, third] = keyed;
    let reply = first.await.expect("ends well");
    for repeat in [second, third] {
        assert_eq!(repeat.await.expect("ends well"), reply);
    }
    reply
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_of_any_call_at_any_point_is_told_what_the_contract_names() {
    let cluster = Cluster::shared();
    let topic = cluster.topic(1);
    // Nothing ends by a clock, and one transaction can hold the only lane.
    let spec = Spec::new(&cluster.bootstrap())
        .set("limits.lanes_max", "1")
        .set("limits.lanes_warm", "1")
        .set("limits.lanes_reserved", "0")
        .set("limits.streaming_bytes", "2KiB")
        .set("limits.idle_timeout", "5m")
        .set("limits.lane_timeout", "10m")
        .set("limits.default_timeout", "10m");
    let mut sidecar = spec.serve().await;
    let started = SystemTime::now();

    let mut committed = Txn::begin(&sidecar, &topic, "committed").await;
    let mut aborted = Txn::begin(&sidecar, &topic, "aborted").await;
    for (txn, end, became) in
        [(&mut aborted, Abort, Became::Aborted), (&mut committed, Commit, Became::Committed)]
    {
        txn.repeats(Became::Open).await;
        txn.advance(GetTransaction).await;
        txn.end(end).await;
        txn.repeats(became).await;
    }
    let mut waited = Txn::begin(&sidecar, &topic, "waited").await;
    waited.advance(GetTransaction).await;
    let keyed = while_committing(&sidecar, &topic, &mut waited).await;
    // One for each number of calls after which the sidecar may be killed.
    let mut open = Vec::new();
    for upto in &CALLS[..=GetTransaction as usize] {
        let mut txn = Txn::begin(&sidecar, &topic, &format!("open after {upto:?}")).await;
        txn.advance(*upto).await;
        open.push(txn);
    }

    for restart in ["KILL", "TERM"] {
        sidecar.signal(restart);
        sidecar.wait(Duration::from_secs(60));
        sidecar = spec.serve().await;
        for txn in [&committed, &waited] {
            txn.at(&sidecar).repeats(Became::Committed).await;
        }
        aborted.at(&sidecar).repeats(Became::Aborted).await;
        for txn in &open {
            txn.at(&sidecar).repeats(Became::EndedByRestart).await;
        }
        assert_eq!(transact(sidecar.app(), topic.clone(), Some(started)).await, keyed, "{restart}");
    }
    let mut visible: Vec<_> =
        cluster.values(&topic).into_iter().filter(|(value, _)| !value.starts_with("xx")).collect();
    visible.sort();
    let expected = ["committed/0", "committed/1", "keyed", "waited/0", "waited/1"];
    assert_eq!(visible, expected.map(|value| (value.to_owned(), 1)));
    for (txn, offset) in [(&committed, Some(7)), (&waited, Some(7)), (&aborted, None), (&open[5], None)] {
        assert_eq!(cluster.committed_offset(&txn.group, &topic, 0), offset, "{}", txn.name);
    }
}
