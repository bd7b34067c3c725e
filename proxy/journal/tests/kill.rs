//! SIGKILL at any time, in sled's own manner: this binary starts itself again as the victim.
#![allow(clippy::unwrap_used)] // helpers of tests are tests

use sidecommit_core::{
    FailedRange, GroupUuid, Incarnation, JournalEntry, LaneIndex, PartitionMemory, PreparedGroup, Reason,
    TxnId, TxnOutcome, TxnSummary,
};
use sidecommit_journal::{Binding, Error, Journal, Options, discard, inspect};
use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

const ROUNDS: u64 = 30;
const VICTIM: &str = "SIDECOMMIT_JOURNAL_VICTIM";
const REMEMBERED: usize = 200;
const PARTITIONS: i32 = 4;

/// The child: goes on where the journal ends, tells each entry that is synced, until it is killed.
#[test]
fn victim() {
    let Some(dir) = env::var_os(VICTIM) else { return };
    // Often rewritten, so that kills fall into that too.
    let options =
        Options { outcomes_remembered: REMEMBERED, rewrite_floor_bytes: 1 << 20, ..Options::default() };
    let (mut journal, contents) = Journal::open(Path::new(&dir), binding(), options).unwrap();
    let mut out = std::io::stdout().lock();
    let first = contents.finished.last().map_or(0, |summary| summary.record_count + 1);
    writeln!(out, "open").unwrap();
    for number in first.. {
        for entry in entries(number) {
            journal.put(&entry).unwrap();
        }
        journal.sync().unwrap();
        writeln!(out, "synced {number}").unwrap();
    }
}

#[test]
fn what_was_reported_as_synced_is_there_after_a_kill() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("journal");
    let mut rng = fastrand::Rng::with_seed(41);
    let mut synced = None;
    let mut progress = 0;
    for round in 0..ROUNDS {
        let mut victim = Victim::start(&dir);
        // Every fifth dies while it opens the journal, the others while they write.
        if round % 5 > 0 {
            assert_eq!(victim.line().as_deref(), Some("open"), "round {round}");
        }
        let deadline = Instant::now() + Duration::from_micros(rng.u64(0..60_000));
        while let Some(line) = victim.line_before(deadline) {
            synced = reported(&line).or(synced);
        }
        for line in victim.kill() {
            synced = reported(&line).or(synced);
        }
        if dir.exists() {
            let last = verify(&dir);
            assert!(last >= synced, "round {round}: {synced:?} was synced, {last:?} is there");
            progress += u32::from(last > Some(0));
        }
    }
    assert!(progress > 10 && synced > Some(100), "the victims hardly wrote: {progress}, {synced:?}");
}

#[test]
fn a_journal_in_use_by_another_process_is_refused_with_its_pid() {
    let scratch = tempfile::tempdir().unwrap();
    let mut victim = Victim::start(scratch.path());
    assert_eq!(victim.line().as_deref(), Some("open"));
    let pid = victim.child.id();
    let held = |error: Error| {
        assert!(matches!(error, Error::Held { pid: Some(holder), .. } if holder == pid), "{error}");
        assert!(error.to_string().contains(&pid.to_string()), "{error}");
    };
    held(Journal::open(scratch.path(), binding(), Options::default()).unwrap_err());
    held(inspect(scratch.path()).unwrap_err());
    held(discard(scratch.path()).unwrap_err());
    victim.kill();
    Journal::open(scratch.path(), binding(), Options::default()).unwrap();
}

