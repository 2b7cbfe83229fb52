//! A company whose lane stands still costs the others nothing, and stops in order.

use engine::{LANE_QUEUE, Settlement};

use crate::harness::{World, done, told};
use crate::inputs::{client, file, message, message_to, number, register};

#[tokio::test]
async fn a_lane_that_stands_still_holds_up_neither_other_companies_nor_their_timers() {
    let world = World::with(&file(&["acme", "beta"], 3)).await;
    // A company that appears with a document which this program can't read.
    world.apply_unreadable("stuck").await;
    let engine = world.start();
    let mut stuck = vec![];
    for n in 0..LANE_QUEUE as u32 + 2_000 {
        stuck.push(engine.send(message_to("stuck", number(0, 0), client(n), "#michael")).await);
    }
    // Its lane takes what it can hold, and answers the rest at once.
    let before = stuck.len();
    stuck.retain_mut(|settled| match settled.try_recv() {
        Ok(Settlement::RetryAfter(_)) => false,
        Ok(other) => panic!("{other:?}"),
        Err(_) => true,
    });
    let put_off = before - stuck.len();
    assert!(put_off >= 2_000 - 512 - 64, "only {put_off} put off: memory has no bound");

    engine.done(message(client(1), "#michael")).await;
    engine.done(message_to("beta", number(1, 0), client(1), "#michael")).await;
    world.advance(24 * 3_600);
    world.until("the rooms are closed", async |world| world.count("room-closed").await == 2).await;
    world.apply(&file(&["acme", "beta"], 4)).await;
    let versions = async |world: &World| {
        let acme = "acme".parse().unwrap();
        world.store.lane(&acme).await.unwrap() == Some(3)
    };
    world.until("the new version counts", versions).await;
    engine.stop().await;
    for settled in stuck {
        assert!(!matches!(settled.await, Ok(Settlement::Done { .. } | Settlement::Park { .. })));
    }
    world.checked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_answered_and_each_input_is_decided_once() {
    let world = World::new().await;
    let engine = world.start();
    let inputs: Vec<_> = (0..1_200).map(|n| message(client(n), "hello")).collect();
    let mut left = inputs;
    while !left.is_empty() {
        let settled = engine.decide_all(left.clone()).await;
        let mut again = vec![];
        for (input, settled) in left.into_iter().zip(settled) {
            match settled {
                Settlement::Done { .. } => {}
                Settlement::RetryAfter(_) => again.push(input),
                parked @ Settlement::Park { .. } => panic!("{parked:?}"),
            }
        }
        left = again;
    }
    assert_eq!(world.outcomes().await.len(), 1_200);
    engine.stop().await;
    world.checked().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stop_leaves_unsettled_has_one_outcome_after_the_restart() {
    let world = World::new().await;
    let inputs: Vec<_> = (0..150)
        .map(|n| match n % 10 {
            0 => register(n.into(), &client(n + 200), "anna"),
            _ => message(client(n % 40), if n % 3 == 0 { "#michael" } else { "#anna" }),
        })
        .collect();
    let mut left = inputs;
    // A stop in the middle, several times.
    for _ in 0..4 {
        if left.is_empty() {
            break;
        }
        let engine = world.start();
        let mut waiting = vec![];
        for input in &left {
            waiting.push(engine.send(input.clone()).await);
        }
        // As soon as the first is settled.
        let first = told(waiting.remove(0)).await;
        engine.stop().await;
        let mut again = vec![];
        let (first_input, others) = left.split_first().unwrap();
        assert!(matches!(first, Settlement::Done { .. }), "{first_input:?}: {first:?}");
        for (input, settled) in others.iter().cloned().zip(waiting) {
            match settled.await {
                Ok(settled) => {
                    assert!(matches!(settled, Settlement::Done { .. }), "{settled:?}");
                    let id = input.input.id(&input.company);
                    let known = world.store.decided(&input.company, &[id]).await.unwrap();
                    assert_eq!(known.len(), 1, "settled, but not committed");
                }
                Err(_) => again.push(input),
            }
        }
        left = again;
    }
    let engine = world.start();
    for input in left {
        engine.done(input).await;
    }
    engine.stop().await;
    assert_eq!(world.count("onboarding-requested").await, 135);
    world.checked().await;
}

/// An engine that is told to stop while the log is held gives up, and what it
/// had decided on top of that is not settled either.
#[tokio::test]
async fn nothing_is_settled_on_what_was_never_committed() {
    let world = World::new().await;
    let engine = world.start();
    engine.done(message(client(1), "hello")).await;
    let mut held = world.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM log_head FOR UPDATE").execute(&mut *held).await.unwrap();
    let hello = message(client(2), "#michael");
    let first = engine.send(hello.clone()).await;
    let mut more = vec![];
    for n in 3..80 {
        more.push(engine.send(message(client(n), "#michael")).await);
    }
    // Statuses of messages that are not ours change nothing: no append waits for them.
    let request = crate::inputs::request_of(&hello);
    let foreign = foreign_status(request);
    let nothing = engine.send(foreign.clone()).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    engine.stop().await;
    assert!(first.await.is_err() && nothing.await.is_err(), "settled without a commit");
    held.rollback().await.unwrap();
    let engine = world.start();
    assert_eq!(engine.decide_all([hello, foreign]).await, [done(), done()]);
    assert_eq!(told(engine.send(message(client(90), "hello")).await).await, done());
    engine.stop().await;
    world.checked().await;
}

fn foreign_status(request: domain::ids::RequestId) -> domain::input::LaneInput {
    use domain::input::{Input, LaneInput, MessageReference, MessageStatus};
    let message_id = domain::ids::MessageId::of(request, 7);
    let status = MessageStatus {
        phone_number_id: number(0, 0),
        wamid: "wamid.foreign".parse().unwrap(),
        status: domain::outbound::DeliveryStatus::Read,
        at: engine::Clock::system().now(),
        reference: Some(MessageReference { request_id: request, message_id }),
        error: None,
        evidence: None,
    };
    LaneInput { company: "acme".parse().unwrap(), input: Input::Status(status) }
}
