//! When and where the sidecar is killed: decided before, by the seed.

use super::point::Point;

/// One kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kill {
    /// Where the sidecar is to die.
    pub(super) point: Point,
    /// When so many transfers are acknowledged, it is killed wherever it is.
    pub(super) latest: u64,
}

/// Kills at all points in turn, spread over the transfers, and a last stretch without any.
///
/// The first two fall between PREPARED and the reply: without such a kill a run shows nothing.
pub(super) fn plan(kills: u32, transfers: u64, rng: &mut fastrand::Rng) -> Vec<Kill> {
    let mut points: Vec<Point> = Point::CYCLE.into_iter().cycle().take(kills as usize).collect();
    rng.shuffle(points.get_mut(2..).unwrap_or_default());
    let latest = |nth: usize| (nth as u64 + 1) * transfers / (u64::from(kills) + 1);
    points.into_iter().enumerate().map(|(nth, point)| Kill { point, latest: latest(nth) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_single_kill_falls_between_prepared_and_the_reply() {
        let kills = plan(1, 10, &mut fastrand::Rng::with_seed(1));
        assert_eq!(kills, [Kill { point: Point::AfterPrepared, latest: 5 }]);
    }

    #[test]
    fn kills_reach_every_point_and_end_before_the_transfers_do() {
        for seed in 0..20 {
            let kills = plan(25, 500, &mut fastrand::Rng::with_seed(seed));
            let points: BTreeSet<Point> = kills.iter().map(|kill| kill.point).collect();
            assert_eq!(points.len(), 6);
            assert!(kills.is_sorted_by(|a, b| a.latest < b.latest));
            assert!(kills.iter().all(|kill| (1..490).contains(&kill.latest)));
        }
    }

    #[test]
    fn the_seed_decides() {
        let plan = |seed| plan(25, 500, &mut fastrand::Rng::with_seed(seed));
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
    }
}