/// Opens what a kill left and returns the number of the last outcome. Panics if it is not one that the victim's entries
/// lead to.
fn verify(dir: &Path) -> Option<u64> {
    let options = Options { outcomes_remembered: REMEMBERED, ..Options::default() };
    let (_, contents) = Journal::open(dir, binding(), options).unwrap();
    let numbers: Vec<_> = contents.finished.iter().map(|summary| summary.record_count).collect();
    assert!(numbers.is_sorted_by(|a, b| a + 1 == *b), "{numbers:?}");
    let last = numbers.last().copied();
    assert_eq!(contents.finished, numbers.iter().map(|number| summary(*number)).collect::<Vec<_>>());
    let dropped = numbers.first().map_or(0, |first| ended(*first).saturating_sub(1));
    assert_eq!(contents.horizon, dropped);
    for group in &contents.prepared {
        // At most the one after the last outcome: PREPARED, and killed before it was settled.
        assert_eq!(group.seq, last.map_or(0, |last| last + 1));
    }
    // Each as it was with the last outcome, or with the one that was being written.
    let next = last.map_or(0, |last| last + 1);
    for partition in 0..PARTITIONS {
        let found = contents.consumption.iter().find(|known| known.2 == partition).map(|known| &known.3);
        let known =
            |until: u64| (0..until).rev().find(|number| number % PARTITIONS as u64 == partition as u64);
        let expected = [next, next + 1].map(|until| known(until).and_then(memory));
        assert!(expected.iter().any(|expected| expected.as_ref() == found), "{found:?} after {last:?}");
    }
    last
}

fn reported(line: &str) -> Option<u64> {
    line.strip_prefix("synced ").and_then(|number| number.parse().ok())
}

fn binding() -> Binding {
    Binding { cluster_id: "cluster-a".to_owned(), slot: "p/ns/app/0".parse().unwrap() }
}

fn ended(number: u64) -> u64 {
    number + 1
}

fn entries(number: u64) -> Vec<JournalEntry> {
    let member = summary(number);
    let partition = JournalEntry::Consumption {
        group_id: "g".to_owned(),
        topic: "t".to_owned(),
        partition: (number % PARTITIONS as u64) as i32,
        memory: memory(number),
    };
    if number % 3 == 2 {
        return vec![partition, JournalEntry::Finished(member)];
    }
    let lane = LaneIndex((number % 4) as u16);
    let group = PreparedGroup {
        lane,
        seq: number,
        group: GroupUuid([1; 16]),
        marker: None,
        members: vec![member.clone()],
    };
    vec![
        partition,
        JournalEntry::Prepared(group),
        JournalEntry::Settled { lane, seq: number, members: vec![member] },
    ]
}

/// Now and then nothing; now and then more than one part.
fn memory(number: u64) -> Option<PartitionMemory> {
    let failed = |n| FailedRange { first: n, last: n, attempts: number as u32, alone: 0, suspect: true };
    let failed = (0..if number.is_multiple_of(11) { 1_000 } else { 1 }).map(failed).collect();
    (!number.is_multiple_of(7)).then(|| PartitionMemory { failed, ..PartitionMemory::default() })
}

fn summary(number: u64) -> TxnSummary {
    TxnSummary {
        txn: TxnId::new(number, Incarnation(1), number),
        request_id: format!("request-{number}"),
        key: None,
        fingerprint: Default::default(),
        // Now and then more than one part.
        label: "l".repeat(if number.is_multiple_of(17) { 9_000 } else { 20 }),
        outcome: TxnOutcome::Aborted { reason: Reason::Drained, message: String::new(), record_index: None },
        ended: ended(number),
        record_count: number,
        offsets_count: 0,
    }
}

/// A child that writes until it is killed.
struct Victim {
    child: Child,
    lines: Receiver<String>,
}

impl Victim {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "victim", "--nocapture", "--quiet"])
            .env(VICTIM, dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            // The test harness has its own lines, and a kill may cut the last one.
            let ours = out
                .lines()
                .map_while(Result::ok)
                .filter(|line| line == "open" || line.starts_with("synced "));
            ours.into_iter().try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    fn line(&mut self) -> Option<String> {
        self.lines.recv_timeout(Duration::from_secs(60)).ok()
    }

    fn line_before(&mut self, deadline: Instant) -> Option<String> {
        self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
    }

    /// SIGKILL. Returns what it still said.
    fn kill(&mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.iter().collect()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("the victim ends");
    }
}
