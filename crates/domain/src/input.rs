//! What enters a company's lane: everything that can change state.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::extension::Extension;
use crate::identity::{Country, Identifier, PhoneNumber, Sender};
use crate::ids::{
    CompanyId, ExternalCompanyId, InputId, MessageId, OperationId, PhoneNumberId, PoolKey,
    ProfileId, RequestId, RoomId, UserId, Wamid,
};
use crate::language::Language;
use crate::outbound::{DeliveryStatus, SendError};
use crate::personal::Personal;
use crate::pool::Service;
use crate::reason::Reason;

/// A moment in UTC. The domain never asks for the present one.
pub type Timestamp = DateTime<Utc>;

/// One input of one company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A client wrote to one of the company's numbers.
    Message(InboundMessage),
    /// WhatsApp tells what became of a message of ours.
    Status(MessageStatus),
    /// Our sender tells what it did with a message.
    Receipt(SendReceipt),
    /// An operator asks for something.
    Command(OperatorCommand),
    /// A new version of the directory counts from here on.
    DirectoryVersion(u64),
    /// A room has been in its state for as long as it may.
    RoomDeadline(RoomDeadline),
    /// The directory has perhaps no place for a room any more.
    RoomReview(RoomReview),
}

impl Input {
    /// What makes a second arrival of the same input recognisable in its company.
    pub fn id(&self, company: &CompanyId) -> InputId {
        let name = match self {
            Self::Message(m) => return InputId::of_message(company, &m.phone_number_id, &m.id),
            Self::Status(s) => {
                format!("status/{}/{}/{}", s.phone_number_id, s.wamid, s.status.as_str())
            }
            Self::Receipt(r) => {
                format!("receipt/{}/{}/{}", r.message_id, r.attempt, r.result.as_str())
            }
            Self::Command(c) => format!("command/{}", c.operation_id),
            Self::DirectoryVersion(version) => format!("directory/{version}"),
            Self::RoomDeadline(d) => {
                format!("deadline/{}/{}", d.room_id, d.deadline.timestamp_micros())
            }
            Self::RoomReview(r) => format!("review/{}/{}", r.room_id, r.directory_version),
        };
        InputId::of(company, &name)
    }

    /// Whether the engine gives it to itself: then nobody has it but the engine.
    pub const fn is_our_own(&self) -> bool {
        match self {
            Self::DirectoryVersion(_) | Self::RoomDeadline(_) | Self::RoomReview(_) => true,
            Self::Message(_) | Self::Status(_) | Self::Receipt(_) | Self::Command(_) => false,
        }
    }
}

/// A message of a client to one of the company's numbers: the body of
/// `wa.in.v1.<company>.<phone-number-id>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InboundMessage {
    /// The company's number that was written to.
    pub phone_number_id: PhoneNumberId,
    /// WhatsApp's id of the message: unique per number, the key to duplicates.
    pub id: Wamid,
    /// Who wrote it.
    pub from: Sender,
    /// When the client sent it, by WhatsApp's clock.
    pub sent_at: Timestamp,
    /// When we first took it in.
    pub received_at: Timestamp,
    /// `text`, `image`, `audio`, `location`, `reaction`, `unsupported`, … as WhatsApp names it.
    pub kind: String,
    /// Its words: a text's body, a medium's caption, the text of a button or list reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Personal<String>>,
    /// Whether it was written into a group.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_group: bool,
    /// Who its sender is from now on, if WhatsApp tells that an identifier has changed (with a new
    /// phone number, for one): it is the same client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub became: Option<Box<Sender>>,
    /// Where its original bytes are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

impl InboundMessage {
    /// Everything that leads to its client: what it was received with, strongest first, then what the
    /// client is known by from now on.
    pub fn identifiers(&self) -> Vec<Identifier> {
        let new = self.became.iter().flat_map(|sender| sender.identifiers());
        self.from.identifiers().into_iter().chain(new).collect()
    }

