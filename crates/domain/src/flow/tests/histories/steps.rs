//! What can happen to a small company.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::identity::Sender;
use crate::outbound::DeliveryStatus;
use crate::personal::Personal;
use crate::pool::Service;
use crate::testing::{DAY, HOUR, MINUTE, PRIMARY, from_bsuid, from_phone, id};

/// Up to 40 things, each some time after the one before.
pub(super) fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
    prop::collection::vec(step(), 1..40)
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Writes { client: usize, to: &'static str, text: &'static str, late: i64, draw: u64 },
    WritesAgain(Index),
    IsRegistered { client: usize, external: bool, user: Option<&'static str> },
    IsInvitedAgain { room: Index },
    IsReassigned { room: Index, user: &'static str },
    IsClosed { room: Index },
    IsArchived { profile: Index },
    IsBlocked { profile: Index, blocked: bool },
    IsPromoted { request: Index, draw: u64 },
    IsSet { number: &'static str, service: Service },
    Reports { message: Index, attempt: u32, result: Answer },
    Tells { message: Index, status: DeliveryStatus, with_reason: bool },
    TimesOut { room: Index, stale: bool },
    Publishes { numbers: u8, capacity: Option<u32>, parent: bool },
    Switches { auto_promotion: bool, unique_phone_number: bool, ben: bool },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Attempted,
    Took,
    Refused,
    Unhealthy,
    WindowClosed,
    Lost,
}

/// A step, and how many seconds after the last it comes.
fn step() -> impl Strategy<Value = (Step, i64)> {
    let texts = ["#anna", "#ben", "#carl", "#nobody", "hello", "STOP", " start"];
    let numbers = [PRIMARY, PRIMARY, PRIMARY, "2001", "2002", "3001", "9999"];
    let late = [1, 1, 1, 1, HOUR, DAY + 1];
    let writes = (
        0..CLIENTS,
        prop::sample::select(numbers.to_vec()),
        prop::sample::select(texts.to_vec()),
        prop::sample::select(late.to_vec()),
        any::<u64>(),
    );
    use Answer::{Attempted, Lost, Refused, Took, Unhealthy, WindowClosed};
    let results = [Attempted, Took, Took, Refused, Unhealthy, WindowClosed, Lost];
    let reports = (any::<Index>(), 1..4_u32, prop::sample::select(results.to_vec()));
    let tells = (any::<Index>(), status(), any::<bool>());
    let user = prop::option::of(prop::sample::select(&["anna", "ben"][..]));
    let registered = (0..CLIENTS, any::<bool>(), user);
    let reassigned = (any::<Index>(), prop::sample::select(&["anna", "ben", "carl", "zoe"][..]));
    let services = [Service::InService, Service::Suspended, Service::Draining];
    let set = (
        prop::sample::select(&["2001", "2002", "3001"][..]),
        prop::sample::select(services.to_vec()),
    );
    let publishes = (0..8_u8, prop::option::of(1..3_u32), any::<bool>());
    let step = prop_oneof![
        8 => writes.prop_map(|(client, to, text, late, draw)| {
            Step::Writes { client, to, text, late, draw }
        }),
        1 => any::<Index>().prop_map(Step::WritesAgain),
        2 => registered.prop_map(|(client, external, user)| {
            Step::IsRegistered { client, external, user }
        }),
        2 => any::<Index>().prop_map(|room| Step::IsInvitedAgain { room }),
        2 => reassigned.prop_map(|(room, user)| Step::IsReassigned { room, user }),
        2 => any::<Index>().prop_map(|room| Step::IsClosed { room }),
        1 => any::<Index>().prop_map(|profile| Step::IsArchived { profile }),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(profile, blocked)| {
            Step::IsBlocked { profile, blocked }
        }),
        2 => (any::<Index>(), any::<u64>()).prop_map(|(request, draw)| {
            Step::IsPromoted { request, draw }
        }),
        1 => set.prop_map(|(number, service)| Step::IsSet { number, service }),
        7 => reports.prop_map(|(message, attempt, result)| {
            Step::Reports { message, attempt, result }
        }),
        4 => tells.prop_map(|(message, status, with_reason)| {
            Step::Tells { message, status, with_reason }
        }),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(room, stale)| {
            Step::TimesOut { room, stale }
        }),
        1 => publishes.prop_map(|(numbers, capacity, parent)| {
            Step::Publishes { numbers, capacity, parent }
        }),
        1 => (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(auto_promotion, unique_phone_number, ben)| {
                Step::Switches { auto_promotion, unique_phone_number, ben }
            }
        ),
    ];
    let pause = [1, 1, 1, 30, MINUTE + 1, 11 * MINUTE, 2 * HOUR, DAY, 31 * DAY];
    (step, prop::sample::select(pause.to_vec()))
}

fn status() -> impl Strategy<Value = DeliveryStatus> {
    use DeliveryStatus::{Delivered, Failed, Read, Sent};
    prop::sample::select(&[Sent, Delivered, Read, Failed][..])
}

const CLIENTS: usize = 4;

/// A client, who does not always show everything that it is known by.
pub(super) fn client(n: usize, shows_all: bool) -> Sender {
    match n {
        0 if shows_all => {
            let bsuid = Some(Personal::new(id("GB.client0")));
            Sender { bsuid, ..from_phone("+447700900100") }
        }
        0 => from_phone("+447700900100"),
        1 => from_bsuid("GB.client1"),
        2 => from_phone("+12025550102"),
        _ => from_phone("+447700900103"),
    }
}
