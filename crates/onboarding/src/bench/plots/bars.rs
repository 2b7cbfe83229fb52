//! Bars that lie, one below the other, because their names are long.

use super::super::report::Figure;
use super::svg::{Svg, step, told};

const WIDTH: f64 = 920.0;
const LEFT: f64 = 400.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 70.0;
const ROW: f64 = 30.0;

/// A figure.
pub(super) struct Bar {
    name: String,
    least: f64,
    median: f64,
    most: f64,
}

impl Bar {
    pub(super) fn of(figure: &Figure) -> Self {
        let Figure { name, least, median, most, .. } = figure;
        Self { name: name.clone(), least: *least, median: *median, most: *most }
    }
}

/// Medians as bars, a line from the least to the most; an aim as a dashed line.
pub(super) fn bars(title: &str, about: &str, bars: &[Bar], aim: Option<f64>) -> String {
    let height = TOP + ROW * bars.len() as f64 + 40.0;
    let mut svg = Svg::new(WIDTH, height, title, about);
    let most = bars.iter().map(|bar| bar.most).chain(aim).fold(f64::MIN_POSITIVE, f64::max);
    let x = |value: f64| LEFT + value / most * (WIDTH - LEFT - RIGHT);
    let bottom = TOP + ROW * bars.len() as f64 + 4.0;
    let step = step(most);
    for tick in (0..).map(|n| f64::from(n) * step).take_while(|tick| *tick <= most * 1.001) {
        svg.line("grid", (x(tick), TOP - 6.0), (x(tick), bottom));
        svg.text("quiet", x(tick), bottom + 18.0, "middle", &told(tick));
    }
    for (row, bar) in (0..).zip(bars) {
        let top = TOP + ROW * f64::from(row);
        let middle = top + ROW / 2.0 - 2.0;
        // What a reader looks for has a colour of its own.
        let colour = if bar.name.starts_with("ceiling") || bar.name.starts_with("peer") {
            "area c5"
        } else {
            "area c0"
        };
        svg.rectangle(colour, (LEFT, top + 3.0), ((x(bar.median) - LEFT).max(1.0), ROW - 10.0));
        svg.line("mark", (x(bar.least), middle), (x(bar.most), middle));
        for end in [bar.least, bar.most] {
            svg.line("mark", (x(end), middle - 5.0), (x(end), middle + 5.0));
        }
        svg.text("name", LEFT - 10.0, middle + 5.0, "end", &short(&bar.name));
        svg.text("value", x(bar.most) + 8.0, middle + 5.0, "start", &told(bar.median));
    }
    if let Some(aim) = aim {
        svg.line("aim", (x(aim), TOP - 6.0), (x(aim), bottom));
    }
    svg.finish()
}

/// A name without the unit, which the title tells, as long as there is room for it.
fn short(name: &str) -> String {
    let name = name.replace(", onboardings/s", "").replace("onboardings/s, ", "");
    if name.chars().count() <= 58 { name } else { name.chars().take(57).chain(['…']).collect() }
}
