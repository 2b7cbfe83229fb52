//! Who is who.

use domain::Personal;
use domain::consent::{Said, Wish};
use domain::flow::Held;
use domain::identity::Identifier;
use domain::ids::{ClientId, ProfileId};
use domain::profile::ProfileEvent;
use domain::request::{Outcome, RequestEvent};
use eventstore::{AppendItem, AppendVerdict, ClientLookup, ClientQuery, EventStore};

use crate::support::*;

const PHONE: &str = "+5511987654321";
const VARIANT: &str = "+551187654321";

async fn lookup(
    store: &EventStore,
    received: &[domain::identity::Identifier],
    variants: &[domain::identity::Identifier],
) -> ClientLookup {
    let (identifiers, variants) = (received.to_vec(), variants.to_vec());
    let query = ClientQuery { identifiers, variants, at: None };
    store.lookup_client(&company("acme"), &query).await.unwrap()
}

#[tokio::test]
async fn nobody_is_known_at_first_nor_in_another_company() {
    let store = store().await;
    assert_eq!(lookup(&store, &[phone(PHONE)], &[]).await, ClientLookup::default());
    let (profile, client) = (new_profile(), new_client());
    let events = vec![created(profile, client, &[phone(PHONE)])];
    appended(&store, item().of("other").profile(profile, 0, events)).await;
    assert_eq!(lookup(&store, &[phone(PHONE)], &[]).await, ClientLookup::default());
}

#[tokio::test]
async fn a_request_makes_its_client_known_by_all_that_it_named() {
    let store = store().await;
    let (request, client) = (new_request(), new_client());
    let event = requested(request, client, &[phone(PHONE), bsuid("BR.abc")]);
    appended(&store, item().request(request, 0, vec![event])).await;
    for identifier in [phone(PHONE), bsuid("BR.abc")] {
        assert_eq!(lookup(&store, &[identifier], &[]).await.clients, [client]);
    }
}

#[tokio::test]
async fn a_message_that_names_two_clients_finds_the_older_first() {
    let store = store().await;
    let (older, newer) = (new_client(), new_client());
    for (client, identifier) in [(older, phone(PHONE)), (newer, bsuid("BR.abc"))] {
        let request = new_request();
        let event = requested(request, client, &[identifier]);
        appended(&store, item().request(request, 0, vec![event])).await;
    }
    let both = [bsuid("BR.abc"), phone(PHONE)];
    assert_eq!(lookup(&store, &both, &[]).await.clients, [older, newer]);

    // Nobody has recorded that they are one: the identifier of the newer one leads there only.
    let request = new_request();
    appended(&store, item().request(request, 0, vec![requested(request, older, &both)])).await;
    assert_eq!(lookup(&store, &[bsuid("BR.abc")], &[]).await.clients, [newer]);
    assert_eq!(lookup(&store, &both, &[]).await.same_as, [newer]);
}

/// A client that one bsuid leads to, with a profile.
async fn known_by(store: &EventStore, id: &str) -> (ClientId, ProfileId) {
    let (profile, client) = (new_profile(), new_client());
    let events = vec![created(profile, client, &[bsuid(id)])];
    appended(store, item().profile(profile, 0, events)).await;
    (client, profile)
}

/// A message into a room of the profile, to which nothing else has happened yet, links clients.
async fn link(store: &EventStore, profile: ProfileId, client_id: ClientId, same_as: &[ClientId]) {
    let linked = ProfileEvent::ClientsLinked { client_id, same_as: same_as.to_vec(), at: at(1) };
    appended(store, item().profile(profile, 1, vec![linked])).await;
}

#[tokio::test]
async fn clients_that_are_linked_are_found_together_whatever_leads_to_one_of_them() {
    let store = store().await;
    let (oldest, of_oldest) = known_by(&store, "BR.one").await;
    let (second, of_second) = known_by(&store, "BR.two").await;
    let (third, of_third) = known_by(&store, "BR.three").await;
    let all = [bsuid("BR.three"), bsuid("BR.one"), bsuid("BR.two")];
    assert_eq!(lookup(&store, &all, &[]).await.same_as, [second, third]);

    link(&store, of_third, second, &[third]).await;
    let found = lookup(&store, &all[..1], &[]).await;
    assert_eq!((found.clients, found.same_as), (vec![second, third], vec![]));
    assert_eq!(lookup(&store, &all, &[]).await.same_as, [second], "third follows it");

    link(&store, of_second, oldest, &[second]).await;
    for identifier in all {
        let found = lookup(&store, &[identifier], &[]).await;
        assert_eq!(found.clients, [oldest, second, third]);
        assert_eq!(found.same_as, []);
        let mut profiles: Vec<_> = found.profiles.into_iter().map(|(id, _)| id).collect();
        profiles.sort();
        let mut expected = vec![of_oldest, of_second, of_third];
        expected.sort();
        assert_eq!(profiles, expected);
    }
    assert_eq!(store.check(|_| {}).await.unwrap(), []);
}

