use crate::{Api, Kept, Request, Side};
use std::{fmt, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// What is done to which requests or replies, and how often. Without a fault it only counts, and keeps: what it strikes
/// goes on to the other rules.
pub struct Rule {
    pub(crate) side: Side,
    apis: Vec<Api>,
    turn: Turn,
    only_if: Option<Box<Filter>>,
    pub(crate) keeps: bool,
    pub(crate) fault: Fault,
    matched: u64,
}

/// A rule that was added to a proxy.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RuleId(pub(crate) u64);

type Filter = dyn Fn(&Request) -> bool + Send + Sync;

/// Which of those that match.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Every,
    Nth(u64),
    Probability(f64),
}

/// What happens to a frame.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Nothing,
    Delay(Duration),
    DelayUpTo(Duration),
    Hold(Arc<Semaphore>),
    Drop,
    Duplicate,
    CutBefore,
    CutAfter,
}

/// A proxy's rules in the order in which they were added; of those with a fault the first whose turn it is strikes.
#[derive(Default)]
pub(crate) struct Rules {
    next: u64,
    rules: Vec<(RuleId, Rule)>,
    kept: Vec<(RuleId, Kept)>,
}

/// A rule's verdict on a frame.
pub(crate) struct Strike {
    pub(crate) rule: RuleId,
    pub(crate) fault: Fault,
    pub(crate) keeps: bool,
}

// === impl Rule ===

impl Rule {
    /// For requests of an API.
    pub fn request(api: Api) -> Self {
        Self::requests(&[api])
    }

    /// For requests of several APIs.
    pub fn requests(apis: &[Api]) -> Self {
        Self::new(Side::Request, apis)
    }

    /// For replies to an API's requests.
    pub fn reply(api: Api) -> Self {
        Self::replies(&[api])
    }

    /// For replies to several APIs' requests.
    pub fn replies(apis: &[Api]) -> Self {
        Self::new(Side::Reply, apis)
    }

    fn new(side: Side, apis: &[Api]) -> Self {
        Self {
            side,
            apis: apis.to_vec(),
            turn: Turn::Every,
            only_if: None,
            keeps: false,
            fault: Fault::Nothing,
            matched: 0,
        }
    }

    /// Only the nth of them, from 1 on, counted since the rule was added.
    pub fn nth(self, n: u64) -> Self {
        Self { turn: Turn::Nth(n), ..self }
    }

    /// Each with this probability (0 to 1), by the proxy's seed.
    pub fn with_probability(self, p: f64) -> Self {
        Self { turn: Turn::Probability(p), ..self }
    }

