//! The client against the fake, over real HTTP.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use domain::Personal;
use domain::identity::Recipient;
use domain::outbound::{Content, ErrorClass};
use support::{a_fake, a_text, by_phone, client_of, message, reference, send_to, text, token};
use whatsapp::client::{AccessToken, CloudApi, Fault, SendFailure};
use whatsapp::fake::{Behaviour, FakeCloudApi, Rule};

/// What comes of a text to Ann when the fake behaves like this.
async fn failure_after(behaviour: Behaviour) -> (FakeCloudApi, SendFailure) {
    let fake = a_fake().await;
    fake.script(Rule::once(behaviour));
    let failure = send_to(&fake).await.unwrap_err();
    (fake, failure)
}

/// `(code, class, definite, retry)`
fn shown(fault: &Fault) -> (i64, ErrorClass, bool, bool) {
    let error = &fault.error;
    (error.code, error.class, error.definite, fault.retry)
}

#[tokio::test]
async fn accepted_messages_arrive_as_they_were_sent() {
    let fake = a_fake().await;
    fake.require_token("good-token");
    let client = client_of(&fake);
    let ann = by_phone("+12025550101");
    let ben = Recipient::Bsuid("GB.abc123".parse().unwrap());
    let invitation = Content::Template {
        name: "invitation".to_owned(),
        language: "pt_BR".to_owned(),
        parameters: ["Michael", "Acme"].map(|p| Personal::new(p.to_owned())).into(),
    };
    let resume = Content::Template {
        name: "resume_conversation".to_owned(),
        language: "en".to_owned(),
        parameters: Vec::new(),
    };
    let contents = [text("Hello"), text(&"é".repeat(4096)), invitation, resume];
    let mut sent = Vec::new();
    for to in [ann, ben] {
        for content in &contents {
            let message = message(to.clone(), content.clone());
            let wamid = client.send(&token(), &message, reference(), None).await.unwrap();
            sent.push((message.from, message.to, message.content, wamid));
        }
    }
    let received: Vec<_> = fake
        .received()
        .into_iter()
        .inspect(|m| assert_eq!(m.reference, Some(reference())))
        .map(|m| (m.from, m.to, m.content, m.wamid))
        .collect();
    assert_eq!(received, sent);
}

#[tokio::test]
async fn each_code_of_a_refusal_has_its_class() {
    use ErrorClass::*;
    for (code, class, retry) in [
        (190, Account, false),
        (10, Account, false),
        (131005, Account, false),
        (4, RateLimited, true),
        (130429, RateLimited, true),
        (131056, RecipientRateLimited, true),
        (131048, NumberUnhealthy, false),
        (131047, WindowClosed, false),
        (131026, RecipientRefused, false),
        (132001, Template, false),
        (1, Transient, true),
        (135000, Unknown, false),
    ] {
        let (fake, failure) = failure_after(Behaviour::refuse(code)).await;
        let SendFailure::Refused(fault) = &failure else {
            panic!("{code}: {failure}");
        };
        assert_eq!(shown(fault), (code, class, true, retry), "{code}");
        assert_eq!(fake.refusals()[0].code, Some(code));
        assert!(fake.received().is_empty());
    }
}

#[tokio::test]
async fn a_server_in_trouble_gives_no_definite_answer() {
    for code in [2, 131000, 131016, 133004] {
        let (_fake, failure) = failure_after(Behaviour::refuse(code)).await;
        let SendFailure::Unknown(fault) = &failure else {
            panic!("{code}: {failure}");
        };
        assert_eq!(shown(fault), (code, ErrorClass::Transient, false, true));
    }
}

