//! The engine's state as metrics, read at scrape time: nothing is counted twice and nothing is forgotten.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use sidecommit_core::{Counters, LaneStatus, Reason, Serving, Status, table::LaneState};
use sidecommit_rpc::NodeStatus;
use std::{collections::BTreeMap, fmt};

/// A serving state and its name on the wire and in metrics.
const SERVING: [&str; 6] =
    ["no_slot", "recovering", "ready", "draining", "fenced_by_rival", "journal_failed"];

const LANE_STATES: [LaneState; 7] = [
    LaneState::Closed,
    LaneState::Opening,
    LaneState::Verifying,
    LaneState::Writing,
    LaneState::Idle,
    LaneState::Busy,
    LaneState::Stopped,
];

/// The sidecar's state; None: the engine did not answer.
#[derive(Debug)]
pub(super) struct Snapshot(pub(super) Option<NodeStatus>);

struct Encoder<'a>(DescriptorEncoder<'a>);

// === impl Snapshot ===

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut encoder = Encoder(encoder);
        let help = "1 if the engine's loop answered this scrape; without it the rest is missing";
        encoder.gauge("engine_alive", help, if self.0.is_some() { 1.0 } else { 0.0 })?;
        let Some(node) = &self.0 else { return Ok(()) };
        encoder.node(node)?;
        let Some(status) = &node.engine else { return Ok(()) };
        encoder.state(status)?;
        encoder.lanes(&status.lanes)?;
        encoder.counters(&status.counters)
    }
}

// === impl Encoder ===

impl Encoder<'_> {
    fn node(&mut self, node: &NodeStatus) -> fmt::Result {
        let current = serving_name(&node.serving);
        let states = SERVING.map(|name| (name, u64::from(name == current)));
        self.gauges("serving", "1 for the state it is in; it serves if that is ready", "state", states)?;
        let help = "1 if it has an identity; without one it waits for a Lease";
        self.gauge("slot_claimed", help, if node.slot.is_some() { 1.0 } else { 0.0 })
    }

    fn state(&mut self, status: &Status) -> fmt::Result {
        let help = "Counts the lives of the slot's owner; 0 before the claim";
        self.gauge("incarnation", help, f64::from(status.incarnation.0))?;
        self.gauge("transactions_open", "Transactions that take records", status.open as f64)?;
        let help = "Committing transactions that wait for a lane";
        self.gauge("transactions_queued", help, status.queued as f64)?;
        let help = "Transactions whose outcome is not known yet";
        self.gauge("transactions_in_doubt", help, status.in_doubt as f64)?;
        self.gauge("buffered_bytes", "Bytes accepted and not delivered", status.buffered_bytes as f64)?;
        let help = "Age of the oldest transaction that holds back read_committed readers; 0: none";
        self.gauge("oldest_transaction_in_kafka_seconds", help, status.oldest_in_kafka as f64 / 1000.0)
    }

    fn lanes(&mut self, lanes: &[LaneStatus]) -> fmt::Result {
        let count = |state: LaneState| lanes.iter().filter(|lane| lane.state == state).count() as u64;
        let counts = LANE_STATES.map(|state| (lane_state_name(state), count(state)));
        self.gauges("lanes", "Lanes by state", "state", counts)?;
        let of = |value: fn(&LaneStatus) -> u64| {
            lanes.iter().map(move |lane| (lane.lane.to_string(), value(lane))).collect::<Vec<_>>()
        };
        let help = "Producers a lane has had in this process";
        self.gauges("lane_generation", help, "lane", of(|lane| u64::from(lane.generation.0)))?;
        self.gauges("lane_sequence", "A lane's highest group", "lane", of(|lane| lane.seq))?;
        let help = "Transactions that a lane carries";
        self.gauges("lane_transactions", help, "lane", of(|lane| lane.transactions as u64))?;
        let mut family = self.0.encode_descriptor(
            "lane_state",
            "1 for the state a lane is in",
            None,
            MetricType::Gauge,
        )?;
        for lane in lanes {
            let labels = [("lane", lane.lane.to_string()), ("state", lane_state_name(lane.state).to_owned())];
            ConstGauge::new(1_u64).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn counters(&mut self, counters: &Counters) -> fmt::Result {
        self.counter("transactions_begun", "Transactions begun", counters.begun)?;
        self.counter("transactions_committed", "Transactions committed", counters.committed)?;
        let help = "Transactions aborted, by reason";
        self.counters_by("transactions_aborted", help, "reason", by_reason(&counters.aborted))?;
        self.counter("outcomes_unknown", "Outcomes that nobody knows: alarm on it", counters.unknown)?;
        self.counter("groups", "Kafka transactions that committed transactions", counters.groups)?;
        let help = "Transactions that these Kafka transactions carried";
        self.counter("group_transactions", help, counters.group_transactions)?;
        let help = "Kafka transactions of several that were aborted because of some of them";
        self.counter("groups_split", help, counters.splits)?;
        let help = "Groups whose outcome was in doubt for a while";
        self.counter("groups_in_doubt", help, counters.in_doubt)?;
        let help = "Calls refused, by reason";
        self.counters_by("calls_refused", help, "reason", by_reason(&counters.refused))?;
        self.counter("producers_fenced", "Producers found fenced", counters.fences)?;
        let causes = counters.replaced.iter().map(|(cause, n)| ((*cause).to_owned(), *n)).collect();
        self.counters_by("producers_replaced", "Producers replaced (taint), by cause", "cause", causes)
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        ConstGauge::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Gauge)?)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        ConstCounter::new(value).encode(self.0.encode_descriptor(name, help, None, MetricType::Counter)?)
    }

    fn gauges<L: Into<String>>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (text, value) in values {
            ConstGauge::new(value).encode(family.encode_family(&[(label, text.into())])?)?;
        }
        Ok(())
    }

    fn counters_by(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: Vec<(String, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (text, value) in values {
            ConstCounter::new(value).encode(family.encode_family(&[(label, text)])?)?;
        }
        Ok(())
    }
}

fn by_reason(counts: &BTreeMap<Reason, u64>) -> Vec<(String, u64)> {
    counts.iter().map(|(reason, n)| (reason.name(), *n)).collect()
}

fn serving_name(serving: &Serving) -> &'static str {
    match serving {
        Serving::NoSlot(_) => "no_slot",
        Serving::Connecting(_) | Serving::Recovering => "recovering",
        Serving::Ready => "ready",
        Serving::Draining => "draining",
        Serving::FencedByRival(_) => "fenced_by_rival",
        Serving::JournalFailed(_) => "journal_failed",
    }
}

fn lane_state_name(state: LaneState) -> &'static str {
    match state {
        LaneState::Closed => "closed",
        LaneState::Opening => "opening",
        LaneState::Verifying => "verifying",
        LaneState::Writing => "writing",
        LaneState::Idle => "idle",
        LaneState::Busy => "busy",
        LaneState::Stopped => "stopped",
    }
}
