//! One secondary number joins or leaves a pool, in a real Postgres.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{apply, operator, store};
use directory::{Changed, DirectoryStore};
use domain::company::Line;
use domain::flow::OperatorRefusal;
use domain::ids::CompanyId;
use domain::input::{NewNumber, OperatorCommand, OperatorRequest, Timestamp};

const TWO: &str = "companies:
- id: acme
  name: ACME
  organizational_units: [{id: sales, name: Sales}]
  official_accounts:
  - {phone_number_id: '1000', display_number: '+12025550100', app: one}
  - {phone_number_id: '1001', display_number: '+12025550101', app: one}
  - {phone_number_id: '1009', display_number: '+12025550109', app: one}
  - {phone_number_id: '1010', display_number: '+12025550110', app: two}
  pools:
  - {id: main, primary: '1000', secondaries: [{phone_number_id: '1001', capacity: 5}], organizational_units: [sales]}
- id: beta
  name: Beta
  official_accounts:
  - {phone_number_id: '2000', display_number: '+12025550120', app: one}
";

fn acme() -> CompanyId {
    "acme".parse().unwrap()
}

fn at() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn new(number: &str, display: &str) -> NewNumber {
    NewNumber {
        pool: "main".parse().unwrap(),
        number: number.parse().unwrap(),
        display_number: display.parse().unwrap(),
        country: None,
        capacity: None,
    }
}

fn asked(operation: u32, request: OperatorRequest) -> OperatorCommand {
    OperatorCommand {
        operation_id: format!("00000000-0000-0000-0000-{operation:012}").parse().unwrap(),
        actor: operator(),
        at: at(),
        expected_version: None,
        request,
    }
}

async fn add(store: &DirectoryStore, operation: u32, new: NewNumber) -> Changed {
    let command = asked(operation, OperatorRequest::AddNumber(new.clone()));
    store.add_number(&acme(), &new, &command, at()).await.unwrap()
}

async fn remove(store: &DirectoryStore, operation: u32, number: &str) -> Changed {
    let number = number.parse().unwrap();
    let command = asked(operation, OperatorRequest::RemoveNumber { number });
    store.remove_number(&acme(), &number_of(&command), &command, at()).await.unwrap()
}

fn number_of(command: &OperatorCommand) -> domain::ids::PhoneNumberId {
    match &command.request {
        OperatorRequest::RemoveNumber { number } => number.clone(),
        other => panic!("{other:?}"),
    }
}

/// The numbers that carry rooms, with their countries and capacities.
async fn carries(store: &DirectoryStore) -> Vec<(String, String, Option<u32>)> {
    let version = store.latest(&acme()).await.unwrap().unwrap();
    let picture = store.picture(&acme(), version).await.unwrap().unwrap();
    let specs = picture.pools().values().flatten();
    specs.map(|it| (it.number.to_string(), it.country.to_string(), it.capacity)).collect()
}

#[tokio::test]
async fn a_number_joins_a_pool_and_leaves_it_each_in_a_version_of_its_own() {
    let (store, _) = store("number").await;
    apply(&store, TWO).await.unwrap();
    let germans = NewNumber {
        country: Some("DE".parse().unwrap()),
        capacity: Some(7),
        ..new("1002", "+12025550102")
    };
    assert_eq!(add(&store, 1, germans.clone()).await, Ok(2));
    let expected = |number: &str, country: &str, most: Option<u32>| {
        (number.to_owned(), country.to_owned(), most)
    };
    let both = [expected("1001", "US", Some(5)), expected("1002", "DE", Some(7))];
    assert_eq!(carries(&store).await, both);
    assert_eq!(store.versions().await.unwrap()[1].actor, operator());
    let (number, owner) = ("1002".parse().unwrap(), acme());
    let numbers = store.numbers().await.unwrap();
    assert!(numbers.contains(&(number, owner, "one".parse().unwrap())), "{numbers:?}");

    assert_eq!(add(&store, 2, germans).await, Ok(2), "it is so");
    assert_eq!(remove(&store, 3, "1001").await, Ok(3));
    assert_eq!(carries(&store).await, [expected("1002", "DE", Some(7))]);
    let picture = store.picture(&acme(), 3).await.unwrap().unwrap();
    assert_eq!(picture.line(&"1001".parse().unwrap()), Some(Line::Unpooled), "it stays known");
    assert_eq!(remove(&store, 4, "1001").await, Ok(3), "it is so");
    assert_eq!(store.versions().await.unwrap().len(), 3);
}

/// As if the process had died between the version and what is recorded of the command.
#[tokio::test]
async fn the_same_command_makes_one_version_whatever_came_after_it() {
    let (store, _) = store("number_again").await;
    apply(&store, TWO).await.unwrap();
    assert_eq!(add(&store, 1, new("1002", "+12025550102")).await, Ok(2));
    assert_eq!(remove(&store, 2, "1002").await, Ok(3));
    assert_eq!(add(&store, 1, new("1002", "+12025550102")).await, Ok(2));
    assert_eq!(carries(&store).await.len(), 1, "it was not added again");
    assert_eq!(store.versions().await.unwrap().len(), 3);
}

#[tokio::test]
async fn an_account_that_is_in_no_pool_joins_as_it_is() {
    let (store, _) = store("number_unpooled").await;
    apply(&store, TWO).await.unwrap();
    assert_eq!(add(&store, 1, new("1009", "+12025550109")).await, Ok(2));
    assert_eq!(carries(&store).await.len(), 2);
}

#[tokio::test]
async fn what_a_file_may_not_say_is_refused() {
    let (store, _) = store("number_refused").await;
    apply(&store, TWO).await.unwrap();
    let id = |number: &str| number.parse().unwrap();
    let elsewhere = NewNumber { pool: "other".parse().unwrap(), ..new("1002", "+12025550102") };
    let empty = NewNumber { capacity: Some(0), ..new("1002", "+12025550102") };
    for (new, refusal) in [
        (elsewhere, OperatorRefusal::UnknownPool("other".parse().unwrap())),
        (empty, OperatorRefusal::CapacityOutOfRange),
        (new("1001", "+12025550101"), OperatorRefusal::NumberExists(id("1001"))),
        (new("1000", "+12025550100"), OperatorRefusal::NumberExists(id("1000"))),
        (new("1009", "+12025550108"), OperatorRefusal::NumberExists(id("1009"))),
        (new("1010", "+12025550110"), OperatorRefusal::OtherApp(id("1010"))),
        (new("1002", "+12025550101"), OperatorRefusal::DisplayNumberTaken(id("1001"))),
        (new("2000", "+12025550120"), OperatorRefusal::NumberTaken(id("2000"))),
    ] {
        assert_eq!(add(&store, 1, new).await, Err(refusal));
    }
    let primary = OperatorRefusal::NumberIsPrimary(id("1000"));
    assert_eq!(remove(&store, 2, "1000").await, Err(primary));
    assert_eq!(remove(&store, 2, "4711").await, Err(OperatorRefusal::UnknownNumber(id("4711"))));
    assert_eq!(store.latest(&acme()).await.unwrap(), Some(1));
}
