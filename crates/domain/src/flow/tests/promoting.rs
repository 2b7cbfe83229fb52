//! An operator promotes a prospect.

use crate::AnyEvent;
use crate::flow::{Decision, OperatorRefusal, prospect_of};
use crate::ids::RequestId;
use crate::input::{InboundMessage, OperatorCommand, OperatorRequest};
use crate::outbound::Purpose;
use crate::personal::Personal;
use crate::request::Outcome;
use crate::testing::{DAY, PRIMARY, World, at, british, id, message, names, request_id};

/// A client asked for Anna at second 0 while auto promotion was off.
fn prospect() -> (World, InboundMessage, RequestId) {
    let mut world = World::new();
    world.company.auto_promotion = false;
    let asked = message(british(), PRIMARY, Some("#anna"));
    world.message(&asked, at(2), 0);
    let request = world.request_of(&asked);
    assert_eq!(world.request(request).unwrap().outcome, Some(Outcome::ProspectRecorded));
    (world, asked, request)
}

fn operation(seconds: i64) -> OperatorCommand {
    OperatorCommand {
        operation_id: id(&format!("00000000-0000-0000-0000-{seconds:012}")),
        actor: Personal::new("Olga".to_owned()),
        at: at(seconds),
        expected_version: None,
        request: OperatorRequest::PromoteProspect { request_id: request_id(9) },
    }
}

fn promoted(world: &mut World, request_id: RequestId, seconds: i64) -> Vec<AnyEvent> {
    let request = OperatorRequest::PromoteProspect { request_id };
    world.promote(&OperatorCommand { request, ..operation(seconds) }, at(seconds), 0)
}

fn made(prospect: RequestId, seconds: i64) -> RequestId {
    RequestId::promoted_by(prospect, operation(seconds).operation_id)
}

#[test]
fn the_original_message_is_decided_again_however_long_ago_it_came() {
    let (mut world, asked, prospect) = prospect();
    let events = promoted(&mut world, prospect, 3 * DAY);
    assert!(names(&events).contains(&"room-reserved"), "{events:?}");
    let request = world.request(made(prospect, 3 * DAY)).unwrap();
    assert_eq!((&request.message, request.outcome), (&asked, None));
    let (facts, decision) = request.decided.as_ref().unwrap();
    assert!(matches!(**decision, Decision::OpenRoom { .. }));
    let promotion = facts.promotion.as_ref().unwrap();
    assert_eq!((promotion.prospect, promotion.by.expose().as_str()), (prospect, "Olga"));
    assert!(!facts.company.auto_promotion, "the fact of then stays a fact");
    let purposes: Vec<_> = request.messages.iter().map(|message| message.purpose).collect();
    assert_eq!(purposes, [Purpose::Invitation]);
}

#[test]
fn a_second_promotion_finds_the_room_of_the_first() {
    let (mut world, _, prospect) = prospect();
    promoted(&mut world, prospect, 100);
    promoted(&mut world, prospect, 200);
    let second = world.request(made(prospect, 200)).unwrap();
    assert_eq!(second.outcome, Some(Outcome::Joined));
    assert_eq!(world.rooms().count(), 1);
}

#[test]
fn the_same_command_promotes_once() {
    let (mut world, _, prospect) = prospect();
    assert!(!promoted(&mut world, prospect, 100).is_empty());
    assert_eq!(promoted(&mut world, prospect, 100), []);
}

#[test]
fn only_a_prospect_is_promoted() {
    let mut world = World::new();
    let asked = message(british(), PRIMARY, Some("#anna"));
    world.message(&asked, at(2), 0);
    let request = world.request_of(&asked);
    let refusal = prospect_of(request, world.request(request));
    assert_eq!(refusal, Err(OperatorRefusal::NoProspect(request)));
    assert_eq!(prospect_of(request, None), Err(OperatorRefusal::UnknownRequest(request)));
    assert_eq!(promoted(&mut world, request, 100), []);
}

#[test]
fn a_prospect_whose_user_is_gone_or_whose_client_is_blocked_stays_one() {
    let (mut world, _, prospect) = prospect();
    world.users[0].extension = None;
    world.users[1].extension = Some(id("anna"));
    assert_eq!(promoted(&mut world, prospect, 100), [], "Ben has it now");
    world.users.clear();
    assert_eq!(promoted(&mut world, prospect, 200), []);

    let (mut world, ..) = self::prospect();
    world.company.auto_promotion = true;
    let asked = message(british(), PRIMARY, Some("#ben"));
    world.message(&InboundMessage { id: id("wamid.other"), ..asked }, at(3), 0);
    let profile = world.profiles().find_map(|p| p.present()).unwrap().profile_id;
    let block = OperatorRequest::BlockClient { profile_id: profile };
    world.block(&OperatorCommand { request: block, ..operation(50) }, (profile, true), at(50));
    assert_eq!(promoted(&mut world, prospect, 100), []);
}
