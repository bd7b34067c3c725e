//! The simulated world: one slot, its pods and clients, a Kafka cluster, and everything that may go wrong.

mod checks;
mod clients;
mod heal;
mod journal;
mod lanes;
mod misfortune;
mod network;
mod pods;
mod process;
mod reads;
mod watch;

use crate::{
    Case, Plant,
    broker::Broker,
    chaos::Pod,
    client::Client,
    coverage::{self, Act, Moment, Target},
    dice::{Dice, Stream},
    event::{ClientId, Event, ProcId},
    journal::Journal,
    ledger::{AppId, Broken, Ledger},
    piece::Piece,
    process::Process,
    profile::{EPOCH, Profile, Theme},
    schedule::Schedule,
    stats::Stats,
};
use fastrand::Rng;
use sidecommit_core::{CallId, JournalId, Millis, Slot, TxnId};
use std::collections::BTreeMap;

/// Data topics with their partitions.
pub(crate) const TOPICS: &[(&str, i32)] = &[("credits", 2), ("debits", 2)];

/// Everything.
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) schedule: Schedule,
    pub(crate) profile: Profile,
    pub(crate) plant: Option<Plant>,
    pub(crate) broker: Broker,
    pub(crate) slot: Slot,
    pub(crate) journals: Vec<Journal>,
    /// A copy that may be restored.
    pub(crate) snapshot: Option<Journal>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) procs: Vec<Process>,
    pub(crate) clients: Vec<Client>,
    /// The last offset of each input partition.
    pub(crate) inputs: BTreeMap<i32, i64>,
    pub(crate) calls: BTreeMap<CallId, CallInfo>,
    pub(crate) ledger: Ledger,
    /// Nobody reaches the broker until then.
    pub(crate) outage_until: Millis,
    /// Markers are slow until then.
    pub(crate) slow_markers_until: Millis,
    pub(crate) crashes_left: u32,
    /// A crash that is sought.
    pub(crate) aim: Option<(Target, Act, Moment)>,
    pub(crate) attempts: u64,
    pub(crate) foreign: u64,
    /// A stranger has written tombstones into the outcomes.
    pub(crate) tombstoned: bool,
    /// The outcomes were compacted, and something went.
    pub(crate) compacted: bool,
    pub(crate) phase: Phase,
    /// What the seed is made of, apart from what chance brings on the way.
    parts: Vec<Piece>,
    pub(crate) stats: Stats,
    pub(crate) trace: Option<Vec<String>>,
    pub(crate) broken: Option<Broken>,
}

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Things go wrong.
    Storm,
    /// Nothing goes wrong any more; clients finish.
    Healed,
    /// Everything is asked once more.
    Audited,
    /// The process was restarted.
    Restarted,
    /// Everything is asked once more, and every Transact repeated.
    AuditedAgain,
    /// Everything has settled.
    Over,
}

/// A call under way.
#[derive(Clone, Debug)]
pub(crate) struct CallInfo {
    pub(crate) proc: ProcId,
    pub(crate) client: Option<ClientId>,
    pub(crate) subject: Subject,
    pub(crate) called: Millis,
    pub(crate) state: CallState,
}

/// What a call is about.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    Begin(AppId),
    Txn(AppId, TxnId),
    Key(AppId),
    /// Get by request id.
    Request(AppId),
    Operator,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallState {
    /// On its way to the process, or being worked on.
    Open,
    /// The engine has answered.
    Answered,
    /// The process died.
    Lost,
}

/// Adds a line to the trace, if there is one.
macro_rules! trace {
    ($world:expr, $($arg:tt)*) => {
        if $world.trace.is_some() {
            let line = format!($($arg)*);
            $world.trace_line(line);
        }
    };
}
pub(crate) use trace;

// === impl World ===