#[tokio::test]
async fn who_is_known_by_another_bsuid_is_not_the_same_for_a_number() {
    let store = store().await;
    let (holder, of_holder) = (new_client(), new_profile());
    let events = vec![created(of_holder, holder, &[phone(PHONE), bsuid("BR.holder")])];
    appended(&store, item().profile(of_holder, 0, events)).await;
    let (writer, _) = known_by(&store, "BR.writer").await;

    let found = lookup(&store, &[bsuid("BR.writer"), phone(PHONE)], &[]).await;
    assert_eq!((found.clients, found.same_as), (vec![writer], vec![]), "the number was given away");
    let found = lookup(&store, &[bsuid("BR.new"), phone(PHONE)], &[]).await;
    assert_eq!(found.clients, [holder], "as far as anybody knows it has a new bsuid");
    let both = [bsuid("BR.writer"), bsuid("BR.holder"), phone(PHONE)];
    assert_eq!(lookup(&store, &both, &[]).await.same_as, [writer], "a message says so");
}

#[tokio::test]
async fn what_has_become_known_meanwhile_counts_when_clients_are_linked() {
    let store = store().await;
    let (oldest, of_oldest) = known_by(&store, "BR.one").await;
    let (second, of_second) = known_by(&store, "BR.two").await;
    let (third, of_third) = known_by(&store, "BR.three").await;
    link(&store, of_third, second, &[third]).await;
    link(&store, of_oldest, oldest, &[third]).await;
    link(&store, of_second, oldest, &[second, third]).await;
    let found = lookup(&store, &[bsuid("BR.two")], &[]).await;
    assert_eq!((found.clients, found.same_as), (vec![oldest, second, third], vec![]));
    assert_eq!(store.check(|_| {}).await.unwrap(), []);
}

#[tokio::test]
async fn profiles_are_tied_exactly_by_variant_or_by_a_room_only() {
    let store = store().await;
    let client = new_client();
    let [holds, same_client, variant, room_only, stranger] = std::array::from_fn(|_| new_profile());
    let someone = new_client();
    for (profile, events) in [
        (holds, vec![created(holds, client, &[phone(PHONE)])]),
        (same_client, vec![created(same_client, client, &[bsuid("BR.abc")])]),
        (variant, vec![created(variant, new_client(), &[phone(VARIANT)])]),
        (
            room_only,
            vec![
                created(room_only, someone, &[phone("+447700900123")]),
                reserved(new_room(), client, "michael", "200"),
            ],
        ),
        (stranger, vec![created(stranger, new_client(), &[phone("+447700900999")])]),
    ] {
        appended(&store, item().profile(profile, 0, events)).await;
    }

    let found = lookup(&store, &[phone(PHONE)], &[phone(VARIANT)]).await;

    assert_eq!(found.clients, [client], "a variant leads to no client");
    let by_tie = |tie| -> Vec<ProfileId> {
        found.profiles.iter().filter(|(_, held)| *held == tie).map(|(id, _)| *id).collect()
    };
    let mut exactly = vec![holds, same_client];
    exactly.sort();
    assert_eq!(by_tie(Held::Exactly), exactly);
    assert_eq!(by_tie(Held::ByVariant), [variant]);
    assert_eq!(by_tie(Held::RoomOnly), [room_only]);
    assert_eq!(found.profiles.len(), 4);
}

#[tokio::test]
async fn a_profile_is_found_by_an_identifier_of_its_client_that_was_not_received() {
    let store = store().await;
    let (profile, client, request) = (new_profile(), new_client(), new_request());
    let known_by_both = requested(request, client, &[phone(PHONE), bsuid("BR.abc")]);
    appended(&store, item().request(request, 0, vec![known_by_both])).await;
    // A profile of somebody else, who was known before, by the same phone.
    let (other, greeting) = (new_client(), new_request());
    let greeted = requested(greeting, other, &[bsuid("BR.other")]);
    appended(&store, item().request(greeting, 0, vec![greeted])).await;
    let entered = vec![created(profile, other, &[phone(PHONE)])];
    appended(&store, item().profile(profile, 0, entered)).await;

    let found = lookup(&store, &[bsuid("BR.abc")], &[]).await;

    assert_eq!(found.profiles, [(profile, Held::Exactly)]);
}

