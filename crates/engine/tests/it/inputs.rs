//! Directory files and inputs. All phone numbers are from ranges reserved for fiction.

use std::sync::atomic::{AtomicU32, Ordering};

use domain::Personal;
use domain::identity::{Identifier, Sender};
use domain::ids::{CompanyId, PhoneNumberId, ProfileId, RequestId, RoomId, Wamid};
use domain::input::{
    InboundMessage, Input, KnownClient, LaneInput, MessageReference, MessageStatus, NewNumber,
    OperatorCommand, OperatorRequest, SendReceipt, SendResult, Timestamp,
};
use domain::outbound::{DeliveryStatus, ErrorClass, OutboundMessage, SendError};
use domain::pool::Service;
use uuid::Uuid;

/// Area codes; `+1 <area> 555 0100` to `0199` belong to nobody.
const AREAS: [u32; 12] = [202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215];

/// A phone that nobody has.
pub(crate) fn phone(n: u32) -> String {
    format!("+1{}55501{:02}", AREAS[(n / 100) as usize], n % 100)
}

/// A directory of companies, each with so many secondary numbers.
pub(crate) fn file(companies: &[&str], secondaries: u32) -> String {
    let all = (0..).zip(companies).map(|(n, id)| company(id, n, 0..secondaries));
    format!("companies:\n{}", all.collect::<String>())
}

/// A company whose pool has the secondary numbers of this range.
pub(crate) fn company(id: &str, n: u32, secondaries: std::ops::Range<u32>) -> String {
    let account = |i: u32| {
        let (number, display) = (number_text(n, i), phone(600 + n * 20 + i));
        format!(
            "      - {{ phone_number_id: \"{number}\", display_number: \"{display}\", app: a }}\n"
        )
    };
    let accounts: String =
        std::iter::once(0).chain(secondaries.clone().map(|i| i + 1)).map(account).collect();
    let carries: String = secondaries
        .map(|i| format!("          - {{ phone_number_id: \"{}\" }}\n", number_text(n, i + 1)))
        .collect();
    format!(
        "  - id: {id}
    name: Company {id}
    organizational_units:
      - {{ id: all, name: Everybody }}
    users:
      - {{ id: michael, name: Michael Stone, ou: all, extension: michael }}
      - {{ id: anna, name: Anna Bell, ou: all, extension: anna }}
    official_accounts:
{accounts}    pools:
      - id: main
        primary: \"{}\"
        secondaries:
{carries}        organizational_units: [all]
        default_region: US
",
        number_text(n, 0),
    )
}

/// A company that still has its numbers and users, but no pool.
pub(crate) fn company_without_pool(id: &str) -> String {
    let whole = company(id, 0, 0..3);
    whole.split("    pools:").next().unwrap().to_owned()
}

fn number_text(company: u32, i: u32) -> String {
    format!("{}", 100_000 + company * 100 + i)
}

/// The number of a company's primary (0) or of one of its secondaries (from 1).
pub(crate) fn number(company: u32, i: u32) -> PhoneNumberId {
    number_text(company, i).parse().unwrap()
}

pub(crate) fn company_id(company: &str) -> CompanyId {
    company.parse().unwrap()
}

/// A client known by phone and bsuid.
pub(crate) fn client(n: u32) -> Sender {
    Sender {
        bsuid: Some(Personal::new(format!("US.client{n}").parse().unwrap())),
        phone: (n < 500).then(|| Personal::new(phone(n).parse().unwrap())),
        ..Sender::default()
    }
}

/// A client writes to the primary of `acme`.
pub(crate) fn message(from: Sender, text: &str) -> LaneInput {
    message_to("acme", number(0, 0), from, text)
}

/// Each message has an id of its own.
pub(crate) fn message_to(company: &str, to: PhoneNumberId, from: Sender, text: &str) -> LaneInput {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = engine::Clock::system().now();
    let message = InboundMessage {
        phone_number_id: to,
        id: format!("wamid.in.{n}").parse().unwrap(),
        from,
        sent_at: now,
        received_at: now,
        kind: "text".to_owned(),
        text: Some(Personal::new(text.to_owned())),
        in_group: false,
        became: None,
        evidence: None,
    };
    LaneInput { company: company_id(company), input: Input::Message(message) }
}

/// The request that a message becomes.
pub(crate) fn request_of(input: &LaneInput) -> RequestId {
    let Input::Message(message) = &input.input else { panic!("no message") };
    message.request_id(&input.company)
}

fn wamid_of(message: &OutboundMessage) -> Wamid {
    format!("wamid.out.{}", message.message_id).parse().unwrap()
}

fn receipt(
    request_id: RequestId,
    message: &OutboundMessage,
    at: Timestamp,
    result: SendResult,
) -> LaneInput {
    let message_id = message.message_id;
    let receipt = SendReceipt { request_id, message_id, attempt: 1, at, result };
    LaneInput { company: company_id("acme"), input: Input::Receipt(receipt) }
}

/// WhatsApp took a message.
pub(crate) fn accepted(
    request_id: RequestId,
    message: &OutboundMessage,
    at: Timestamp,
) -> LaneInput {
    let wamid = wamid_of(message);
    receipt(request_id, message, at, SendResult::Accepted { wamid })
}

/// A message is given up: WhatsApp definitely refused it.
pub(crate) fn given_up(
    request_id: RequestId,
    message: &OutboundMessage,
    at: Timestamp,
) -> LaneInput {
    let title = "refused".to_owned();
    let error =
        SendError { code: 131_026, class: ErrorClass::RecipientRefused, definite: true, title };
    receipt(request_id, message, at, SendResult::GivenUp { error })
}

