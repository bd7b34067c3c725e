//! In which order contenders take their turns. Pure.

/// As they stand, and every second round backwards: who comes late in one round comes early in the next.
pub(super) fn of_round(round: u32, entrants: usize) -> Vec<usize> {
    let forwards = 0..entrants;
    if round.is_multiple_of(2) { forwards.collect() } else { forwards.rev().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_round_is_backwards() {
        assert_eq!([0, 1, 2].map(|round| of_round(round, 3)), [vec![0, 1, 2], vec![2, 1, 0], vec![0, 1, 2]]);
    }
}
