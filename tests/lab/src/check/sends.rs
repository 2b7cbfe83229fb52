//! Every message was received once, or again only where neither an answer nor a status could have
//! told what had become of it before.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::input::Timestamp;
use uuid::Uuid;

use super::{Evidence, Finding, Told};

/// What the log says of one message.
#[derive(Default)]
struct Message {
    requested: bool,
    /// When each attempt was recorded: by number, the position and the time.
    attempts: BTreeMap<i64, (i64, Option<Timestamp>)>,
    /// The position at which the log knows what became of it.
    settled: Option<i64>,
    accepted: bool,
}

impl Message {
    /// How many calls the log explains.
    ///
    /// Where clocks have leapt, a copy can claim a message while the lease of the other's claim goes on.
    /// The log keeps no attempt that comes after a later one, or after the message is settled: the
    /// number of the last one then tells how many came before it, for each claim has its own; and
    /// the copy that was overtaken can have called once more.
    fn calls_explained(&self, clocks_have_leapt: bool) -> usize {
        if !clocks_have_leapt {
            return self.attempts.len();
        }
        let last = self.attempts.keys().next_back().copied().unwrap_or_default();
        usize::try_from(last).unwrap_or_default() + 1
    }
}

/// What is wrong with what was sent, by the log's events in their order.
pub fn check(evidence: &Evidence, told: &[Told]) -> Vec<Finding> {
    let messages = messages(told);
    let calls = calls(evidence);
    let mut findings = vec![];
    let mut wrong = |kind, what| findings.push(Finding::new(kind, what));
    if calls.contains_key(&None) {
        wrong("sent-unasked", "WhatsApp received a message without our reference".to_owned());
    }
    let received: HashSet<Uuid> = calls.keys().copied().flatten().collect();
    for id in received.iter().filter(|id| messages.get(*id).is_none_or(|one| !one.requested)) {
        wrong("sent-unasked", format!("message {id} was sent, and no event asks for it"));
    }
    for (id, message) in &messages {
        let of_it = calls.get(&Some(*id)).map(Vec::as_slice).unwrap_or_default();
        if message.settled.is_none() {
            wrong("message-unsettled", format!("message {id}: nobody knows what became of it"));
        }
        if message.accepted && of_it.is_empty() {
            wrong("never-received", format!("message {id} counts as accepted"));
        }
        if of_it.len() > message.calls_explained(evidence.clocks.has_leapt()) {
            let (calls, attempts) = (of_it.len(), message.attempts.len());
            let what = format!("message {id} was received {calls} times after {attempts} attempts");
            wrong("sent-too-often", what);
        }
        let late = |(position, _): &&(i64, _)| message.settled.is_some_and(|at| at < *position);
        if let Some((position, _)) = message.attempts.values().find(late) {
            let what = format!("message {id} was tried at position {position}");
            wrong("tried-when-settled", what);
        }
        for pair in of_it.windows(2) {
            let again = evidence.received[pair[1]].received_at;
            let tried = message.attempts.values().filter_map(|(_, at)| *at);
            let tried = tried.map(|at| evidence.clocks.earliest(at));
            let tried = tried.filter(|at| *at <= again).max();
            let told = evidence.told.get(&pair[0]);
            if tried.zip(told).is_some_and(|(tried, told)| *told < tried) {
                let what = format!("message {id} was tried again after its status was told");
                wrong("sent-after-told", what);
            }
        }
    }
    findings
}

/// How often WhatsApp got a message that it had.
pub fn sent_again(evidence: &Evidence) -> usize {
    calls(evidence).values().map(|calls| calls.len() - 1).sum()
}

/// The calls of each message, in their order.
fn calls(evidence: &Evidence) -> HashMap<Option<Uuid>, Vec<usize>> {
    let mut calls: HashMap<Option<Uuid>, Vec<usize>> = HashMap::new();
    for (place, call) in evidence.received.iter().enumerate() {
        let message = call.reference.map(|reference| reference.message_id.as_uuid());
        calls.entry(message).or_default().push(place);
    }
    calls
}