    /// The numbers that its client has left, if it tells of another one: what is sent by them later is
    /// somebody else's, for phone numbers are given out again.
    pub fn left(&self) -> BTreeSet<Personal<Identifier>> {
        let new = self.became.iter().flat_map(|sender| sender.identifiers());
        let kept: BTreeSet<String> = new.filter_map(|it| Some(it.digits()?.to_owned())).collect();
        if kept.is_empty() {
            return BTreeSet::new();
        }
        let old = self.from.identifiers().into_iter();
        let left = old.filter(|it| it.digits().is_some_and(|digits| !kept.contains(digits)));
        // However it is written.
        let left = left.flat_map(|it| {
            let variants = match &it {
                Identifier::Phone(phone) => phone.variants(),
                Identifier::Bsuid(_) | Identifier::WaId(_) => vec![],
            };
            std::iter::once(it).chain(variants.into_iter().map(Identifier::Phone))
        });
        left.map(Personal::new).collect()
    }

    /// The request that it makes if it makes one.
    pub fn request_id(&self, company: &CompanyId) -> RequestId {
        RequestId::of(company, &self.phone_number_id, &self.id, self.sent_at)
    }
}

/// Ties an input to the bytes that WhatsApp posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// SHA-256 of the whole post, hexadecimal: its key in the evidence store.
    pub post_sha256: String,
    /// SHA-256 of the bytes of this item in it, hexadecimal.
    pub item_sha256: String,
}

/// A status webhook: the body of `wa.status.v1.<company>.<phone-number-id>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageStatus {
    /// Our number that sent the message.
    pub phone_number_id: PhoneNumberId,
    /// WhatsApp's id of our message.
    pub wamid: Wamid,
    /// How far it got.
    pub status: DeliveryStatus,
    /// When, by WhatsApp's clock.
    pub at: Timestamp,
    /// Our own reference, as `biz_opaque_callback_data` carried it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<MessageReference>,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SendError>,
    /// Where its original bytes are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// What we send along as `biz_opaque_callback_data`: enough to find the
/// message's request without a look-up. Written `<request>/<message>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageReference {
    /// The request that the message belongs to.
    pub request_id: RequestId,
    /// The message.
    pub message_id: MessageId,
}

impl std::fmt::Display for MessageReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.request_id, self.message_id)
    }
}

impl std::str::FromStr for MessageReference {
    type Err = crate::ids::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (request, message) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self { request_id: request.parse()?, message_id: message.parse()? })
    }
}

/// What our sender did with a message: the body of
/// `cmd.onboarding.v1.<company>.record-receipt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SendReceipt {
    /// The request that the message belongs to.
    pub request_id: RequestId,
    /// The message.
    pub message_id: MessageId,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub result: SendResult,
}

/// What came of an attempt to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SendResult {
    /// The call is about to be made; recorded first, so that a crash leaves a trace.
    Attempted,
    /// WhatsApp took the message.
    Accepted {
        /// WhatsApp's id of it.
        wamid: Wamid,
    },
    /// The message is given up.
    GivenUp {
        /// Why.
        error: SendError,
    },
}

impl SendResult {
    /// `attempted`, `accepted` or `given_up`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Attempted => "attempted",
            Self::Accepted { .. } => "accepted",
            Self::GivenUp { .. } => "given_up",
        }
    }
}

/// A request of an operator: the body of `cmd.onboarding.v1.<company>.<command>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorCommand {
    /// Chosen by whoever asks; the same id gets the same answer.
    pub operation_id: OperationId,
    /// Who asks.
    pub actor: Personal<String>,
    /// When it was asked.
    pub at: Timestamp,
    /// The version that the operator saw of what is to change: of the client profile, the request or
    /// the pool, for changes of the directory that of the directory. If it is another one when the
    /// command is decided, nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// What is asked.
    pub request: OperatorRequest,
}

