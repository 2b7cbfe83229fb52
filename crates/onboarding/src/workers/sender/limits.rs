//! When a message may go: WhatsApp's limits, kept before it has to refuse, and rests after it did.
//!
//! A number sends [`Settings::messages_per_second`](super::Settings) at most. To one client it sends
//! one message in 6 s, with bursts of 45 (WhatsApp's own limit of a pair). Each message that has to
//! wait is given a time of its own, so that it comes back once and not again and again.
//!
//! All of this is this process' own: of two senders each keeps the limits for itself, and a restart
//! begins anew. What waits is in the send queue and is lost by neither.

use std::collections::HashMap;
use std::hash::Hash;

use chrono::TimeDelta;
use domain::identity::Recipient;
use domain::ids::{AppId, MessageId, PhoneNumberId};
use domain::input::Timestamp;
use domain::outbound::OutboundMessage;
use whatsapp::errors::Scope;

/// One number to one client: one message in so long, …
const PAIR_INTERVAL: TimeDelta = TimeDelta::seconds(6);
/// … and at most so many at once.
const PAIR_BURST: i32 = 45;
/// Of a number's messages of a second, how many may go at once: the tenth part.
const BURSTS: u32 = 10;
/// So long after its turn a message takes a new one.
const LATE: TimeDelta = TimeDelta::seconds(10);
/// From so many entries on those are forgotten that hold up nothing any more.
const MANY: usize = 10_000;

type Pair = (PhoneNumberId, Recipient);

/// What holds messages up.
pub(super) struct Limits {
    number_interval: TimeDelta,
    number_burst: i32,
    numbers: HashMap<PhoneNumberId, Pace>,
    pairs: HashMap<Pair, Pace>,
    resting_accounts: HashMap<AppId, Timestamp>,
    /// The turns of messages that wait.
    turns: HashMap<MessageId, Turn>,
}

/// When a message that waits may go.
#[derive(Clone, Copy)]
struct Turn {
    at: Timestamp,
    /// Whether the number has counted it; else only the pair of number and client has.
    of_number: bool,
}

impl Limits {
    /// With this many messages a second of each number, 1 at least.
    pub(super) fn new(messages_per_second: u32) -> Self {
        let per_second = messages_per_second.max(1);
        let burst = i32::try_from(per_second / BURSTS).unwrap_or(i32::MAX);
        Self {
            number_interval: TimeDelta::microseconds(1_000_000 / i64::from(per_second)),
            number_burst: burst.max(1),
            numbers: HashMap::new(),
            pairs: HashMap::new(),
            resting_accounts: HashMap::new(),
            turns: HashMap::new(),
        }
    }

    /// `None` if a message may go now, and then it counts; else when to ask again.
    ///
    /// A message is counted for its client first, and for its number only once its client may have
    /// it: a client who gets many costs the others of the number nothing.
    pub(super) fn admit(
        &mut self,
        message: &OutboundMessage,
        app: &AppId,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.forget_the_past(now);
        let id = message.message_id;
        let key = (message.from.clone(), message.to.expose().clone());
        let number = self.numbers.entry(key.0.clone()).or_insert_with(|| Pace::new(now));
        let pair = self.pairs.entry(key).or_insert_with(|| Pace::new(now));
        let account = self.resting_accounts.get(app).copied().unwrap_or(now);
        let rests_until = account.max(number.rests_until).max(pair.rests_until);
        // A turn that a rest or a standstill has passed over is taken anew: together with the
        // others that waited, it would be too fast.
        let turn = self.turns.remove(&id).filter(|turn| now - turn.at < LATE);
        if rests_until > now {
            return Some(rests_until);
        }
        let next = match turn {
            Some(turn) if turn.at > now => turn,
            Some(Turn { of_number: true, .. }) => return None,
            Some(_) => {
                let at = number.take(now, self.number_interval, self.number_burst);
                Turn { at, of_number: true }
            }
            None => match pair.take(now, PAIR_INTERVAL, PAIR_BURST) {
                at if at > now => Turn { at, of_number: false },
                _ => {
                    let at = number.take(now, self.number_interval, self.number_burst);
                    Turn { at, of_number: true }
                }
            },
        };
        if next.at <= now {
            return None;
        }
        self.turns.insert(id, next);
        Some(next.at)
    }