#[tokio::test]
async fn several_are_looked_up_at_once() {
    let store = store().await;
    let clients = [new_client(), new_client()];
    for (client, id) in clients.into_iter().zip(["BR.a", "BR.b"]) {
        let request = new_request();
        let event = requested(request, client, &[bsuid(id)]);
        appended(&store, item().request(request, 0, vec![event])).await;
    }
    let queries = ["BR.b", "BR.nobody", "BR.a", "BR.b"]
        .map(|id| ClientQuery { identifiers: vec![bsuid(id)], ..ClientQuery::default() });

    let found = store.look_up(&company("acme"), &[], &queries, &[]).await.unwrap().clients;

    let [a, b] = clients;
    let found: Vec<_> = found.into_iter().map(|lookup| lookup.clients).collect();
    assert_eq!(found, [vec![b], vec![], vec![a], vec![b]]);
}

#[tokio::test]
async fn identifiers_that_are_added_lead_to_profile_and_client() {
    let store = store().await;
    let (profile, client) = (new_profile(), new_client());
    let events = vec![
        created(profile, client, &[phone(PHONE)]),
        ProfileEvent::IdentifiersAdded { identifiers: [bsuid("BR.new").into()].into(), at: at(1) },
    ];
    appended(&store, item().profile(profile, 0, events)).await;

    let found = lookup(&store, &[bsuid("BR.new")], &[]).await;

    assert_eq!(
        found,
        ClientLookup {
            clients: vec![client],
            profiles: vec![(profile, Held::Exactly)],
            ..ClientLookup::default()
        }
    );
    assert_eq!(store.check(|_| {}).await.unwrap(), []);
}

/// Who has the phone number at a moment.
async fn holder(store: &EventStore, seconds: i64) -> ClientLookup {
    let identifiers = vec![phone(PHONE)];
    let query = ClientQuery { identifiers, at: Some(at(seconds)), ..ClientQuery::default() };
    store.lookup_client(&company("acme"), &query).await.unwrap()
}

#[tokio::test]
async fn a_number_that_is_given_out_again_leads_to_whoever_had_it_then() {
    let store = store().await;
    let (before, after) = (new_client(), new_client());
    let (profile, number) = (new_profile(), || [Personal::new(phone(PHONE))].into());
    let events = vec![created(profile, before, &[phone(PHONE), bsuid("BR.before")])];
    appended(&store, item().profile(profile, 0, events)).await;
    let request = new_request();
    let left = RequestEvent::IdentifiersLeft {
        client_id: before,
        identifiers: number(),
        since: at(10),
        at: at(11),
    };
    let told = vec![
        requested(request, before, &[phone(PHONE), bsuid("BR.now")]),
        left,
        ended(Outcome::Ignored),
    ];
    appended(&store, item().request(request, 0, told)).await;

    let then = holder(&store, 10).await;
    assert_eq!((then.clients, then.moved), (vec![before], true));
    assert_eq!(then.profiles, [(profile, Held::Exactly)]);
    let now = holder(&store, 11).await;
    assert_eq!((now.clients, now.moved, now.vacated), (vec![], false, number()));
    assert_eq!(now.profiles, [], "the profile is its former holder's");

    // Somebody else, new to the company, is given it.
    let request = new_request();
    let taken_over =
        RequestEvent::IdentifiersTakenOver { client_id: after, identifiers: number(), at: at(20) };
    let events = vec![
        requested(request, after, &[phone(PHONE), bsuid("BR.after")]),
        taken_over,
        ended(Outcome::ExtensionMissing),
    ];
    appended(&store, item().request(request, 0, events)).await;
    let now = holder(&store, 21).await;
    assert_eq!((now.clients, now.vacated), (vec![after], [].into()));
    assert_eq!(holder(&store, 9).await.clients, [before], "what comes late");
    let still = lookup(&store, &[bsuid("BR.now")], &[]).await;
    assert_eq!((still.clients, still.profiles), (vec![before], vec![(profile, Held::Exactly)]));
    assert_eq!(store.check(|_| {}).await.unwrap(), []);
}

/// A request in which a client says something about templates.
fn saying(client: ClientId, from: &Identifier, word: RequestEvent) -> AppendItem {
    let request = new_request();
    let events =
        vec![requested(request, client, std::slice::from_ref(from)), word, ended(Outcome::Stopped)];
    item().request(request, 0, events)
}

#[tokio::test]
async fn of_all_that_a_client_says_about_templates_what_it_sent_last_counts() {
    let store = store().await;
    let (client, from) = (new_client(), phone(PHONE));
    let said = async || lookup(&store, std::slice::from_ref(&from), &[]).await.said;
    assert_eq!(said().await, None);
    let stop = |second| Some(Said { wish: Wish::Stop, sent_at: at(second) });
    let start = |second| Some(Said { wish: Wish::Start, sent_at: at(second) });
    for (word, counts) in [
        (started(client, 3), start(3)),
        (stopped(client, 5), stop(5)),
        (started(client, 4), stop(5)),
        (started(client, 5), stop(5)),
        (started(client, 6), start(6)),
        (stopped(client, 6), stop(6)),
    ] {
        appended(&store, saying(client, &from, word)).await;
        assert_eq!(said().await, counts);
    }
    // Several in one call, and those of others.
    let (other, its_own) = (new_client(), bsuid("BR.other"));
    let items = [
        saying(client, &from, started(client, 9)),
        saying(other, &its_own, stopped(other, 7)),
        saying(client, &from, stopped(client, 8)),
    ];
    let verdicts = store.append(&items).await.unwrap();
    assert!(verdicts.iter().all(|it| matches!(it, AppendVerdict::Appended(_))), "{verdicts:?}");
    assert_eq!(said().await, start(9));
    assert_eq!(lookup(&store, std::slice::from_ref(&its_own), &[]).await.said, stop(7));
    assert_eq!(lookup(&store, &[from.clone(), its_own], &[]).await.said, start(9), "of both");
    assert_eq!(store.check(|_| {}).await.unwrap(), []);
}

