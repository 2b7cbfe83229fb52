//! One user's extension is changed, in a real Postgres.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{apply, operator, store};
use directory::{DirectoryStore, ExtensionSet};
use domain::Extension;
use domain::ids::CompanyId;
use domain::input::Timestamp;

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

async fn set(store: &DirectoryStore, user: &str, extension: Option<&str>) -> ExtensionSet {
    let extension: Option<Extension> = extension.map(|text| text.parse().unwrap());
    let at: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let user = user.parse().unwrap();
    store.set_extension(&acme(), &user, extension.as_ref(), &operator(), at).await.unwrap()
}

#[tokio::test]
async fn each_change_is_a_version_with_nothing_else_changed() {
    let (store, _) = store("extension").await;
    apply(&store, ACME).await.unwrap();
    assert_eq!(set(&store, "carl", Some("Carl")).await, ExtensionSet::Version(2));
    assert_eq!(set(&store, "carl", Some("carl")).await, ExtensionSet::Version(2), "it is so");
    assert_eq!(set(&store, "anna", None).await, ExtensionSet::Version(3));
    assert_eq!(set(&store, "carl", Some("an")).await, ExtensionSet::Version(4), "it was given up");

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
    let taken = |user: &str| ExtensionSet::Taken(user.parse().unwrap());
    assert_eq!(set(&store, "carl", Some("an")).await, taken("anna"));
    assert_eq!(set(&store, "carl", Some("BEN")).await, taken("ben"));
    assert_eq!(set(&store, "zoe", Some("zoe")).await, ExtensionSet::NoSuchUser);
    assert_eq!(store.latest(&acme()).await.unwrap(), Some(1));
}
