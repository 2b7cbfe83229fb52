//! A room that is given to another user, in a real Postgres.

use domain::ids::{ClientId, ProfileId, RoomId};
use domain::profile::ClientProfile;
use eventstore::{
    AppendItem, AppendVerdict, EventStore, FindingKind, Loss, Positions, RoomConstraint,
};

use crate::support::*;

/// A client whose room with Michael on number 200 is active: four events.
struct Given {
    store: EventStore,
    client: ClientId,
    profile: ProfileId,
    room: RoomId,
}

async fn given() -> Given {
    let store = store().await;
    let (client, profile, room) = (new_client(), new_profile(), new_room());
    let history = vec![
        created(profile, client, &[]),
        reserved(room, client, "michael", "200"),
        invited(room),
        activated(room),
    ];
    appended(&store, item().profile(profile, 0, history)).await;
    Given { store, client, profile, room }
}

impl Given {
    /// The room goes from Michael to Anna.
    fn to_anna(&self) -> AppendItem {
        item().profile(self.profile, 4, vec![reassigned(self.room, "michael", "anna")])
    }

    async fn user(&self) -> String {
        let room = self.store.room(&company("acme"), self.room).await.unwrap();
        room.unwrap().user_id.to_string()
    }
}

const fn positions(first: u64, last: u64) -> Positions {
    Positions { first: Some(first), last: Some(last) }
}

#[tokio::test]
async fn the_room_is_found_with_its_new_user_and_no_more_with_the_one_before() {
    let given = given().await;
    let to_anna = given.to_anna();
    let verdicts = given.store.append(std::slice::from_ref(&to_anna)).await.unwrap();
    assert_eq!(verdicts, [AppendVerdict::Appended(positions(5, 5))]);
    assert_eq!(given.user().await, "anna");
    let open = async |user: &str| {
        let user = user.parse().unwrap();
        given.store.open_room_with(&company("acme"), given.client, &user).await.unwrap()
    };
    assert_eq!(open("anna").await, Some((given.profile, given.room)));
    assert_eq!(open("michael").await, None);

    let again = given.store.append(&[to_anna]).await.unwrap();
    assert!(matches!(again[0], AppendVerdict::Duplicate(_)), "{again:?}");
    assert_eq!(given.store.last_position().await.unwrap(), 5);
    assert_eq!(kinds(&given.store).await, [FindingKind::PoolLoad], "there is no pool here");
}

/// What the check finds.
async fn kinds(store: &EventStore) -> Vec<FindingKind> {
    let findings = store.check(|_| {}).await.unwrap();
    let mut kinds: Vec<_> = findings.iter().map(|finding| finding.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn what_comes_before_and_after_it_in_one_call_is_recorded_in_its_order() {
    let given = given().await;
    let (second, other) = (new_room(), new_profile());
    let items = [
        item().of("other").profile(other, 0, vec![created(other, new_client(), &[])]),
        given.to_anna(),
        // Michael is free for the client by now, and so is another number.
        item().profile(given.profile, 5, vec![reserved(second, given.client, "michael", "201")]),
    ];
    let verdicts = given.store.append(&items).await.unwrap();
    let expected = [positions(5, 5), positions(6, 6), positions(7, 7)];
    assert_eq!(verdicts, expected.map(AppendVerdict::Appended));
    assert_eq!(given.user().await, "anna");
}

#[tokio::test]
async fn a_client_has_one_open_room_with_a_user_also_across_profiles() {
    let given = given().await;
    let (other, with_anna, third) = (new_profile(), new_room(), new_profile());
    let elsewhere =
        vec![created(other, given.client, &[]), reserved(with_anna, given.client, "anna", "201")];
    appended(&given.store, item().profile(other, 0, elsewhere)).await;
    let of_another_lane = vec![created(third, new_client(), &[])];
    let items = [
        given.to_anna(),
        item().profile(given.profile, 5, vec![assigned("anna")]),
        item().of("other").profile(third, 0, of_another_lane),
    ];
    let verdicts = given.store.append(&items).await.unwrap();
    let constraint = RoomConstraint::ClientUser;
    let open = Loss::RoomOpen { constraint, room_id: with_anna };
    let expected = [
        AppendVerdict::Lost(open),
        AppendVerdict::Lost(Loss::LaneBehind),
        AppendVerdict::Appended(positions(7, 7)),
    ];
    assert_eq!(verdicts, expected);
    assert_eq!(given.user().await, "michael", "nothing of it is recorded");
    assert_eq!(given.store.load::<ClientProfile>(&given.profile).await.unwrap().version, 4);

    // The other room ends, and nothing stands in the way.
    appended(&given.store, item().profile(other, 2, vec![closed(with_anna, None)])).await;
    appended(&given.store, given.to_anna()).await;
    assert_eq!(given.user().await, "anna");
}

#[tokio::test]
async fn it_is_not_recorded_after_an_earlier_item_of_its_lane_lost() {
    let given = given().await;
    let too_late = item().profile(given.profile, 2, vec![assigned("anna")]);
    let verdicts = given.store.append(&[too_late, given.to_anna()]).await.unwrap();
    assert!(matches!(verdicts[0], AppendVerdict::Lost(Loss::VersionConflict { .. })));
    assert_eq!(verdicts[1], AppendVerdict::Lost(Loss::LaneBehind));
    assert_eq!(given.user().await, "michael");
}

#[tokio::test]
async fn one_that_was_decided_on_something_older_loses() {
    let given = given().await;
    appended(&given.store, item().profile(given.profile, 4, vec![assigned("carl")])).await;
    let verdicts = given.store.append(&[given.to_anna()]).await.unwrap();
    assert!(matches!(verdicts[0], AppendVerdict::Lost(Loss::VersionConflict { found: 5, .. })));
    assert_eq!(given.user().await, "michael");
}

#[tokio::test]
async fn the_pair_of_a_closed_room_rests_for_the_user_it_had_last() {
    let given = given().await;
    appended(&given.store, given.to_anna()).await;
    let close = item().profile(given.profile, 5, vec![closed(given.room, Some(at(100)))]);
    appended(&given.store, close).await;
    let reserve = |user| {
        let event = reserved(new_room(), given.client, user, "200");
        item().at(at(50)).profile(given.profile, 6, vec![event])
    };
    let michael = given.store.append(&[reserve("michael")]).await.unwrap();
    assert_eq!(michael, [AppendVerdict::Lost(Loss::PairQuarantined)]);
    appended(&given.store, reserve("anna")).await;
    assert_eq!(kinds(&given.store).await, [FindingKind::PoolLoad], "there is no pool here");
}

#[tokio::test]
async fn the_check_finds_a_row_that_still_has_the_user_before() {
    let given = given().await;
    appended(&given.store, given.to_anna()).await;
    tamper(&given.store, "UPDATE rooms SET user_id = 'michael'").await;
    assert!(kinds(&given.store).await.contains(&FindingKind::Rooms));
}
