//! Rows 4 to 6: which profile an onboarding uses, and why not another.

use std::collections::BTreeSet;

use crate::flow::{
    Command, Decision, Held, ProfileChoice, ProfileFacts, ProfileSource, ProfileVerdict,
};
use crate::identity::Identifier;
use crate::ids::ProfileId;
use crate::personal::Personal;
use crate::profile::ProfileCommand;
use crate::testing::{Scene, id, profile, profile_id, scene};

fn choice(scene: &Scene) -> ProfileChoice {
    match scene.decision() {
        Decision::OpenRoom { profile, .. } | Decision::ReportNoNumber { profile, .. } => profile,
        other => panic!("no profile was looked for: {other:?}"),
    }
}

fn verdicts(scene: &Scene) -> Vec<ProfileVerdict> {
    choice(scene).considered.iter().map(|considered| considered.verdict).collect()
}

fn known(n: u128) -> ProfileFacts {
    profile(profile_id(n))
}

fn of_company(n: u128, external_company: &str) -> ProfileFacts {
    ProfileFacts { external_company: Some(id(external_company)), ..known(n) }
}

/// Anna is assigned to these external companies.
fn anna_of(companies: &[&str], scene: Scene) -> Scene {
    let companies: BTreeSet<_> = companies.iter().map(|company| id(company)).collect();
    scene.with(|s| s.facts.user.as_mut().unwrap().external_companies = companies)
}

#[test]
fn a_profile_without_an_external_company_is_visible_to_everybody() {
    let scene = anna_of(&["north"], scene().knowing([known(1)]));
    assert_eq!(verdicts(&scene), [ProfileVerdict::Candidate]);
}

#[test]
fn a_profile_with_one_is_visible_to_its_users_only() {
    use ProfileVerdict::{Candidate, OtherExternalCompany};
    let profiles = [of_company(1, "north"), of_company(2, "south")];
    for (companies, expected) in [
        (&[][..], [OtherExternalCompany, OtherExternalCompany]),
        (&["north"], [Candidate, OtherExternalCompany]),
        (&["north", "south"], [Candidate, Candidate]),
        // A parent, sibling or child of a company is another company.
        (&["north-1", "nor", "west"], [OtherExternalCompany, OtherExternalCompany]),
    ] {
        let scene = anna_of(companies, scene().knowing(profiles.clone()));
        assert_eq!(verdicts(&scene), expected, "{companies:?}");
    }
}

#[test]
fn what_is_not_visible_does_not_keep_a_profile_from_being_created() {
    let scene = scene().knowing([of_company(1, "north")]);
    assert_eq!(choice(&scene).how, ProfileSource::Created);
    assert_eq!(choice(&scene).profile_id, ProfileId::created_by(scene.request_id()));
}

#[test]
fn an_archived_profile_is_not_visible() {
    let archived = ProfileFacts { archived: true, ..known(1) };
    let scene = scene().knowing([archived, known(2)]);
    assert_eq!(verdicts(&scene), [ProfileVerdict::Archived, ProfileVerdict::Candidate]);
    assert_eq!(choice(&scene).profile_id, profile_id(2));
    assert_eq!(choice(&scene).how, ProfileSource::Taken);
}

#[test]
fn a_profile_that_holds_but_a_room_of_the_client_is_no_candidate() {
    let room_only = ProfileFacts { held: Held::RoomOnly, ..known(1) };
    let scene = scene().knowing([room_only]);
    assert_eq!(verdicts(&scene), [ProfileVerdict::NotHeld]);
    assert_eq!(choice(&scene).how, ProfileSource::Created);
}

#[test]
fn an_exact_match_wins_over_a_variant() {
    let variant = ProfileFacts { held: Held::ByVariant, ..known(1) };
    let alone = scene().knowing([variant.clone()]);
    assert_eq!(choice(&alone).how, ProfileSource::Taken);
    let both = scene().knowing([variant, known(2)]);
    assert_eq!(verdicts(&both), [ProfileVerdict::OnlyByVariant, ProfileVerdict::Candidate]);
    assert_eq!(choice(&both).profile_id, profile_id(2));
}

#[test]
fn an_exact_match_that_is_not_visible_wins_over_nothing() {
    let variant = ProfileFacts { held: Held::ByVariant, ..known(1) };
    let archived = ProfileFacts { archived: true, ..known(2) };
    let scene = scene().knowing([variant, archived]);
    assert_eq!(verdicts(&scene), [ProfileVerdict::Candidate, ProfileVerdict::Archived]);
}

fn looked_after_by(n: u128, users: &[&str]) -> ProfileFacts {
    ProfileFacts { users: users.iter().map(|user| id(user)).collect(), ..known(n) }
}

#[test]
fn the_users_own_profiles_stay_candidates_if_there_are_some() {
    use ProfileVerdict::{Candidate, NotAssignedToUser};
    let scene = scene().knowing([
        looked_after_by(1, &["ben"]),
        looked_after_by(2, &["anna", "ben"]),
        looked_after_by(3, &[]),
        looked_after_by(4, &["anna"]),
    ]);
    assert_eq!(verdicts(&scene), [NotAssignedToUser, Candidate, NotAssignedToUser, Candidate]);
    assert_eq!(choice(&scene).how, ProfileSource::Drawn);
}

