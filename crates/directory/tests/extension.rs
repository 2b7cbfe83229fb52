//! One user's extension is changed, in a real Postgres.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{apply, operator, store};
use std::sync::atomic::{AtomicU32, Ordering};

use directory::{Changed, DirectoryStore};
use domain::Extension;
use domain::flow::OperatorRefusal;
use domain::ids::{CompanyId, UserId};
use domain::input::{OperatorCommand, OperatorRequest, Timestamp};

const ACME: &str = "companies:
- id: acme
  name: ACME
  organizational_units: [{id: sales, name: Sales}]
  users:
  - {id: anna, name: Anna, ou: sales, extension: an}
  - {id: ben, name: Ben, ou: sales, extension: ben, active: false}
  - {id: carl, name: Carl, ou: sales}
";

fn acme() -> CompanyId {
    "acme".parse().unwrap()
}

fn at() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn asked(user: &str, extension: Option<&str>) -> OperatorCommand {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let n = COUNT.fetch_add(1, Ordering::Relaxed);
    let extension = extension.map(|text| text.parse().unwrap());
    OperatorCommand {
        operation_id: format!("00000000-0000-0000-0000-{n:012}").parse().unwrap(),
        actor: operator(),
        at: at(),
        expected_version: None,
        request: OperatorRequest::SetUserExtension { user_id: user.parse().unwrap(), extension },
    }
}

async fn set_by(store: &DirectoryStore, command: &OperatorCommand) -> Changed {
    let OperatorRequest::SetUserExtension { user_id, extension } = &command.request else {
        panic!("{command:?}");
    };
    let (user, extension): (&UserId, Option<&Extension>) = (user_id, extension.as_ref());
    store.set_extension(&acme(), user, extension, command, at()).await.unwrap()
}

async fn set(store: &DirectoryStore, user: &str, extension: Option<&str>) -> Changed {
    set_by(store, &asked(user, extension)).await
}

#[tokio::test]
async fn each_change_is_a_version_with_nothing_else_changed() {
    let (store, _) = store("extension").await;
    apply(&store, ACME).await.unwrap();
    assert_eq!(set(&store, "carl", Some("Carl")).await, Ok(2));
    assert_eq!(set(&store, "carl", Some("carl")).await, Ok(2), "it is so");
    assert_eq!(set(&store, "anna", None).await, Ok(3));
    assert_eq!(set(&store, "carl", Some("an")).await, Ok(4), "it was given up");

    let then = store.picture(&acme(), 2).await.unwrap().unwrap();
    let user = |picture: &directory::Picture, extension: &str| {
        let found = picture.user_by_extension(&extension.parse().unwrap());
        found.map(|user| user.user_id.to_string())
    };
    assert_eq!(user(&then, "carl").as_deref(), Some("carl"));
    assert_eq!(user(&then, "an").as_deref(), Some("anna"));
    let now = store.picture(&acme(), 4).await.unwrap().unwrap();
    assert_eq!((user(&now, "carl"), user(&now, "an").as_deref()), (None, Some("carl")));
    assert_eq!(store.versions().await.unwrap()[3].actor, operator());
}

#[tokio::test]
async fn an_extension_of_somebody_else_is_not_given_even_if_they_are_inactive() {
    let (store, _) = store("extension_taken").await;
    apply(&store, ACME).await.unwrap();
    let taken = |user: &str| Err(OperatorRefusal::ExtensionTaken(user.parse().unwrap()));
    assert_eq!(set(&store, "carl", Some("an")).await, taken("anna"));
    assert_eq!(set(&store, "carl", Some("BEN")).await, taken("ben"));
    let nobody = Err(OperatorRefusal::NoSuchUser("zoe".parse().unwrap()));
    assert_eq!(set(&store, "zoe", Some("zoe")).await, nobody);
    assert_eq!(store.latest(&acme()).await.unwrap(), Some(1));
}

#[tokio::test]
async fn who_saw_another_version_changes_nothing_and_who_is_asked_again_finds_what_it_made() {
    let (store, _) = store("extension_version").await;
    apply(&store, ACME).await.unwrap();
    let on = |version| OperatorCommand {
        expected_version: Some(version),
        ..asked("carl", Some("carl"))
    };
    let refusal = OperatorRefusal::VersionMismatch { expected: 2, actual: 1 };
    assert_eq!(set_by(&store, &on(2)).await, Err(refusal));
    let command = on(1);
    assert_eq!(set_by(&store, &command).await, Ok(2));
    assert_eq!(set_by(&store, &command).await, Ok(2), "made before, whatever is so by now");
    let refusal = OperatorRefusal::VersionMismatch { expected: 1, actual: 2 };
    assert_eq!(set_by(&store, &on(1)).await, Err(refusal), "also if it would be so");
    assert_eq!(store.versions().await.unwrap().len(), 2);
}