/// A message is given up: WhatsApp does not let its number send.
pub(crate) fn number_locked(
    request_id: RequestId,
    message: &OutboundMessage,
    at: Timestamp,
) -> LaneInput {
    let title = "locked".to_owned();
    let class = ErrorClass::NumberUnhealthy;
    let error = SendError { code: 131_031, class, definite: true, title };
    receipt(request_id, message, at, SendResult::GivenUp { error })
}

/// A message is given up: its client wrote too long ago for free text.
pub(crate) fn window_closed(
    request_id: RequestId,
    message: &OutboundMessage,
    at: Timestamp,
) -> LaneInput {
    let title = "the window is closed".to_owned();
    let error = SendError { code: 131_047, class: ErrorClass::WindowClosed, definite: true, title };
    receipt(request_id, message, at, SendResult::GivenUp { error })
}

/// WhatsApp tells how far a message got, and whose it is if `request_id` is given.
pub(crate) fn status(
    request_id: Option<RequestId>,
    message: &OutboundMessage,
    status: DeliveryStatus,
    at: Timestamp,
) -> LaneInput {
    let message_id = message.message_id;
    let status = MessageStatus {
        phone_number_id: message.from.clone(),
        wamid: wamid_of(message),
        status,
        at,
        reference: request_id.map(|request_id| MessageReference { request_id, message_id }),
        error: None,
        evidence: None,
    };
    LaneInput { company: company_id("acme"), input: Input::Status(status) }
}

/// An operator registers a client, for a user.
pub(crate) fn register(operation: u128, from: &Sender, user: &str) -> LaneInput {
    let identifiers: Vec<Personal<Identifier>> =
        from.identifiers().into_iter().map(Personal::new).collect();
    let users = vec![user.parse().unwrap()];
    let (name, language, external_company) = (None, None, None);
    let client = KnownClient { identifiers, name, language, external_company, users };
    asked(operation, OperatorRequest::RegisterClientProfile(client))
}

/// An operator has a room's invitation sent once more.
pub(crate) fn resend(operation: u128, room_id: RoomId) -> LaneInput {
    asked(operation, OperatorRequest::ResendInvitation { room_id })
}

/// An operator closes a room.
pub(crate) fn close(operation: u128, room_id: RoomId) -> LaneInput {
    asked(operation, OperatorRequest::CloseRoom { room_id })
}

/// An operator gives a room to another user.
pub(crate) fn reassign(operation: u128, room_id: RoomId, user: &str) -> LaneInput {
    asked(operation, OperatorRequest::ReassignRoom { room_id, user_id: user.parse().unwrap() })
}

/// An operator archives a profile.
pub(crate) fn archive(operation: u128, profile_id: ProfileId) -> LaneInput {
    asked(operation, OperatorRequest::ArchiveClientProfile { profile_id })
}

/// An operator has a profile's client answered no more.
pub(crate) fn block(operation: u128, profile_id: ProfileId) -> LaneInput {
    asked(operation, OperatorRequest::BlockClient { profile_id })
}

/// An operator has a profile's client answered again.
pub(crate) fn unblock(operation: u128, profile_id: ProfileId) -> LaneInput {
    asked(operation, OperatorRequest::UnblockClient { profile_id })
}

/// An operator promotes a prospect.
pub(crate) fn promote(operation: u128, request_id: RequestId) -> LaneInput {
    asked(operation, OperatorRequest::PromoteProspect { request_id })
}

/// An operator gives a user an extension, or takes it away.
pub(crate) fn set_extension(operation: u128, user: &str, extension: Option<&str>) -> LaneInput {
    let extension = extension.map(|text| text.parse().unwrap());
    let user_id = user.parse().unwrap();
    asked(operation, OperatorRequest::SetUserExtension { user_id, extension })
}

/// An operator adds a number to the pool `main`.
pub(crate) fn add_number(operation: u128, number: &PhoneNumberId, display: &str) -> LaneInput {
    let new = NewNumber {
        pool: "main".parse().unwrap(),
        number: number.clone(),
        display_number: display.parse().unwrap(),
        country: None,
        capacity: None,
    };
    asked(operation, OperatorRequest::AddNumber(new))
}

/// An operator takes a number out of its pool.
pub(crate) fn remove_number(operation: u128, number: &PhoneNumberId) -> LaneInput {
    asked(operation, OperatorRequest::RemoveNumber { number: number.clone() })
}

/// An operator says what a number does.
pub(crate) fn set_service(operation: u128, number: &PhoneNumberId, service: Service) -> LaneInput {
    asked(operation, OperatorRequest::SetNumberService { number: number.clone(), service })
}

/// An operator has a parked input put back.
pub(crate) fn retry_parked(operation: u128, parked_input_id: u64) -> LaneInput {
    asked(operation, OperatorRequest::RetryParkedInput { parked_input_id })
}

/// An operator drops a parked input.
pub(crate) fn drop_parked(operation: u128, parked_input_id: u64) -> LaneInput {
    let reason = Personal::new("nobody needs it".parse().unwrap());
    asked(operation, OperatorRequest::DropParkedInput { parked_input_id, reason })
}

/// The same command of an operator who saw this version.
pub(crate) fn seen_at(version: u64, mut input: LaneInput) -> LaneInput {
    let Input::Command(command) = &mut input.input else { panic!("no command") };
    command.expected_version = Some(version);
    input
}

fn asked(operation: u128, request: OperatorRequest) -> LaneInput {
    let command = OperatorCommand {
        operation_id: Uuid::from_u128(operation).to_string().parse().unwrap(),
        actor: Personal::new("operator".to_owned()),
        at: engine::Clock::system().now(),
        expected_version: None,
        request,
    };
    LaneInput { company: company_id("acme"), input: Input::Command(command) }
}
