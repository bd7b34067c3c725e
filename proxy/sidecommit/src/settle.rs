//! Decides what a journal holds in doubt by reading Kafka only: for a journal whose sidecar will not come back, such as a
//! volume that is left after a scale-down. Nothing is written to Kafka and no lane is inited.

use crate::{
    cli::journal_failure,
    exit::Failure,
    settings::{OutcomesMode, Settings},
};
use serde::Serialize;
use sidecommit_core::{
    ForeignGroup, JournalContents, JournalEntry, JournalId, Millis, OutcomesView, PreparedGroup, ReadResult,
    Reason, Slot, TxnOutcome, TxnSummary, Verdict, verdict_by_reading,
};
use sidecommit_journal::{Binding, Journal, Options};
use sidecommit_kafka::{ClientSettings, Cluster, OutcomesPlace, partition_of, read_outcomes};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

/// The reader itself gives up earlier.
const READ_MAX: Duration = Duration::from_secs(60);

/// What became of one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// The slot that prepared it.
    pub slot: String,
    /// Its lane.
    pub lane: u16,
    /// Its group's number on the lane.
    pub seq: u64,
    /// Its id.
    pub transaction_id: String,
    /// The label given at Begin.
    pub label: String,
    /// What Kafka says.
    pub outcome: Said,
}

/// What Kafka says about a group in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Said {
    /// Visible, whole and once.
    Committed,
    /// Not visible, and will not become so.
    Aborted,
    /// The evidence is gone.
    Unknown,
    /// Reading alone cannot tell yet: nobody has inited the lane since.
    Undecided,
}

/// A group in doubt and whose it is.
struct Doubt {
    slot: Slot,
    journal: JournalId,
    group: PreparedGroup,
    own: bool,
}

/// Decides and remembers the decisions in the journal.
///
/// # Errors
/// If the journal or Kafka cannot be read, or the journal is in use.
pub fn settle(settings: &Settings) -> Result<Vec<Settled>, Failure> {
    let inspection = sidecommit_journal::inspect(&settings.journal_dir).map_err(journal_failure)?;
    if inspection.prepared.is_empty() && inspection.foreign.is_empty() {
        return Ok(Vec::new());
    }
    let clients = settings.clients().map_err(|error| Failure::usage(&[error]))?;
    let cluster = Cluster::new(&clients).map_err(Failure::internal)?;
    let cluster_id = cluster.id().map_err(Failure::unavailable)?;
    let slot: Slot = inspection.slot.parse().map_err(Failure::internal)?;
    let options = Options { outcomes_remembered: settings.outcomes_remembered, ..Options::default() };
    // With the journal's own slot: opened for another one it would become that one's.
    let opened = Journal::open(&settings.journal_dir, Binding { cluster_id, slot: slot.clone() }, options);
    let (mut journal, contents) = opened.map_err(journal_failure)?;
    let mut views = BTreeMap::new();
    let mut settled = Vec::new();
    for doubt in doubts(slot, contents) {
        if !views.contains_key(&doubt.slot) {
            views.insert(doubt.slot.clone(), read(settings, &clients, &cluster, &doubt.slot)?);
        }
        let said = verdict_by_reading(&views[&doubt.slot], doubt.journal, &doubt.group);
        remember(&mut journal, &doubt, said).map_err(journal_failure)?;
        settled.extend(doubt.told(said));
    }
    journal.sync().map_err(journal_failure)?;
    Ok(settled)
}

fn doubts(slot: Slot, contents: JournalContents) -> Vec<Doubt> {
    let journal = contents.journal;
    let own = |group| Doubt { slot: slot.clone(), journal, group, own: true };
    let own = contents.prepared.into_iter().map(own);
    let foreign = contents.foreign.into_iter();
    let foreign =
        foreign.map(|ForeignGroup { slot, journal, group }| Doubt { slot, journal, group, own: false });
    own.chain(foreign).collect()
}

