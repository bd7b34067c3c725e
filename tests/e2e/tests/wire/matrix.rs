//! Every API that a transaction needs under every kind of fault, one cell after the other; the APIs side by side, each on
//! a sidecar of its own. In each cell two transactions run to a definite outcome, and when it is over a third commits.

use crate::rig::Rig;
use sidecommit_e2e::Told;
use sidecommit_faultproxy::{Api, Rule};
use std::{collections::BTreeMap, sync::Arc, thread};
use tokio::{runtime::Handle, sync::Semaphore, time::Duration};

pub(crate) const APIS: [Api; 8] = [
    Api::INIT_PRODUCER_ID,
    Api::FIND_COORDINATOR,
    Api::FETCH,
    Api::ADD_PARTITIONS_TO_TXN,
    Api::PRODUCE,
    Api::ADD_OFFSETS_TO_TXN,
    Api::TXN_OFFSET_COMMIT,
    Api::END_TXN,
];

/// Asked for when a producer is replaced, and by nothing else.
const BY_A_REPLACEMENT: [Api; 3] = [Api::INIT_PRODUCER_ID, Api::FIND_COORDINATOR, Api::FETCH];

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Fault {
    DropRequest,
    DropReply,
    CutRequest,
    CutReply,
    Delay,
    /// It is held until the next transaction is on its way; its sender gave it up long before.
    Late,
    Duplicate,
}

const FAULTS: [Fault; 7] = [
    Fault::DropRequest,
    Fault::DropReply,
    Fault::CutRequest,
    Fault::CutReply,
    Fault::Delay,
    Fault::Late,
    Fault::Duplicate,
];

/// Long enough for every end to be called unclean.
const DELAY: Duration = Duration::from_millis(400);

/// What came of a number of cells.
#[derive(Debug, Default)]
struct Sum {
    injected: BTreeMap<Fault, u64>,
    committed: usize,
    aborted: usize,
}

// === impl Fault ===

impl Fault {
    fn rule(self, api: Api, late: &Arc<Semaphore>) -> Rule {
        let (request, reply) = (Rule::request(api).nth(1), Rule::reply(api).nth(1));
        match self {
            Self::DropRequest => request.drop(),
            Self::DropReply => reply.drop(),
            Self::CutRequest => request.cut_before(),
            Self::CutReply => reply.cut_before(),
            Self::Delay => request.delay(DELAY),
            Self::Late => request.hold(late.clone()),
            Self::Duplicate => request.duplicate(),
        }
    }
}

// === impl Sum ===

impl Sum {
    fn add(&mut self, other: Self) {
        other.injected.into_iter().for_each(|(fault, n)| *self.injected.entry(fault).or_default() += n);
        self.committed += other.committed;
        self.aborted += other.aborted;
    }
}

/// One API under some faults. What a transaction streams is in Kafka while it is open, and cannot be sent again.
async fn column(api: Api, streaming: bool, faults: Vec<Fault>) -> Sum {
    let streaming_bytes = if streaming { "0B" } else { "256KiB" };
    let rig =
        Rig::new(|spec| spec.expects_wire_faults().set("limits.streaming_bytes", streaming_bytes)).await;
    let mut teller = rig.teller();
    let mut sum = Sum::default();
    for fault in faults {
        let late = Arc::new(Semaphore::new(0));
        let rule = rig.proxy.add(fault.rule(api, &late));
        // A producer that was replaced of itself just now may have left nothing to fetch for the next.
        for _ in 0..5 {
            if BY_A_REPLACEMENT.contains(&api) {
                rig.fence();
            }
            teller.transfer_with_offset().await;
            if rig.proxy.tally().fired(rule) > 0 {
                break;
            }
        }
        assert_eq!(rig.proxy.tally().fired(rule), 1, "{fault:?} of {api} was injected");
        let next = teller.begin_with_offset().await;
        late.add_permits(1);
        teller.settle(next).await;
        *sum.injected.entry(fault).or_default() += 1;
        rig.proxy.remove(rule);
        teller.transfer_until_committed().await;
    }
    rig.check(&[&teller]);
    sum.committed = teller.told.values().filter(|told| **told == Told::Committed).count();
    sum.aborted = teller.told.len() - sum.committed;
    sum
}

/// All columns, streaming or not by turns.
fn round(n: usize, faults: impl Fn(usize) -> Vec<Fault>) -> Sum {
    let columns = APIS.into_iter().enumerate().map(|(at, api)| {
        let (runtime, faults) = (Handle::current(), faults(at));
        thread::spawn(move || runtime.block_on(column(api, (n + at) % 2 == 1, faults)))
    });
    let mut all = Sum::default();
    for sum in columns.collect::<Vec<_>>() {
        all.add(sum.join().expect("a column ends well"));
    }
    all
}

/// `SIDECOMMIT_WIRE_ROUNDS`: the whole matrix so often. If nothing was said a third of it: each API and each kind of fault
/// is in that, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_befalls_a_request_callers_are_told_what_readers_see() {
    let mut all = Sum::default();
    match std::env::var("SIDECOMMIT_WIRE_ROUNDS") {
        Ok(rounds) => {
            for n in 0..rounds.parse().expect("a number") {
                all.add(round(n, |_| FAULTS.to_vec()));
            }
        }
        Err(_) => all.add(round(0, |column| {
            FAULTS
                .into_iter()
                .enumerate()
                .filter(|(row, _)| (row + column) % 3 == 0)
                .map(|(_, fault)| fault)
                .collect()
        })),
    }
    println!("{} faults; {all:?}", all.injected.values().sum::<u64>());
    assert_eq!(all.injected.len(), FAULTS.len(), "every kind was injected: {all:?}");
}