impl World {
    pub(crate) fn new(case: &Case, tracing: bool) -> Self {
        let mut rng = Rng::with_seed(case.seed);
        let mut profile = Profile::draw(&mut rng);
        if case.aim.is_some() {
            profile.busy = profile.busy.max(1_500); // what has to wait can be met
        }
        let mut world = Self {
            schedule: Schedule::new(EPOCH),
            plant: case.plant,
            broker: Broker::new(TOPICS),
            slot: "p/ns/app/0".parse().expect("a slot"),
            journals: Vec::new(),
            snapshot: None,
            pods: Vec::new(),
            procs: Vec::new(),
            clients: Vec::new(),
            inputs: BTreeMap::new(),
            calls: BTreeMap::new(),
            ledger: Ledger::default(),
            outage_until: 0,
            slow_markers_until: 0,
            crashes_left: profile.crashes,
            aim: case.aim.and_then(coverage::crash),
            attempts: 0,
            foreign: 0,
            tombstoned: false,
            compacted: false,
            phase: Phase::Storm,
            parts: Vec::new(),
            stats: Stats::of_one_seed(),
            trace: tracing.then(Vec::new),
            broken: None,
            dice: Dice::new(rng, case.seed, case.only.clone()),
            profile,
        };
        world.populate();
        if case.salt != 0 {
            world.dice.reseed(case.seed ^ case.salt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        }
        world
    }

    fn populate(&mut self) {
        trace!(self, "{:?}", self.profile);
        let journal = self.new_journal();
        self.add_pod(journal);
        let crowd = self.profile.theme == Theme::Crowd;
        for id in 0..self.profile.clients {
            let jobs = self.profile.jobs;
            let mut client = Client::draw(&mut self.dice, id, jobs, self.profile.theme);
            self.parts.extend(client.keep(id, |piece| self.dice.keeps(piece)));
            self.clients.push(client);
            let start = self.dice.u64(0..if crowd { 20 } else { 2_000 });
            self.schedule.after(start, Event::Act { client: id });
        }
        for (index, (time, chaos)) in self.profile.plan.clone().into_iter().enumerate() {
            if self.dice.keeps(Piece::Chaos(index)) {
                self.parts.push(Piece::Chaos(index));
                self.schedule.at(time, Event::Chaos(chaos));
            }
        }
        self.schedule.after(1_000, Event::ExpireTransactions);
        self.schedule.at(self.profile.healed, Event::Heal);
    }

    /// What the run was made of.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        self.parts.iter().chain(self.dice.happened()).copied().collect()
    }

    pub(crate) fn new_journal(&mut self) -> usize {
        let id = JournalId(self.dice.u128(..).to_be_bytes());
        let mut journal = Journal::new(id, self.profile.limits.outcomes_remembered);
        journal.second = !self.journals.is_empty();
        self.journals.push(journal);
        self.journals.len() - 1
    }

    pub(crate) fn now(&self) -> Millis {
        self.schedule.now()
    }

    /// Runs until everything has settled or a promise is broken.
    pub(crate) fn run(&mut self, events_max: u64) -> Result<(), Broken> {
        while self.phase != Phase::Over {
            let Some(event) = self.schedule.next() else {
                return Err("nothing is going to happen any more, but not everything has settled".into());
            };
            self.stats.events += 1;
            if self.stats.events > events_max {
                return Err(format!("no end after {events_max} events"));
            }
            self.dice.turn(Stream::of(&event, self.now()));
            self.handle(event);
            self.broker_news();
            if let Some(broken) = self.broken.take() {
                return Err(broken);
            }
        }
        self.ledger.settled(&self.broker)
    }

    fn handle(&mut self, event: Event) {
        if let Some(proc) = event.proc() {
            let process = &mut self.procs[proc];
            if !process.alive {
                return;
            }
            if let Some(deferred) = process.paused.as_mut() {
                return deferred.push(event);
            }
        }
        match event {
            Event::Deliver { proc, input } => self.deliver(proc, input),
            Event::Tick { proc } => self.tick(proc),
            Event::Journal { proc } => self.journal_turn(proc),
            Event::Lane { proc, lane } => self.lane_turn(proc, lane),
            Event::ReadBegins { proc, token } => self.read_begins(proc, token),
            Event::ReadPolls { proc, token, until, deadline } => {
                self.read_polls(proc, token, until, deadline);
            }
            Event::Reply { proc, call, answer } => self.reply(proc, call, answer),
            Event::Answered { sender, response } => self.answered(sender, response),
            Event::Overdue { sender } => self.overdue(sender),
            Event::DrainPolls { proc, until } => self.drain_polls(proc, until),
            Event::Arrive { sender, request } => self.arrive(sender, &request),
            Event::Marker { id, participant } => {
                let now = self.now();
                trace!(self, "broker: marker of {id} to {participant:?}");
                self.broker.write_marker(now, &id, &participant);
            }
            Event::ExpireTransactions => self.expire_transactions(),
            Event::Replied { client, call, answer } => self.on_replied(client, call, answer),
            Event::Impatient { client, call } => self.on_impatient(client, call),
            Event::Act { client } => self.act(client),
            Event::Restart { pod } => self.start(pod),
            Event::Chaos(chaos) => self.strike(chaos),
            Event::Continue { proc } => self.unpause(proc),
            Event::Heal => self.heal(),
        }
    }

    /// Notes the first broken promise.
    pub(crate) fn require(&mut self, result: Result<(), Broken>) {
        if let Err(broken) = result {
            trace!(self, "BROKEN: {broken}");
            self.broken.get_or_insert(broken);
        }
    }

    pub(crate) fn trace_line(&mut self, line: String) {
        let at = self.now() - EPOCH;
        if let Some(trace) = self.trace.as_mut() {
            trace.push(format!("{at:>8} {line}"));
        }
    }
}