    /// Only those of which this holds; for a reply, of its request. The others are not counted for [`Self::nth`].
    pub fn only_if(self, holds: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Self {
        Self { only_if: Some(Box::new(holds)), ..self }
    }

    /// Keeps the request (for a reply, the one it answers) for [`FaultProxy::inject`](crate::FaultProxy::inject).
    pub fn keep(self) -> Self {
        Self { keeps: true, ..self }
    }

    /// Passes it on later, and what follows on its connection later still.
    pub fn delay(self, by: Duration) -> Self {
        Self { fault: Fault::Delay(by), ..self }
    }

    /// Likewise, by a random time.
    pub fn delay_up_to(self, by: Duration) -> Self {
        Self { fault: Fault::DelayUpTo(by), ..self }
    }

    /// Passes it on once the semaphore has a permit for it, and what follows on its connection after it.
    pub fn hold(self, until: Arc<Semaphore>) -> Self {
        Self { fault: Fault::Hold(until), ..self }
    }

    /// Swallows it; the connection goes on.
    pub fn drop(self) -> Self {
        Self { fault: Fault::Drop, ..self }
    }

    /// Passes it on twice. Of the two replies that a request gets that way the client sees the first.
    pub fn duplicate(self) -> Self {
        Self { fault: Fault::Duplicate, ..self }
    }

    /// Swallows it and cuts the connection.
    pub fn cut_before(self) -> Self {
        Self { fault: Fault::CutBefore, ..self }
    }

    /// Passes it on and cuts the connection: the broker executes a request, the client gets no reply to it.
    pub fn cut_after(self) -> Self {
        Self { fault: Fault::CutAfter, ..self }
    }

    fn strikes(&mut self, request: &Request, side: Side, random: &mut fastrand::Rng) -> bool {
        let concerned = self.side == side && self.apis.contains(&request.api);
        if !concerned || !self.only_if.as_ref().is_none_or(|holds| holds(request)) {
            return false;
        }
        self.matched += 1;
        match self.turn {
            Turn::Every => true,
            Turn::Nth(n) => self.matched == n,
            Turn::Probability(p) => random.f64() < p,
        }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { side, apis, turn, fault, matched, .. } = self;
        write!(f, "{side:?} of {apis:?}, {turn:?}: {fault:?} ({matched} matched)")
    }
}

// === impl Fault ===

impl Fault {
    pub(crate) fn is_one(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

// === impl Rules ===

impl Rules {
    pub(crate) fn add(&mut self, rule: Rule) -> RuleId {
        self.next += 1;
        self.rules.push((RuleId(self.next), rule));
        RuleId(self.next)
    }

    pub(crate) fn remove(&mut self, id: RuleId) {
        self.rules.retain(|(known, _)| *known != id);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Those whose turn it is: at most one with a fault. Every rule that matches counts the frame.
    pub(crate) fn strike(
        &mut self,
        request: &Request,
        side: Side,
        random: &mut fastrand::Rng,
    ) -> Vec<Strike> {
        let mut strikes: Vec<Strike> = Vec::new();
        for (id, rule) in &mut self.rules {
            let outranked = rule.fault.is_one() && strikes.iter().any(|strike| strike.fault.is_one());
            if rule.strikes(request, side, random) && !outranked {
                strikes.push(Strike { rule: *id, fault: rule.fault.clone(), keeps: rule.keeps });
            }
        }
        strikes
    }

    pub(crate) fn keep(&mut self, rule: RuleId, kept: Kept) {
        self.kept.push((rule, kept));
    }

    /// Hands over what a rule kept so far.
    pub(crate) fn take_kept(&mut self, rule: RuleId) -> Vec<Kept> {
        let (taken, rest) = std::mem::take(&mut self.kept).into_iter().partition(|(by, _)| *by == rule);
        self.kept = rest;
        let taken: Vec<(RuleId, Kept)> = taken;
        taken.into_iter().map(|(_, kept)| kept).collect()
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.rules.iter().map(|(id, rule)| (id, rule))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn request(api: Api) -> Request {
        let [high, low] = api.0.to_be_bytes();
        let frame = [0, 0, 0, 10, high, low, 0, 1, 0, 0, 0, 9, 0xff, 0xff];
        Request::parse(Bytes::copy_from_slice(&frame)).expect("a request")
    }

    /// Which of a number of EndTxn requests a rule strikes.
    fn struck(rule: Rule, of: usize, seed: u64) -> Vec<usize> {
        let (mut rules, mut random) = (Rules::default(), fastrand::Rng::with_seed(seed));
        rules.add(rule);
        let end = request(Api::END_TXN);
        (1..=of).filter(|_| !rules.strike(&end, Side::Request, &mut random).is_empty()).collect()
    }

    #[test]
    fn a_rule_strikes_its_own_side_and_api_by_count() {
        assert_eq!(struck(Rule::request(Api::END_TXN).drop(), 3, 0), [1, 2, 3]);
        assert_eq!(struck(Rule::request(Api::END_TXN).nth(3).drop(), 5, 0), [3]);
        assert_eq!(struck(Rule::requests(&[Api::PRODUCE, Api::END_TXN]).nth(1).drop(), 2, 0), [1]);
        assert!(struck(Rule::reply(Api::END_TXN).drop(), 3, 0).is_empty());
        assert!(struck(Rule::request(Api::PRODUCE).drop(), 3, 0).is_empty());
        assert!(
            struck(Rule::request(Api::END_TXN).only_if(|request| request.version > 1).drop(), 3, 0)
                .is_empty()
        );
    }

    #[test]
    fn a_seed_decides_which_are_struck_by_chance() {
        let by_chance = |seed| struck(Rule::request(Api::END_TXN).with_probability(0.3).drop(), 1000, seed);
        assert_eq!(by_chance(1), by_chance(1));
        assert_ne!(by_chance(1), by_chance(2));
        assert!((200..400).contains(&by_chance(1).len()), "{}", by_chance(1).len());
    }

    #[test]
    fn the_first_fault_strikes_and_the_other_rules_count() {
        let (mut rules, mut random) = (Rules::default(), fastrand::Rng::with_seed(0));
        let first = rules.add(Rule::request(Api::END_TXN).nth(1).drop());
        let second = rules.add(Rule::request(Api::END_TXN).nth(2).cut_before());
        let end = request(Api::END_TXN);
        let mut next = |rules: &mut Rules| -> Vec<RuleId> {
            rules.strike(&end, Side::Request, &mut random).into_iter().map(|strike| strike.rule).collect()
        };
        assert_eq!(
            [next(&mut rules), next(&mut rules), next(&mut rules)],
            [vec![first], vec![second], vec![]]
        );
        let watching = rules.add(Rule::request(Api::END_TXN).keep());
        let every = rules.add(Rule::request(Api::END_TXN).drop());
        rules.add(Rule::request(Api::END_TXN).cut_after());
        assert_eq!(next(&mut rules), [watching, every]);
        rules.clear();
        assert_eq!(next(&mut rules), []);
    }
}
