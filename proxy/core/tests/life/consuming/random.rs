//! Everything that an application, its group and its sidecar can do, in random order: each record ends once, the copies in
//! order, and nothing is given up that did not fail.
//!
//! `SIDECOMMIT_READING_SEED=n` replays the seed that is printed.

use super::{Reader, failure, header, input, offsets, subscribe};
use fastrand::Rng;
use sidecommit_core::*;
use std::collections::BTreeSet;

const RECORDS: i64 = 40;
const SEEDS: u64 = 1_000;
/// With faults; then the application only works.
const STEPS: usize = 120;
const MANY_STEPS: usize = 500;

/// A run.
struct Course {
    rng: Rng,
    reader: Reader,
    is_connected: bool,
    is_assigned: bool,
    outstanding: Option<Delivery>,
    /// Offsets of what failed: only these may be given up.
    blamed: BTreeSet<i64>,
    /// The group's offset, as last seen.
    settled: i64,
}

impl Course {
    fn start(seed: u64) -> Self {
        let mut course = Self {
            rng: Rng::with_seed(seed),
            reader: Reader::start(RECORDS),
            is_connected: true,
            is_assigned: true,
            outstanding: None,
            blamed: BTreeSet::new(),
            settled: 0,
        };
        course.listen();
        course
    }

    /// Takes in what was told.
    fn listen(&mut self) {
        for told in self.reader.told() {
            match told {
                Ok(StreamItem::Delivery(delivery)) => self.on_delivery(*delivery),
                Ok(StreamItem::Revoked { deliveries, .. }) => {
                    self.outstanding.take_if(|held| deliveries.contains(&held.id));
                    self.is_assigned = false;
                }
                Ok(_) => {}
                Err(refusal) => panic!("{refusal:?}"),
            }
        }
        let settled = self.reader.world.offset(&input());
        assert!(settled >= self.settled, "the group's offset went back from {} to {settled}", self.settled);
        self.settled = settled;
    }

    fn on_delivery(&mut self, delivery: Delivery) {
        if let Some(held) = &self.outstanding {
            assert_eq!(held.id, delivery.id, "another one is outstanding");
            return;
        }
        let first = self.reader.world.offset(&input());
        let expected: Vec<_> = (first..).take(delivery.records.len()).collect();
        assert_eq!(offsets(&delivery), expected, "delivered is what the group has not settled");
        for (record, attempt) in &delivery.records {
            assert!(*attempt == 1 || self.blamed.contains(&record.offset), "{record:?} had not failed");
        }
        self.outstanding = Some(delivery);
    }

    /// The application subscribes: its session goes on, or another begins.
    fn join(&mut self, session: Option<SessionId>) {
        let world = &mut self.reader.world;
        let opened = world.asked.len();
        self.reader.stream += 1;
        let subscribe = Subscribe { session, ..subscribe() };
        world.stream(self.reader.stream, StreamEvent::Subscribe(Box::new(subscribe)));
        let started = world.told.iter().rev().find_map(|(_, told)| match told {
            Ok(StreamItem::Started { session, resumed }) => Some((*session, *resumed)),
            _ => None,
        });
        let (session, resumed) = started.unwrap_or_else(|| panic!("{:?}", world.told));
        self.reader.session = session;
        self.is_connected = true;
        if !resumed {
            let opened = world.asked[opened..].iter().find(|(_, op)| matches!(op, ConsumerOp::Open(_)));
            self.reader.member = opened.expect("joins the group").0;
            self.outstanding = None;
            self.assign();
        }
        self.reader.credit(1_000);
    }

    fn assign(&mut self) {
        self.reader.assign(&input());
        self.is_assigned = true;
    }

    fn close(&mut self) {
        self.reader.world.stream(self.reader.stream, StreamEvent::Closed);
        self.is_connected = false;
    }

    fn blame_all(&mut self) {
        self.blamed.extend(self.outstanding.iter().flat_map(offsets));
    }

    /// A transaction with the copy of a delivery. Its EndTxn may fail, whether it was executed or not, and its partition
    /// or its application may go meanwhile.
    fn copy(&mut self, delivery: &Delivery, faulty: bool) {
        let txn = self.reader.hold(delivery.id);
        let copy = |offset: i64| Record {
            topic: "out".into(),
            partition: None,
            key: None,
            value: Some(offset.to_string().into()),
            headers: Vec::new(),
            timestamp_ms: 0,
        };
        let records: Vec<_> = offsets(delivery).into_iter().map(copy).collect();
        let record_count = records.len() as u64;
        let produce = Request::Produce(Produce { txn, sequence: 0, records, patient: false });
        self.reader.world.call(produce).expect("answered").expect("accepted");
        self.reader.world.end_fails = (faulty && self.rng.bool()).then(|| self.rng.bool());
        let hangs = faulty && self.rng.bool();
        self.reader.world.hangs_at_end = hangs;
        let commit =
            Commit { txn, record_count, offsets_count: 1, offsets: Vec::new(), deliveries: Vec::new() };
        let mut answer = self.reader.world.call(Request::Commit(commit));
        if hangs {
            assert_eq!(answer, None, "EndTxn is under way");
            let call = self.reader.world.calls;
            match self.rng.u8(..4) {
                0 => self.reader.revoke(false),
                1 => self.reader.revoke(true),
                2 => self.close(),
                _ => {}
            }
            self.reader.world.answer_end(true);
            answer = self.reader.world.replies.get(&call).cloned();
        }
        self.outstanding = None;
        let is_settled =
            self.reader.world.offset(&input()) > delivery.records.last().expect("has one").0.offset;
        match answer.expect("answered") {
            Ok(_) => assert!(is_settled, "told committed"),
            Err(refusal) => assert!(!is_settled, "{refusal:?}, and it is committed"),
        }
    }

