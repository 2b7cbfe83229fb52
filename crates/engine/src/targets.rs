//! What an operator's command is about, and whether the operator saw it as it is.

use directory::Picture;
use domain::company::Line;
use domain::flow::check_version;
use domain::ids::{PoolId, ProfileId, RequestId};
use domain::input::{OperatorCommand, OperatorRequest};
use domain::pool::SecondaryNumberPool;
use domain::profile::ClientProfile;
use domain::request::OnboardingRequest;
use eventstore::StreamAppend;
use serde_json::Value;

use crate::decide::{Plan, Undecided};
use crate::lane::Lane;
use crate::operators::answered;
use crate::working_set::{WorkingSet, looked_at};

/// The aggregate whose version counts for a command.
pub(crate) enum Target {
    /// One that the command makes.
    NewProfile(ProfileId),
    Profile(ProfileId),
    Request(RequestId),
    Pool(PoolId),
}

impl Target {
    /// The profile that is there already, if it is one.
    pub(crate) const fn profile(&self) -> Option<ProfileId> {
        match self {
            Self::Profile(id) => Some(*id),
            Self::NewProfile(_) | Self::Request(_) | Self::Pool(_) => None,
        }
    }

    /// An answer that tells of something done has its version with it.
    pub(crate) fn with_version(&self, mut answer: Value, here: &WorkingSet) -> Value {
        let version = match self {
            Self::NewProfile(id) | Self::Profile(id) => here.profiles.here(id).map(|it| it.version),
            Self::Request(id) => here.requests.here(id).map(|it| it.version),
            Self::Pool(id) => here.pools.here(id).map(|it| it.version),
        };
        let is_done = answer["status"] == "done";
        if let (true, Some(object), Some(version)) = (is_done, answer.as_object_mut(), version) {
            object.insert("version".into(), version.into());
        }
        answer
    }
}

impl Lane {
    /// `None`: nothing that the company has, or the directory, whose version is looked at where the
    /// next one is made.
    pub(crate) async fn target_of(
        &mut self,
        picture: &Picture,
        command: &OperatorCommand,
    ) -> Result<Option<Target>, Undecided> {
        Ok(match &command.request {
            OperatorRequest::RegisterClientProfile(_) => {
                let id = ProfileId::registered_by(&self.company, command.operation_id);
                Some(Target::NewProfile(id))
            }
            OperatorRequest::ArchiveClientProfile { profile_id }
            | OperatorRequest::BlockClient { profile_id }
            | OperatorRequest::UnblockClient { profile_id }
            | OperatorRequest::SetClientLanguage { profile_id, .. } => {
                Some(Target::Profile(*profile_id))
            }
            OperatorRequest::PromoteProspect { request_id } => Some(Target::Request(*request_id)),
            OperatorRequest::SetUserExtension { .. }
            | OperatorRequest::AddNumber(_)
            | OperatorRequest::RemoveNumber { .. }
            | OperatorRequest::RetryParkedInput { .. }
            | OperatorRequest::DropParkedInput { .. } => None,
            OperatorRequest::SetNumberService { number, .. } => match picture.line(number) {
                Some(Line::Secondary { pool, .. }) => Some(Target::Pool(pool)),
                Some(Line::Primary { .. } | Line::Unpooled) | None => None,
            },
            OperatorRequest::ResendInvitation { room_id }
            | OperatorRequest::ReassignRoom { room_id, .. }
            | OperatorRequest::CloseRoom { room_id } => {
                let profile_id = self.engine.store.profile_of_room(&self.company, *room_id).await?;
                profile_id.map(Target::Profile)
            }
        })
    }

    /// The answer to an operator who saw another version than the one that is so. What is not there
    /// has no version: the command itself is refused then.
    pub(crate) async fn refuse_other_version(
        &mut self,
        command: &OperatorCommand,
        target: Option<&Target>,
    ) -> Result<Option<Plan>, Undecided> {
        let (Some(target), Some(_)) = (target, command.expected_version) else { return Ok(None) };
        let mut seen = vec![];
        let Some(actual) = self.version_of(target, &mut seen).await? else { return Ok(None) };
        let at = self.engine.clock.now();
        Ok(check_version(command.expected_version, actual)
            .err()
            .map(|refusal| Plan { looked_at: seen, ..answered(command, at, Err(refusal)) }))
    }

    /// The version of what the company has; that it is so is checked when the answer is recorded.
    async fn version_of(
        &mut self,
        target: &Target,
        seen: &mut Vec<StreamAppend>,
    ) -> Result<Option<u64>, Undecided> {
        let Lane { engine, working_set, company, .. } = self;
        let store = &engine.store;
        Ok(match target {
            Target::NewProfile(_) => Some(0),
            Target::Profile(id) => {
                let profile = working_set.profiles.get(store, id).await?;
                let is_own = profile.state.present().is_some_and(|it| it.company == *company);
                is_own.then(|| {
                    looked_at::<ClientProfile>(seen, id, profile.version);
                    profile.version
                })
            }
            Target::Request(id) => {
                let request = working_set.requests.get(store, id).await?;
                let is_own = request.state.present().is_some_and(|it| it.company == *company);
                is_own.then(|| {
                    looked_at::<OnboardingRequest>(seen, id, request.version);
                    request.version
                })
            }
            Target::Pool(id) => {
                let pool = working_set.pools.get(store, id).await?;
                looked_at::<SecondaryNumberPool>(seen, id, pool.version);
                Some(pool.version)
            }
        })
    }
}
