//! Where a value is on an axis. Pure.

/// What an axis is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bench) enum Scale {
    /// From 0 on.
    Linear,
    /// Decades are as wide as each other.
    Logarithmic,
    /// Of quantiles from 0 to below 1: each further nine is as wide as the one before.
    Percentile,
}

/// A scale with the values that it has to show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
}

// === impl Scale ===

impl Scale {
    /// Equal steps of what this gives are equally wide.
    fn position(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            // Nothing is below a thousandth: neither a latency in ms nor a count.
            Self::Logarithmic => value.max(1e-3).log10(),
            Self::Percentile => -(1.0 - value.clamp(0.0, 1.0 - 1e-7)).log10(),
        }
    }
}

// === impl Axis ===

impl Axis {
    pub(super) fn of(scale: Scale, values: impl Iterator<Item = f64>) -> Self {
        let (mut from, mut to) = (f64::INFINITY, f64::NEG_INFINITY);
        for position in values.filter(|value| value.is_finite()).map(|value| scale.position(value)) {
            (from, to) = (from.min(position), to.max(position));
        }
        match scale {
            _ if from > to => Self { scale, from: 0.0, to: 1.0 },
            Scale::Linear => Self { scale, from: 0.0, to: if to > 0.0 { to * 1.05 } else { 1.0 } },
            Scale::Percentile => Self { scale, from: 0.0, to: to.max(1.0) },
            Scale::Logarithmic if to - from < 1e-9 => Self { scale, from: from - 0.5, to: to + 0.5 },
            Scale::Logarithmic => Self { scale, from, to },
        }
    }

    /// From 0 at the beginning to 1 at the end.
    pub(super) fn part(&self, value: f64) -> f64 {
        (self.scale.position(value) - self.from) / (self.to - self.from)
    }

    /// Values to write on it, with how.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        match self.scale {
            Scale::Linear => {
                let step = step(self.to);
                (0..).map(|nth| f64::from(nth) * step).take_while(|at| *at <= self.to).map(labelled).collect()
            }
            Scale::Logarithmic => {
                let (from, to) = (self.from.floor() as i32, self.to.ceil() as i32);
                // Decades alone would leave a narrow axis bare.
                let parts: &[f64] = if self.to - self.from <= 2.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
                let all = (from..=to).flat_map(|exp| parts.iter().map(move |part| part * 10_f64.powi(exp)));
                all.filter(|at| (-1e-9..=1.0 + 1e-9).contains(&self.part(*at))).map(labelled).collect()
            }
            Scale::Percentile => {
                let nines = [(0.0, "0"), (0.5, "50"), (0.9, "90"), (0.99, "99"), (0.999, "99.9")];
                let more = [(0.9999, "99.99"), (0.999_99, "99.999")];
                let all = nines.into_iter().chain(more);
                all.filter(|(at, _)| self.part(*at) <= 1.0 + 1e-9)
                    .map(|(at, label)| (at, label.to_owned()))
                    .collect()
            }
        }
    }
}

/// Between ticks: 1, 2 or 5 of some decade, so that there are about five.
fn step(to: f64) -> f64 {
    let decade = 10_f64.powf((to / 5.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|part| part * decade).into_iter().find(|step| to / step <= 6.0).unwrap_or(to)
}

fn labelled(at: f64) -> (f64, String) {
    let label = match at {
        1_000_000.0.. => format!("{}M", rounded(at / 1_000_000.0)),
        1_000.0.. => format!("{}k", rounded(at / 1_000.0)),
        _ => rounded(at),
    };
    (at, label)
}

/// Without the zeros at the end.
fn rounded(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, values: &[f64]) -> Vec<String> {
        Axis::of(scale, values.iter().copied()).ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn each_nine_is_as_wide_as_the_one_before() {
        let axis = Axis::of(Scale::Percentile, [0.5, 0.999].into_iter());
        let at = [0.0, 0.9, 0.99, 0.999].map(|quantile| (axis.part(quantile) * 300.0).round());
        assert_eq!(at, [0.0, 100.0, 200.0, 300.0]);
        assert_eq!(labels(Scale::Percentile, &[0.5, 0.999]), ["0", "50", "90", "99", "99.9"]);
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(Scale::Linear, &[0.0, 9_000.0]), ["0", "2k", "4k", "6k", "8k"]);
        assert_eq!(labels(Scale::Logarithmic, &[1.0, 1_000.0]), ["1", "10", "100", "1k"]);
        assert_eq!(labels(Scale::Logarithmic, &[0.7, 12.0]), ["1", "2", "5", "10"]);
    }

    #[test]
    fn an_axis_of_nothing_or_of_one_value_is_one_too() {
        for scale in [Scale::Linear, Scale::Logarithmic, Scale::Percentile] {
            for values in [&[][..], &[0.0], &[5.0], &[f64::NAN]] {
                let axis = Axis::of(scale, values.iter().copied());
                assert!(axis.part(0.5).is_finite() && axis.ticks().len() < 20, "{scale:?} {values:?}");
            }
        }
    }
}
