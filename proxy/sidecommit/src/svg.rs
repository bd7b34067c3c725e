//! Pictures as SVG: what the demo's timeline and the bench's charts are drawn with.

use std::fmt::{Display, Write as _};

/// A white sheet that is drawn on.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    text: String,
}

// === impl Picture ===

impl Picture {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        Self { text }
    }

    pub(crate) fn text(&mut self, (x, y): (f64, f64), colour: &str, text: impl Display) {
        let text = escaped(&text.to_string());
        self.line_of(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\" xml:space=\"preserve\">{text}</text>"
        ));
    }

    /// A text that ends at a place, or is in the middle of it.
    pub(crate) fn anchored(&mut self, (x, y): (f64, f64), anchor: &str, text: impl Display) {
        let text = escaped(&text.to_string());
        self.line_of(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"#555\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    pub(crate) fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
        self.line_of(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
        ));
    }

    pub(crate) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str) {
        self.line_of(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>"
        ));
    }

    /// Points that are joined, each marked.
    pub(crate) fn curve(&mut self, points: &[(f64, f64)], colour: &str) {
        let joined: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let joined = joined.join(" ");
        self.line_of(format_args!(
            "<polyline points=\"{joined}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        ));
        for (x, y) in points {
            self.line_of(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"));
        }
    }

    /// What is drawn within belongs together and has a title.
    pub(crate) fn group(&mut self, title: impl Display, draw: impl FnOnce(&mut Self)) {
        let title = escaped(&title.to_string());
        self.line_of(format_args!("<g><title>{title}</title>"));
        draw(self);
        self.line_of(format_args!("</g>"));
    }

    pub(crate) fn svg(self) -> String {
        self.text + "</svg>\n"
    }

    fn line_of(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{element}");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Whether each element that is opened is closed in its order, and nothing is after the first one.
    pub(crate) fn is_well_formed(svg: &str) -> bool {
        let mut open = Vec::new();
        for element in svg.split('<').skip(1) {
            let Some((tag, _)) = element.split_once('>') else { return false };
            if tag.matches('"').count() % 2 != 0 {
                return false;
            }
            match tag.strip_prefix('/') {
                Some(name) if open.pop() != Some(name) => return false,
                Some(_) => {}
                None if tag.ends_with('/') => {}
                None => open.push(tag.split(' ').next().unwrap_or(tag)),
            }
        }
        open.is_empty() && svg.starts_with("<svg ")
    }

    #[test]
    fn a_text_cannot_break_a_picture() {
        let mut picture = Picture::new(10.0, 10.0);
        picture.group("a < b & c", |picture| picture.text((1.0, 2.0), "#000", "</svg>"));
        picture.curve(&[(1.0, 2.0), (3.0, 4.0)], "#123456");
        let svg = picture.svg();
        assert!(is_well_formed(&svg), "{svg}");
        assert!(svg.contains("&lt;/svg&gt;") && svg.contains("a &lt; b &amp; c"), "{svg}");
        assert!(!is_well_formed("<svg ><g></svg></g>") && !is_well_formed("<svg ><g>"));
    }
}