/// What an operator can ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum OperatorRequest {
    /// Enter a client that the company knows already.
    RegisterClientProfile(KnownClient),
    /// Use a profile no more: no onboarding takes it. Its rooms stay as they are.
    ArchiveClientProfile {
        /// The profile.
        profile_id: ProfileId,
    },
    /// Answer a profile's client no more: what it writes is recorded, and nobody replies.
    BlockClient {
        /// The profile.
        profile_id: ProfileId,
    },
    /// Answer a profile's client again.
    UnblockClient {
        /// The profile.
        profile_id: ProfileId,
    },
    /// Write to a profile's client in another language, or in its country's again.
    SetClientLanguage {
        /// The profile.
        profile_id: ProfileId,
        /// The language; `None`: its country's. Never left out.
        #[serde(deserialize_with = "Option::deserialize")]
        language: Option<Language>,
    },
    /// Onboard a client whose request was recorded as a prospect: as if its message had come now and
    /// auto promotion were on.
    PromoteProspect {
        /// The request that recorded it.
        request_id: RequestId,
    },
    /// Give a user another extension, or none: the directory's next version, with this one change.
    SetUserExtension {
        /// The user.
        user_id: UserId,
        /// The extension; `None` takes it away. Never left out.
        #[serde(deserialize_with = "Option::deserialize")]
        extension: Option<Extension>,
    },
    /// Say whether a secondary number takes new rooms.
    SetNumberService {
        /// The number.
        number: PhoneNumberId,
        /// What it does from now on.
        service: Service,
    },
    /// Add a secondary number to a pool: the directory's next version, with this one change.
    AddNumber(NewNumber),
    /// Take a secondary number out of its pool: the directory's next version, with this one change.
    /// Its rooms end.
    RemoveNumber {
        /// The number.
        number: PhoneNumberId,
    },
    /// Send a room's invitation once more: its client has not written there yet.
    ResendInvitation {
        /// The room.
        room_id: RoomId,
    },
    /// Give a room to another user: its number and its client stay.
    ReassignRoom {
        /// The room.
        room_id: RoomId,
        /// Its user from now on.
        user_id: UserId,
    },
    /// End a room for good. Its pair rests; the client's next request may open another.
    CloseRoom {
        /// The room.
        room_id: RoomId,
    },
    /// Put an input of the company that is parked back into its lane.
    RetryParkedInput {
        /// Its number among the parked ones.
        parked_input_id: u64,
    },
    /// Give up an input of the company that is parked. What it was, who gave it up and why is kept;
    /// its bytes are not.
    DropParkedInput {
        /// Its number among the parked ones.
        parked_input_id: u64,
        /// Why, for the record: 1 to 500 characters on one line.
        reason: Personal<Reason>,
    },
}

/// A client that the company knows already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KnownClient {
    /// What leads to the client; at least one.
    pub identifiers: Vec<Personal<Identifier>>,
    /// The client's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal<String>>,
    /// The language that the client reads, if it is not its country's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Only users assigned to this external company may see the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_company: Option<ExternalCompanyId>,
    /// Users who look after the client.
    #[serde(default)]
    pub users: Vec<UserId>,
}

/// A secondary number for a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewNumber {
    /// The pool, by its name in the company.
    pub pool: PoolKey,
    /// The official account. The company may have it already, as long as it is in no pool.
    pub number: PhoneNumberId,
    /// What clients see; no two accounts of a company have the same.
    pub display_number: PhoneNumber,
    /// Its country; told from the display number if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// At most this many open rooms, 1 to 1,000,000; no limit if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
}

impl OperatorRequest {
    /// The command's name: the last token of its subject.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RegisterClientProfile(_) => "register-client-profile",
            Self::ArchiveClientProfile { .. } => "archive-client-profile",
            Self::BlockClient { .. } => "block-client",
            Self::UnblockClient { .. } => "unblock-client",
            Self::SetClientLanguage { .. } => "set-client-language",
            Self::PromoteProspect { .. } => "promote-prospect",
            Self::SetUserExtension { .. } => "set-user-extension",
            Self::SetNumberService { .. } => "set-number-service",
            Self::AddNumber(_) => "add-number",
            Self::RemoveNumber { .. } => "remove-number",
            Self::ResendInvitation { .. } => "resend-invitation",
            Self::ReassignRoom { .. } => "reassign-room",
            Self::CloseRoom { .. } => "close-room",
            Self::RetryParkedInput { .. } => "retry-parked-input",
            Self::DropParkedInput { .. } => "drop-parked-input",
        }
    }
}

/// A timer that ran out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomDeadline {
    /// The room's profile.
    pub profile_id: ProfileId,
    /// The room.
    pub room_id: RoomId,
    /// When its time was over.
    pub deadline: Timestamp,
    /// When the timer was looked at.
    pub at: Timestamp,
}

/// A version of the directory in which a room has lost what it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomReview {
    /// The room's profile.
    pub profile_id: ProfileId,
    /// The room.
    pub room_id: RoomId,
    /// The version.
    pub directory_version: u64,
}

/// An input with the company whose lane it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneInput {
    /// The company.
    pub company: CompanyId,
    /// Its input.
    pub input: Input,
}
