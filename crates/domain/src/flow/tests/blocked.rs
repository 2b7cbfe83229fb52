//! A client is blocked while something is under way, by a profile that is not the room's.

use crate::flow::OperatorRefusal;
use crate::ids::ProfileId;
use crate::input::{KnownClient, OperatorCommand, OperatorRequest};
use crate::outbound::Purpose;
use crate::personal::Personal;
use crate::request::Outcome;
use crate::testing::{
    HOUR, PRIMARY, Story, World, at, british, id, names, refused, unhealthy, window_closed,
};

fn command(operation: i64, request: OperatorRequest) -> OperatorCommand {
    OperatorCommand {
        operation_id: id(&format!("00000000-0000-0000-0000-{operation:012}")),
        actor: Personal::new("Olga".to_owned()),
        at: at(operation),
        expected_version: None,
        request,
    }
}

/// An onboarding of a client that the company knew already, by two profiles.
fn of_two_profiles() -> Story {
    let mut world = World::new();
    for operation in [901, 902] {
        let identifiers = british().identifiers().into_iter().map(Personal::new).collect();
        let client = KnownClient {
            identifiers,
            name: None,
            language: None,
            external_company: None,
            users: vec![],
        };
        let register = command(operation, OperatorRequest::RegisterClientProfile(client));
        world.register(&register, at(0));
    }
    let story = Story::in_a(world);
    assert_eq!(story.world.profiles().count(), 2);
    story
}

impl Story {
    /// The profile that the room is not in.
    fn other_profile(&self) -> ProfileId {
        let (own, ..) = self.world.rooms().next().unwrap();
        let profiles = self.world.profiles().filter_map(|profile| profile.present());
        profiles.map(|profile| profile.profile_id).find(|profile| *profile != own).unwrap()
    }

    fn sets_blocked(&mut self, blocked: bool, seconds: i64) {
        let profile_id = self.other_profile();
        let request = if blocked {
            OperatorRequest::BlockClient { profile_id }
        } else {
            OperatorRequest::UnblockClient { profile_id }
        };
        self.world.block(&command(seconds, request), (profile_id, blocked), at(seconds));
    }
}

#[test]
fn it_gets_no_user_info() {
    let mut story = of_two_profiles();
    story.sets_blocked(true, 5);
    let events = story.takes(Purpose::Invitation, 10);
    assert_eq!(names(&events), ["message-accepted", "room-invited"]);
    let mut story = of_two_profiles();
    story.sets_blocked(true, 5);
    story.sets_blocked(false, 6);
    story.takes(Purpose::Invitation, 10);
    assert!(story.is_sent(Purpose::UserInfo), "it was unblocked in time");
}

#[test]
fn it_gets_no_apology_and_no_other_number() {
    for error in [refused(), unhealthy()] {
        let mut story = of_two_profiles();
        story.sets_blocked(true, 5);
        story.gives_up(Purpose::Invitation, error, 10);
        assert_eq!(story.world.messages().len(), 1, "the invitation");
        assert_eq!(story.outcome(), Some(Outcome::InvitationFailed));
    }
    let mut story = of_two_profiles();
    story.sets_blocked(true, 5);
    story.times_out(at(2 + HOUR), 2 + HOUR);
    assert_eq!(story.world.messages().len(), 1, "the invitation");
    assert_eq!(story.outcome(), Some(Outcome::InvitationFailed));
}

#[test]
fn it_is_not_reminded_by_the_template() {
    let mut story = of_two_profiles();
    story.takes(Purpose::Invitation, 10);
    story.takes(Purpose::UserInfo, 20);
    story.writes("2001", "Hi Anna", 50);
    story.writes(PRIMARY, "#anna", 100);
    story.sets_blocked(true, 105);
    let events = story.gives_up(Purpose::Reminder, window_closed(), 110);
    assert_eq!(names(&events), ["message-failed"]);
}

#[test]
fn it_is_not_invited_again() {
    let mut story = of_two_profiles();
    story.takes(Purpose::Invitation, 10);
    story.sets_blocked(true, 15);
    let (profile_id, room_id, _) = story.world.rooms().next().unwrap();
    let resend = command(100, OperatorRequest::ResendInvitation { room_id });
    let refused = story.world.resend(&resend, (profile_id, room_id), at(100));
    assert_eq!(refused, Err(OperatorRefusal::ClientBlocked(story.request)));
}
