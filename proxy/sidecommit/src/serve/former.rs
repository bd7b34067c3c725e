//! What this pod prepared under other slots and never learnt the outcome of: decided by reading, since those ids are somebody else's.
//! Until then their callers are told OUTCOME_PENDING.

use super::kafka::Kafka;
use crate::{driver::Handle, settings::Settings, settle::place};
use sidecommit_core::{ForeignGroup, Input, OutcomesView, ReadResult, Slot, Verdict, verdict_by_reading};
use sidecommit_kafka::read_outcomes;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// Between two looks: at first, and at the longest.
const LOOK_AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// The reader itself gives up earlier.
const READ_MAX: Duration = Duration::from_secs(60);

/// Until all are decided.
pub(super) async fn settle(
    settings: Arc<Settings>,
    kafka: Kafka,
    mut undecided: Vec<ForeignGroup>,
    engine: Handle,
) {
    let [mut wait, longest] = LOOK_AGAIN;
    while !undecided.is_empty() {
        let slots: BTreeSet<Slot> = undecided.iter().map(|foreign| foreign.slot.clone()).collect();
        for slot in slots {
            let (settings, kafka, read) = (settings.clone(), kafka.clone(), slot.clone());
            let view = tokio::task::spawn_blocking(move || view(&settings, &kafka, &read)).await;
            let Ok(Some(view)) = view else { continue };
            undecided.retain(|foreign| foreign.slot != slot || !tell(&engine, foreign, &view));
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(longest);
    }
}

/// Whether it is decided; the engine is told.
fn tell(engine: &Handle, foreign: &ForeignGroup, view: &OutcomesView) -> bool {
    let Some(verdict) = verdict_by_reading(view, foreign.journal, &foreign.group) else { return false };
    let (slot, lane, seq) = (&foreign.slot, foreign.group.lane.0, foreign.group.seq);
    match verdict {
        Verdict::Unknown => {
            tracing::error!(%slot, lane, seq, "outcome unknown: its marker was removed from the outcomes")
        }
        Verdict::Committed | Verdict::Aborted => {
            tracing::info!(%slot, lane, seq, ?verdict, "decided a group that was sent under a former slot");
        }
    }
    engine.tell(Input::Former { group: Box::new(foreign.group.clone()), verdict });
    true
}

fn view(settings: &Settings, kafka: &Kafka, slot: &Slot) -> Option<OutcomesView> {
    let read = place(settings, &kafka.cluster, slot).map_err(|error| error.to_string()).and_then(|place| {
        read_outcomes(&kafka.client, &kafka.cluster, place, slot, READ_MAX).map_err(|error| error.to_string())
    });
    match read {
        Ok(ReadResult::Done(view)) => Some(view),
        Ok(ReadResult::Blocked) => None,
        Ok(ReadResult::Failed(error)) | Err(error) => {
            tracing::info!(%slot, error, "a former slot's outcomes cannot be read now");
            None
        }
    }
}