/// Reads a slot's outcomes up to now.
fn read(
    settings: &Settings,
    clients: &ClientSettings,
    cluster: &Cluster,
    slot: &Slot,
) -> Result<OutcomesView, Failure> {
    let place = place(settings, cluster, slot)?;
    match read_outcomes(clients, cluster, place, slot, READ_MAX).map_err(Failure::unavailable)? {
        ReadResult::Done(view) => Ok(view),
        ReadResult::Blocked => Err(Failure::Unavailable(format!(
            "an open transaction of another producer holds back the outcomes of {slot}: try again"
        ))),
        ReadResult::Failed(error) => {
            Err(Failure::Unavailable(format!("reading the outcomes of {slot}: {error}")))
        }
    }
}

/// Where the slot's outcomes are. Creates nothing: without the topic there is nothing to read.
pub(crate) fn place(settings: &Settings, cluster: &Cluster, slot: &Slot) -> Result<OutcomesPlace, Failure> {
    let prefix = slot.as_str().split('/').next().unwrap_or_default();
    match (settings.outcomes_mode, &settings.outcomes_private_groups_topic) {
        (OutcomesMode::PrivateGroups, Some(topic)) => Ok(OutcomesPlace::Groups {
            prefix: settings.private_groups_of(prefix),
            topic: topic.clone(),
            partition: settings.outcomes_private_groups_partition,
        }),
        _ => {
            let name = settings.outcomes_topic_of(prefix);
            let shape = cluster.shape(&name).map_err(Failure::unavailable)?;
            let partition = partition_of(slot, shape.partitions);
            Ok(OutcomesPlace::Topic { topic: name, partition })
        }
    }
}

/// What is decided is kept; what Kafka cannot tell of another slot's stays, so that it is told again.
fn remember(
    journal: &mut Journal,
    doubt: &Doubt,
    said: Option<Verdict>,
) -> Result<(), sidecommit_journal::Error> {
    match said {
        Some(verdict) if doubt.own => {
            let now = now();
            let members =
                doubt.group.members.iter().map(|member| decided(member, verdict, &doubt.group, now));
            let (lane, seq) = (doubt.group.lane, doubt.group.seq);
            journal.put(&JournalEntry::Settled { lane, seq, members: members.collect() })
        }
        Some(Verdict::Committed | Verdict::Aborted) => journal.forget_foreign(doubt.group.group),
        Some(Verdict::Unknown) | None => Ok(()),
    }
}

fn decided(member: &TxnSummary, verdict: Verdict, group: &PreparedGroup, now: Millis) -> TxnSummary {
    let outcome = match verdict {
        Verdict::Committed => member.outcome.clone(),
        Verdict::Aborted => TxnOutcome::Aborted {
            reason: Reason::SidecarRestarted,
            message: "the commit was interrupted, and Kafka shows that it was aborted".to_owned(),
            record_index: None,
        },
        Verdict::Unknown => TxnOutcome::Unknown { coordinate: group.marker.clone() },
    };
    TxnSummary { outcome, ended: now, ..member.clone() }
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

// === impl Doubt ===

impl Doubt {
    fn told(&self, said: Option<Verdict>) -> impl Iterator<Item = Settled> {
        let outcome = match said {
            Some(Verdict::Committed) => Said::Committed,
            Some(Verdict::Aborted) => Said::Aborted,
            Some(Verdict::Unknown) => Said::Unknown,
            None => Said::Undecided,
        };
        self.group.members.iter().map(move |member| Settled {
            slot: self.slot.to_string(),
            lane: self.group.lane.0,
            seq: self.group.seq,
            transaction_id: member.txn.to_string(),
            label: member.label.clone(),
            outcome,
        })
    }
}

// === impl Said ===

impl Said {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
            Self::Unknown => "unknown",
            Self::Undecided => "undecided",
        }
    }
}
