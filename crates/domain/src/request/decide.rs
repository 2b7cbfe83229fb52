//! What an onboarding request makes of a command.

use super::command::{Completion, DecideAgain, Receive};
use super::{
    MessageProgress, OnboardingRequest, Request, RequestCommand, RequestEvent, RequestRejection,
};
use crate::flow::{Decision, Facts};
use crate::ids::{MessageId, Wamid};
use crate::input::{SendReceipt, SendResult, Timestamp};
use crate::outbound::{DeliveryStatus, ErrorClass, OutboundMessage, SendError};

type Decided = Result<Vec<RequestEvent>, RequestRejection>;

impl OnboardingRequest {
    /// The events that a command leads to: none if it is already so.
    ///
    /// # Errors
    /// Why it is not allowed.
    pub fn decide(&self, command: &RequestCommand) -> Decided {
        match (self, command) {
            (Self::Absent, RequestCommand::Receive(received)) => Ok(receive(received)),
            (Self::Present(_), RequestCommand::Receive(_)) => Ok(vec![]),
            (Self::Absent, _) => Err(RequestRejection::NoSuchRequest),
            (Self::Present(request), _) => request.decide(command),
        }
    }
}

fn receive(received: &Receive) -> Vec<RequestEvent> {
    let requested = RequestEvent::OnboardingRequested {
        request_id: received.request_id,
        company: received.company.clone(),
        client_id: received.client_id,
        message: received.message.clone(),
    };
    let who = who_it_is(received);
    let decision = decision(&received.facts, &received.decision, &received.messages);
    let outcome = received.completion.iter().map(Completion::event);
    let told = who.chain(decision).chain(said(received));
    std::iter::once(requested).chain(told).chain(outcome).collect()
}

/// What the message tells of who its client is.
fn who_it_is(received: &Receive) -> impl Iterator<Item = RequestEvent> {
    let Receive { client_id, message, facts, .. } = received;
    let (client_id, at) = (*client_id, facts.at);
    let linked = (!facts.same_as.is_empty()).then(|| RequestEvent::ClientsLinked {
        client_id,
        same_as: facts.same_as.clone(),
        at,
    });
    let taken_over = (!facts.vacated.is_empty()).then(|| RequestEvent::IdentifiersTakenOver {
        client_id,
        identifiers: facts.vacated.clone(),
        at,
    });
    let left = message.left();
    let left = (!left.is_empty()).then_some(RequestEvent::IdentifiersLeft {
        client_id,
        identifiers: left,
        since: message.sent_at,
        at,
    });
    linked.into_iter().chain(taken_over).chain(left)
}

/// What the client says about templates, if it counts.
fn said(received: &Receive) -> Option<RequestEvent> {
    let (client_id, at) = (received.client_id, received.facts.at);
    let sent_at = received.message.sent_at;
    if matches!(received.decision, Decision::StopTemplates { counts: true, .. }) {
        Some(RequestEvent::TemplatesStopped { client_id, sent_at, at })
    } else if matches!(received.decision, Decision::StartTemplates { counts: true, .. }) {
        Some(RequestEvent::TemplatesStarted { client_id, sent_at, at })
    } else {
        None
    }
}

fn decision(
    facts: &Facts,
    decision: &Decision,
    messages: &[OutboundMessage],
) -> impl Iterator<Item = RequestEvent> {
    let decided = RequestEvent::DecisionMade {
        facts: Box::new(facts.clone()),
        decision: Box::new(decision.clone()),
    };
    let requested =
        |message: &OutboundMessage| RequestEvent::MessageRequested { message: message.clone() };
    std::iter::once(decided).chain(messages.iter().map(requested))
}

impl Completion {
    fn event(&self) -> RequestEvent {
        RequestEvent::OutcomeRecorded {
            outcome: self.outcome,
            user_id: self.user_id.clone(),
            room_id: self.room_id,
            at: self.at,
        }
    }
}

impl Request {
    /// As [`OnboardingRequest::decide`], for a request that is there.
    pub(crate) fn decide(&self, command: &RequestCommand) -> Decided {
        match command {
            RequestCommand::Receive(_) => Ok(vec![]),
            RequestCommand::DecideAgain(again) => Ok(self.decide_again(again)),
            RequestCommand::RequestMessage(message) => {
                let known = self.message(message.message_id).is_some();
                let requested = RequestEvent::MessageRequested { message: message.clone() };
                Ok(if known { vec![] } else { vec![requested] })
            }
            RequestCommand::RecordReceipt(receipt) => self.record_receipt(receipt),
            RequestCommand::RecordStatus { message_id, wamid, status, error, at } => {
                self.record_status(*message_id, wamid, *status, error.as_ref(), *at)
            }
            RequestCommand::Complete(completion) => {
                Ok(if self.outcome.is_none() { vec![completion.event()] } else { vec![] })
            }
        }
    }

    fn decide_again(&self, again: &DecideAgain) -> Vec<RequestEvent> {
        let tried = self.decided.as_ref().map_or(0, |(facts, _)| facts.failed_numbers.len());
        if tried >= again.facts.failed_numbers.len() {
            return vec![];
        }
        decision(&again.facts, &again.decision, &again.messages).collect()
    }

    fn progress(&self, message_id: MessageId) -> Result<MessageProgress, RequestRejection> {
        let progress = self.progress.get(&message_id).copied();
        progress.ok_or(RequestRejection::NoSuchMessage(message_id))
    }

    fn record_receipt(&self, receipt: &SendReceipt) -> Decided {
        let progress = self.progress(receipt.message_id)?;
        let &SendReceipt { message_id, attempt, at, .. } = receipt;
        if progress.is_settled() {
            return Ok(vec![]);
        }
        Ok(match &receipt.result {
            SendResult::Attempted if progress >= MessageProgress::Attempted(attempt) => vec![],
            SendResult::Attempted => {
                vec![RequestEvent::MessageAttempted { message_id, attempt, at }]
            }
            SendResult::Accepted { wamid } => {
                vec![RequestEvent::MessageAccepted { message_id, wamid: wamid.clone(), at }]
            }
            SendResult::GivenUp { error } => {
                vec![RequestEvent::MessageFailed { message_id, error: error.clone(), at }]
            }
        })
    }

    /// Statuses only rise; `failed` ends. One that comes before our own record
    /// of the send tells that WhatsApp took the message.
    fn record_status(
        &self,
        message_id: MessageId,
        wamid: &Wamid,
        status: DeliveryStatus,
        error: Option<&SendError>,
        at: Timestamp,
    ) -> Decided {
        let progress = self.progress(message_id)?;
        if progress >= MessageProgress::Told(status) {
            return Ok(vec![]);
        }
        if status == DeliveryStatus::Failed {
            let mut error = error.cloned().unwrap_or_else(|| SendError {
                code: 0,
                class: ErrorClass::Unknown,
                definite: true,
                title: "failed, without a reason".to_owned(),
            });
            // It tells of one call: the client may have the message from another.
            error.definite &= !self.attempts.contains_key(&message_id);
            return Ok(vec![RequestEvent::MessageFailed { message_id, error, at }]);
        }
        let accepted = (!progress.is_settled()).then(|| RequestEvent::MessageAccepted {
            message_id,
            wamid: wamid.clone(),
            at,
        });
        let told = RequestEvent::MessageStatusChanged { message_id, status, at };
        Ok(accepted.into_iter().chain([told]).collect())
    }
}
