//! A prospect is promoted.

use super::super::message::make_request;
use super::super::{Command, Facts, ProfileFacts, Promotion};
use super::OperatorRefusal;
use crate::company::Line;
use crate::ids::{CompanyId, OperationId, RequestId, UserId};
use crate::input::InboundMessage;
use crate::request::{Outcome, Request};

/// Whom a prospect asked for, and in which words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// The message.
    pub message: InboundMessage,
    /// The user who was to get in touch.
    pub user_id: UserId,
}

/// What a request has recorded as a prospect's; `request` is none if the company has no such request.
///
/// # Errors
/// Why there is nothing to promote.
pub fn prospect_of(
    request_id: RequestId,
    request: Option<&Request>,
) -> Result<Prospect, OperatorRefusal> {
    let request = request.ok_or(OperatorRefusal::UnknownRequest(request_id))?;
    let asked_for = request.decided.as_ref().and_then(|(facts, _)| facts.user.as_ref());
    match (request.outcome, asked_for) {
        (Some(Outcome::ProspectRecorded), Some(user)) => {
            Ok(Prospect { message: request.message.clone(), user_id: user.user_id.clone() })
        }
        _ => Err(OperatorRefusal::NoProspect(request_id)),
    }
}

/// An operator promotes a prospect: its message is decided again, as a request of its own, on the
/// facts of now, which name the promotion. What a second promotion finds is a room of the first.
///
/// # Errors
/// Why it is refused.
pub fn on_promote_prospect(
    company: &CompanyId,
    operation_id: OperationId,
    promotion: Promotion,
    Prospect { message, user_id }: &Prospect,
    facts: Facts,
) -> Result<(RequestId, Vec<Command>), OperatorRefusal> {
    let prospect = promotion.prospect;
    // Whoever has the extension by now is not whom the client was told of.
    if facts.user.as_ref().is_none_or(|user| user.user_id != *user_id) {
        return Err(OperatorRefusal::UserGone(prospect));
    }
    if facts.line == Line::Unpooled {
        return Err(OperatorRefusal::UnknownNumber(message.phone_number_id.clone()));
    }
    if facts.moved {
        return Err(OperatorRefusal::ClientMoved(prospect));
    }
    if facts.profiles.iter().any(ProfileFacts::blocks_client) {
        return Err(OperatorRefusal::ClientBlocked(prospect));
    }
    if facts.has_stopped_templates() {
        return Err(OperatorRefusal::ClientStopped(prospect));
    }
    let request_id = RequestId::promoted_by(prospect, operation_id);
    let facts = Facts { promotion: Some(promotion), ..facts };
    Ok((request_id, make_request(company, request_id, message, facts)))
}
