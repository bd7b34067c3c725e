//! From a failing seed to a short run that breaks the same promise: pieces are left out as long as it still does.
//!
//! Delta debugging: halves of the pieces first, single ones last; then other luck in the same small world, which often
//! breaks the promise sooner. A candidate is given up as soon as it takes longer than the best so far, so most are cheap.

use crate::{
    Case, Run,
    piece::{Piece, Pieces},
};
use std::collections::BTreeSet;

/// Candidates that are run at most.
const RUNS_MAX: u32 = 3_000;

/// Events of all candidates together at most.
const EVENTS_MAX: u64 = 30_000_000;

/// Other luck that is tried for one set of pieces.
const SALTS: u64 = 60;

/// A failing run that has become short.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// Replays it.
    pub case: Case,
    /// With its trace.
    pub run: Run,
    /// Candidates that were run.
    pub runs: u32,
}

#[derive(Debug)]
struct Search {
    promise: BTreeSet<String>,
    best: Case,
    pieces: Vec<Piece>,
    events: u64,
    runs: u32,
    /// Events of all candidates.
    spent: u64,
}

/// Shrinks a case; None if it breaks no promise.
pub fn shrink(case: &Case) -> Option<Shrunk> {
    let run = case.run(false);
    let mut search = Search {
        promise: words(run.broken.as_deref()?),
        best: case.clone(),
        pieces: run.pieces,
        events: run.stats.events,
        runs: 1,
        spent: 0,
    };
    while search.fewer() | search.luckier() {}
    let run = search.best.run(true);
    Some(Shrunk { case: search.best, run, runs: search.runs })
}

/// Whether two complaints are about the same promise: they say the same apart from names and numbers.
pub fn same_promise(one: &str, other: &str) -> bool {
    words(one) == words(other)
}

fn words(broken: &str) -> BTreeSet<String> {
    let plain = |word: &&str| word.chars().all(|c| c.is_ascii_alphabetic() || ",:'".contains(c));
    broken.split_whitespace().filter(plain).map(str::to_owned).collect()
}

// === impl Search ===

impl Search {
    /// Leaves out what can be left out; whether that was anything.
    fn fewer(&mut self) -> bool {
        let mut better = false;
        let mut size = self.pieces.len().max(1);
        while size > 0 {
            let mut at = 0;
            while at < self.pieces.len() {
                let end = (at + size).min(self.pieces.len());
                let rest = self.pieces[..at].iter().chain(&self.pieces[end..]).copied().collect();
                match self.attempt(self.best.salt, rest) {
                    true => better = true,
                    false => at = end,
                }
            }
            size /= 2;
        }
        better
    }

    /// Tries other luck, without anything that chance brings beyond delays.
    fn luckier(&mut self) -> bool {
        let world = self.pieces.iter().copied().filter(|piece| !matches!(piece, Piece::Hit(..)));
        let world: BTreeSet<Piece> = world.collect();
        let mut better = false;
        for salt in 1..=SALTS {
            better |= self.attempt(salt, world.clone());
        }
        better
    }

    /// Runs a candidate and keeps it if it breaks the same promise in fewer events, or in as many with fewer pieces.
    fn attempt(&mut self, salt: u64, only: BTreeSet<Piece>) -> bool {
        if self.runs >= RUNS_MAX || self.spent >= EVENTS_MAX {
            return false;
        }
        self.runs += 1;
        let case = Case { salt, only: Some(Pieces(only)), ..self.best.clone() };
        let run = case.run_within(self.events, false);
        self.spent += run.stats.events;
        let smaller = (run.stats.events, run.pieces.len()) < (self.events, self.pieces.len());
        let same = run.broken.as_deref().is_some_and(|broken| words(broken) == self.promise);
        if smaller && same {
            // What is allowed but did not happen is no part of it.
            let only = Some(Pieces(run.pieces.iter().copied().collect()));
            self.best = Case { only, ..case };
            self.pieces = run.pieces;
            self.events = run.stats.events;
        }
        smaller && same
    }
}
