//! The report: each figure's median, least and most, with the machine, versions and settings.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use super::BenchOptions;
use super::company::Company;
use super::histogram::Latencies;
use super::plots;
use super::site::{POSTGRES_SETTINGS, Site};

/// Everything that was measured.
#[derive(Serialize)]
pub(super) struct Report {
    setting: Setting,
    sections: Vec<Part>,
}

/// A section: figures of one kind.
#[derive(Serialize)]
pub(super) struct Part {
    pub(super) title: String,
    about: String,
    pub(super) figures: Vec<Figure>,
}

#[derive(Serialize)]
struct Setting {
    program: &'static str,
    debug_build: bool,
    processor: String,
    cores: usize,
    postgres: String,
    postgres_settings: Vec<&'static str>,
    nats: String,
    companies: u32,
    users: u32,
    numbers_of_the_pool: u32,
    runs: u32,
    onboardings_of_a_run: u64,
}

#[derive(Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    taken: Vec<f64>,
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Figure {
    fn of(name: String, taken: Vec<f64>) -> Self {
        let mut sorted = taken.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        };
        let end = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        Self { name, median, least: end(sorted.first()), most: end(sorted.last()), taken }
    }
}

impl Report {
    /// With nothing measured yet.
    pub(super) async fn new(
        site: &Site,
        company: Company,
        options: &BenchOptions,
    ) -> anyhow::Result<Self> {
        let (postgres, nats) = site.versions(&company).await?;
        Ok(Self {
            setting: Setting {
                program: env!("CARGO_PKG_VERSION"),
                debug_build: cfg!(debug_assertions),
                processor: processor(),
                cores: std::thread::available_parallelism().map_or(0, usize::from),
                postgres,
                postgres_settings: POSTGRES_SETTINGS.to_vec(),
                nats,
                companies: company.companies,
                users: company.users,
                numbers_of_the_pool: company.numbers,
                runs: options.runs,
                onboardings_of_a_run: options.onboardings,
            },
            sections: vec![],
        })
    }

    /// Begins a section; what is added from now on belongs to it.
    pub(super) fn section(&mut self, title: &str, about: &str) {
        eprintln!("{title}");
        let (title, about) = (title.to_owned(), about.to_owned());
        self.sections.push(Part { title, about, figures: vec![] });
    }

    /// Something to know about the section; said once.
    pub(super) fn remark(&mut self, remark: &str) {
        eprintln!("    {remark}");
        if let Some(part) = self.sections.last_mut()
            && !part.about.contains(remark)
        {
            part.about.push_str("\n\n");
            part.about.push_str(remark);
        }
    }

    /// Tells which run begins.
    pub(super) fn run(&self, run: u32) {
        eprintln!("  run {run} of {}", self.setting.runs);
    }

    /// One more value of a figure of the section.
    pub(super) fn add(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        eprintln!("    {name}: {}", shown(value));
        let Some(part) = self.sections.last_mut() else { return };
        let known = part.figures.iter().position(|figure| figure.name == name);
        let mut taken = known.map_or_else(Vec::new, |at| part.figures[at].taken.clone());
        taken.push(value);
        let figure = Figure::of(name, taken);
        match known {
            Some(at) => part.figures[at] = figure,
            None => part.figures.push(figure),
        }
    }

    /// Percentiles of latencies, each a figure in milliseconds.
    pub(super) fn add_latencies(&mut self, name: &str, latencies: &Latencies) {
        for (percentile, milliseconds) in latencies.percentiles() {
            self.add(format!("{name}, {percentile}, ms"), milliseconds);
        }
    }

    /// A figure of the section relative to another one of the same run.
    pub(super) fn relate(&mut self, name: &str, of: &str, to: &str) {
        let shares: Vec<f64> =
            self.taken(of).iter().zip(self.taken(to)).map(|(of, to)| of / to).collect();
        if let Some(part) = self.sections.last_mut() {
            part.figures.push(Figure::of(name.to_owned(), shares));
        }
    }

    /// What was taken of a figure, the latest section's first.
    pub(super) fn taken(&self, name: &str) -> &[f64] {
        let mut figures = self.sections.iter().rev().flat_map(|part| &part.figures);
        figures.find(|figure| figure.name == name).map_or(&[], |figure| &figure.taken)
    }

    /// As Markdown.
    pub(super) fn tables(&self) -> String {
        let mut text = String::new();
        for Part { title, about, figures } in &self.sections {
            let head = "| figure | median | least | most |\n|---|---|---|---|\n";
            let _ = write!(text, "## {title}\n\n{about}\n\n{head}");
            for Figure { name, median, least, most, .. } in figures {
                let (median, least, most) = (shown(*median), shown(*least), shown(*most));
                let _ = writeln!(text, "| {name} | {median} | {least} | {most} |");
            }
            text.push('\n');
        }
        text
    }

    /// Writes `bench.json`, `bench.md` and the plots.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("bench.json"), serde_json::to_string_pretty(self)? + "\n")?;
        let Setting { processor, cores, postgres, nats, runs, onboardings_of_a_run, .. } =
            &self.setting;
        let build = if self.setting.debug_build { ", DEBUG BUILD" } else { "" };
        let head = format!(
            "# onboarding bench\n\n{cores} cores, {processor}; {postgres} ({}); {nats}{build}. \
             {runs} runs of {onboardings_of_a_run} onboardings; {} company, {} users, {} numbers.\n\n",
            self.setting.postgres_settings.join(", "),
            self.setting.companies,
            self.setting.users,
            self.setting.numbers_of_the_pool,
        );
        let plots = plots::draw(&self.sections, folder)?;
        std::fs::write(folder.join("bench.md"), head + &plots + &self.tables())?;
        Ok(())
    }
}

fn shown(value: f64) -> String {
    match value.abs() {
        many if many >= 100.0 => format!("{value:.0}"),
        some if some >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

fn processor() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = told.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_told_by_its_median_and_its_ends() {
        let odd = Figure::of("a".into(), vec![3.0, 1.0, 2.0]);
        assert_eq!((odd.median, odd.least, odd.most), (2.0, 1.0, 3.0));
        let even = Figure::of("b".into(), vec![4.0, 1.0, 2.0, 3.0]);
        assert_eq!(even.median, 2.5);
    }
}
