//! All rows of the flow table, mixed.
//!
//! Sixteen messages are a round: two new clients, and one for each other row and special case.
//! Clients who have to be known before, by a room or a profile, are made known by messages and
//! commands of their own, before what is measured.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use chrono::TimeDelta;
use domain::Personal;
use domain::identity::{Identifier, Sender};
use domain::ids::{CompanyId, InputId, OperationId};
use domain::input::{KnownClient, OperatorCommand, OperatorRequest, Timestamp};
use messaging::inbox::{InboxBody, InboxMessage, InboxPublisher};
use uuid::Uuid;

use super::super::backlog::of_client;
use super::super::company::{Asked, Company, client, text_message};
use super::super::progress::Progress;
use super::super::site::Ground;
use super::start;

/// Where most is written to, in `bench-0`.
const PRIMARY: &str = "700000000";
const SECONDARY: &str = "700000001";
/// A company whose only secondary number carries one room and is taken.
const FULL: (&str, &str) = ("bench-full", "790001000");
/// A company without auto promotion.
const PROSPECTS: (&str, &str) = ("bench-prospects", "790002000");

/// Clients from here on are known before; the new ones come before and, when those are used up,
/// after them.
const KNOWN: u64 = 40_000;
const NEW_AGAIN: u64 = 1_000_000;
/// Known clients of a round.
const KNOWN_OF_ROUND: u64 = 4;

/// One row of the flow table, or a special case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::bench) enum Row {
    /// Rows 6 and 7.
    New,
    /// Row 1, in words.
    WithoutExtension,
    /// Row 1, a voice message.
    Voice,
    /// Row 2.
    UnknownUser,
    /// Row 3.
    ActiveRoom,
    /// A room is under way.
    Joins,
    /// Row 4.
    OneProfile,
    /// Row 5.
    SeveralProfiles,
    /// Row 8.
    NoNumber,
    /// Auto promotion is off.
    Prospect,
    /// Older than a day.
    Late,
    /// To a secondary number without a room.
    Redirected,
    /// In a group.
    Group,
    /// Into an active room: no request.
    IntoTheRoom,
    /// A new client's message of the round before once more: nothing follows.
    Repeated,
}

/// A round.
const ROUND: [Row; 16] = [
    Row::New,
    Row::WithoutExtension,
    Row::ActiveRoom,
    Row::UnknownUser,
    Row::OneProfile,
    Row::Voice,
    Row::Joins,
    Row::NoNumber,
    Row::New,
    Row::SeveralProfiles,
    Row::Prospect,
    Row::IntoTheRoom,
    Row::Late,
    Row::Redirected,
    Row::Group,
    Row::Repeated,
];

impl Row {
    /// The decision, how its profile came to be the one, and the outcome; `None` if no request.
    const fn expected(self) -> Option<Expected> {
        let (kind, how, outcome) = match self {
            Self::New => ("open_room", Some("created"), None),
            Self::OneProfile => ("open_room", Some("taken"), None),
            Self::SeveralProfiles => ("open_room", Some("drawn"), None),
            Self::WithoutExtension | Self::Voice => {
                ("ask_for_extension", None, Some("extension_missing"))
            }
            Self::UnknownUser => ("report_user_not_found", None, Some("user_not_found")),
            Self::ActiveRoom => ("remind", None, Some("reminded")),
            Self::Joins => ("join", None, Some("joined")),
            Self::NoNumber => ("report_no_number", Some("created"), Some("no_secondary_number")),
            Self::Prospect => ("record_prospect", None, Some("prospect_recorded")),
            Self::Late => ("expire", None, Some("expired")),
            Self::Redirected => ("redirect", None, Some("redirected")),
            Self::Group => ("ignore", None, Some("ignored")),
            Self::IntoTheRoom | Self::Repeated => return None,
        };
        Some((kind, how, outcome))
    }
}

