//! The main job, at the level at which its people see it.

use acceptance::{PRIMARY, TestApp};
use domain::request::Outcome;
use onboarding::whatsapp::post::{Client, ClientMessage, WebhookPost};

fn text(app: &TestApp, client: &Client, text: &str) -> (domain::ids::Wamid, ClientMessage) {
    let wamid = app.stage.next_wamid();
    let message = ClientMessage::text(client, wamid.as_str(), app.stage.now(), text);
    (wamid, message)
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_concurrent_requests_of_one_client_open_one_room() {
    let app = TestApp::start().await;
    let client = Client::with_phone("12025550111").and_bsuid("US.twenty").named("Twenty");
    let messages: Vec<_> = (0..20).map(|_| text(&app, &client, "#michael")).collect();
    let posts = messages.iter().map(|(_, message)| {
        app.stage.post(WebhookPost::new().messages(PRIMARY, std::slice::from_ref(message)))
    });
    for status in futures::future::join_all(posts).await {
        assert_eq!(status.unwrap(), 200);
    }
    let mut outcomes = vec![];
    for (wamid, _) in &messages {
        let request = app.stage.request_of("demo-bank", PRIMARY, wamid).unwrap();
        outcomes.push(app.stage.settled("demo-bank", request).await.unwrap().0);
    }
    let onboarded = outcomes.iter().filter(|o| **o == Outcome::Onboarded).count();
    assert_eq!(onboarded, 1, "{outcomes:?}");
    assert!(
        outcomes
            .iter()
            .all(|o| { matches!(o, Outcome::Onboarded | Outcome::Joined | Outcome::Reminded) })
    );
    let rooms = app.rooms().await;
    assert_eq!(rooms.len(), 1, "{rooms:?}");
    let invitations = app.stage.cloud.received().into_iter().filter(|message| {
        matches!(&message.content, domain::outbound::Content::Template { name, .. } if name == "invitation")
    });
    assert_eq!(invitations.count(), 1);
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}
