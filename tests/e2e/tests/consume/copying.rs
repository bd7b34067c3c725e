//! Kafka's own copier test in our terms: {clean, SIGKILL} x {sidecar, application, broker} x {one partition, six}, each struck
//! three times at 20 % of the way or later, with a read_committed reader running along.
//!
//! `SIDECOMMIT_COPIES`: how many of the 12 cells are run (4 by default, chosen by the day, so that all have their turn).

use crate::support::{check_copy, fill, kafka, spec, visible};
use sidecommit_e2e::{Cluster, Copier, Copy, Sidecar, Spec, eventually, unique};
use sidecommit_fixture::{Kafka, Replicated};
use std::time::{Duration, SystemTime};

const RECORDS: usize = 3_000;
const STRIKES: usize = 3;
const HANGS: &str = "librdkafka #5456: it waits for a dead group coordinator past its timeout";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Sidecar,
    Application,
    Broker,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    victim: Victim,
    /// SIGKILL rather than SIGTERM.
    kill: bool,
    partitions: i32,
}

/// What is copied, by whom.
struct Scene {
    cell: Cell,
    kafka: Kafka,
    brokers: Option<Replicated>,
    spec: Spec,
    sidecar: Option<Sidecar>,
    copier: Option<Copier>,
    group: String,
    from: String,
    to: String,
}

impl Scene {
    async fn start(cell: Cell) -> Self {
        let brokers =
            (cell.victim == Victim::Broker).then(|| Replicated::start().expect("three brokers start"));
        let bootstrap = brokers.as_ref().map_or_else(|| kafka().bootstrap(), |b| b.kafka().bootstrap());
        let kafka = Kafka::at(&*bootstrap);
        let (from, to) = (unique("from"), unique("to"));
        for topic in [&from, &to] {
            kafka.create_topic(topic, cell.partitions, &[]).expect("the topic can be made");
        }
        fill(&kafka, &from, cell.partitions, RECORDS);
        let mut spec = spec(&bootstrap);
        if brokers.is_some() {
            let why = "brokers are stopped and killed";
            spec = spec
                .set("outcomes.replication_factor", "3")
                .set("outcomes.min_insync_replicas", "2")
                .expects("WARN librdkafka: .. facility=\"FAIL\"", why)
                .expects("WARN .. lane failed .. kind=Unreachable", why)
                .expects("WARN .. reading the outcomes failed", why)
                .expects("ERROR .. thread given up .. call=\"send_offsets_to_transaction\"", HANGS)
                .expects("WARN .. lane failed .. kind=Other .. send_offsets_to_transaction did not", HANGS)
                .expects_fence(why);
        }
        let sidecar = Some(spec.serve().await);
        let group = unique("copy");
        let mut scene = Self { cell, kafka, brokers, spec, sidecar, copier: None, group, from, to };
        scene.copier = Some(scene.copy());
        scene
    }

    fn copy(&self) -> Copier {
        let sidecar = self.sidecar.as_ref().expect("serves");
        let mut copy = Copy::new(sidecar.socket(), &self.group, &self.from, &self.to);
        // Small enough for many transactions.
        copy.subscribe.limits =
            Some(sidecommit_rpc::proto::v1::DeliveryLimits { max_records: 20, ..Default::default() });
        copy.start()
    }

    fn copied(&self) -> usize {
        visible(Cluster::own(Kafka::at(self.kafka.bootstrap())), &self.to)
    }

    async fn strike(&mut self) {
        match self.cell.victim {
            Victim::Sidecar => {
                let mut sidecar = self.sidecar.take().expect("serves");
                if self.cell.kill {
                    sidecar.kill();
                } else {
                    sidecar.signal("TERM");
                    sidecar.wait(Duration::from_secs(60));
                }
                self.sidecar = Some(self.spec.serve().await);
            }
            Victim::Application => {
                let copier = self.copier.take().expect("copies");
                if self.cell.kill {
                    copier.kill()
                } else {
                    copier.end().await
                }
                self.copier = Some(self.copy());
            }
            Victim::Broker => {
                let brokers = self.brokers.as_mut().expect("there are three");
                let leader = brokers.leader(&self.to, 0).expect("is led");
                if self.cell.kill { brokers.kill(leader) } else { brokers.stop(leader) }.expect("it is ours");
                brokers.heal().expect("it comes back");
            }
        }
    }
}

async fn run(cell: Cell) {
    let mut scene = Scene::start(cell).await;
    for strike in 1..=STRIKES {
        // At 20 %, 40 % and 60 %.
        let enough = RECORDS * strike / 5;
        eventually(&format!("{cell:?}: {enough} copied"), 180, async || scene.copied() >= enough).await;
        scene.strike().await;
    }
    eventually(&format!("{cell:?}: all copied"), 180, async || scene.copied() >= RECORDS).await;
    check_copy(&scene.kafka.read_committed(&scene.to).expect("can be read"), cell.partitions, RECORDS);
    println!("{cell:?}: {RECORDS} copied once, in order, through {STRIKES} strikes");
}

fn cells() -> Vec<Cell> {
    let mut all = Vec::new();
    for partitions in [1, 6] {
        for kill in [true, false] {
            for victim in [Victim::Sidecar, Victim::Application, Victim::Broker] {
                all.push(Cell { victim, kill, partitions });
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_struck_the_copy_is_the_input_once_and_in_order() {
    let wanted =
        std::env::var("SIDECOMMIT_COPIES").ok().map_or(4, |copies| copies.parse().expect("a number"));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let day = (now.as_secs() / 86_400) as usize;
    let all = cells();
    for n in 0..wanted {
        // 5 and 12 have no common divisor: neighbours differ in every way, and 3 days see all.
        run(all[(day * wanted + n) * 5 % all.len()]).await;
    }
}