#[test]
fn an_exact_match_wins_even_over_a_variant_that_the_user_looks_after() {
    let own_variant = ProfileFacts { held: Held::ByVariant, ..looked_after_by(1, &["anna"]) };
    let scene = scene().knowing([own_variant, known(2)]);
    assert_eq!(verdicts(&scene), [ProfileVerdict::OnlyByVariant, ProfileVerdict::Candidate]);
}

#[test]
fn profiles_of_others_stay_candidates_where_the_user_has_none() {
    let scene = scene().knowing([looked_after_by(1, &["ben"]), looked_after_by(2, &[])]);
    assert_eq!(verdicts(&scene), [ProfileVerdict::Candidate, ProfileVerdict::Candidate]);
}

#[test]
fn a_profile_of_the_user_that_is_not_visible_narrows_nothing() {
    let outside =
        ProfileFacts { external_company: Some(id("north")), ..looked_after_by(1, &["anna"]) };
    let scene = scene().knowing([outside, known(2)]);
    let expected = [ProfileVerdict::OtherExternalCompany, ProfileVerdict::Candidate];
    assert_eq!(verdicts(&scene), expected);
}

#[test]
fn the_draw_gives_every_candidate_its_share_and_nobody_else() {
    let archived = ProfileFacts { archived: true, ..known(9) };
    let mut drawn = std::collections::BTreeMap::new();
    for draw in 0..300_u64 {
        // A generator's numbers are large and far apart.
        let draw = draw.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let scene = scene()
            .knowing([known(1), archived.clone(), known(2), known(3)])
            .with(|s| s.facts.draw = draw);
        *drawn.entry(choice(&scene).profile_id).or_insert(0) += 1;
    }
    let drawn_from: Vec<_> = drawn.keys().copied().collect();
    assert_eq!(drawn_from, [profile_id(1), profile_id(2), profile_id(3)]);
    assert!(drawn.values().all(|times| (70..=130).contains(times)), "{drawn:?}");
}

#[test]
fn the_record_tells_of_the_draw_and_of_every_profile() {
    let scene = scene()
        .knowing([known(1), of_company(2, "north"), known(3)])
        .with(|s| s.facts.draw = u64::MAX);
    assert_eq!(scene.received().facts.draw, u64::MAX);
    let profiles: Vec<_> = choice(&scene).considered.iter().map(|c| c.profile_id).collect();
    assert_eq!(profiles, [profile_id(1), profile_id(2), profile_id(3)]);
    assert_eq!(choice(&scene).profile_id, profile_id(3), "u64::MAX is odd");
}

/// What the new profile of this client would hold.
fn new_profile_holds(scene: &Scene) -> Vec<&'static str> {
    let create = scene.plan().into_iter().find_map(|command| match command {
        Command::Profile(_, ProfileCommand::Create { identifiers, .. }) => Some(identifiers),
        _ => None,
    });
    create.unwrap().iter().map(|identifier| identifier.expose().kind()).collect()
}

fn with_bsuid(scene: Scene) -> Scene {
    scene.with(|s| s.message.from.bsuid = Some(Personal::new(id("GB.client1"))))
}

#[test]
fn a_new_profile_holds_everything_that_the_message_tells() {
    assert_eq!(new_profile_holds(&scene()), ["phone"]);
    assert_eq!(new_profile_holds(&with_bsuid(scene())), ["bsuid", "phone"]);
    let named = scene().with(|s| s.message.from.name = Some("Carla".to_owned().into()));
    let create = named.plan().into_iter().find_map(|command| match command {
        Command::Profile(_, ProfileCommand::Create { name, .. }) => name,
        _ => None,
    });
    assert_eq!(create, Some("Carla".to_owned().into()));
}

#[test]
fn a_phone_is_never_invented() {
    let wa_id = scene().with(|s| {
        s.message.from.phone = None;
        s.message.from.wa_id = Some(Personal::new(id("447700900123")));
    });
    assert_eq!(new_profile_holds(&wa_id), ["wa_id"]);
}

#[test]
fn where_phones_are_unique_a_number_that_another_profile_holds_is_left_out() {
    let unique = |scene: Scene| scene.with(|s| s.facts.company.unique_phone_number = true);
    let held = with_bsuid(scene()).knowing([of_company(1, "north")]);
    assert_eq!(new_profile_holds(&held), ["bsuid", "phone"], "it is off");
    assert_eq!(new_profile_holds(&unique(held)), ["bsuid"]);
    assert_eq!(new_profile_holds(&unique(with_bsuid(scene()))), ["bsuid", "phone"]);
    let room_only = ProfileFacts { held: Held::RoomOnly, ..known(1) };
    let nobody_holds_it = with_bsuid(scene()).knowing([room_only]);
    assert_eq!(new_profile_holds(&unique(nobody_holds_it)), ["bsuid", "phone"]);
}

#[test]
fn the_identifiers_of_a_message_are_what_was_received() {
    let received: Vec<Identifier> = with_bsuid(scene()).message.from.identifiers();
    let expected = [Identifier::Bsuid(id("GB.client1")), Identifier::Phone(id("+447700900123"))];
    assert_eq!(received, expected);
}
