//! The report as pictures: SVG that follows the reader's light or dark scheme.
//!
//! A picture takes its figures by their names, whichever section they are from, and is left out if
//! there are none.

use std::fmt::Write as _;
use std::path::Path;

use super::report::{Figure, Part};

mod bars;
mod lines;
mod svg;

use self::bars::{Bar, bars};
use self::lines::{Series, lines};

/// Draws what there is into the folder; gives the Markdown that shows it.
pub(super) fn draw(sections: &[Part], folder: &Path) -> anyhow::Result<String> {
    let mut markdown = String::new();
    for (file, title, picture) in pictures(sections) {
        std::fs::write(folder.join(file), picture)?;
        let _ = write!(markdown, "![{title}]({file})\n\n");
    }
    Ok(markdown)
}

/// File, title, SVG.
fn pictures(sections: &[Part]) -> Vec<(&'static str, &'static str, String)> {
    let mut pictures = vec![];
    let rates = of_names(sections, |part, name| {
        name.contains("onboardings/s") && !name.contains("share") && !part.contains("Slow disk")
    });
    if !rates.is_empty() {
        let title = "Onboardings a second";
        let bars = bars(title, "median of the runs; the line from least to most", &rates, None);
        pictures.push(("throughput.svg", title, bars));
    }
    let latencies = latencies(sections);
    if !latencies.is_empty() {
        let title = "Latency by percentile";
        pictures.push(("latency.svg", title, lines(title, "milliseconds, log scale", &latencies)));
    }
    let shares = of_names(sections, |part, name| {
        part.contains("Slow disk") && name.starts_with("share of onboardings/s")
    });
    if !shares.is_empty() {
        let title = "Onboardings a second with a slow disk, as a share of those without";
        let about = "the aim is the dashed line";
        pictures.push(("slow-disk.svg", title, bars(title, about, &shares, Some(0.8))));
    }
    let growth = of_names(sections, |part, name| part.contains("Growth") && is_ratio(name));
    if !growth.is_empty() {
        let title = "With growth: relative to the start";
        let about = "1 means: as it was";
        pictures.push(("growth.svg", title, bars(title, about, &growth, Some(1.0))));
    }
    pictures
}

fn is_ratio(name: &str) -> bool {
    ["ratio", "share", "relative"].iter().any(|word| name.contains(word))
}

fn of_names(sections: &[Part], wanted: impl Fn(&str, &str) -> bool) -> Vec<Bar> {
    let all = sections.iter().flat_map(|part| part.figures.iter().map(move |one| (part, one)));
    let wanted = all.filter(|(part, figure)| wanted(&part.title, &figure.name));
    let finite = wanted.filter(|(_, figure)| figure.median.is_finite());
    finite.map(|(_, figure)| Bar::of(figure)).collect()
}

/// Percentiles of one thing, which the report has as `<thing>, <percentile>, ms`.
fn latencies(sections: &[Part]) -> Vec<Series> {
    let mut all: Vec<Series> = vec![];
    for figure in sections.iter().flat_map(|part| &part.figures) {
        let Some((name, percentile)) = percentile(figure) else { continue };
        let point = (percentile, figure.least, figure.median, figure.most);
        match all.iter_mut().find(|series| series.name == name) {
            Some(series) => series.points.push(point),
            None => all.push(Series { name: name.to_owned(), points: vec![point] }),
        }
    }
    all.retain(|series| series.points.len() > 1);
    all
}

fn percentile(figure: &Figure) -> Option<(&str, String)> {
    let (name, percentile) = figure.name.strip_suffix(", ms")?.rsplit_once(", ")?;
    let is_one = percentile == "max" || percentile.strip_prefix('p')?.parse::<f64>().is_ok();
    (is_one && figure.median > 0.0).then(|| (name, percentile.to_owned()))
}
