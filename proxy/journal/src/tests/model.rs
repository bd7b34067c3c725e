//! What the journal should remember, in the simplest way, and a source of plausible entries.

use super::PARTITIONS;
use sidecommit_core::{
    Coordinate, FailedRange, Fingerprint, GroupUuid, IdempotencyKey, Incarnation, JournalContents,
    JournalEntry, JournalId, KeyHash, LaneIndex, LaneSeq, PartitionMemory, PartitionRange, Poison,
    PreparedGroup, Reason, Recalled, SessionId, TxnId, TxnOutcome, TxnSummary,
};
use std::collections::BTreeMap;

/// Replays entries.
pub(super) fn model(journal: JournalId, entries: &[JournalEntry], keep: usize) -> JournalContents {
    let mut claims = Vec::new();
    let mut trusted_from = None;
    let mut horizon = 0;
    let mut lanes = BTreeMap::<LaneIndex, u64>::new();
    let mut prepared = BTreeMap::new();
    let mut groups: Vec<Vec<TxnSummary>> = Vec::new();
    let mut recalled = BTreeMap::new();
    // Written longest ago first.
    let mut consumption: Vec<(String, String, i32, PartitionMemory)> = Vec::new();
    for entry in entries {
        match entry.clone() {
            JournalEntry::Claim { incarnation, pod_uid } => {
                trusted_from = trusted_from.or(Some(incarnation));
                claims.push((incarnation, pod_uid));
            }
            JournalEntry::Prepared(group) => {
                let seq = lanes.entry(group.lane).or_default();
                *seq = group.seq.max(*seq);
                prepared.insert((group.lane, group.seq), group);
            }
            JournalEntry::Settled { lane, seq, members } => {
                let known = lanes.entry(lane).or_default();
                *known = seq.max(*known);
                prepared.remove(&(lane, seq));
                groups.push(members);
            }
            JournalEntry::Finished(summary) => groups.push(vec![summary]),
            JournalEntry::Consumption { group_id, topic, partition, memory } => {
                consumption.retain(|known| (&known.0, &known.1, known.2) != (&group_id, &topic, partition));
                consumption.extend(memory.map(|memory| (group_id, topic, partition, memory)));
                consumption.drain(..consumption.len().saturating_sub(PARTITIONS));
            }
            JournalEntry::Adopted { trusted_from: from, horizon: to, recalled: new, lanes: seqs } => {
                trusted_from = Some(from);
                horizon = to;
                for known in new {
                    recalled.insert((known.time, known.txn), known);
                }
                for lane in seqs {
                    let seq = lanes.entry(lane.lane).or_default();
                    *seq = lane.seq.max(*seq);
                }
            }
        }
        while groups.iter().map(|group| group.len().max(1)).sum::<usize>() > keep {
            horizon = groups.remove(0).iter().map(|member| member.ended).fold(horizon, u64::max);
        }
        while recalled.len() > keep {
            horizon = recalled.pop_first().map_or(horizon, |((time, _), _)| horizon.max(time));
        }
    }
    consumption.sort_by(|a, b| (&a.0, &a.1, a.2).cmp(&(&b.0, &b.1, b.2)));
    claims.drain(..claims.len().saturating_sub(64));
    JournalContents {
        journal,
        incarnation: claims.last().map(|claim| claim.0).unwrap_or_default(),
        claims,
        trusted_from,
        horizon,
        lanes: lanes.into_iter().map(|(lane, seq)| LaneSeq { lane, seq }).collect(),
        prepared: prepared.into_values().collect(),
        finished: groups.concat(),
        recalled: recalled.into_values().collect(),
        consumption,
        foreign: Vec::new(),
    }
}

/// The first difference in words that fit on a screen.
pub(super) fn difference(found: &JournalContents, expected: &JournalContents) -> Option<String> {
    let fields = |contents: &JournalContents| {
        let mut fields = vec![
            ("journal", format!("{:?}", contents.journal)),
            ("incarnation", format!("{:?}", contents.incarnation)),
            ("claims", format!("{:?}", contents.claims)),
            ("trusted_from", format!("{:?}", contents.trusted_from)),
            ("horizon", format!("{:?}", contents.horizon)),
            ("lanes", format!("{:?}", contents.lanes)),
            ("foreign", format!("{:?}", contents.foreign)),
            ("counts", format!("{} {}", contents.finished.len(), contents.recalled.len())),
        ];
        fields.extend(contents.prepared.iter().map(|group| ("prepared", format!("{group:?}"))));
        fields.extend(contents.finished.iter().map(|summary| ("finished", format!("{summary:?}"))));
        fields.extend(contents.recalled.iter().map(|recalled| ("recalled", format!("{recalled:?}"))));
        fields.extend(contents.consumption.iter().map(|known| ("consumption", format!("{known:?}"))));
        fields.push(("consumption", format!("{} of them", contents.consumption.len())));
        fields
    };
    let (found, expected) = (fields(found), fields(expected));
    let (found, expected) = found.into_iter().zip(expected).find(|(found, expected)| found != expected)?;
    Some(format!("{}: found {:.400}, expected {:.400}", found.0, found.1, expected.1))
}

/// The one prefix of the entries that explains the contents, or the contents once more.
pub(super) fn prefix_of(contents: &JournalContents, entries: &[JournalEntry], keep: usize) -> Option<usize> {
    (0..=entries.len()).rev().find(|n| model(contents.journal, &entries[..*n], keep) == *contents)
}

