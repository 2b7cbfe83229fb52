//! The service at saturation, beside its ceilings and its peers.

use super::company::Company;
use super::{Bench, ceiling, drained, peers};

const OURS: &str = "onboardings/s, INBOX to read model, one company";
const CEILING: &str = "ceiling: appended, chained and projected, onboardings/s";

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let company = Company::USUAL;
    bench.report.section(
        "Side by side",
        "A backlog in INBOX is drained; the same events are written again without any rule; the \
         same flow on stock cqrs-es and postgres-es decides messages that it has in memory.",
    );
    for run in 1..=bench.options.runs {
        bench.report.run(run);
        let drained = drained::run(&bench.site, company, bench.options.onboardings).await?;
        bench.report.add(OURS, drained.rate);
        for (name, cost) in drained.costs {
            bench.report.add(name, cost);
        }
        let rows = drained.rows;
        let rate = ceiling::pipeline(&bench.site, company, rows.clone()).await?;
        bench.report.add(CEILING, rate);
        let rate = ceiling::append_only(&bench.site, company, &rows).await?;
        bench.report.add("ceiling: appended only, onboardings/s", rate);
        let rate = ceiling::publish_only(&bench.site, company, &rows).await?;
        bench.report.add("ceiling: published only, onboardings/s", rate);
        for peer in peers::ALL {
            for (name, value) in
                peers::run(&bench.site, company, peer, bench.options.seconds).await?
            {
                bench.report.add(name, value);
            }
        }
    }
    bench.report.relate("share of the pipeline ceiling", OURS, CEILING);
    for peer in peers::ALL {
        bench.report.relate(&format!("ours ÷ {peer}"), OURS, &peer.rate());
    }
    Ok(())
}