type Expected = (&'static str, Option<&'static str>, Option<&'static str>);

/// The clients of a mix; those of so many rounds are known.
#[derive(Clone, Default)]
pub(in crate::bench) struct Mix {
    /// The secondary number of each round's active room.
    rooms: Arc<Vec<String>>,
}

impl Mix {
    /// Its companies: the usual one, one whose numbers are taken, one without auto promotion.
    pub(super) fn directory() -> String {
        Company::USUAL.directory() + include_str!("mix.yaml")
    }

    /// Whether message `n` is one that came before.
    pub(in crate::bench) fn repeats(n: u64) -> bool {
        row(n) == Row::Repeated
    }

    /// Whether message `n` makes a request.
    pub(in crate::bench) fn requests(n: u64) -> bool {
        row(n).expected().is_some()
    }

    /// Message `n`.
    pub(in crate::bench) fn message(&self, n: u64, at: Timestamp) -> anyhow::Result<Asked> {
        let (round, row) = (n / ROUND.len() as u64, row(n));
        let room = self.rooms.get(usize::try_from(round)?).context("a round is not prepared")?;
        let user = format!("#u{}", round % u64::from(Company::USUAL.users));
        let (company, number, from, text) = match row {
            Row::New => ("bench-0", PRIMARY, new_client(n)?, user.as_str()),
            Row::WithoutExtension => ("bench-0", PRIMARY, new_client(n)?, "Is anybody there?"),
            Row::Voice => ("bench-0", PRIMARY, new_client(n)?, ""),
            Row::UnknownUser => ("bench-0", PRIMARY, new_client(n)?, "#nobody"),
            Row::ActiveRoom => ("bench-0", PRIMARY, known(round, 0)?, user.as_str()),
            Row::Joins => ("bench-0", PRIMARY, known(round, 1)?, user.as_str()),
            Row::OneProfile => ("bench-0", PRIMARY, known(round, 2)?, user.as_str()),
            Row::SeveralProfiles => ("bench-0", PRIMARY, known(round, 3)?, user.as_str()),
            Row::NoNumber => (FULL.0, FULL.1, new_client(n)?, "#only"),
            Row::Prospect => (PROSPECTS.0, PROSPECTS.1, new_client(n)?, "#only"),
            Row::Late => ("bench-0", PRIMARY, new_client(n)?, user.as_str()),
            Row::Redirected => ("bench-0", SECONDARY, new_client(n)?, "Hello?"),
            Row::Group => ("bench-0", PRIMARY, new_client(n)?, user.as_str()),
            Row::IntoTheRoom => ("bench-0", room.as_str(), known(round, 0)?, "Good morning!"),
            Row::Repeated => match n.checked_sub(2 * ROUND.len() as u64 - 1) {
                Some(before) => return self.message(before, at),
                None => return first_of(0, 1, at),
            },
        };
        let mut message = text_message(number, &n.to_string(), from, text, at)?;
        match row {
            Row::Voice => (message.kind, message.text) = ("audio".into(), None),
            Row::Late => message.sent_at = at - TimeDelta::days(2),
            Row::Group => message.in_group = true,
            _ => {}
        }
        Ok(Asked { company: company.parse()?, message })
    }

    /// Makes the clients known whom so many messages need: with a room that is active, with a room
    /// under way, with one profile, with two.
    pub(super) async fn prepare(
        &mut self,
        ground: &Ground,
        inbox: &InboxPublisher,
        messages: u64,
    ) -> anyhow::Result<()> {
        let (from, to) = (self.rooms.len() as u64, messages / ROUND.len() as u64 + 1);
        if to <= from {
            return Ok(());
        }
        let asked_at = ground.clock.now();
        let mut inputs = vec![];
        if from == 0 {
            let message = text_message(FULL.1, "full", client(NEW_AGAIN - 1)?, "#only", asked_at)?;
            inputs.push(of_client(Asked { company: FULL.0.parse()?, message })?);
        }
        for round in from..to {
            inputs.push(of_client(first_of(round, 0, asked_at)?)?);
            inputs.push(of_client(first_of(round, 1, asked_at)?)?);
            inputs.push(registration(known(round, 2)?, asked_at)?);
            inputs.push(registration(known(round, 3)?, asked_at)?);
            inputs.push(registration(known(round, 3)?, asked_at)?);
        }
        self.settle(ground, inbox, inputs).await?;
        let numbers = numbers_of_rooms(ground).await?;
        let now = ground.clock.now(); // A room opens for what is sent after it was reserved.
        let mut rooms = self.rooms.to_vec();
        let mut inputs = vec![];
        for round in from..to {
            let Asked { company, message } = first_of(round, 0, asked_at)?;
            let request = message.request_id(&company);
            let number = numbers.get(&request.as_uuid()).context("a known client has no room")?;
            let id = format!("wrote{round}");
            let message = text_message(number, &id, known(round, 0)?, "Hello!", now)?;
            inputs.push(of_client(Asked { company, message })?);
            rooms.push(number.clone());
        }
        self.settle(ground, inbox, inputs).await?;
        self.rooms = rooms.into();
        Ok(())
    }

    async fn settle(
        &self,
        ground: &Ground,
        inbox: &InboxPublisher,
        inputs: Vec<InboxMessage>,
    ) -> anyhow::Result<()> {
        inbox.publish(inputs).await?;
        let progress = Progress::of_next_service()?;
        let service = start(ground, &super::DECIDING).await?;
        progress.settled(ground).await?;
        service.stop().await;
        Ok(())
    }

    /// Compares what the read model and the log say of every message before `sent` with what its
    /// row asks for; how often each row occurred.
    pub(super) async fn verify(
        &self,
        ground: &Ground,
        sent: u64,
    ) -> anyhow::Result<Vec<(Row, u64)>> {
        let decided = decisions(ground).await?;
        let (mut rows, mut repeats, mut requests) = (HashMap::<Row, u64>::new(), 0, 0);
        for n in 0..sent {
            *rows.entry(row(n)).or_default() += 1;
            let Asked { company, message } = self.message(n, ground.clock.now())?;
            let input = InputId::of_message(&company, &message.phone_number_id, &message.id);
            let found = decided.get(&input.as_uuid());
            match row(n).expected() {
                Some(expected) => {
                    let found = found.with_context(|| format!("message {n} has no request"))?;
                    let (kind, how, outcome) = found;
                    let found = (kind.as_str(), how.as_deref(), outcome.as_deref());
                    anyhow::ensure!(
                        found == expected,
                        "message {n}, {:?}: {found:?} and not {expected:?}",
                        row(n)
                    );
                    requests += 1;
                }
                None if row(n) == Row::Repeated => repeats += 1,
                None => anyhow::ensure!(found.is_none(), "a message into a room made a request"),
            }
        }
        let known = 2 * self.rooms.len() as u64 + 1;
        let all = decided.len() as u64;
        anyhow::ensure!(
            all == requests + known,
            "{all} requests, and not {requests} and {known}: of {repeats} repeats some were decided"
        );
        let wrote: i64 =
            sqlx::query_scalar("SELECT count(*) FROM events WHERE event_type = 'client-wrote'")
                .fetch_one(&ground.pool)
                .await?;
        let expected = rows.get(&Row::IntoTheRoom).copied().unwrap_or(0) + self.rooms.len() as u64;
        anyhow::ensure!(wrote.unsigned_abs() == expected, "{wrote} messages came into rooms");
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort();
        Ok(rows)
    }
}

fn row(n: u64) -> Row {
    ROUND[(n % ROUND.len() as u64) as usize]
}

fn new_client(n: u64) -> anyhow::Result<Sender> {
    client(if n < KNOWN { n } else { NEW_AGAIN + n })
}

/// Which of the known clients of a round.
fn known(round: u64, which: u64) -> anyhow::Result<Sender> {
    client(KNOWN + KNOWN_OF_ROUND * round + which)
}

/// The message with which a known client got its room.
fn first_of(round: u64, which: u64, at: Timestamp) -> anyhow::Result<Asked> {
    let user = round % u64::from(Company::USUAL.users);
    let (id, text) = (format!("known{round}x{which}"), format!("#u{user}"));
    let message = text_message(PRIMARY, &id, known(round, which)?, &text, at)?;
    Ok(Asked { company: "bench-0".parse()?, message })
}

/// An operator enters a client.
fn registration(of: Sender, at: Timestamp) -> anyhow::Result<InboxMessage> {
    let bsuid = of.bsuid.map(|bsuid| Identifier::Bsuid(bsuid.expose().clone()));
    let phone = of.phone.map(|phone| Identifier::Phone(phone.expose().clone()));
    let company: CompanyId = "bench-0".parse()?;
    let request = OperatorRequest::RegisterClientProfile(KnownClient {
        language: None,
        identifiers: bsuid.into_iter().chain(phone).map(Personal::new).collect(),
        name: of.name,
        external_company: None,
        users: vec![],
    });
    let command = OperatorCommand {
        operation_id: OperationId::from_uuid(Uuid::now_v7()),
        actor: Personal::new("bench".into()),
        at,
        expected_version: None,
        request,
    };
    let body = InboxBody::Command { company, command, reply_to: None };
    Ok(InboxMessage { body, source: "bench".parse()?, traceparent: None })
}

/// The secondary number of each room, by the request that opened it.
async fn numbers_of_rooms(ground: &Ground) -> anyhow::Result<HashMap<Uuid, String>> {
    let rooms: Vec<(Uuid, String)> = sqlx::query_as("SELECT request_id, number FROM rm_chat_rooms")
        .fetch_all(&ground.pool)
        .await?;
    Ok(rooms.into_iter().collect())
}

/// What was decided for each input, as the read model shows its request, and how its profile came to be
/// the one, as the log has it.
async fn decisions(
    ground: &Ground,
) -> anyhow::Result<HashMap<Uuid, (String, Option<String>, Option<String>)>> {
    let rows: Vec<(Uuid, String, Option<String>, Option<String>)> = sqlx::query_as(
        "SELECT e.causation_id, r.decision, e.payload #>> '{decision,profile,how}', r.outcome \
         FROM rm_onboarding_requests r JOIN events e ON e.correlation_id = r.request_id \
         AND e.event_type = 'decision-made'",
    )
    .fetch_all(&ground.pool)
    .await?;
    Ok(rows.into_iter().map(|(id, kind, how, outcome)| (id, (kind, how, outcome))).collect())
}
