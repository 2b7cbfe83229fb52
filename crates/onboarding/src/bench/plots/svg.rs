//! Words of SVG.

use std::fmt::Write as _;

/// Colours that can be told apart, also by those who see no red or no green (Okabe and Ito).
pub(super) const COLOURS: usize = 6;

const STYLE: &str = "\
    svg { --paper: #ffffff; --ink: #1f2328; --faint: #d1d9e0; --quiet: #59636e }\n\
    @media (prefers-color-scheme: dark) {\n\
    svg { --paper: #0d1117; --ink: #f0f6fc; --faint: #3d444d; --quiet: #9198a1 } }\n\
    text { font: 13px system-ui, sans-serif; fill: var(--ink) }\n\
    .title { font-size: 16px; font-weight: 600 } .quiet { fill: var(--quiet) }\n\
    .grid { stroke: var(--faint) } .mark { stroke: var(--ink); stroke-width: 1.5 }\n\
    .aim { stroke: var(--ink); stroke-dasharray: 5 4 }\n\
    .c0 { --c: #0072b2 } .c1 { --c: #d55e00 } .c2 { --c: #009e73 } .c3 { --c: #cc79a7 }\n\
    .c4 { --c: #e69f00 } .c5 { --c: #56b4e9 }\n\
    .area { fill: var(--c) } .line { fill: none; stroke: var(--c); stroke-width: 2 }\n";

/// A drawing.
pub(super) struct Svg {
    body: String,
    width: f64,
    height: f64,
}

impl Svg {
    /// With a title and what the axis means.
    pub(super) fn new(width: f64, height: f64, title: &str, about: &str) -> Self {
        let mut svg = Self { body: String::new(), width, height };
        svg.text("title", 16.0, 26.0, "start", title);
        svg.text("quiet", 16.0, 46.0, "start", about);
        svg
    }

    /// Text that starts, has its middle, or ends at a point.
    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, anchor: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = writeln!(
            self.body,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.body,
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        );
    }

    pub(super) fn path(&mut self, class: &str, points: &[(f64, f64)]) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ =
            writeln!(self.body, "<polyline class=\"{class}\" points=\"{}\"/>", points.join(" "));
    }

    pub(super) fn rectangle(&mut self, class: &str, at: (f64, f64), size: (f64, f64)) {
        let ((x, y), (width, height)) = (at, size);
        let _ = writeln!(
            self.body,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\"/>"
        );
    }

    pub(super) fn dot(&mut self, class: &str, (x, y): (f64, f64)) {
        let _ = writeln!(
            self.body,
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>"
        );
    }

    pub(super) fn finish(self) -> String {
        let Self { body, width, height } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\">\n<style>\n{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" style=\"fill: var(--paper)\"/>\n{body}</svg>\n"
        )
    }
}

/// A number as a reader likes it.
pub(super) fn told(value: f64) -> String {
    if value.abs() >= 1_000.0 {
        let digits = format!("{:.0}", value.abs());
        let mut told = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                told.push(',');
            }
            told.push(digit);
        }
        return told;
    }
    let places = if value.abs() >= 100.0 { 0 } else { 2 };
    let told = format!("{value:.places$}");
    if told.contains('.') { told.trim_end_matches('0').trim_end_matches('.').into() } else { told }
}

/// A step that is 1, 2 or 5 times a power of ten, a few of which reach `most`.
pub(super) fn step(most: f64) -> f64 {
    let rough = most / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|n| n * power)
        .find(|step| *step >= rough)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!(told(12345.6), "12,346");
        assert_eq!(told(1.5), "1.5");
        assert_eq!(told(400.0), "400");
        assert_eq!(told(0.0), "0");
        assert_eq!((step(1.0), step(18_000.0), step(43.0)), (0.2, 5_000.0, 10.0));
    }

    #[test]
    fn what_a_name_says_is_not_taken_for_markup() {
        let svg = Svg::new(10.0, 10.0, "a < b & c", "").finish();
        assert!(svg.contains("a &lt; b &amp; c"));
    }
}
