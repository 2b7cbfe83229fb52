//! The companies' configuration, in versions, and the picture of it that decisions use.
//!
//! An operator writes a YAML file (`deploy/directory.example.yaml` explains it).
//! [`parse_and_validate`] reads it and tells every fault with its line;
//! [`DirectoryStore::apply`] makes it the next version; [`Picture`] is one company
//! at one version in memory, which answers what a decision asks without waiting.
//!
//! [`access`] has the tokens with which a company's people and programs call the API: not part of the
//! versions, because they come and go without changing what is decided.
//!
//! **Architecture invariant:** a version never changes once it is there. A decision
//! records the version it was made with, and that version can be read for ever.
//!
//! Deliberately absent: removing a company (a file describes the companies that it
//! names, the others stay as they are; an empty company is one without users and
//! pools), and secrets of apps, which are the deployment's.

pub mod access;
mod diff;
mod error;
mod file;
mod model;
mod numbers;
mod picture;
mod store;

pub use diff::{Change, ChangeKind};
pub use error::{DirectoryError, TakenNumber};
pub use file::{Fault, parse_and_validate};
pub use model::{
    Company, Directory, ExternalCompany, Features, LimitSpec, OfficialAccount, OrganizationalUnit,
    Pool, Secondary, TimingSpec, User,
};
pub use picture::Picture;
pub use store::{Applied, Changed, DirectoryStore, VersionInfo};