#[tokio::test]
async fn an_answer_without_a_code_counts_by_its_http_status() {
    for (http_status, class, definite, retry) in [
        (429, ErrorClass::RateLimited, true, true),
        (401, ErrorClass::Account, true, false),
        (404, ErrorClass::Unknown, true, false),
        (502, ErrorClass::Transient, false, true),
    ] {
        let (_fake, failure) =
            failure_after(Behaviour::Refuse { http_status, code: None, retry_after: Some(7) })
                .await;
        let fault = failure.fault();
        assert_eq!(shown(fault), (0, class, definite, retry), "{http_status}");
        assert_eq!(fault.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(matches!(failure, SendFailure::Refused(_)), definite);
    }
}

#[tokio::test]
async fn an_unknown_code_with_status_429_is_a_rate_limit() {
    let (_fake, failure) = failure_after(Behaviour::Refuse {
        http_status: 429,
        code: Some(999_999),
        retry_after: None,
    })
    .await;
    let expected = (999_999, ErrorClass::RateLimited, true, true);
    assert_eq!(shown(failure.fault()), expected);
}

#[tokio::test]
async fn after_a_lost_answer_the_client_may_have_the_message() {
    let (fake, failure) = failure_after(Behaviour::LoseAnswer).await;
    assert!(matches!(failure, SendFailure::Unknown(_)), "{failure}");
    assert_eq!(shown(failure.fault()), (0, ErrorClass::Transient, false, true));
    assert_eq!(fake.received().len(), 1);
}

#[tokio::test]
async fn a_connection_cut_before_the_answer_looks_the_same() {
    let (fake, failure) = failure_after(Behaviour::HangUp).await;
    assert!(matches!(failure, SendFailure::Unknown(_)), "{failure}");
    assert!(fake.received().is_empty());
    assert_eq!(fake.refusals()[0].code, None);
}

#[tokio::test]
async fn after_a_time_out_the_client_may_have_the_message() {
    let fake = a_fake().await;
    fake.script(Rule::always(Behaviour::AnswerLate(Duration::from_secs(3600))));
    let client = CloudApi::new(fake.url(), Duration::from_millis(200)).unwrap();
    let failure = client.send(&token(), &a_text(), reference(), None).await.unwrap_err();
    assert!(matches!(failure, SendFailure::Unknown(_)), "{failure}");
    assert_eq!(shown(failure.fault()), (0, ErrorClass::Transient, false, true));
    assert_eq!(fake.wait_until(|received| !received.is_empty()).await.len(), 1);
}

#[tokio::test]
async fn an_unreadable_success_is_not_tried_again() {
    let (fake, failure) = failure_after(Behaviour::Garble).await;
    assert!(matches!(failure, SendFailure::Unknown(_)), "{failure}");
    assert_eq!(shown(failure.fault()), (0, ErrorClass::Transient, false, false));
    assert_eq!(fake.received().len(), 1);
}

#[tokio::test]
async fn without_a_server_nothing_is_sent() {
    let fake = a_fake().await;
    let client = client_of(&fake);
    client.send(&token(), &a_text(), reference(), None).await.unwrap();
    fake.stop().await;
    let failure = client.send(&token(), &a_text(), reference(), None).await.unwrap_err();
    assert!(matches!(failure, SendFailure::NotSent(_)), "{failure}");
    assert_eq!(shown(failure.fault()), (0, ErrorClass::Transient, true, true));
}

#[tokio::test]
async fn a_token_that_fits_no_header_sends_nothing() {
    let fake = a_fake().await;
    for bad in ["", "two\nlines"] {
        let token = AccessToken::new(bad);
        let sent = client_of(&fake).send(&token, &a_text(), reference(), None).await;
        let failure = sent.unwrap_err();
        assert!(matches!(failure, SendFailure::NotSent(_)), "{failure}");
        assert_eq!(failure.fault().error.class, ErrorClass::Account);
    }
    assert!(fake.refusals().is_empty());
}

#[tokio::test]
async fn failures_print_nothing_personal() {
    let (_fake, refused) = failure_after(Behaviour::refuse(131_026)).await;
    let (_fake, lost) = failure_after(Behaviour::LoseAnswer).await;
    for failure in [refused, lost] {
        let printed = format!("{failure} {failure:?}");
        for personal in ["2025550101", "Hello", "good-token", "wamid"] {
            assert!(!printed.contains(personal), "{printed}");
        }
    }
}
