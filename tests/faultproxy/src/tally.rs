use crate::{Api, RuleId, Side, rule::Fault};
use std::collections::BTreeMap;

/// What happened to one API's requests or replies.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Arrived at the proxy.
    pub seen: u64,
    /// Passed on, the duplicates not counted.
    pub forwarded: u64,
    /// Passed on later.
    pub delayed: u64,
    /// Passed on once a test released them.
    pub held: u64,
    /// Swallowed, the connection going on.
    pub dropped: u64,
    /// Passed on twice.
    pub duplicated: u64,
    /// Cost the connection, before or after they were passed on.
    pub cut: u64,
}

/// What a proxy saw and did.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: BTreeMap<(Api, Side), Counts>,
    fired: BTreeMap<RuleId, u64>,
}

// === impl Tally ===

impl Tally {
    /// Of one API and side.
    pub fn of(&self, api: Api, side: Side) -> Counts {
        self.counts.get(&(api, side)).copied().unwrap_or_default()
    }

    /// How often a rule struck. Counted when it does; with a delay that is before the frame is passed on.
    pub fn fired(&self, rule: RuleId) -> u64 {
        self.fired.get(&rule).copied().unwrap_or(0)
    }

    /// All that was seen, by API and side.
    pub fn all(&self) -> impl Iterator<Item = (Api, Side, Counts)> + '_ {
        self.counts.iter().map(|((api, side), counts)| (*api, *side, *counts))
    }

    /// Everything of one side together.
    pub fn total(&self, side: Side) -> Counts {
        self.all().filter(|(_, of, _)| *of == side).fold(Counts::default(), |sum, (_, _, counts)| Counts {
            seen: sum.seen + counts.seen,
            forwarded: sum.forwarded + counts.forwarded,
            delayed: sum.delayed + counts.delayed,
            held: sum.held + counts.held,
            dropped: sum.dropped + counts.dropped,
            duplicated: sum.duplicated + counts.duplicated,
            cut: sum.cut + counts.cut,
        })
    }

    pub(crate) fn saw(&mut self, api: Api, side: Side) {
        self.entry(api, side).seen += 1;
    }

    pub(crate) fn forwarded(&mut self, api: Api, side: Side) {
        self.entry(api, side).forwarded += 1;
    }

    pub(crate) fn strikes(&mut self, rule: RuleId, fault: &Fault, api: Api, side: Side) {
        *self.fired.entry(rule).or_default() += 1;
        let counts = self.entry(api, side);
        match fault {
            Fault::Nothing => {}
            Fault::Delay(_) | Fault::DelayUpTo(_) => counts.delayed += 1,
            Fault::Hold(_) => counts.held += 1,
            Fault::Drop => counts.dropped += 1,
            Fault::Duplicate => counts.duplicated += 1,
            Fault::CutBefore | Fault::CutAfter => counts.cut += 1,
        }
    }

    fn entry(&mut self, api: Api, side: Side) -> &mut Counts {
        self.counts.entry((api, side)).or_default()
    }
}