#[tokio::test]
async fn a_client_may_come_back_to_its_number() {
    let store = store().await;
    let (client, request) = (new_client(), new_request());
    let number = || [Personal::new(phone(PHONE))].into();
    let events = vec![
        requested(request, client, &[phone(PHONE), bsuid("BR.abc")]),
        RequestEvent::IdentifiersLeft {
            client_id: client,
            identifiers: number(),
            since: at(10),
            at: at(11),
        },
        ended(Outcome::Ignored),
    ];
    appended(&store, item().request(request, 0, events)).await;
    let request = new_request();
    let events = vec![
        requested(request, client, &[phone(PHONE), bsuid("BR.abc")]),
        RequestEvent::IdentifiersTakenOver { client_id: client, identifiers: number(), at: at(20) },
        ended(Outcome::ExtensionMissing),
    ];
    appended(&store, item().request(request, 0, events)).await;
    let now = holder(&store, 21).await;
    assert_eq!((now.clients, now.moved, now.vacated), (vec![client], false, [].into()));
    assert_eq!(store.check(|_| {}).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_not_recorded_was_not_said() {
    let store = store().await;
    let (client, from) = (new_client(), phone(PHONE));
    let first = saying(client, &from, started(client, 1));
    appended(&store, first.clone()).await;
    let lost = saying(client, &from, stopped(client, 2)).pool("acme_main", 7, vec![]);
    let items = [saying(client, &from, started(client, 3)).of("other"), lost, first];
    let verdicts = store.append(&items).await.unwrap();
    assert!(
        matches!(verdicts[..], [AppendVerdict::Appended(_), AppendVerdict::Lost(_), _]),
        "{verdicts:?}"
    );
    let said = lookup(&store, &[from], &[]).await.said;
    assert_eq!(said, Some(Said { wish: Wish::Start, sent_at: at(1) }));
    assert_eq!(store.check(|_| {}).await.unwrap(), []);
}

#[tokio::test]
async fn the_oldest_profile_holds_a_phone_number() {
    let store = store().await;
    let (first, second) = (new_profile(), new_profile());
    let acme = company("acme");
    let number = PHONE.parse().unwrap();
    assert_eq!(store.phone_holder(&acme, &number).await.unwrap(), None);
    let client = new_client();
    for profile in [first, second] {
        let events = vec![created(profile, client, &[phone(PHONE)])];
        appended(&store, item().profile(profile, 0, events)).await;
    }
    assert_eq!(store.phone_holder(&acme, &number).await.unwrap(), Some(first));
    assert_eq!(store.phone_holder(&acme, &VARIANT.parse().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn rooms_and_messages_are_found_in_their_company_only() {
    let store = store().await;
    let (client, profile, room) = (new_client(), new_profile(), new_room());
    let request = domain::ids::RequestId::from_uuid(room.as_uuid());
    let item = item()
        .profile(
            profile,
            0,
            vec![
                created(profile, client, &[]),
                reserved(room, client, "michael", "200"),
                invited(room),
            ],
        )
        .request(
            request,
            0,
            vec![requested(request, client, &[phone(PHONE)]), accepted(request, 0, "wamid.OUT")],
        );
    appended(&store, item).await;
    let (acme, other) = (company("acme"), company("other"));

    let found = store.room(&acme, room).await.unwrap().unwrap();
    assert_eq!((found.profile_id, found.request_id, found.client_id), (profile, request, client));
    assert_eq!(found.phase, domain::profile::RoomPhase::Invited);
    assert_eq!(store.profile_of_room(&acme, room).await.unwrap(), Some(profile));
    assert_eq!(store.profile_of_room(&other, room).await.unwrap(), None);

    let wamid = "wamid.OUT".parse().unwrap();
    let message = store.find_message(&acme, &wamid).await.unwrap().unwrap();
    assert_eq!(message.request_id, request);
    assert_eq!(message.message_id, domain::ids::MessageId::of(request, 0));
    assert_eq!(store.find_message(&other, &wamid).await.unwrap(), None);
}
