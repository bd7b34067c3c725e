//! How many producers serve a native client best. Pure.

use super::contender::Contender;

/// What was measured with each number.
#[derive(Clone, Debug, Default)]
pub(super) struct Sweep(Vec<(Contender, u16, f64)>);

// === impl Sweep ===

impl Sweep {
    pub(super) fn add(&mut self, contender: Contender, producers: u16, rate: f64) {
        self.0.push((contender, producers, rate));
    }

    /// Whether any number was.
    pub(super) fn has(&self, contender: Contender) -> bool {
        self.0.iter().any(|(of, _, _)| *of == contender)
    }

    /// The best of these numbers. None: none of them was tried.
    pub(super) fn best(&self, contender: Contender, among: impl Iterator<Item = u16>) -> Option<u16> {
        let among: Vec<u16> = among.collect();
        let tried = self.0.iter().filter(|(of, producers, _)| *of == contender && among.contains(producers));
        tried.max_by(|(_, _, one), (_, _, other)| one.total_cmp(other)).map(|(_, producers, _)| *producers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_of_the_contender_and_of_what_the_case_allows() {
        let mut sweep = Sweep::default();
        let tried = [(1, 200.0), (4, 500.0), (16, 900.0), (64, 800.0), (128, 950.0)];
        for (producers, rate) in tried {
            sweep.add(Contender::Java, producers, rate);
            sweep.add(Contender::Python, producers, -rate);
        }
        assert_eq!(sweep.best(Contender::Java, [1, 4, 16, 64, 128].into_iter()), Some(128));
        assert_eq!(sweep.best(Contender::Java, [1, 4, 16, 64].into_iter()), Some(16));
        assert_eq!(sweep.best(Contender::Python, [1, 4].into_iter()), Some(1));
        assert_eq!(sweep.best(Contender::FranzGo, [1].into_iter()), None);
        assert_eq!([Contender::Java, Contender::FranzGo].map(|one| sweep.has(one)), [true, false]);
    }
}
