//! `sidecommit settle` against a real Kafka: what its outcomes say is what is told and remembered.
#![allow(clippy::unwrap_used)] // a panic is how a test fails

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use sidecommit_core::{
    Birth, Fingerprint, GroupUuid, Incarnation, JournalEntry, JournalId, LaneIndex, Marker, OutcomesKey,
    OwnerRecord, PreparedGroup, Slot, TxnId, TxnOutcome, TxnSummary,
};
use sidecommit_fixture::Kafka;
use sidecommit_journal::{Binding, Journal, Options};
use sidecommit_kafka::{ClientSettings, Cluster, Properties, partition_of};
use std::{collections::BTreeMap, path::PathBuf, process::Command, time::Duration};
use tempfile::TempDir;

const PARTITIONS: i32 = 4;

/// When the successor claimed the slot.
const CLAIMED: u64 = 1_000;

/// The successor's journal.
const SUCCESSOR: JournalId = JournalId([2; 16]);

/// A journal with groups in doubt, and the outcomes that a sidecar of its slot left in Kafka.
struct Left {
    kafka: &'static Kafka,
    folder: TempDir,
    slot: Slot,
    journal: JournalId,
}

fn txn(lane: u16) -> TxnId {
    TxnId::new(500, Incarnation(1), u64::from(lane))
}

fn prepared(lane: u16) -> PreparedGroup {
    let member = TxnSummary {
        txn: txn(lane),
        request_id: "r".to_owned(),
        key: None,
        fingerprint: Fingerprint::default(),
        label: format!("lane {lane}"),
        outcome: TxnOutcome::Committed(Vec::new()),
        ended: 600,
        record_count: 1,
        offsets_count: 0,
    };
    PreparedGroup {
        lane: LaneIndex(lane),
        seq: 1,
        group: GroupUuid([lane as u8; 16]),
        marker: None,
        members: vec![member],
    }
}

// === impl Left ===

impl Left {
    /// Lanes 0 to 3 each have a group in doubt.
    fn new(prefix: &str) -> Self {
        let kafka = Kafka::shared().unwrap();
        let prefix = format!("{prefix}-{}", std::process::id());
        let topic = format!("{prefix}.sidecommit-outcomes");
        kafka.create_topic(&topic, PARTITIONS, &[("cleanup.policy", "compact")]).unwrap();
        let slot: Slot = format!("{prefix}/default/app/0").parse().unwrap();
        let mut left =
            Self { kafka, folder: tempfile::tempdir().unwrap(), slot, journal: JournalId([0; 16]) };
        let mut journal = left.open(&left.slot);
        left.journal = journal.id();
        let claim = JournalEntry::Claim { incarnation: Incarnation(1), pod_uid: "u".to_owned() };
        journal.put(&claim).unwrap();
        for lane in 0..4 {
            journal.put(&JournalEntry::Prepared(prepared(lane))).unwrap();
        }
        journal.sync().unwrap();
        left
    }

