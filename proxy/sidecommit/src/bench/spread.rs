//! Several measurements of the same. Pure.

use serde::Serialize;

/// Their middle, and how far they are apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

// === impl Spread ===

impl Spread {
    /// None: of nothing. Of an even number the mean of the two in the middle.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Some(Self { median, min, max })
    }

    /// For people: the median, and in brackets least to most.
    pub(super) fn text(&self, digits: usize) -> String {
        let number = |value| number(value, digits);
        format!("{} ({} to {})", number(self.median), number(self.min), number(self.max))
    }
}

/// With a comma per thousand.
pub(super) fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (sign, whole) = whole.split_at(usize::from(whole.starts_with('-')));
    let grouped = whole.chars().enumerate().flat_map(|(nth, digit)| {
        let comma = nth > 0 && (whole.len() - nth).is_multiple_of(3);
        comma.then_some(',').into_iter().chain([digit])
    });
    sign.chars().chain(grouped).chain(rest.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]).map(|spread| spread.median), Some(2.5));
        assert_eq!(Spread::of(&[1.0, 1234.5, 999.4]).unwrap().text(0), "999 (1 to 1,234)");
    }

    #[test]
    fn thousands_are_told_apart() {
        let texts =
            [(1_234_567.8, 1), (-1234.0, 0), (999.0, 0), (0.25, 2), (-12.0, 0)].map(|(v, d)| number(v, d));
        assert_eq!(texts, ["1,234,567.8", "-1,234", "999", "0.25", "-12"]);
    }
}
