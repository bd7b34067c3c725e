//! Pods: start, death, restart, pause.

use super::{CallState, Phase, World, trace};
use crate::{
    chaos::Pod,
    event::{Event, PodId, ProcId},
    plant::Plant,
    process::Process,
    profile::pick,
};
use sidecommit_core::{Engine, Start};

// === impl World ===

impl World {
    /// A new pod with a journal; it starts at once.
    pub(super) fn add_pod(&mut self, journal: usize) -> PodId {
        let pod = self.pods.len();
        self.pods.push(Pod::new(pod, journal));
        self.schedule.after(0, Event::Restart { pod });
        pod
    }

    /// Starts a pod's container, if the pod still exists and does not run.
    pub(super) fn start(&mut self, pod: PodId) {
        let running = self.pods[pod].proc.is_some_and(|proc| self.procs[proc].alive);
        if running || self.pods[pod].deleted {
            return;
        }
        let proc = self.procs.len();
        let contents = self.journals[self.pods[pod].journal].contents();
        let uid = self.pods[pod].uid.clone();
        let claimed = contents.claims.iter().any(|(_, claimer)| *claimer == uid);
        let mut limits = self.profile.limits.clone();
        if self.phase == Phase::Storm && self.dice.hit(1_000) {
            limits.lanes_max = pick(&mut self.dice, &[2, 3, 4]);
            limits.lanes_reserved = 1;
        }
        trace!(self, "p{proc} of pod {pod} starts with {contents:?}");
        self.stats.count("pods", "starts");
        let start = Start {
            slot: self.slot.clone(),
            pod_uid: uid,
            journal: contents,
            leased: false,
            limits: limits.clone(),
            seed: self.dice.u64(..),
            now: self.now(),
        };
        let (engine, effects) = Engine::new(start);
        self.procs.push(Process::new(pod, engine, limits, claimed));
        self.pods[pod].proc = Some(proc);
        self.watch(proc, &effects);
        self.perform(proc, effects);
        self.observe(proc);
    }

    /// Ends a process. What was put into the journal survives SIGKILL as far as the kernel had it, power loss as far
    /// as it was synced (or happened to be written back).
    pub(super) fn kill(&mut self, proc: ProcId, power: bool) {
        if !self.procs[proc].alive {
            return;
        }
        trace!(self, "p{proc} dies{}", if power { " of power loss" } else { "" });
        self.procs[proc].alive = false;
        self.procs[proc].paused = None;
        let journal = self.pods[self.procs[proc].pod].journal;
        let volatile = self.journals[journal].volatile();
        let lost = match power {
            true if self.plant == Some(Plant::SyncNotDurable) || self.dice.hit(5_000) => volatile,
            // sled hands what was put to the kernel in segments: the last one may still be in the process.
            false if self.dice.hit(7_000) => 0,
            _ => self.dice.usize(0..=volatile),
        };
        self.journals[journal].lose(lost);
        self.journals[journal].power_lost |= power;
        for call in std::mem::take(&mut self.procs[proc].unanswered) {
            let Some(info) = self.calls.get_mut(&call) else { continue };
            info.state = CallState::Lost;
            if let Some(client) = info.client {
                let delay = self.dice.u64(0..20);
                self.schedule.after(delay, Event::Replied { client, call, answer: None });
            }
        }
    }

    pub(super) fn restart_later(&mut self, pod: PodId) {
        let delay = if self.dice.hit(2_000) { self.dice.u64(0..20_000) } else { self.dice.u64(0..500) };
        self.schedule.after(delay, Event::Restart { pod });
    }

    /// SIGCONT: everything that was held up happens now.
    pub(super) fn unpause(&mut self, proc: ProcId) {
        let Some(events) = self.procs[proc].paused.take() else { return };
        trace!(self, "p{proc} goes on");
        for event in events {
            self.schedule.after(0, event);
        }
    }

    /// A process that got SIGTERM exits when nothing is left, or when the grace is over.
    pub(super) fn drain_polls(&mut self, proc: ProcId, until: u64) {
        if self.now() >= until || self.procs[proc].engine.is_drained() {
            self.kill(proc, false);
            return self.restart_later(self.procs[proc].pod);
        }
        self.schedule.after(50, Event::DrainPolls { proc, until });
    }

    /// Processes that live and are not paused.
    pub(super) fn running(&self) -> Vec<ProcId> {
        let runs = |pod: &Pod| pod.proc.filter(|p| self.procs[*p].alive && self.procs[*p].paused.is_none());
        self.pods.iter().filter_map(runs).collect()
    }
}
