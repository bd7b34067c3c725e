//! `sidecommit journal`.

use super::{JournalFolder, SettingsArgs, output};
use crate::{exit::Failure, settings::Environment};
use sidecommit_journal::{Error, Inspection, Outcome, OutcomeKind, Partition, Prepared};

/// What to do with a journal.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show what a journal remembers; no sidecar may be using it
    Inspect {
        #[command(flatten)]
        settings: SettingsArgs<JournalFolder>,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Remove a journal: the next start begins anew from what Kafka knows
    Discard {
        #[command(flatten)]
        settings: SettingsArgs<JournalFolder>,
        /// Required: callers' keys and outcomes beyond what Kafka's markers tell are forgotten for good
        #[arg(long, required = true)]
        yes: bool,
    },
}

/// Does it.
pub(super) fn run(command: &Command, environment: &Environment) -> Result<(), Failure> {
    match command {
        Command::Inspect { settings, json } => {
            let dir = settings.load(environment)?.journal_dir.clone();
            let inspection = sidecommit_journal::inspect(&dir).map_err(failure)?;
            if *json { output::print_json(&inspection) } else { output::print(&page(&inspection)) }
        }
        Command::Discard { settings, yes: _ } => {
            let dir = settings.load(environment)?.journal_dir.clone();
            sidecommit_journal::discard(&dir).map_err(failure)?;
            output::print(&format!("the journal in {} is removed\n", dir.display()))
        }
    }
}

/// What a journal's error means for a command.
pub(crate) fn failure(error: Error) -> Failure {
    match error {
        Error::Missing { .. } | Error::OtherCluster { .. } => Failure::Usage(format!("journal_dir: {error}")),
        Error::Held { .. } => Failure::Unavailable(error.to_string()),
        Error::Newer { .. } | Error::Unreadable { .. } | Error::Io { .. } | Error::Sled { .. } => {
            Failure::Internal(error.to_string())
        }
    }
}

fn page(journal: &Inspection) -> String {
    let fields = [
        ("journal", journal.journal.clone()),
        ("format", journal.format.to_string()),
        ("cluster", journal.cluster_id.clone()),
        ("slot", journal.slot.clone()),
        ("incarnation", journal.incarnation.to_string()),
        ("outcomes", journal.outcomes.len().to_string()),
        ("recalled", journal.recalled.to_string()),
        ("undecided", (journal.prepared.len() + journal.foreign.len()).to_string()),
        ("bytes", format!("{} ({} count)", journal.file_bytes, journal.live_bytes)),
    ];
    let rows = fields.map(|(name, value)| vec![name.to_owned(), value]);
    let mut text = output::table(&["FIELD", "VALUE"], &rows);
    let lanes: Vec<_> = journal.lanes.iter().map(|l| vec![l.lane.to_string(), l.seq.to_string()]).collect();
    text += &section(&["LANE", "SEQ"], &lanes);
    let own = journal.prepared.iter().map(|group| (&journal.slot, group));
    let foreign = journal.foreign.iter().map(|foreign| (&foreign.slot, &foreign.group));
    let undecided: Vec<_> = own.chain(foreign).flat_map(|(slot, group)| undecided(slot, group)).collect();
    text += &section(&["UNDECIDED ON", "SEQ", "MARKER", "TRANSACTION", "LABEL"], &undecided);
    let partitions: Vec<_> = journal.partitions.iter().map(partition).collect();
    text += &section(&["GROUP", "PARTITION", "OUTSTANDING", "FAILED", "TO BE MOVED"], &partitions);
    let outcomes: Vec<_> = journal.outcomes.iter().map(row).collect();
    text + &section(&["TRANSACTION", "OUTCOME", "REASON", "RECORDS", "OFFSETS", "KEY", "LABEL"], &outcomes)
}

fn section(head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() { String::new() } else { format!("\n{}", output::table(head, rows)) }
}

fn undecided(slot: &str, group: &Prepared) -> Vec<Vec<String>> {
    let marker = group.marker.as_deref().unwrap_or("offset");
    let row = |member: &Outcome| {
        vec![
            format!("{slot}/{}", group.lane),
            group.seq.to_string(),
            marker.to_owned(),
            member.transaction_id.clone(),
            member.label.clone(),
        ]
    };
    group.members.iter().map(row).collect()
}