fn messages(told: &[Told]) -> BTreeMap<Uuid, Message> {
    let mut messages: BTreeMap<Uuid, Message> = BTreeMap::new();
    for event in told {
        let Some(id) = event.message else { continue };
        let message = messages.entry(id).or_default();
        match event.event_type.as_str() {
            "message-requested" => message.requested = true,
            "message-attempted" => {
                let attempt = event.attempt.unwrap_or_default();
                message.attempts.entry(attempt).or_insert((event.position, event.at));
            }
            "message-accepted" => {
                message.accepted = true;
                message.settled.get_or_insert(event.position);
            }
            "message-failed" => {
                message.settled.get_or_insert(event.position);
            }
            _ => {}
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use domain::Personal;
    use domain::identity::Recipient;
    use domain::ids::{MessageId, RequestId};
    use domain::input::MessageReference;
    use domain::outbound::Content;
    use onboarding::whatsapp::fake::ReceivedMessage;

    use super::*;
    use crate::clock::History;

    const MESSAGE: Uuid = Uuid::from_u128(2);

    fn second(second: i64) -> Timestamp {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn call(at: i64) -> ReceivedMessage {
        let reference = MessageReference {
            request_id: RequestId::from_uuid(Uuid::from_u128(1)),
            message_id: MessageId::from_uuid(MESSAGE),
        };
        let to = Recipient::Bsuid("US.lab".parse().unwrap());
        ReceivedMessage {
            order: 1,
            from: "800100".parse().unwrap(),
            to: Personal::new(to),
            content: Content::Text { body: Personal::new("Hello".to_owned()) },
            reference: Some(reference),
            traceparent: None,
            wamid: "wamid.FAKE".parse().unwrap(),
            received_at: second(at),
            fails_with: None,
        }
    }

    fn evidence(calls: &[i64], told: &[(usize, i64)]) -> Evidence {
        Evidence {
            asked: vec![],
            answered: HashSet::new(),
            received: calls.iter().map(|at| call(*at)).collect(),
            told: told.iter().map(|(place, at)| (*place, second(*at))).collect(),
            clocks: History::default(),
        }
    }

    /// Events with their attempts, one a second.
    fn log(events: &[(&str, Option<i64>)]) -> Vec<Told> {
        let told = |(at, (event_type, attempt)): (i64, &(&str, Option<i64>))| Told {
            position: at,
            event_type: (*event_type).to_owned(),
            request: Uuid::from_u128(1),
            message: Some(MESSAGE),
            attempt: *attempt,
            at: Some(second(at)),
            outcome: None,
        };
        (1..).zip(events).map(told).collect()
    }

    fn kinds(evidence: &Evidence, log: &[Told]) -> Vec<String> {
        check(evidence, log).into_iter().map(|finding| finding.kind).collect()
    }

    const REQUESTED: (&str, Option<i64>) = ("message-requested", None);
    const FIRST: (&str, Option<i64>) = ("message-attempted", Some(1));
    const SECOND: (&str, Option<i64>) = ("message-attempted", Some(2));
    const ACCEPTED: (&str, Option<i64>) = ("message-accepted", None);

    #[test]
    fn a_message_that_was_received_once_is_right() {
        let evidence = evidence(&[3], &[(0, 4)]);
        assert_eq!(check(&evidence, &log(&[REQUESTED, FIRST, ACCEPTED])), []);
        assert_eq!(sent_again(&evidence), 0);
    }

    #[test]
    fn a_message_may_come_again_where_nothing_told_of_the_first_call() {
        // Called at 2 and 4, tried again at 3; the status of the first call came at 6.
        let evidence = evidence(&[2, 4], &[(0, 6), (1, 5)]);
        assert_eq!(check(&evidence, &log(&[REQUESTED, FIRST, SECOND, ACCEPTED])), []);
        assert_eq!(sent_again(&evidence), 1);
    }

    #[test]
    fn a_message_that_came_again_after_its_status_was_told_is_named() {
        let evidence = evidence(&[2, 6], &[(0, 2), (1, 7)]);
        let log = log(&[REQUESTED, FIRST, SECOND, ACCEPTED]);
        assert_eq!(kinds(&evidence, &log), ["sent-after-told"]);
    }

    #[test]
    fn a_call_that_no_attempt_was_recorded_for_is_named() {
        let twice = evidence(&[3, 3], &[]);
        assert_eq!(kinds(&twice, &log(&[REQUESTED, FIRST, ACCEPTED])), ["sent-too-often"]);
        assert_eq!(kinds(&evidence(&[3], &[]), &log(&[REQUESTED, ACCEPTED])), ["sent-too-often"]);
        let nobody = evidence(&[3], &[]);
        assert_eq!(kinds(&nobody, &[]), ["sent-unasked"]);
    }

    #[test]
    fn an_attempt_of_what_the_log_has_settled_is_named() {
        let log = log(&[REQUESTED, FIRST, ACCEPTED, SECOND]);
        assert_eq!(kinds(&evidence(&[3], &[]), &log), ["tried-when-settled"]);
    }

    #[test]
    fn a_message_that_whatsapp_never_got_or_that_hangs_is_named() {
        let nothing = evidence(&[], &[]);
        assert_eq!(kinds(&nothing, &log(&[REQUESTED, FIRST, ACCEPTED])), ["never-received"]);
        assert_eq!(kinds(&nothing, &log(&[REQUESTED, FIRST])), ["message-unsettled"]);
        let failed = ("message-failed", None);
        assert_eq!(check(&nothing, &log(&[REQUESTED, FIRST, failed])), []);
    }

    /// One copy's clock is an hour ahead, from the third second on.
    fn with_a_clock_ahead(evidence: Evidence) -> Evidence {
        let clocks = History::of_one_moved(second(3), TimeDelta::hours(1));
        Evidence { clocks, ..evidence }
    }

    #[test]
    fn where_clocks_have_leapt_one_call_more_is_explained_and_no_other() {
        // Both have called; the log knows the second attempt only, or none, for it was given up.
        let overtaken = log(&[REQUESTED, SECOND, ACCEPTED]);
        let given_up = log(&[REQUESTED, ("message-failed", None)]);
        for (calls, log) in [(&[3, 3, 3][..], overtaken), (&[3][..], given_up)] {
            assert_eq!(kinds(&evidence(calls, &[]), &log), ["sent-too-often"]);
            assert_eq!(check(&with_a_clock_ahead(evidence(calls, &[])), &log), []);
            let once_more = [calls, &[3]].concat();
            let once_more = with_a_clock_ahead(evidence(&once_more, &[]));
            assert_eq!(kinds(&once_more, &log), ["sent-too-often"]);
        }
    }

    #[test]
    fn a_message_that_came_again_after_its_status_was_told_is_named_whatever_the_clock_says() {
        let mut log = log(&[REQUESTED, FIRST, SECOND, ACCEPTED]);
        // Tried again at 5, by a clock that is an hour ahead; told at 4.
        log[2].at = Some(second(3_605));
        let late = |evidence| kinds(&with_a_clock_ahead(evidence), &log);
        assert_eq!(late(evidence(&[2, 6], &[(0, 4), (1, 7)])), ["sent-after-told"]);
        assert_eq!(late(evidence(&[2, 6], &[(0, 6), (1, 7)])), [""; 0]);
    }
}
