//! A client says by a word whether it takes templates. That is recorded whatever else is so; only
//! whether it is answered depends on more.

use super::Decision;
use super::facts::{Facts, ProfileFacts, WINDOW};
use crate::company::Line;
use crate::consent::{Said, Wish};
use crate::input::InboundMessage;

/// What is made of a message that says `wish`.
pub(super) fn decide(wish: Wish, message: &InboundMessage, facts: &Facts) -> Decision {
    let said = Said { wish, sent_at: message.sent_at };
    let before = facts.said_before();
    let counts = before.is_none_or(|before| said.outweighs(&before));
    // Who says the same again was told before.
    let is_news = before.is_none_or(|before| before.wish != wish);
    let confirmed = counts && is_news && may_be_answered(message, facts);
    match wish {
        Wish::Stop => Decision::StopTemplates { counts, confirmed },
        Wish::Start => Decision::StartTemplates { counts, confirmed },
    }
}

fn may_be_answered(message: &InboundMessage, facts: &Facts) -> bool {
    let is_recent = facts.at - message.sent_at <= WINDOW;
    let is_blocked = facts.profiles.iter().any(ProfileFacts::blocks_client);
    let asked = facts.asked_in_vain;
    let has_replies_left = asked.is_none_or(|asked| asked.replies < asked.limits.replies);
    let is_reached = !facts.moved && facts.line != Line::Unpooled;
    is_recent && is_reached && !is_blocked && has_replies_left
}
