//! Rows 4 to 6: which of the client's profiles an onboarding uses.

use super::decision::{ConsideredProfile, ProfileChoice, ProfileSource, ProfileVerdict};
use super::facts::{Held, ProfileFacts};
use crate::company::UserFacts;
use crate::ids::{ExternalCompanyId, ProfileId};

type Fits<'a> = &'a dyn Fn(&ProfileFacts) -> bool;

/// Takes the only candidate, draws one of several, or names the new one.
pub(super) fn choose(
    profiles: &[ProfileFacts],
    user: &UserFacts,
    draw: u64,
    new: ProfileId,
) -> ProfileChoice {
    let mut verdicts: Vec<_> = profiles.iter().map(|profile| visibility(profile, user)).collect();
    let still = |verdicts: &[ProfileVerdict], fits: Fits<'_>| {
        profiles.iter().zip(verdicts).any(|(p, v)| *v == ProfileVerdict::Candidate && fits(p))
    };
    // An exact match wins over a variant; the user's own profiles over others.
    let exact = |p: &ProfileFacts| p.held == Held::Exactly;
    let assigned = |p: &ProfileFacts| p.users.contains(&user.user_id);
    let filters: [(Fits<'_>, ProfileVerdict); 2] =
        [(&exact, ProfileVerdict::OnlyByVariant), (&assigned, ProfileVerdict::NotAssignedToUser)];
    for (fits, verdict) in filters {
        if still(&verdicts, fits) {
            for (profile, slot) in profiles.iter().zip(&mut verdicts) {
                if *slot == ProfileVerdict::Candidate && !fits(profile) {
                    *slot = verdict;
                }
            }
        }
    }
    let candidates: Vec<_> = profiles
        .iter()
        .zip(&verdicts)
        .filter(|(_, verdict)| **verdict == ProfileVerdict::Candidate)
        .map(|(profile, _)| profile.profile_id)
        .collect();
    let (profile_id, how) = match candidates.as_slice() {
        [] => (new, ProfileSource::Created),
        [only] => (*only, ProfileSource::Taken),
        several => {
            let index = draw % several.len() as u64;
            (several[usize::try_from(index).unwrap_or(0)], ProfileSource::Drawn)
        }
    };
    let considered = profiles
        .iter()
        .zip(verdicts)
        .map(|(profile, verdict)| ConsideredProfile { profile_id: profile.profile_id, verdict })
        .collect();
    ProfileChoice { profile_id, how, considered }
}

/// Whether a user may have to do with a profile: it has no external company, or one that the user is
/// assigned to.
pub(super) fn may_see(user: &UserFacts, external_company: Option<&ExternalCompanyId>) -> bool {
    external_company.is_none_or(|company| user.external_companies.contains(company))
}

/// Visible: not archived, and without an external company or with exactly one
/// that the user is assigned to.
fn visibility(profile: &ProfileFacts, user: &UserFacts) -> ProfileVerdict {
    if profile.held == Held::RoomOnly {
        return ProfileVerdict::NotHeld;
    }
    let hidden = hidden_from(user, profile.archived, profile.external_company.as_ref());
    hidden.unwrap_or(ProfileVerdict::Candidate)
}

/// Why a profile is not visible to a user, if it is not.
pub(super) fn hidden_from(
    user: &UserFacts,
    archived: bool,
    external_company: Option<&ExternalCompanyId>,
) -> Option<ProfileVerdict> {
    if archived {
        Some(ProfileVerdict::Archived)
    } else if !may_see(user, external_company) {
        Some(ProfileVerdict::OtherExternalCompany)
    } else {
        None
    }
}
