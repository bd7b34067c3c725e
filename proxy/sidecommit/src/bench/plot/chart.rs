//! Lines over two axes.

use super::scale::{Axis, Scale};
use crate::svg::Picture;

pub(super) const WIDTH: f64 = 720.0;
pub(super) const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
/// The legend's place.
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;

/// Told apart by those who see red and green alike (Okabe and Ito).
const COLOURS: [&str; 8] =
    ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999"];
const GRID: &str = "#ddd";

/// Lines over two axes.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Chart {
    pub(in crate::bench) title: String,
    pub(in crate::bench) x: (String, Scale),
    pub(in crate::bench) y: (String, Scale),
    pub(in crate::bench) series: Vec<Series>,
}

/// A line.
#[derive(Clone, Debug)]
pub(in crate::bench) struct Series {
    pub(in crate::bench) name: String,
    pub(in crate::bench) points: Vec<(f64, f64)>,
}

// === impl Chart ===

impl Chart {
    pub(super) fn draw(&self, picture: &mut Picture, (left, top): (f64, f64)) {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x = Axis::of(self.x.1, points().map(|(x, _)| *x));
        let y = Axis::of(self.y.1, points().map(|(_, y)| *y));
        let (from, to) = (left + LEFT, left + WIDTH - RIGHT);
        let (above, below) = (top + TOP, top + HEIGHT - BOTTOM);
        let at =
            |(px, py): (f64, f64)| (from + x.part(px) * (to - from), below - y.part(py) * (below - above));
        picture.text((from, top + 20.0), "#000", &self.title);
        for (value, label) in x.ticks() {
            let place = from + x.part(value) * (to - from);
            picture.line((place, above), (place, below), GRID);
            picture.anchored((place, below + 16.0), "middle", label);
        }
        for (value, label) in y.ticks() {
            let place = below - y.part(value) * (below - above);
            picture.line((from, place), (to, place), GRID);
            picture.anchored((from - 6.0, place + 4.0), "end", label);
        }
        picture.anchored(((from + to) / 2.0, below + 36.0), "middle", &self.x.0);
        picture.anchored((from - 6.0, above - 10.0), "end", &self.y.0);
        for (nth, (series, colour)) in self.series.iter().zip(COLOURS.iter().cycle()).enumerate() {
            let points: Vec<_> = series.points.iter().map(|point| at(*point)).collect();
            picture.curve(&points, colour);
            let y = above + 16.0 * nth as f64;
            picture.rectangle((to + 14.0, y), (10.0, 10.0), colour);
            picture.text((to + 30.0, y + 10.0), "#000", &series.name);
        }
    }
}

// === impl Series ===

impl From<(String, Vec<(f64, f64)>)> for Series {
    fn from((name, points): (String, Vec<(f64, f64)>)) -> Self {
        Self { name, points }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{by_callers, latencies, svg};
    use crate::svg::tests::is_well_formed;

    #[test]
    fn a_picture_has_each_line_of_each_chart_within_its_bounds() {
        let lines =
            vec![("a & b".to_owned(), vec![(0.5, 1.0), (0.99, 30.0)]), ("c".to_owned(), vec![(0.5, 2.0)])];
        let rates = vec![("a".to_owned(), vec![(1.0, 100.0), (64.0, 9_000.0)])];
        let svg = svg(&[latencies("<Latency>", lines), by_callers("Rate", rates)]);
        assert!(is_well_formed(&svg), "{svg}");
        assert_eq!((svg.matches("<polyline ").count(), svg.matches("<circle ").count()), (3, 5));
        assert!(svg.contains("&lt;Latency&gt;") && svg.contains("width=\"1440\""), "{svg}");
        let places = svg.split("cx=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        assert!(places.map(|x| x.parse::<f64>().unwrap()).all(|x| (0.0..=1440.0).contains(&x)), "{svg}");
    }

    #[test]
    fn nothing_is_a_picture_too() {
        assert!(is_well_formed(&svg(&[])) && is_well_formed(&svg(&[by_callers("", Vec::new())])));
    }
}
