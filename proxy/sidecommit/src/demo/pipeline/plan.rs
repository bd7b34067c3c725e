//! Who is struck how and when: decided before, by the seed.

use std::fmt;

/// One blow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strike {
    pub(super) act: Act,
    /// Of which pod; a roll begins with it.
    pub(super) pod: usize,
    /// When so many records are copied.
    pub(super) at: u64,
    /// So many records are there to be copied before it is healed.
    pub(super) until: u64,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// SIGKILL.
    Kill(Victim),
    /// SIGSTOP, and SIGCONT when the group has gone on without it.
    Pause(Victim),
    /// All pods are restarted in turn, in order.
    Roll,
}

/// To whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Victim {
    Sidecar,
    Application,
}

/// How many of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) records: u64,
    pub(super) pods: usize,
    pub(super) kills: u32,
    pub(super) pauses: u32,
    pub(super) rolls: u32,
}

/// Sidecars and applications in turn, spread over the records, each in the first half of a stretch, and a last stretch without
/// any.
pub(super) fn plan(numbers: Numbers, rng: &mut fastrand::Rng) -> Vec<Strike> {
    let in_turn = |n: u32| if n.is_multiple_of(2) { Victim::Sidecar } else { Victim::Application };
    let kills = (0..numbers.kills).map(|n| Act::Kill(in_turn(n)));
    let pauses = (0..numbers.pauses).map(|n| Act::Pause(in_turn(n)));
    let rolls = (0..numbers.rolls).map(|_| Act::Roll);
    let mut acts: Vec<Act> = kills.chain(pauses).chain(rolls).collect();
    rng.shuffle(&mut acts);
    let stretch = numbers.records / (acts.len() as u64 + 1);
    let strike = |(nth, act): (usize, Act)| {
        let begin = nth as u64 * stretch;
        Strike {
            act,
            pod: rng.usize(..numbers.pods),
            at: begin + rng.u64(1..=(stretch / 2).max(1)),
            until: begin + stretch,
        }
    };
    acts.into_iter().enumerate().map(strike).collect()
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(victim) => write!(f, "kill of {victim}"),
            Self::Pause(victim) => write!(f, "pause of {victim}"),
            Self::Roll => f.write_str("rolling restart from pod"),
        }
    }
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sidecar => "sidecar",
            Self::Application => "application",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: Numbers = Numbers { records: 20_000, pods: 2, kills: 8, pauses: 2, rolls: 1 };

    fn strikes(seed: u64) -> Vec<Strike> {
        plan(NUMBERS, &mut fastrand::Rng::with_seed(seed))
    }

    #[test]
    fn each_has_its_turn_while_there_is_work() {
        for seed in 0..20 {
            let strikes = strikes(seed);
            let count = |act: Act| strikes.iter().filter(|strike| strike.act == act).count();
            let acts = [Act::Kill(Victim::Sidecar), Act::Kill(Victim::Application), Act::Roll];
            assert_eq!(acts.map(count), [4, 4, 1]);
            assert_eq!(
                [Victim::Sidecar, Victim::Application].map(|victim| count(Act::Pause(victim))),
                [1, 1]
            );
            assert!(strikes.iter().all(|strike| strike.at < strike.until && strike.until < 20_000));
            assert!(strikes.windows(2).all(|pair| pair[0].until < pair[1].at));
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(strikes(7), strikes(7));
        assert_ne!(strikes(7), strikes(8));
    }
}
