//! What an onboarding request makes of each command, however late, often and
//! disordered it is told what became of its messages.

use cqrs_es::test::TestFramework;

use super::*;
use crate::ids::Wamid;
use crate::input::{SendReceipt, SendResult};
use crate::outbound::{ErrorClass, SendError};
use crate::testing::{self, Given, at, id, message_id, scene};

fn given(events: impl IntoIterator<Item = RequestEvent>) -> Given<OnboardingRequest> {
    testing::given(events)
}

/// A request for `#anna`, whose invitation is to be sent.
fn received() -> Receive {
    scene().received()
}

fn events_of(received: &Receive) -> Vec<RequestEvent> {
    let mut events = vec![
        RequestEvent::OnboardingRequested {
            request_id: received.request_id,
            company: received.company.clone(),
            client_id: received.client_id,
            message: received.message.clone(),
        },
        RequestEvent::DecisionMade {
            facts: Box::new(received.facts.clone()),
            decision: Box::new(received.decision.clone()),
        },
    ];
    let messages = received.messages.iter().cloned();
    events.extend(messages.map(|message| RequestEvent::MessageRequested { message }));
    events
}

fn after(events: impl IntoIterator<Item = RequestEvent>) -> Given<OnboardingRequest> {
    given(events_of(&received()).into_iter().chain(events))
}

fn invitation() -> MessageId {
    scene().message_id(0)
}

fn wamid() -> Wamid {
    id("wamid.out.1")
}

fn receipt(attempt: u32, result: SendResult) -> RequestCommand {
    RequestCommand::RecordReceipt(SendReceipt {
        request_id: scene().request_id(),
        message_id: invitation(),
        attempt,
        at: at(10),
        result,
    })
}

fn took() -> SendResult {
    SendResult::Accepted { wamid: wamid() }
}

fn gave_up() -> SendResult {
    SendResult::GivenUp { error: error() }
}

fn error() -> SendError {
    SendError {
        code: 131_026,
        class: ErrorClass::RecipientRefused,
        definite: true,
        title: "Message undeliverable".to_owned(),
    }
}

fn status(status: DeliveryStatus, error: Option<SendError>) -> RequestCommand {
    let message_id = invitation();
    RequestCommand::RecordStatus { message_id, wamid: wamid(), status, error, at: at(20) }
}

fn attempted(attempt: u32) -> RequestEvent {
    RequestEvent::MessageAttempted { message_id: invitation(), attempt, at: at(10) }
}

fn accepted(when: i64) -> RequestEvent {
    RequestEvent::MessageAccepted { message_id: invitation(), wamid: wamid(), at: at(when) }
}

fn failed(when: i64) -> RequestEvent {
    RequestEvent::MessageFailed { message_id: invitation(), error: error(), at: at(when) }
}

fn told(status: DeliveryStatus) -> RequestEvent {
    RequestEvent::MessageStatusChanged { message_id: invitation(), status, at: at(20) }
}

fn completion(outcome: Outcome) -> Completion {
    Completion { outcome, user_id: Some(id("anna")), room_id: None, at: at(30) }
}

fn ended(outcome: Outcome) -> RequestEvent {
    RequestEvent::OutcomeRecorded { outcome, user_id: Some(id("anna")), room_id: None, at: at(30) }
}

#[test]
fn a_message_is_recorded_with_what_was_known_decided_and_requested() {
    given([]).when(RequestCommand::Receive(Box::new(received()))).then(events_of(&received()));
}

#[test]
fn a_request_that_ends_at_once_records_its_outcome_last() {
    let received = Receive { completion: Some(completion(Outcome::UserNotFound)), ..received() };
    let mut events = events_of(&received);
    events.push(ended(Outcome::UserNotFound));
    given([]).when(RequestCommand::Receive(Box::new(received))).then(events);
}

