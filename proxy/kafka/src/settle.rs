//! Setting readers free of what an owner that will not come back left open.

use crate::{ClientSettings, Cluster, Error, LaneSettings, Lanes, OutcomesPlace, OutcomesReader};
use sidecommit_core::{Generation, LaneEvent, LaneIndex, LaneOp, ReadResult, ReadToken, Slot};
use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

/// Inits the transactional.ids of a slot's lanes once, side by side. InitProducerId ends whatever a former owner left open: it is
/// aborted, or, if its EndTxn had arrived, as it was decided; nothing else is written. Blocks.
///
/// Only for who knows that the slot has no owner: a living one's producers are fenced by this.
///
/// # Errors
/// [`Error::Unreachable`] with what failed last, if not all of them were inited within the limit; [`Error::StartThread`].
pub fn settle_lanes(
    settings: &LaneSettings,
    slot: &Slot,
    lanes: Range<u16>,
    limit: Duration,
) -> Result<(), Error> {
    let (sender, events) = mpsc::channel();
    let tell = Arc::new(move |lane, generation, event| {
        // Nobody listens any more once the wait below is over.
        let _ = sender.send((lane, generation, event));
    });
    let producers = Lanes::start(settings.clone(), slot.clone(), tell)?;
    let mut open: BTreeSet<LaneIndex> = lanes.map(LaneIndex).collect();
    open.iter().for_each(|lane| producers.perform(*lane, Generation(1), LaneOp::Open));
    let end = Instant::now() + limit;
    let mut last = "no answer".to_owned();
    while !open.is_empty() {
        match events.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok((lane, _, LaneEvent::Opened)) => drop(open.remove(&lane)),
            Ok((lane, Generation(former), LaneEvent::Failed(error))) => {
                last = error.message;
                producers.perform(lane, Generation(former + 1), LaneOp::Open);
            }
            Ok(_) => {}
            Err(_) => {
                let act = format!("initialising {} of the ids of slot {slot}", open.len());
                return Err(Error::Unreachable { act, message: last });
            }
        }
    }
    Ok(())
}

/// Reads a slot's outcomes once, up to now. Blocks.
///
/// # Errors
/// [`Error::CreateClient`], [`Error::StartThread`]; [`Error::Unreachable`] if there is no answer within the limit.
pub fn read_outcomes(
    client: &ClientSettings,
    cluster: &Cluster,
    place: OutcomesPlace,
    slot: &Slot,
    limit: Duration,
) -> Result<ReadResult, Error> {
    let (sender, results) = mpsc::channel();
    let tell = Arc::new(move |_: ReadToken, result: ReadResult| {
        // Nobody listens any more once the wait below is over.
        let _ = sender.send(result);
    });
    let reader = OutcomesReader::start(client, cluster.clone(), place, slot.clone(), tell)?;
    reader.read(ReadToken(0));
    results.recv_timeout(limit).map_err(|error| Error::Unreachable {
        act: format!("reading the outcomes of {slot}"),
        message: error.to_string(),
    })
}
