use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::api::coordination::v1::Lease;
use parking_lot::Mutex;

use crate::{
    Error, Guard, object,
    tests::api::{Api, Fate},
};

/// The truth that no pod knows.
pub(crate) struct World {
    pub(crate) api: Api,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    rng: fastrand::Rng,
    calm: bool,
    born: u64,
    /// Who relies on which slot, and the guard by which it judges.
    relying: Vec<(u32, String, Guard)>,
    /// Which incarnations may have transactions open under a slot's ids.
    open: BTreeMap<u32, BTreeSet<u64>>,
    violations: Vec<String>,
    counts: Counts,
}

/// What happened in a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    claimed: u64,
    taken_by_another: u64,
    overdue: u64,
    settled: u64,
    settled_lost: u64,
    released: u64,
    released_lost: u64,
    answers_lost: u64,
}

// === impl World ===

impl World {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        let inner = Arc::new(Mutex::new(Inner {
            rng: fastrand::Rng::with_seed(seed),
            calm: false,
            born: 0,
            relying: Vec::new(),
            open: BTreeMap::new(),
            violations: Vec::new(),
            counts: Counts::default(),
        }));
        let api = Api::default();
        let watching = Arc::clone(&inner);
        api.watch(move |written| watching.lock().check(written));
        Arc::new(Self { api, inner })
    }

    pub(crate) fn upto(&self, most: u64) -> u64 {
        self.inner.lock().rng.u64(0..=most)
    }

    pub(crate) fn new_incarnation(&self) -> u64 {
        let mut inner = self.inner.lock();
        inner.born += 1;
        inner.born
    }

    pub(crate) fn new_uid(&self) -> String {
        format!("uid-new-{}", self.new_incarnation())
    }

    pub(crate) fn calm_down(&self) {
        self.inner.lock().calm = true;
    }

    pub(crate) fn fate(&self) -> Fate {
        let mut inner = self.inner.lock();
        let fast = |rng: &mut fastrand::Rng| Duration::from_millis(rng.u64(0..50));
        let slow = |rng: &mut fastrand::Rng| Duration::from_millis(rng.u64(0..20_000));
        let mut fate = Fate { there: fast(&mut inner.rng), back: fast(&mut inner.rng), ..Fate::default() };
        if inner.calm {
            return fate;
        }
        match inner.rng.u8(0..100) {
            0..5 => fate.request_lost = true,
            5..12 => {
                fate.answer_lost = true;
                inner.counts.answers_lost += 1;
            }
            12..20 => fate.there = slow(&mut inner.rng),
            20..25 => fate.back = slow(&mut inner.rng),
            _ => {}
        }
        fate
    }

    pub(crate) fn init_takes(&self) -> Duration {
        let most = if self.inner.lock().calm { 500 } else { 8_000 };
        Duration::from_millis(self.upto(most))
    }

    pub(crate) async fn wants_to_leave(&self) {
        tokio::time::sleep(Duration::from_millis(self.upto(120_000))).await;
        if self.inner.lock().calm {
            std::future::pending::<()>().await;
        }
    }

    pub(crate) fn relies_on(&self, ordinal: u32, who: &str, guard: Guard) {
        let mut inner = self.inner.lock();
        inner.counts.claimed += 1;
        inner.relying.retain(|(_, _, guard)| guard.holds());
        inner.relying.push((ordinal, who.to_owned(), guard));
        let holding = inner.relying.iter().filter(|(of, _, guard)| *of == ordinal && guard.holds()).count();
        if holding > 1 {
            inner.violations.push(format!("{holding} rely on slot {ordinal}"));
        }
    }

    pub(crate) fn begin(&self, ordinal: u32, incarnation: u64) {
        self.inner.lock().open.entry(ordinal).or_default().insert(incarnation);
    }

    pub(crate) fn end(&self, ordinal: u32, incarnation: u64) {
        self.inner.lock().open.entry(ordinal).or_default().remove(&incarnation);
    }

    pub(crate) fn end_all(&self, ordinal: u32) {
        self.inner.lock().open.remove(&ordinal);
    }

    pub(crate) fn count_loss(&self, why: &str) {
        let counts = &mut self.inner.lock().counts;
        *(if why.starts_with("not renewed") { &mut counts.overdue } else { &mut counts.taken_by_another }) +=
            1;
    }

    pub(crate) fn count_release(&self, outcome: Result<(), Error>) {
        let counts = &mut self.inner.lock().counts;
        *(if outcome.is_ok() { &mut counts.released } else { &mut counts.released_lost }) += 1;
    }

    pub(crate) fn count_settled(&self, outcome: Result<(), Error>) {
        let counts = &mut self.inner.lock().counts;
        *(if outcome.is_ok() { &mut counts.settled } else { &mut counts.settled_lost }) += 1;
    }

    pub(crate) fn counts(&self) -> Counts {
        self.inner.lock().counts
    }

    /// After everything has calmed down.
    pub(crate) fn judge(&self, seed: u64, uids: &[&str], slots: u32) {
        let inner = self.inner.lock();
        assert!(inner.violations.is_empty(), "LEASE_SEED={seed}: {:#?}", inner.violations);
        // Every holder knows by its own clock before another acts: none learns it from the lease.
        assert_eq!(inner.counts.taken_by_another, 0, "LEASE_SEED={seed}");
        let leases = self.api.leases();
        let facts: Vec<_> = leases.iter().filter_map(|lease| object::facts(lease, "orders")).collect();
        let held = |by: &Option<String>| by.as_deref().is_some_and(|by| uids.contains(&by));
        let of_the_living = facts.iter().filter(|facts| held(&facts.holder)).count();
        assert_eq!(of_the_living, uids.len().min(slots as usize), "LEASE_SEED={seed}: {facts:#?}");
        for facts in &facts {
            assert!(facts.settled || held(&facts.holder), "LEASE_SEED={seed}: left abandoned: {facts:#?}");
        }
    }
}

// === impl Inner ===

impl Inner {
    /// Judges every write at the moment it is done, before anyone has heard of it.
    fn check(&mut self, written: &Lease) {
        let facts = object::facts(written, "orders").unwrap();
        for (ordinal, who, guard) in &self.relying {
            if *ordinal == facts.ordinal && facts.holder.as_ref() != Some(who) && guard.holds() {
                self.violations
                    .push(format!("{who} relies on slot {ordinal}, which became {:?}'s", facts.holder));
            }
        }
        let open = self.open.get(&facts.ordinal).is_some_and(|open| !open.is_empty());
        if facts.settled && facts.holder.is_none() && open {
            self.violations
                .push(format!("slot {} was called settled while transactions are open", facts.ordinal));
        }
    }
}

// === impl Counts ===

impl Counts {
    pub(crate) fn add(&mut self, more: Self) {
        self.claimed += more.claimed;
        self.taken_by_another += more.taken_by_another;
        self.overdue += more.overdue;
        self.settled += more.settled;
        self.settled_lost += more.settled_lost;
        self.released += more.released;
        self.released_lost += more.released_lost;
        self.answers_lost += more.answers_lost;
    }

    pub(crate) fn is_everything_covered(&self) -> bool {
        let all =
            [self.claimed, self.overdue, self.settled, self.settled_lost, self.released, self.released_lost];
        all.iter().chain([&self.answers_lost]).all(|count| *count > 0)
    }
}
