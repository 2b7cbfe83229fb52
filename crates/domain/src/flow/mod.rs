//! The flow across the aggregates: what a company makes of each of its inputs.
//!
//! Every function here is pure. [`decide`] is the flow table itself: from the
//! recorded [`Facts`] alone it gives the [`Decision`], so an auditor can run it
//! again years later. The `on_…` functions, one per kind of input, turn it and
//! what comes later into commands on the aggregates.

mod closing;
mod consent;
mod decision;
mod facts;
mod followup;
mod linking;
mod message;
mod numbers;
mod operator;
mod plan;
mod profiles;
mod reassigning;
mod table;
#[cfg(test)]
mod tests;
mod wording;

pub use closing::{CloseFacts, Standing, on_close_room, on_room_review};
pub use decision::{
    ConsideredNumber, ConsideredProfile, Decision, IgnoreReason, NumberChoice, NumberVerdict,
    Preference, ProfileChoice, ProfileSource, ProfileVerdict, ReminderForm, SelectionStep,
};
pub use facts::{
    AskedInVain, Held, NumberFacts, PoolFacts, ProfileFacts, Promotion, RoomFacts, TemplateFacts,
    WINDOW,
};
pub use facts::{Facts, language_in, share_windows};
pub use followup::{
    MOST_NUMBERS, RoomInProfile, Told, on_room_deadline, on_told, profiles_of, room_of, wants_facts,
};
pub use message::on_message;
pub use operator::{
    OperatorRefusal, Prospect, RegisterFacts, ResendFacts, check_version,
    on_archive_client_profile, on_block_client, on_directory_version, on_promote_prospect,
    on_register_client_profile, on_resend_invitation, on_set_client_language,
    on_set_number_service, prospect_of,
};
pub use reassigning::{ReassignFacts, on_reassign_room};
pub use table::decide;

use crate::ids::{PoolId, ProfileId, RequestId};
use crate::pool::{PoolCommand, PoolRejection};
use crate::profile::{ProfileCommand, ProfileRejection};
use crate::request::{RequestCommand, RequestRejection};

/// A command on one aggregate. A plan is a list of them, carried out in order
/// and recorded together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// On an onboarding request.
    Request(RequestId, RequestCommand),
    /// On a client profile.
    Profile(ProfileId, ProfileCommand),
    /// On a pool.
    Pool(PoolId, PoolCommand),
}

/// Why a command is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// By the request.
    #[error(transparent)]
    Request(#[from] RequestRejection),
    /// By the profile.
    #[error(transparent)]
    Profile(#[from] ProfileRejection),
    /// By the pool.
    #[error(transparent)]
    Pool(#[from] PoolRejection),
}
