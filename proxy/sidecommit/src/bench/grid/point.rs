//! The points of the grid. Pure.

use crate::bench::args::Mode;
use serde::Serialize;
use std::fmt;

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::bench) enum Dimension {
    /// Callers at once
    Callers,
    /// Records per transaction
    Records,
    /// Lanes of the sidecar
    Lanes,
    /// Bytes per record
    RecordSize,
}

/// One.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Point {
    pub(super) callers: u16,
    pub(super) records: u32,
    pub(super) lanes: u16,
    pub(super) record_size: u32,
}

/// All others differ from it in one dimension.
pub(super) const CENTRE: Point = Point { callers: 64, records: 1, lanes: 8, record_size: 1024 };

/// Transactions that are larger are streamed: a message must have room for one of Transact.
const TRANSACT_BYTES: u32 = 1 << 20;

/// Each once.
pub(super) fn all(dimensions: &[Dimension]) -> Vec<Point> {
    let mut points = Vec::new();
    for point in dimensions.iter().flat_map(|dimension| dimension.points()) {
        if !points.contains(&point) {
            points.push(point);
        }
    }
    points
}

// === impl Dimension ===

impl Dimension {
    pub(super) fn points(self) -> Vec<Point> {
        match self {
            Self::Callers => [1, 8, 64, 256].map(|callers| Point { callers, ..CENTRE }).to_vec(),
            Self::Records => [1, 10, 100, 10_000].map(|records| Point { records, ..CENTRE }).to_vec(),
            Self::Lanes => [1, 2, 4, 8, 16].map(|lanes| Point { lanes, ..CENTRE }).to_vec(),
            Self::RecordSize => {
                [100, 1024, 100 << 10].map(|record_size| Point { record_size, ..CENTRE }).to_vec()
            }
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Callers => "callers",
            Self::Records => "records per transaction",
            Self::Lanes => "lanes",
            Self::RecordSize => "bytes per record",
        }
    }

    /// A point's value of it.
    pub(super) fn of(self, point: &Point) -> u32 {
        match self {
            Self::Callers => point.callers.into(),
            Self::Records => point.records,
            Self::Lanes => point.lanes.into(),
            Self::RecordSize => point.record_size,
        }
    }
}

// === impl Point ===

impl Point {
    pub(super) fn mode(&self) -> Mode {
        if self.records.saturating_mul(self.record_size) <= TRANSACT_BYTES {
            Mode::Transact
        } else {
            Mode::Stream
        }
    }

    /// The sidecar's: what lanes there are follows from how many there may be.
    pub(super) fn flags(&self) -> [(&'static str, String); 3] {
        [
            ("--limits-lanes-max", self.lanes.to_string()),
            ("--limits-lanes-reserved", self.lanes.saturating_sub(1).min(2).to_string()),
            ("--limits-lanes-warm", self.lanes.min(2).to_string()),
        ]
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { callers, records, lanes, record_size } = self;
        write!(f, "{callers} callers, {records} x {record_size} B, {lanes} lanes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn points_differ_from_the_centre_in_one_dimension_at_most_and_are_measured_once() {
        let points = all(Dimension::value_variants());
        let differs = |point: &Point| {
            Dimension::value_variants()
                .iter()
                .filter(|dimension| dimension.of(point) != dimension.of(&CENTRE))
                .count()
        };
        assert!(points.iter().all(|point| differs(point) <= 1), "{points:?}");
        assert_eq!((points.len(), points.iter().filter(|point| **point == CENTRE).count()), (13, 1));
    }

    #[test]
    fn what_does_not_fit_into_a_message_is_streamed_and_lanes_keep_the_settings_rules() {
        assert_eq!(Point { records: 10_000, ..CENTRE }.mode(), Mode::Stream);
        assert_eq!(Point { record_size: 100 << 10, ..CENTRE }.mode(), Mode::Transact);
        let values = |lanes| Point { lanes, ..CENTRE }.flags().map(|(_, value)| value);
        assert_eq!(values(1), ["1", "0", "1"]);
        assert_eq!(values(2), ["2", "1", "2"]);
        assert_eq!(values(16), ["16", "2", "2"]);
    }
}