    /// A message that was admitted has not gone after all: it counts once.
    pub(super) fn put_off(&mut self, id: MessageId, now: Timestamp) {
        self.turns.insert(id, Turn { at: now, of_number: true });
    }

    /// WhatsApp has refused: nothing of that scope goes until then.
    pub(super) fn rest(
        &mut self,
        scope: Scope,
        message: &OutboundMessage,
        app: &AppId,
        until: Timestamp,
    ) {
        let pace = match scope {
            Scope::Account => {
                let rests = self.resting_accounts.entry(app.clone()).or_insert(until);
                *rests = until.max(*rests);
                return;
            }
            Scope::Number => self.numbers.get_mut(&message.from),
            Scope::Recipient => {
                self.pairs.get_mut(&(message.from.clone(), message.to.expose().clone()))
            }
        };
        if let Some(pace) = pace {
            pace.rests_until = until.max(pace.rests_until);
        }
    }

    fn forget_the_past(&mut self, now: Timestamp) {
        forget(&mut self.pairs, |pace| pace.is_past(now));
        forget(&mut self.turns, |turn| now - turn.at >= LATE);
    }
}

/// Once there are many; then at least half as many have to come before it is done again.
fn forget<K: Eq + Hash, V>(all: &mut HashMap<K, V>, is_past: impl Fn(&V) -> bool) {
    if all.len() >= MANY && all.len() == all.capacity() {
        all.retain(|_, value| !is_past(value));
    }
}

/// How fast something goes (the generic cell rate algorithm).
struct Pace {
    /// When the next message would be due if all went evenly.
    due: Timestamp,
    rests_until: Timestamp,
}

impl Pace {
    const fn new(now: Timestamp) -> Self {
        Self { due: now, rests_until: now }
    }

    /// The earliest moment for the next message, which counts.
    fn take(&mut self, now: Timestamp, interval: TimeDelta, burst: i32) -> Timestamp {
        let at = now.max(self.due - interval * (burst - 1));
        self.due = self.due.max(at) + interval;
        at
    }

    fn is_past(&self, now: Timestamp) -> bool {
        self.due <= now && self.rests_until <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_timestamp_millis(1_800_000_000_000 + milliseconds).unwrap()
    }

    fn app() -> AppId {
        "main".parse().unwrap()
    }

    fn message(n: u128, from: &str, to: &str) -> OutboundMessage {
        serde_json::from_value(serde_json::json!({
            "message_id": uuid::Uuid::from_u128(n),
            "purpose": "reminder",
            "from": from,
            "to": { "kind": "bsuid", "value": to },
            "content": { "kind": "text", "body": "Hello" },
            "expires_at": at(0),
        }))
        .unwrap()
    }

    /// When each of so many messages to different clients may go, asked for all at once.
    fn spread(limits: &mut Limits, count: u128) -> Vec<i64> {
        let asked = (0..count).map(|n| {
            let message = message(n, "1001", &format!("US.c{n}"));
            let may = limits.admit(&message, &app(), at(0)).unwrap_or(at(0));
            (may - at(0)).num_milliseconds()
        });
        asked.collect()
    }

    #[test]
    fn a_number_sends_a_tenth_of_a_seconds_messages_at_once_and_the_rest_evenly() {
        let when = spread(&mut Limits::new(20), 6);
        assert_eq!(when, [0, 0, 50, 100, 150, 200]);
        let last = spread(&mut Limits::new(80), 1 + 8 + 80).pop().unwrap();
        assert!((1_000..1_100).contains(&last), "{last}");
    }

    #[test]
    fn what_waits_comes_back_once_and_counts_once() {
        let mut limits = Limits::new(1);
        assert_eq!(spread(&mut limits, 3), [0, 1_000, 2_000]);
        let second = message(1, "1001", "US.c1");
        assert_eq!(limits.admit(&second, &app(), at(1_000)), None);
        let next = message(9, "1001", "US.c9");
        assert_eq!(limits.admit(&next, &app(), at(1_000)), Some(at(3_000)));
        let other_number = message(10, "1002", "US.c9");
        assert_eq!(limits.admit(&other_number, &app(), at(1_000)), None);
    }

