//! Readers of the outcomes.

use super::{World, trace, watch::Boundary};
use crate::{
    Plant,
    broker::{Broker, outcomes_view},
    coverage::{Act, Moment},
    event::{Event, ProcId},
};
use sidecommit_core::{Input, Millis, OutcomesView, ReadResult, ReadToken, Serving};

/// No read waits longer for others' open transactions.
const PATIENCE: Millis = 2_000;

// === impl World ===

impl World {
    /// Takes the high watermark.
    pub(super) fn read_begins(&mut self, proc: ProcId, token: ReadToken) {
        if self.dies(proc, Boundary::of(Act::Read, Moment::Before)) {
            return;
        }
        if self.outage_until > self.now() || self.dice.hit(self.profile.net.lost) {
            return self.read_ends(proc, token, ReadResult::Failed("broker transport failure".into()));
        }
        let until = self.broker.logs[Broker::OUTCOMES].end;
        let deadline = self.now() + PATIENCE;
        let delay = self.dice.u64(0..5);
        self.schedule.after(delay, Event::ReadPolls { proc, token, until, deadline });
        self.dies(proc, Boundary::of(Act::Read, Moment::After));
    }

    /// Ends when the last stable offset has reached the high watermark, or patience has ended.
    pub(super) fn read_polls(&mut self, proc: ProcId, token: ReadToken, until: i64, deadline: Millis) {
        let log = &self.broker.logs[Broker::OUTCOMES];
        let stable = log.last_stable();
        if self.plant != Some(Plant::NoLsoWait) && stable < until {
            if self.now() >= deadline {
                self.stats.count("reads", "blocked");
                return self.read_ends(proc, token, ReadResult::Blocked);
            }
            let delay = self.dice.u64(20..200);
            return self.schedule.after(delay, Event::ReadPolls { proc, token, until, deadline });
        }
        let result = match outcomes_view(log, &self.slot, until.min(stable)) {
            Ok(view) => ReadResult::Done(self.seen_by(proc, view)),
            Err(error) => ReadResult::Failed(error.to_string()),
        };
        self.stats.count("reads", "done");
        self.read_ends(proc, token, result);
    }

    fn read_ends(&mut self, proc: ProcId, token: ReadToken, result: ReadResult) {
        trace!(self, "p{proc} read {token:?} ends");
        let delay = self.dice.u64(0..5);
        self.schedule.after(delay, Event::Deliver { proc, input: Input::Read { token, result } });
    }

    /// What the process makes of a view: nothing else, unless a fault is planted.
    fn seen_by(&mut self, proc: ProcId, view: OutcomesView) -> OutcomesView {
        if self.plant != Some(Plant::StaleOwner) {
            return view;
        }
        let process = &mut self.procs[proc];
        if process.own_record.is_none() && process.serving == Serving::Ready {
            process.own_record = view.owner.clone();
        }
        OutcomesView { owner: process.own_record.clone().or(view.owner), ..view }
    }
}
