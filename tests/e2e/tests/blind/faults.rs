//! Applications that follow next_action, while the sidecar and its broker suffer whatever chance brings.
//!
//! `SIDECOMMIT_BLIND_FAULTS` sets how many faults (one of each kind without it), `SIDECOMMIT_BLIND_SEED` replays their
//! order and pauses.

use crate::support::{ENOSPC, blind, signal};
use fastrand::Rng;
use sidecommit_e2e::{
    Blind, Cluster, Disk, End, Met, Sidecar, Spec, Told, Way, Work, check_ledger, eventually, offsets, unique,
};
use sidecommit_fixture::Kafka;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    task::{JoinHandle, spawn_blocking},
};

const APPLICATIONS: usize = 6;
/// An offset that only given-up transactions send.
const NEVER: i64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    Kill,
    Drain,
    Rival,
    Fence,
    BrokerStops,
    DiskFull,
}

const FAULTS: [Fault; 6] =
    [Fault::Kill, Fault::Drain, Fault::Rival, Fault::Fence, Fault::BrokerStops, Fault::DiskFull];

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().expect("a number"))
}

// === the applications ===

/// What an application did and met.
struct Done {
    told: BTreeMap<String, Told>,
    /// Its consumer groups, the last one in use.
    groups: Vec<Group>,
    met: Met,
}

/// A consumer group.
struct Group {
    id: String,
    /// Its last committed offset.
    offset: Option<i64>,
    /// A transfer that would have committed the next one. A rival was in between, and of it only the last groups of each
    /// lane are known: nobody tells whether it is committed, but a person who looks into Kafka.
    forgotten: Option<String>,
}

// === impl Group ===

impl Group {
    fn new() -> Self {
        Self { id: unique("group"), offset: None, forgotten: None }
    }

    fn next(&self) -> i64 {
        self.offset.unwrap_or(0) + 1
    }
}

/// Transfers one after the other until told to stop.
async fn application(mut client: Blind, topic: String, mut rng: Rng, stop: &AtomicBool) -> Done {
    let mut done = Done { told: BTreeMap::new(), groups: vec![Group::new()], met: client.met() };
    while !stop.load(Ordering::Relaxed) {
        let group = done.groups.last_mut().expect("one is in use");
        let name = unique("transfer");
        let way = [Way::Calls, Way::Stream, Way::Transact][rng.usize(..3)];
        let abort = way != Way::Transact && rng.u8(..4) == 0;
        let offset = if abort { NEVER } else { group.next() };
        let offsets = Some(offsets(&group.id, &topic, 0, offset));
        let work = Work { abort, offsets, ..Work::transfer(&topic, &name).by(way) };
        match client.transfer(&work).await {
            End::Committed => {
                group.offset = Some(offset);
                done.told.insert(name, Told::Committed);
            }
            End::Aborted => drop(done.told.insert(name, Told::Aborted)),
            End::Person(refused) if refused.reason == "OUTCOME_FORGOTTEN" => {
                group.forgotten = Some(name);
                done.groups.push(Group::new());
            }
            End::Person(refused) => panic!("nothing here needs a person: {name} by {way:?}: {refused:?}"),
        }
    }
    done
}

// === the faults ===

/// A sidecar, its broker and its disk.
struct Stage {
    cluster: Cluster,
    broker: u32,
    topic: String,
    spec: Spec,
    disk: Disk,
    sidecar: Option<Sidecar>,
    rivals: BTreeMap<String, Told>,
    rng: Rng,
}

// === impl Stage ===

impl Stage {
    async fn new(rng: Rng) -> Self {
        let kafka = Kafka::start().expect("a broker starts");
        let broker = kafka.pid().expect("it is ours");
        let cluster = Cluster::own(kafka);
        let spec = Self::pod(&cluster, &format!("e2e/test/{}/0", unique("app")));
        let (disk, spec) = Disk::under(&spec);
        let sidecar = Some(spec.serve().await);
        let topic = cluster.topic(3);
        Self { cluster, broker, topic, spec, disk, sidecar, rivals: BTreeMap::new(), rng }
    }

    /// With so little of everything that the applications meet the limits as well.
    fn pod(cluster: &Cluster, slot: &str) -> Spec {
        Spec::of_slot(&cluster.bootstrap(), slot)
            .set("limits.open_transactions", "4")
            .set("limits.queue", "1")
            .set("limits.lanes_max", "3")
            .set("limits.lanes_reserved", "1")
            .set("limits.streaming_bytes", "150B")
            .set("limits.recovering_wait", "50ms")
            .set("limits.pending_wait", "50ms")
            .set("grace", "2s")
            .expects_fence("rivals, strangers and successors")
            .expects("ERROR .. No space left on device", "the disk is full")
            .expects("WARN .. lane failed .. kind=Unreachable", "the broker stands still")
            .expects("WARN .. lane failed .. kind=Other", "a fault got between an end and its reply")
            .expects("WARN .. reading the outcomes failed", "the broker stands still")
            .expects("WARN .. waiting for Kafka", "the broker stands still")
            .expects("WARN librdkafka", "the broker stands still")
            .expects("WARN .. holds back the outcomes", "who was killed or replaced left a transaction open")
            .expects("WARN .. the grace is over", "SIGTERM while outcomes are not known")
    }