#[test]
fn what_its_client_says_about_templates_is_a_fact_of_its_own_if_it_counts() {
    let (client_id, sent_at, when) = (received().client_id, at(0), received().facts.at);
    let stopped = RequestEvent::TemplatesStopped { client_id, sent_at, at: when };
    let started = RequestEvent::TemplatesStarted { client_id, sent_at, at: when };
    for (decision, fact) in [
        (Decision::StopTemplates { counts: true, confirmed: true }, Some(stopped)),
        (Decision::StartTemplates { counts: true, confirmed: false }, Some(started)),
        (Decision::StopTemplates { counts: false, confirmed: false }, None),
        (Decision::StartTemplates { counts: false, confirmed: false }, None),
    ] {
        let completion = Some(completion(Outcome::Stopped));
        let received = Receive { decision, completion, ..received() };
        let mut events = events_of(&received);
        events.extend(fact);
        events.push(ended(Outcome::Stopped));
        given([]).when(RequestCommand::Receive(Box::new(received))).then(events);
    }
}

#[test]
fn the_same_message_is_received_once() {
    after([]).when(RequestCommand::Receive(Box::new(received()))).then_nothing();
}

#[test]
fn nothing_can_be_asked_of_a_request_that_is_not_there() {
    for command in [
        RequestCommand::RequestMessage(received().messages.remove(0)),
        receipt(1, took()),
        status(DeliveryStatus::Sent, None),
        RequestCommand::Complete(completion(Outcome::Onboarded)),
    ] {
        given([]).when(command).then_rejected(RequestRejection::NoSuchRequest);
    }
}

#[test]
fn one_more_message_is_requested_once() {
    let message =
        OutboundMessage { message_id: scene().message_id(1), ..received().messages.remove(0) };
    let requested = RequestEvent::MessageRequested { message: message.clone() };
    after([]).when(RequestCommand::RequestMessage(message.clone())).then([requested.clone()]);
    after([requested]).when(RequestCommand::RequestMessage(message)).then_nothing();
}

#[test]
fn the_next_message_never_takes_an_id_again() {
    let request = after([]).0;
    assert_eq!(request.present().unwrap().next_message_id(), scene().message_id(1));
}

#[test]
fn attempts_are_counted_and_only_rise() {
    after([]).when(receipt(1, SendResult::Attempted)).then([attempted(1)]);
    after([attempted(1)]).when(receipt(2, SendResult::Attempted)).then([attempted(2)]);
    for late in [1, 2] {
        after([attempted(2)]).when(receipt(late, SendResult::Attempted)).then_nothing();
    }
}

#[test]
fn a_message_is_accepted_or_given_up() {
    after([attempted(1)]).when(receipt(1, took())).then([accepted(10)]);
    after([attempted(1)]).when(receipt(1, gave_up())).then([failed(10)]);
}

#[test]
fn an_answer_whose_attempt_was_never_recorded_counts() {
    after([]).when(receipt(1, took())).then([accepted(10)]);
    after([]).when(receipt(1, gave_up())).then([failed(10)]);
}

#[test]
fn what_the_sender_says_of_a_settled_message_changes_nothing() {
    for settled in [accepted(9), failed(9), told(DeliveryStatus::Sent)] {
        for late in [SendResult::Attempted, took(), gave_up()] {
            after([settled.clone()]).when(receipt(2, late)).then_nothing();
        }
    }
}

#[test]
fn statuses_only_rise() {
    use DeliveryStatus::{Delivered, Read, Sent};
    let order = [Sent, Delivered, Read];
    for (i, now) in order.into_iter().enumerate() {
        let request = after([accepted(10), told(now)]);
        for (j, next) in order.into_iter().enumerate() {
            let when = request.when(status(next, None));
            if j > i { when.then([told(next)]) } else { when.then_nothing() }
        }
    }
}

#[test]
fn a_status_that_overtakes_our_own_record_tells_that_whatsapp_took_the_message() {
    use DeliveryStatus::{Delivered, Read, Sent};
    for overtaking in [Sent, Delivered, Read] {
        for request in [after([]), after([attempted(1)])] {
            request.when(status(overtaking, None)).then([accepted(20), told(overtaking)]);
        }
    }
}