    fn folder(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    fn open(&self, slot: &Slot) -> Journal {
        let clients =
            ClientSettings { bootstrap_servers: self.kafka.bootstrap(), properties: Properties::default() };
        let cluster_id = Cluster::new(&clients).unwrap().id().unwrap();
        Journal::open(&self.folder(), Binding { cluster_id, slot: slot.clone() }, Options::default())
            .unwrap()
            .0
    }

    /// Lane 0: its marker is there. Lane 1: inited by the successor, no marker, our birth stands. Lane 2: inited by
    /// the successor, nothing of ours is left. Lane 3: nobody was there since.
    fn write_outcomes(&self) {
        let (ours, birth) = (self.journal, |time| Birth { time, horizon: 0 }.encode());
        let marker = Marker { seq: 1, group: GroupUuid([0; 16]), time: 550, members: Vec::new() };
        let owner = OwnerRecord {
            incarnation: Incarnation(2),
            journal: SUCCESSOR,
            pod_uid: "u-2".to_owned(),
            lanes_max: 4,
            time: CLAIMED,
        };
        let lane = LaneIndex;
        self.write(&[
            (OutcomesKey::Birth(lane(0), ours), birth(400)),
            (OutcomesKey::marker(lane(0), ours, 1), marker.encode()),
            (OutcomesKey::Birth(lane(1), ours), birth(400)),
            (OutcomesKey::Birth(lane(3), ours), birth(400)),
            (OutcomesKey::Owner, owner.encode()),
            (OutcomesKey::Birth(lane(1), SUCCESSOR), birth(CLAIMED + 1)),
            (OutcomesKey::Birth(lane(2), SUCCESSOR), birth(CLAIMED + 1)),
        ]);
    }

    fn write(&self, records: &[(OutcomesKey, Vec<u8>)]) {
        let producer: BaseProducer = self.kafka.client().create().unwrap();
        let topic = format!("{}.sidecommit-outcomes", self.slot.as_str().split('/').next().unwrap());
        for (key, value) in records {
            let key = key.encode(&self.slot);
            let record = BaseRecord::to(&topic)
                .partition(partition_of(&self.slot, PARTITIONS))
                .key(&key)
                .payload(value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(Duration::from_secs(30)).unwrap();
    }

    /// Exit code, and the outcome of each transaction that was in doubt.
    fn settle(&self) -> (Option<i32>, BTreeMap<String, String>) {
        let output = self
            .command(&["settle", "--json"])
            .args(["--bootstrap-servers", &self.kafka.bootstrap()])
            .output()
            .unwrap();
        let told: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let rows = told["transactions"].as_array().unwrap();
        let outcomes = rows.iter().map(|row| (text(&row["label"]), text(&row["outcome"]))).collect();
        (output.status.code(), outcomes)
    }

    fn inspect(&self) -> serde_json::Value {
        let output = self.command(&["journal", "inspect", "--json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidecommit"));
        command.env_clear().args(arguments).arg("--journal-dir").arg(self.folder());
        command
    }
}

fn told<const N: usize>(outcomes: [(&str, &str); N]) -> BTreeMap<String, String> {
    outcomes.map(|(label, outcome)| (label.to_owned(), outcome.to_owned())).into()
}

#[test]
fn what_kafka_can_tell_is_told_once_and_remembered() {
    let left = Left::new("settle-own");
    left.write_outcomes();
    let all =
        [("lane 0", "committed"), ("lane 1", "aborted"), ("lane 2", "unknown"), ("lane 3", "undecided")];
    assert_eq!(left.settle(), (Some(1), told(all)));
    assert_eq!(left.settle(), (Some(1), told([("lane 3", "undecided")])));
    let journal = left.inspect();
    let outcomes: BTreeMap<_, _> = journal["outcomes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|outcome| (outcome["transaction_id"].as_str().unwrap(), outcome["outcome"].as_str().unwrap()))
        .collect();
    let ids = [0, 1, 2].map(|lane| txn(lane).to_string());
    assert_eq!(outcomes, [(&*ids[0], "COMMITTED"), (&*ids[1], "ABORTED"), (&*ids[2], "UNKNOWN")].into());
    assert_eq!(journal["prepared"].as_array().unwrap().len(), 1);

    left.write(&[(
        OutcomesKey::Birth(LaneIndex(3), SUCCESSOR),
        Birth { time: CLAIMED + 1, horizon: 0 }.encode(),
    )]);
    assert_eq!(left.settle(), (Some(0), told([("lane 3", "aborted")])));
    assert_eq!(left.settle(), (Some(0), told([])));
}

#[test]
fn groups_of_the_slot_that_a_journal_served_before_are_settled_by_that_slots_outcomes() {
    let left = Left::new("settle-moved");
    left.write_outcomes();
    let prefix = left.slot.as_str().split('/').next().unwrap();
    drop(left.open(&format!("{prefix}/default/app/1").parse().unwrap()));
    let all =
        [("lane 0", "committed"), ("lane 1", "aborted"), ("lane 2", "unknown"), ("lane 3", "undecided")];
    assert_eq!(left.settle(), (Some(1), told(all)));
    // What nobody can tell of another slot stays, to be told again.
    assert_eq!(left.settle(), (Some(1), told([("lane 2", "unknown"), ("lane 3", "undecided")])));
    assert_eq!(left.inspect()["slot"], format!("{prefix}/default/app/1"));
}

#[test]
fn a_journal_in_use_is_left_alone() {
    let left = Left::new("settle-held");
    let _held = left.open(&left.slot);
    let output =
        left.command(&["settle"]).args(["--bootstrap-servers", &left.kafka.bootstrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(69));
    assert!(String::from_utf8_lossy(&output.stderr).contains("in use"));
}
