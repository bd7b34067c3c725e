//! The rounds: in each all contenders take a turn in all cases, so that what changes over the run changes for all.

use super::{
    args::Args,
    best::Sweep,
    case::Case,
    contender::Contender,
    entrants, order,
    program::Ran,
    summary::Row,
    turn::{Turn, Turns},
};
use crate::{demo::progress::Progress, exit::Failure};
use std::time::{Duration, Instant};

/// What was measured so far.
pub(super) struct Rounds {
    cases: Vec<Entrants>,
    pub(super) made: u32,
}

/// A case's turns, and what came of each so far.
struct Entrants(Vec<(Turn, Vec<Ran>)>);

// === impl Rounds ===

impl Rounds {
    /// Native clients have the number of producers that was best.
    pub(super) fn new(cases: &[Case], contenders: &[Contender], sweep: &Sweep) -> Self {
        let turn = |case: Case, contender: Contender| {
            let producers = sweep.best(contender, case.producers(contender)).unwrap_or(1);
            Turn { case, contender, producers, callers: case.callers() }
        };
        let of = |case: &Case| {
            let entrants = entrants(*case, contenders).into_iter();
            Entrants(entrants.map(|contender| (turn(*case, contender), Vec::new())).collect())
        };
        Self { cases: cases.iter().map(of).collect(), made: 0 }
    }

    /// As many as are wanted and there is time for: one that might not come to its end is not begun.
    pub(super) async fn run(
        &mut self,
        args: &Args,
        begin: Instant,
        turns: &mut Turns<'_>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut longest = Duration::ZERO;
        while self.made < args.rounds {
            if self.made > 0 && is_too_late(args.minutes, begin.elapsed(), longest) {
                progress.say(&format!("no time for more than {} of {} rounds", self.made, args.rounds));
                return Ok(());
            }
            let round = Instant::now();
            for Entrants(entrants) in &mut self.cases {
                for nth in order::of_round(self.made, entrants.len()) {
                    let (turn, ran) = &mut entrants[nth];
                    ran.push(turns.run(*turn, args.seconds, progress).await?);
                }
            }
            self.made += 1;
            longest = longest.max(round.elapsed());
        }
        Ok(())
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        let all = self.cases.iter().flat_map(|Entrants(entrants)| entrants);
        all.filter_map(|(turn, ran)| Row::of(*turn, ran)).collect()
    }
}

/// Whether another round would end too late.
fn is_too_late(minutes: Option<u32>, elapsed: Duration, a_round: Duration) -> bool {
    minutes.is_some_and(|minutes| elapsed + a_round > Duration::from_secs(60) * minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_begun_only_if_there_is_time_for_it() {
        let seconds = Duration::from_secs;
        assert!(!is_too_late(None, seconds(100_000), seconds(1_000)));
        assert!(!is_too_late(Some(10), seconds(400), seconds(200)));
        assert!(is_too_late(Some(10), seconds(401), seconds(200)));
    }

    #[test]
    fn native_clients_have_their_best_number_of_producers() {
        let mut sweep = Sweep::default();
        for (producers, rate) in [(1, 5.0), (64, 9.0), (128, 10.0)] {
            sweep.add(Contender::Java, producers, rate);
        }
        let rounds = Rounds::new(&[Case::Small64, Case::Small256], &[Contender::Java], &sweep);
        let turns = rounds.cases.iter().flat_map(|Entrants(entrants)| entrants);
        assert_eq!(turns.map(|(turn, _)| turn.producers).collect::<Vec<_>>(), [64, 128]);
        assert!(rounds.rows().is_empty());
    }
}