#[test]
fn failed_ends_a_message_wherever_it_is() {
    for before in [
        vec![],
        vec![attempted(1)],
        vec![accepted(10)],
        vec![accepted(10), told(DeliveryStatus::Delivered)],
    ] {
        after(before).when(status(DeliveryStatus::Failed, Some(error()))).then([failed(20)]);
    }
}

#[test]
fn a_failure_is_not_definite_if_the_client_may_have_the_message_from_another_call() {
    let unsure = SendError { definite: false, ..error() };
    let failed =
        RequestEvent::MessageFailed { message_id: invitation(), error: unsure, at: at(20) };
    let tried_twice = [attempted(1), attempted(2)];
    for before in [vec![], vec![accepted(10)]] {
        after(tried_twice.clone().into_iter().chain(before))
            .when(status(DeliveryStatus::Failed, Some(error())))
            .then([failed.clone()]);
    }
}

#[test]
fn nothing_follows_failed() {
    use DeliveryStatus::{Delivered, Failed, Read, Sent};
    for late in [Sent, Delivered, Read, Failed] {
        after([accepted(10), failed(11)]).when(status(late, Some(error()))).then_nothing();
    }
}

#[test]
fn a_failure_without_a_reason_is_a_failure_all_the_same() {
    let error = SendError {
        code: 0,
        class: ErrorClass::Unknown,
        definite: true,
        title: "failed, without a reason".to_owned(),
    };
    let failed = RequestEvent::MessageFailed { message_id: invitation(), error, at: at(20) };
    after([accepted(10)]).when(status(DeliveryStatus::Failed, None)).then([failed]);
}

#[test]
fn a_message_that_was_never_requested_is_refused() {
    let unknown = message_id(7);
    let told = RequestCommand::RecordStatus {
        message_id: unknown,
        wamid: wamid(),
        status: DeliveryStatus::Sent,
        error: None,
        at: at(20),
    };
    after([]).when(told).then_rejected(RequestRejection::NoSuchMessage(unknown));
    let receipt = SendReceipt {
        request_id: scene().request_id(),
        message_id: unknown,
        attempt: 1,
        at: at(10),
        result: took(),
    };
    after([])
        .when(RequestCommand::RecordReceipt(receipt))
        .then_rejected(RequestRejection::NoSuchMessage(unknown));
}

#[test]
fn a_request_ends_once() {
    let onboarded = RequestCommand::Complete(completion(Outcome::Onboarded));
    after([]).when(onboarded.clone()).then([ended(Outcome::Onboarded)]);
    after([ended(Outcome::Onboarded)]).when(onboarded).then_nothing();
    after([ended(Outcome::Onboarded)])
        .when(RequestCommand::Complete(completion(Outcome::InvitationFailed)))
        .then_nothing();
}

#[test]
fn a_request_that_ended_still_follows_its_messages() {
    after([ended(Outcome::Onboarded)]).when(receipt(1, took())).then([accepted(10)]);
}

#[test]
fn a_request_that_is_there_is_not_made_anew() {
    let again = events_of(&received()).remove(0);
    assert_eq!(after([accepted(10), again]).0, after([accepted(10)]).0);
}

#[test]
fn events_of_a_request_or_message_that_never_came_change_nothing() {
    assert_eq!(given([accepted(10)]).0, OnboardingRequest::Absent);
    let other =
        RequestEvent::MessageAccepted { message_id: message_id(7), wamid: wamid(), at: at(10) };
    assert_eq!(after([other]).0, after([]).0);
}

#[test]
fn the_framework_decides_as_we_do() {
    TestFramework::<OnboardingRequest>::with(())
        .given_no_previous_events()
        .when(RequestCommand::Receive(Box::new(received())))
        .then_expect_events(events_of(&received()));
    TestFramework::<OnboardingRequest>::with(())
        .given_no_previous_events()
        .when(receipt(1, took()))
        .then_expect_error(RequestRejection::NoSuchRequest);
}