    #[test]
    fn one_client_gets_45_messages_at_once_and_then_one_in_6_seconds() {
        let mut limits = Limits::new(1_000);
        let mut may = |n, now| limits.admit(&message(n, "1001", "US.one"), &app(), at(now));
        // Ten milliseconds apart, so that the number's own limit holds up none.
        for n in 0..45 {
            assert_eq!(may(n, i64::try_from(n).unwrap() * 10), None, "{n}");
        }
        let waits = may(45, 500).unwrap() - at(0);
        assert_eq!(waits.num_milliseconds(), 6_000);
        assert_eq!((may(46, 500).unwrap() - at(0)).num_milliseconds(), 12_000);
    }

    #[test]
    fn a_rest_holds_up_its_scope_and_nothing_else() {
        let hold = |scope| {
            let mut limits = Limits::new(1_000);
            let first = message(0, "1001", "US.one");
            assert_eq!(limits.admit(&first, &app(), at(0)), None);
            limits.rest(scope, &first, &app(), at(60_000));
            let others = [
                ("1001", "US.one", "main"),
                ("1001", "US.two", "main"),
                ("1002", "US.one", "main"),
                ("1003", "US.one", "other"),
            ];
            (1..)
                .zip(others)
                .map(|(n, (from, to, app))| {
                    let waits = limits.admit(&message(n, from, to), &app.parse().unwrap(), at(10));
                    assert!(waits.is_none_or(|until| until == at(60_000)), "{waits:?}");
                    waits.is_some()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(hold(Scope::Recipient), [true, false, false, false]);
        assert_eq!(hold(Scope::Number), [true, true, false, false]);
        assert_eq!(hold(Scope::Account), [true, true, true, false]);
    }

    #[test]
    fn a_client_who_gets_many_costs_the_others_of_the_number_nothing() {
        let mut limits = Limits::new(80);
        for n in 0..200 {
            limits.admit(
                &message(n, "1001", "US.flood"),
                &app(),
                at(i64::try_from(n).unwrap() * 20),
            );
        }
        assert_eq!(limits.admit(&message(900, "1001", "US.other"), &app(), at(5_000)), None);
    }

    #[test]
    fn after_a_rest_those_that_waited_go_at_the_numbers_pace() {
        let mut limits = Limits::new(10);
        spread(&mut limits, 20);
        limits.rest(Scope::Number, &message(0, "1001", "US.c0"), &app(), at(30_000));
        let again = |limits: &mut Limits, n: u128, now| {
            limits.admit(&message(n, "1001", &format!("US.c{n}")), &app(), at(now))
        };
        assert_eq!(again(&mut limits, 10, 1_000), Some(at(30_000)));
        assert_eq!(again(&mut limits, 11, 1_100), Some(at(30_000)));
        assert_eq!(again(&mut limits, 10, 30_000), None);
        assert_eq!(again(&mut limits, 11, 30_000), Some(at(30_100)));
    }

    #[test]
    fn what_has_not_gone_after_all_counts_once() {
        let mut limits = Limits::new(1);
        let first = message(0, "1001", "US.one");
        for now in [0, 1, 2] {
            assert_eq!(limits.admit(&first, &app(), at(now)), None);
            limits.put_off(first.message_id, at(now));
        }
        let next = message(1, "1001", "US.two");
        assert_eq!(limits.admit(&next, &app(), at(3)), Some(at(1_000)));
    }

    #[test]
    fn a_turn_waits_for_a_rest_that_came_later() {
        let mut limits = Limits::new(1);
        spread(&mut limits, 2);
        let second = message(1, "1001", "US.c1");
        limits.rest(Scope::Number, &second, &app(), at(30_000));
        assert_eq!(limits.admit(&second, &app(), at(1_000)), Some(at(30_000)));
        assert_eq!(limits.admit(&second, &app(), at(30_000)), None);
    }
}