    /// Something that an application can do with a delivery.
    fn treat(&mut self, delivery: &Delivery) {
        let all = offsets(delivery);
        let index = self.rng.usize(..all.len());
        match self.rng.u8(..10) {
            0..4 => return self.copy(delivery, true),
            4 => {
                self.blame_all();
                self.reader.fail_whole(delivery.id);
            }
            5 => {
                self.blamed.insert(all[index]);
                let named = vec![failure(delivery.id, all[index], self.rng.bool())];
                self.reader.fail(delivery.id, named);
            }
            6 => self.reader.fail(delivery.id, Vec::new()),
            7 => self.reader.world.stream(self.reader.stream, StreamEvent::Release(delivery.id)),
            8 => {
                self.blamed.insert(all[index]);
                let reject = StreamEvent::Reject { delivery: delivery.id, index, reason: "no".into() };
                self.reader.world.stream(self.reader.stream, reject);
            }
            _ => {
                // What happens finds a transaction that holds it.
                let txn = self.reader.hold(delivery.id);
                self.happen();
                self.listen();
                let abort = Abort { txn, note: String::new(), failures: Vec::new(), by_operator: false };
                // It may be aborted already, and of another life.
                self.reader.world.call(Request::Abort(abort)).expect("answered").ok();
            }
        }
        self.outstanding.take_if(|held| held.id == delivery.id);
    }

    /// Something that can happen at any time.
    fn happen(&mut self) {
        match self.rng.u8(..6) {
            0 => {
                let lost = self.rng.bool();
                self.reader.revoke(lost);
            }
            1 => {
                self.close();
                self.join(Some(self.reader.session));
            }
            2 => {
                self.blame_all();
                self.close();
                self.reader.world.pass(Limits::default().session_grace);
                self.join(None);
            }
            3 => {
                // The application lives on, or has died as well.
                let session = self.rng.bool().then_some(self.reader.session);
                if session.is_none() {
                    self.blame_all();
                }
                self.reader.world.dies(self.rng.u64(..));
                self.outstanding = None;
                self.join(session);
            }
            _ => self.reader.world.pass(self.rng.u64(..1_000)),
        }
    }

    fn step(&mut self, faulty: bool) {
        match self.outstanding.clone() {
            _ if !self.is_connected => self.join(Some(self.reader.session)),
            _ if !self.is_assigned => self.assign(),
            Some(delivery) if faulty => self.treat(&delivery),
            Some(delivery) => self.copy(&delivery, false),
            None if faulty => self.happen(),
            None => self.reader.world.pass(1_000),
        }
        self.listen();
    }

    fn run(mut self) {
        (0..STEPS).for_each(|_| self.step(true));
        for _ in 0..MANY_STEPS {
            if self.settled == RECORDS {
                return self.check();
            }
            self.step(false);
        }
        panic!("settled {} of {RECORDS}: {:?}", self.settled, self.reader.world.engine.sessions());
    }

    fn check(&self) {
        let number = |text: &str| text.parse::<i64>().expect("a number");
        let (mut copies, mut moved) = (Vec::new(), BTreeSet::new());
        for record in &self.reader.world.written {
            if &*record.topic == "out" {
                let value = record.value.as_deref().expect("has one");
                copies.push(number(std::str::from_utf8(value).expect("is text")));
            } else {
                let offset = number(header(record, "sidecommit-origin-offset"));
                assert!(moved.insert(offset), "{offset} was moved twice");
                assert!(self.blamed.contains(&offset), "{offset} was moved and had not failed");
            }
        }
        assert!(copies.is_sorted_by(|one, next| one < next), "twice, or out of order: {copies:?}");
        let all: BTreeSet<_> = copies.iter().copied().chain(moved.iter().copied()).collect();
        assert_eq!(all, (0..RECORDS).collect(), "each record ends somewhere");
        assert_eq!(copies.len() + moved.len(), all.len(), "and nowhere else");
    }
}

#[test]
fn whatever_happens_each_record_ends_once_and_in_order() {
    let given = std::env::var("SIDECOMMIT_READING_SEED").ok().map(|seed| seed.parse().expect("a number"));
    for seed in given.map_or(0..SEEDS, |seed: u64| seed..seed + 1) {
        println!("SIDECOMMIT_READING_SEED={seed}");
        Course::start(seed).run();
    }
}
