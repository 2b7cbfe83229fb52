//! Latencies as HDR histograms.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Longer ones count as this.
const LONGEST: Duration = Duration::from_secs(600);

/// Latencies of one run: microseconds with three significant digits.
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(super) fn new() -> Self {
        let histogram = Histogram::new_with_max(LONGEST.as_micros() as u64, 3);
        Self(histogram.unwrap_or_else(|_| unreachable!("these bounds are valid")))
    }

    /// One more.
    pub(super) fn add(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.0.len()
    }

    /// p50, p95, p99, p99.9 and the most, in milliseconds.
    pub(super) fn percentiles(&self) -> [(&'static str, f64); 5] {
        let at = |quantile: f64| self.0.value_at_quantile(quantile) as f64 / 1_000.0;
        let max = self.0.max() as f64 / 1_000.0;
        [("p50", at(0.5)), ("p95", at(0.95)), ("p99", at(0.99)), ("p99.9", at(0.999)), ("max", max)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_milliseconds() {
        let mut latencies = Latencies::new();
        (1..=1000).for_each(|n| latencies.add(Duration::from_micros(n * 1_000)));
        let taken = latencies.percentiles().map(|(name, ms)| (name, ms.round()));
        let expected =
            [("p50", 500.0), ("p95", 950.0), ("p99", 990.0), ("p99.9", 999.0), ("max", 1000.0)];
        assert_eq!(taken, expected);
        assert_eq!(latencies.len(), 1000);
    }
}