fn partition(known: &Partition) -> Vec<String> {
    let range =
        |first: i64, last: i64| if first == last { first.to_string() } else { format!("{first}-{last}") };
    let list = |items: Vec<String>| if items.is_empty() { "-".to_owned() } else { items.join(" ") };
    let outstanding = known.outstanding.iter().map(|had| range(had.first_offset, had.last_offset));
    let failed = known.failed.iter();
    let failed = failed
        .map(|failed| format!("{} (x{})", range(failed.first_offset, failed.last_offset), failed.attempts));
    vec![
        known.group_id.clone(),
        format!("{}/{}", known.topic, known.partition),
        list(outstanding.collect()),
        list(failed.collect()),
        list(known.poisoned.iter().map(|poison| poison.offset.to_string()).collect()),
    ]
}

fn row(outcome: &Outcome) -> Vec<String> {
    let kind = match outcome.outcome {
        OutcomeKind::Committed => "committed",
        OutcomeKind::Aborted => "aborted",
        OutcomeKind::Unknown => "unknown",
    };
    vec![
        outcome.transaction_id.clone(),
        kind.to_owned(),
        outcome.reason.clone().unwrap_or_else(|| "-".to_owned()),
        outcome.record_count.to_string(),
        outcome.offsets_count.to_string(),
        outcome.idempotency_key.clone().unwrap_or_else(|| "-".to_owned()),
        outcome.label.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidecommit_journal::{Failed, LaneSummary, Outstanding, Poisoned};

    #[test]
    fn a_page_shows_what_is_undecided_and_what_is_remembered() {
        let outcome = |id: &str, outcome, reason: Option<&str>| Outcome {
            transaction_id: id.to_owned(),
            outcome,
            reason: reason.map(str::to_owned),
            label: "transfer".to_owned(),
            idempotency_key: None,
            ended_ms: 0,
            record_count: 2,
            offsets_count: 0,
        };
        let group = Prepared {
            lane: 3,
            seq: 8,
            group: "00".to_owned(),
            marker: Some("outcomes/1@5".to_owned()),
            members: vec![outcome("tx-1", OutcomeKind::Committed, None)],
        };
        let partition = Partition {
            group_id: "g".to_owned(),
            topic: "orders".to_owned(),
            partition: 4,
            outstanding: Some(Outstanding { session_id: "ab".to_owned(), first_offset: 10, last_offset: 19 }),
            failed: vec![Failed { first_offset: 12, last_offset: 12, attempts: 2 }],
            poisoned: vec![Poisoned {
                offset: 11,
                retryable: false,
                error_class: "E".to_owned(),
                message: "m".to_owned(),
            }],
        };
        let page = page(&Inspection {
            format: 1,
            journal: "aa".to_owned(),
            cluster_id: "c".to_owned(),
            slot: "p/ns/app/0".to_owned(),
            incarnation: 2,
            claims: Vec::new(),
            trusted_from: None,
            horizon_ms: 0,
            lanes: vec![LaneSummary { lane: 3, seq: 8 }],
            prepared: vec![group],
            foreign: Vec::new(),
            outcomes: vec![outcome("tx-0", OutcomeKind::Aborted, Some("TIMED_OUT"))],
            recalled: 0,
            partitions: vec![partition],
            file_bytes: 10,
            live_bytes: 5,
        });
        for line in [
            "p/ns/app/0/3  8    outcomes/1@5  tx-1         transfer",
            "tx-0         aborted  TIMED_OUT",
            "g      orders/4   10-19        12 (x2)  11",
        ] {
            assert!(page.contains(line), "{line} in\n{page}");
        }
    }

    #[test]
    fn each_failure_has_its_exit_code() {
        let dir = || std::path::PathBuf::from("/x");
        assert_eq!(failure(Error::Missing { dir: dir() }).code(), 64);
        assert_eq!(failure(Error::Held { dir: dir(), pid: None }).code(), 69);
        assert_eq!(failure(Error::Newer { dir: dir(), found: 9 }).code(), 70);
    }
}
