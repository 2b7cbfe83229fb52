//! In which language a client is written to, and where it is told that its words are recorded.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::ask::Asker;
use acceptance::{TestApp, directory};
use domain::outbound::Content;
use domain::request::Outcome;
use serde_json::{Value, json};
use uuid::Uuid;

const GERMAN: &str = "Bitte nennen Sie eine Durchwahl.";
const ENGLISH: &str = "Please name an extension.";

/// A bank that has words in two languages.
async fn bank() -> TestApp {
    let texts = format!(
        r#"    texts:
      en:
        extension_missing: "{ENGLISH}"
        user_not_found: "Nobody has it."
        recording_notice: "This is recorded."
      de:
        extension_missing: "{GERMAN}"
        user_not_found: "Die hat niemand."
        user_info: "{{user}} schreibt Ihnen von {{secondary}}."
        recording_notice: "Dies wird aufgezeichnet."
    languages_by_country: {{ DE: de }}
"#
    );
    TestApp::with_directory(directory::bank_with(&texts)).await
}

/// The client writes something to the primary; what it is sent for that.
async fn answers(app: &TestApp, client: &Asker, text: &str, outcome: Outcome) -> Vec<Content> {
    let before = app.stage.received_by(&client.to).len();
    let asked = app.ask(client, text).await;
    assert_eq!(app.outcome(&asked).await, outcome, "{text}");
    let received = app.stage.received_by(&client.to).split_off(before);
    received.into_iter().map(|message| message.content).collect()
}

/// The words that the client is answered with when it names nobody.
async fn hello(app: &TestApp, client: &Asker) -> String {
    let mut answers = answers(app, client, "hello", Outcome::ExtensionMissing).await;
    words(answers.remove(0))
}

fn words(content: Content) -> String {
    match content {
        Content::Text { body } => body.into_exposed(),
        Content::Template { name, .. } => panic!("the template {name}"),
    }
}

/// The language of the invitation, and the words of the user info.
async fn onboarded(app: &TestApp, client: &Asker) -> (String, String) {
    let sent = answers(app, client, "#michael", Outcome::Onboarded).await;
    let [invitation, user_info]: [Content; 2] = sent.try_into().unwrap();
    let Content::Template { language, .. } = invitation else { panic!("no template") };
    (language, words(user_info))
}

/// What the product says where the company says nothing else.
const USER_INFO: &str = "Dear customer, I have found an employee Michael Stone with this \
                         extension. You should receive an invite to message in the next few \
                         seconds from +12025550101.";

async fn is_fine(app: TestApp) {
    assert_eq!(app.findings().await, Vec::<String>::new());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_reads_its_countrys_language_and_else_the_companys() {
    let app = bank().await;
    let [german, french] = ["DE.german", "FR.french"].map(Asker::named);
    assert_eq!(hello(&app, &german).await, GERMAN);
    assert_eq!(hello(&app, &french).await, ENGLISH);
    for (client, expected) in [(&german, "Die hat niemand."), (&french, "Nobody has it.")] {
        let answers = answers(&app, client, "#nobody", Outcome::UserNotFound).await;
        assert_eq!(answers.into_iter().map(words).collect::<Vec<_>>(), [expected]);
    }
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_profile_says_counts_more_than_its_country() {
    let app = bank().await;
    let client = Asker::named("US.speaks");
    let opened = app.ask(&client, "#anna").await;
    assert_eq!(app.outcome(&opened).await, Outcome::Onboarded);
    assert_eq!(hello(&app, &client).await, ENGLISH);
    let decision = app.decision(&opened).await;
    let profile = decision["profile"]["profile_id"].as_str().unwrap();
    let path = format!("/api/v1/companies/demo-bank/client-profiles/{profile}/language");
    for (language, expected) in [(json!("de"), GERMAN), (Value::Null, ENGLISH)] {
        let body = json!({ "language": language });
        let (status, set) = app.stage.operate(&path, Uuid::now_v7(), &body).await.unwrap();
        assert_eq!(status, 200, "{set}");
        assert_eq!(hello(&app, &client).await, expected, "{language}");
    }
    let unknown = json!({ "language": "fr" });
    let (status, problem) = app.stage.operate(&path, Uuid::now_v7(), &unknown).await.unwrap();
    assert_eq!((status, &problem["field"]), (422, &json!("language")), "{problem}");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invitation_and_user_info_are_in_it_and_tell_of_the_recording() {
    let app = bank().await;
    let german = "Michael Stone schreibt Ihnen von +12025550101.\n\nDies wird aufgezeichnet.";
    let told = onboarded(&app, &Asker::named("DE.german")).await;
    assert_eq!(told, ("de".to_owned(), german.to_owned()));
    let (language, user_info) = onboarded(&app, &Asker::named("US.english")).await;
    assert_eq!(language, "en");
    let expected = USER_INFO.replace("0101", "0102") + "\n\nThis is recorded.";
    assert_eq!(user_info, expected, "on the number with fewer rooms");
    is_fine(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_company_words_no_notice_none_is_given() {
    let app = TestApp::start().await;
    let told = onboarded(&app, &Asker::named("DE.german")).await;
    assert_eq!(told, ("en".to_owned(), USER_INFO.to_owned()));
    is_fine(app).await;
}