    fn sidecar(&mut self) -> &mut Sidecar {
        self.sidecar.as_mut().expect("is running")
    }

    async fn restart(&mut self) {
        self.sidecar.take().expect("is running").kill();
        self.sidecar = Some(self.spec.serve().await);
    }

    async fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::Kill => self.restart().await,
            Fault::Drain => {
                self.sidecar().signal("TERM");
                self.sidecar().wait(Duration::from_secs(60));
                self.sidecar = Some(self.spec.serve().await);
            }
            Fault::Rival => self.rival().await,
            Fault::Fence => self.cluster.fence(self.spec.slot(), 3),
            Fault::BrokerStops => {
                signal(self.broker, "STOP");
                self.pause(100, 1_500).await;
                signal(self.broker, "CONT");
            }
            Fault::DiskFull => {
                self.disk.fail_writes_after(self.rng.u32(..20), ENOSPC, "");
                let mut app = self.sidecar().app();
                eventually("the journal fails", 90, async || {
                    app.state().await.as_deref() == Some("JOURNAL_FAILED")
                })
                .await;
                self.pause(0, 300).await;
                self.disk.mend();
                self.restart().await;
            }
        }
    }

    /// Another pod takes the slot and uses it, until an operator puts it right.
    async fn rival(&mut self) {
        let rival = Self::pod(&self.cluster, self.spec.slot()).serve().await;
        let name = unique("rival");
        blind(&rival).transfer(&Work::transfer(&self.topic, &name)).await.committed();
        self.rivals.insert(name, Told::Committed);
        let mut app = self.sidecar().app();
        eventually("it steps down", 90, async || app.state().await.as_deref() == Some("FENCED_BY_RIVAL"))
            .await;
        rival.kill();
        self.sidecar().command(&["resume"]);
        self.sidecar().serving().await;
    }

    /// A time for whatever is under way; chance, not a condition.
    async fn pause(&mut self, from: u64, to: u64) {
        tokio::time::sleep(Duration::from_millis(self.rng.u64(from..to))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_random_faults_a_blind_client_ends_right() {
    let seed = number("SIDECOMMIT_BLIND_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("SIDECOMMIT_BLIND_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let count = number("SIDECOMMIT_BLIND_FAULTS").map_or(FAULTS.len(), |count| count as usize);
    // Each kind in turn, in an order of its own each time.
    let mut faults = Vec::new();
    while faults.len() < count {
        let mut round = FAULTS;
        rng.shuffle(&mut round);
        faults.extend(round.iter().take(count - faults.len()).copied());
    }
    let mut stage = Stage::new(rng.fork()).await;
    let stop = Arc::new(AtomicBool::new(false));
    let running: Vec<JoinHandle<Done>> = (0..APPLICATIONS)
        .map(|n| {
            let client = blind(stage.sidecar());
            // Some are in a hurry: they give calls up that are executed all the same.
            let client = if n % 3 == 0 { client.with_deadline(Duration::from_millis(100)) } else { client };
            let (topic, rng, stop, runtime) =
                (stage.topic.clone(), rng.fork(), stop.clone(), Handle::current());
            spawn_blocking(move || runtime.block_on(application(client, topic, rng, &stop)))
        })
        .collect();
    let mut suffered = BTreeMap::new();
    for fault in faults {
        stage.pause(100, 600).await;
        let since = Instant::now();
        stage.suffer(fault).await;
        let entry = suffered.entry(fault).or_insert((0, Duration::ZERO));
        *entry = (entry.0 + 1, entry.1 + since.elapsed());
    }
    stage.pause(100, 600).await;
    stop.store(true, Ordering::Relaxed);

    let (mut told, mut met, mut forgotten) = (stage.rivals.clone(), BTreeMap::new(), 0);
    let mut ended = Vec::new();
    for application in running {
        ended.push(application.await.expect("an application ends well"));
    }
    let visible = stage.cluster.values(&stage.topic);
    for done in ended {
        told.extend(done.told);
        for mut group in done.groups {
            if let Some(name) = group.forgotten.take() {
                forgotten += 1;
                let committed = visible.contains_key(&format!("{name}/debit"));
                group.offset = if committed { Some(group.next()) } else { group.offset };
                told.insert(name, if committed { Told::Committed } else { Told::Aborted });
            }
            let committed = stage.cluster.committed_offset(&group.id, &stage.topic, 0);
            assert_eq!(committed, group.offset, "{}", group.id);
        }
        done.met.count().into_iter().for_each(|(reason, n)| *met.entry(reason).or_insert(0) += n);
    }
    let committed = told.values().filter(|told| **told == Told::Committed).count();
    println!("faults and the time they took: {suffered:?}");
    println!("{} transfers, {committed} committed, {forgotten} forgotten; refusals met: {met:?}", told.len());
    check_ledger(&told, &visible);
    assert!(committed > 0 && met.len() >= 8.min(count), "nothing much happened");
}
