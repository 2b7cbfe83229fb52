//! Every message that was answered 200 has exactly one outcome, one that it may have.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{Evidence, Finding, Told};

/// What is wrong with the requests, by the log's events in their order.
pub fn check(evidence: &Evidence, told: &[Told]) -> Vec<Finding> {
    let mut requested: HashMap<Uuid, usize> = HashMap::new();
    let mut outcomes: HashMap<Uuid, Vec<&str>> = HashMap::new();
    for event in told {
        match (event.event_type.as_str(), &event.outcome) {
            ("onboarding-requested", _) => *requested.entry(event.request).or_default() += 1,
            ("outcome-recorded", Some(outcome)) => {
                outcomes.entry(event.request).or_default().push(outcome);
            }
            _ => {}
        }
    }
    let mut findings = vec![];
    let mut wrong = |kind, what| findings.push(Finding::new(kind, what));
    for asked in &evidence.asked {
        let request = asked.request.as_uuid();
        let times = requested.get(&request).copied().unwrap_or_default();
        let ended = outcomes.get(&request).map(Vec::as_slice).unwrap_or_default();
        match (times, ended) {
            (0, _) if evidence.answered.contains(&asked.request) => {
                wrong(
                    "webhook-lost",
                    format!("request {request} was answered 200 and is not there"),
                );
            }
            (0, _) => {}
            (1, []) => wrong("no-outcome", format!("request {request} has none")),
            (1, [one]) => {
                if !asked.allowed.iter().any(|allowed| allowed.as_str() == *one) {
                    wrong("wrong-outcome", format!("request {request} ended as {one}"));
                }
            }
            (1, several) => {
                wrong(
                    "second-outcome",
                    format!("request {request} ended as {}", several.join(", ")),
                );
            }
            (several, _) => {
                wrong("decided-twice", format!("request {request} was recorded {several} times"));
            }
        }
    }
    let asked: HashSet<Uuid> = evidence.asked.iter().map(|asked| asked.request.as_uuid()).collect();
    for request in requested.keys().filter(|request| !asked.contains(*request)) {
        wrong("nobody-asked", format!("request {request} was decided, and nobody has sent it"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use domain::ids::RequestId;
    use domain::request::Outcome;

    use super::*;
    use crate::clock::History;
    use crate::load::Asked;

    const REQUEST: Uuid = Uuid::from_u128(1);

    fn evidence() -> Evidence {
        let request = RequestId::from_uuid(REQUEST);
        let asked = vec![Asked { request, allowed: &[Outcome::Onboarded, Outcome::Joined] }];
        let answered = [request].into();
        Evidence {
            asked,
            answered,
            received: vec![],
            told: HashMap::new(),
            clocks: History::default(),
        }
    }

    fn told(position: i64, event_type: &str, outcome: Option<&str>) -> Told {
        Told {
            position,
            event_type: event_type.into(),
            request: REQUEST,
            message: None,
            attempt: None,
            at: None,
            outcome: outcome.map(str::to_owned),
        }
    }

    fn kinds(evidence: &Evidence, told: &[Told]) -> Vec<String> {
        check(evidence, told).into_iter().map(|finding| finding.kind).collect()
    }

    #[test]
    fn one_outcome_of_the_expected_is_right() {
        for outcome in ["onboarded", "joined"] {
            let log =
                [told(1, "onboarding-requested", None), told(2, "outcome-recorded", Some(outcome))];
            assert_eq!(check(&evidence(), &log), []);
        }
    }

    #[test]
    fn what_was_answered_and_is_not_there_is_lost() {
        assert_eq!(kinds(&evidence(), &[]), ["webhook-lost"]);
        let mut unanswered = evidence();
        unanswered.answered.clear();
        assert_eq!(check(&unanswered, &[]), [], "nobody was told that it is stored");
    }

    #[test]
    fn no_second_and_wrong_outcomes_are_named() {
        let requested = told(1, "onboarding-requested", None);
        let onboarded = told(2, "outcome-recorded", Some("onboarded"));
        let joined = told(3, "outcome-recorded", Some("joined"));
        let expired = told(2, "outcome-recorded", Some("expired"));
        let all = |log: &[&Told]| {
            let log: Vec<Told> = log.iter().map(|event| (*event).clone()).collect();
            kinds(&evidence(), &log)
        };
        assert_eq!(all(&[&requested]), ["no-outcome"]);
        assert_eq!(all(&[&requested, &onboarded, &joined]), ["second-outcome"]);
        assert_eq!(all(&[&requested, &expired]), ["wrong-outcome"]);
        assert_eq!(all(&[&requested, &requested, &onboarded]), ["decided-twice"]);
    }

    #[test]
    fn what_nobody_asked_for_is_named() {
        let mut nobody = evidence();
        nobody.asked.clear();
        let log = [told(1, "onboarding-requested", None)];
        assert_eq!(kinds(&nobody, &log), ["nobody-asked"]);
    }
}
