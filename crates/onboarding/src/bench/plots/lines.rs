//! Percentiles of latencies on a logarithmic axis.

use super::svg::{COLOURS, Svg, told};

const WIDTH: f64 = 920.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 390.0;
const LEGEND: f64 = 600.0;

/// What a line shows: percentile, least, median, most.
pub(super) struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(String, f64, f64, f64)>,
}

/// A line a series, with the runs' least and most at each point.
pub(super) fn lines(title: &str, about: &str, all: &[Series]) -> String {
    let mut svg = Svg::new(WIDTH, (BOTTOM + 50.0).max(TOP + 24.0 * all.len() as f64), title, about);
    let points = || all.iter().flat_map(|series| &series.points);
    let least = points().map(|point| point.1.max(0.001)).fold(f64::INFINITY, f64::min);
    let most = points().map(|point| point.3).fold(0.0, f64::max);
    let (low, high) = (least.log10().floor(), most.log10().ceil().max(least.log10().floor() + 1.0));
    let y = |ms: f64| BOTTOM - (ms.max(0.001).log10() - low) / (high - low) * (BOTTOM - TOP);
    let mut percentiles: Vec<&str> = vec![];
    for (percentile, ..) in points() {
        if !percentiles.contains(&percentile.as_str()) {
            percentiles.push(percentile);
        }
    }
    let wide = (LEGEND - 30.0 - LEFT) / percentiles.len() as f64;
    let x = |percentile: &str| {
        let at = percentiles.iter().position(|known| *known == percentile).unwrap_or(0);
        LEFT + wide * (at as f64 + 0.5)
    };
    for tenth in (low as i32)..=(high as i32) {
        for (n, class) in [(1.0, "grid"), (2.0, "grid"), (5.0, "grid")] {
            let value = n * 10_f64.powi(tenth);
            if value <= 10_f64.powf(high) * 1.001 {
                svg.line(class, (LEFT, y(value)), (LEGEND - 30.0, y(value)));
                svg.text("quiet", LEFT - 8.0, y(value) + 4.0, "end", &told(value));
            }
        }
    }
    for percentile in &percentiles {
        svg.text("quiet", x(percentile), BOTTOM + 22.0, "middle", percentile);
    }
    for (n, series) in all.iter().enumerate() {
        let colour = n % COLOURS;
        // Beside each other, so that no line hides another one's ends.
        let aside = (n as f64 - (all.len() - 1) as f64 / 2.0) * (24.0 / all.len() as f64);
        let at = |point: &(String, f64, f64, f64), ms: f64| (x(&point.0) + aside, y(ms));
        let medians: Vec<_> = series.points.iter().map(|point| at(point, point.2)).collect();
        svg.path(&format!("line c{colour}"), &medians);
        for point in &series.points {
            svg.line(&format!("line c{colour}"), at(point, point.1), at(point, point.3));
            svg.dot(&format!("area c{colour}"), at(point, point.2));
        }
        let row = TOP + 8.0 + 24.0 * n as f64;
        svg.rectangle(&format!("area c{colour}"), (LEGEND, row - 10.0), (14.0, 12.0));
        svg.text("name", LEGEND + 22.0, row, "start", &series.name);
    }
    svg.finish()
}