/// Entries as an engine might put them, the same for the same seed.
pub(super) struct Source {
    rng: fastrand::Rng,
    time: u64,
    incarnation: Incarnation,
    seqs: [u64; 4],
    open: Vec<PreparedGroup>,
}

impl Source {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            time: 1_000,
            incarnation: Incarnation(0),
            seqs: [0; 4],
            open: Vec::new(),
        }
    }

    pub(super) fn next(&mut self) -> JournalEntry {
        self.time += self.rng.u64(0..3);
        match self.rng.u32(0..100) {
            0..5 => {
                self.incarnation.0 += self.rng.u32(1..3);
                JournalEntry::Claim { incarnation: self.incarnation, pod_uid: self.text(30) }
            }
            5..8 => self.adopted(),
            8..45 => self.prepared(),
            45..75 if !self.open.is_empty() => self.settled(),
            75..90 => self.consumption(),
            _ => JournalEntry::Finished(self.summary(true)),
        }
    }

    /// Some more places than are remembered, with names that are the same once they are put together.
    pub(super) fn consumption(&mut self) -> JournalEntry {
        let (group_id, topic) =
            *self.rng.choice(&[("g", "a-b"), ("g-a", "b"), ("g", "a"), ("", "g-a-b")]).unwrap();
        let memory = (self.rng.u32(0..3) > 0).then(|| {
            let first = self.rng.i64(0..1 << 40);
            // Now and then more than fits into one part.
            let poisons = if self.rng.u32(0..8) == 0 { 200 } else { self.rng.i64(0..2) };
            PartitionMemory {
                topic_id: self.text(22),
                outstanding: self.rng.bool().then_some((SessionId([8; 16]), first, first + 499)),
                failed: (0..self.rng.i64(0..3))
                    .map(|n| FailedRange {
                        first: first + n,
                        last: first + n,
                        attempts: self.rng.u32(1..9),
                        alone: 1,
                        suspect: true,
                    })
                    .collect(),
                poisoned: (0..poisons)
                    .map(|n| Poison {
                        offset: first + n,
                        retryable: self.rng.bool(),
                        error_class: "E".to_owned(),
                        message: self.text(50),
                    })
                    .collect(),
            }
        });
        JournalEntry::Consumption {
            group_id: group_id.to_owned(),
            topic: topic.to_owned(),
            partition: self.rng.i32(0..3),
            memory,
        }
    }

    fn prepared(&mut self) -> JournalEntry {
        let lane = self.rng.usize(0..self.seqs.len());
        // Now and then the same number again: a second attempt.
        self.seqs[lane] += u64::from(self.rng.u32(0..10) > 0);
        let group = PreparedGroup {
            lane: LaneIndex(lane as u16),
            seq: self.seqs[lane],
            group: GroupUuid(self.rng.u128(..).to_be_bytes()),
            marker: self.rng.bool().then(|| Coordinate { topic: self.text(8), partition: 3, offset: 77 }),
            members: (0..self.rng.usize(0..4)).map(|_| self.summary(false)).collect(),
        };
        self.open.retain(|open| (open.lane, open.seq) != (group.lane, group.seq));
        self.open.push(group.clone());
        JournalEntry::Prepared(group)
    }

    fn settled(&mut self) -> JournalEntry {
        let group = self.open.swap_remove(self.rng.usize(0..self.open.len()));
        JournalEntry::Settled { lane: group.lane, seq: group.seq, members: group.members }
    }

    fn adopted(&mut self) -> JournalEntry {
        let recalled = (0..self.rng.usize(0..12)).map(|_| {
            let txn = TxnId::new(self.time, self.incarnation, self.rng.u64(..));
            Recalled {
                txn,
                key: self.rng.bool().then_some(KeyHash([7; 16])),
                time: self.rng.u64(0..self.time),
            }
        });
        JournalEntry::Adopted {
            recalled: recalled.collect(),
            trusted_from: self.incarnation,
            horizon: self.rng.u64(0..self.time),
            lanes: vec![LaneSeq { lane: LaneIndex(self.rng.u16(0..6)), seq: self.rng.u64(0..50) }],
        }
    }

    fn summary(&mut self, aborted: bool) -> TxnSummary {
        let range = PartitionRange {
            topic: self.text(20),
            partition: self.rng.i32(0..9),
            first_offset: self.rng.i64(0..1 << 40),
            last_offset: -1,
            count: self.rng.u64(0..9),
        };
        let outcome = match self.rng.u32(0..10) {
            0 => TxnOutcome::Unknown { coordinate: None },
            _ if aborted => TxnOutcome::Aborted {
                reason: *self.rng.choice(Reason::ALL).unwrap(),
                message: self.text(60),
                record_index: None,
            },
            _ => TxnOutcome::Committed(vec![range]),
        };
        // A few labels do not fit into one part; some fill parts exactly or nearly so.
        let label = match self.rng.u32(0..20) {
            0 => self.rng.usize(3_900..4_200),
            1 => self.rng.usize(0..20_000),
            _ => 12,
        };
        TxnSummary {
            txn: TxnId::new(self.time, self.incarnation, self.rng.u64(..)),
            request_id: self.text(20),
            key: self.rng.bool().then(|| IdempotencyKey { text: self.text(40), hash: KeyHash([3; 16]) }),
            fingerprint: Fingerprint(self.rng.u128(..).to_be_bytes()),
            label: self.text(label),
            outcome,
            ended: self.time,
            record_count: self.rng.u64(..),
            offsets_count: 0,
        }
    }

    fn text(&mut self, len: usize) -> String {
        (0..len).map(|_| self.rng.alphanumeric()).collect()
    }
}
