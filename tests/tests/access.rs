//! Tokens of the API, as the company's administrator makes and revokes them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use acceptance::TestApp;
use acceptance::process::{Process, Ran};
use serde_json::Value;

/// The program's command `token`.
fn token(app: &TestApp, arguments: &[&str]) -> Ran {
    let program = Process::new(env!("CARGO_BIN_EXE_service"), &app.stage.config).unwrap();
    program.run(&[&["token"][..], arguments].concat()).unwrap()
}

fn create(app: &TestApp, arguments: &[&str]) -> String {
    let ran = token(app, &[&["create", "--company", "demo-bank"][..], arguments].concat());
    assert!(ran.status.success(), "{}", ran.stderr);
    ran.stdout.trim().to_owned()
}

/// Status of the answer, and its body.
async fn asked(app: &TestApp, path: &str, token: &str) -> (u16, Value) {
    let request = reqwest::Client::new().get(format!("{}{path}", app.stage.api()));
    let answer = request.bearer_auth(token).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_its_companys_data_until_it_is_revoked() {
    let app = TestApp::start().await;
    let made = create(&app, &["--role", "dashboard", "--name", "Wall screen", "--days", "30"]);
    let rooms = "/api/v1/chat-rooms?company=demo-bank";
    assert_eq!(asked(&app, rooms, &made).await.0, 200);
    let shop = asked(&app, "/api/v1/chat-rooms?company=demo-shop", &made).await;
    assert_eq!(shop.1["type"], "urn:onboarding:problem:other-company");

    let listed = token(&app, &["list", "--company", "demo-bank", "--json"]).stdout;
    assert!(!listed.contains(made.rsplit('_').next().unwrap()), "a secret is listed");
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let mine = listed.iter().find(|one| one["name"] == "Wall screen").unwrap();
    assert_eq!((&mine["role"], &mine["state"]), (&"dashboard".into(), &"valid".into()));

    let id = mine["id"].as_str().unwrap();
    assert!(token(&app, &["revoke", id]).status.success());
    assert_eq!(asked(&app, rooms, &made).await.0, 401);
    let again = token(&app, &["revoke", id]);
    assert!(!again.status.success() && again.stderr.contains("no token"), "{}", again.stderr);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_am_users_token_opens_their_own_code() {
    let app = TestApp::start().await;
    let arguments = ["--role", "am-user", "--user", "michael", "--name", "Michael's tab"];
    let made = create(&app, &arguments);
    let code = |user: &str| format!("/api/v1/users/{user}/click-to-chat?company=demo-bank");
    let (status, link) = asked(&app, &code("michael"), &made).await;
    assert_eq!((status, &link["url"]), (200, &"https://wa.me/12025550100?text=%23michael".into()));
    assert_eq!(asked(&app, &code("tim"), &made).await.0, 403);
    assert_eq!(asked(&app, "/api/v1/me", &made).await.1["user"], "michael");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_nobody_is_refused_when_it_is_made() {
    let app = TestApp::start().await;
    for (arguments, complaint) in [
        (vec!["--company", "nobody", "--role", "admin"], "--company: the directory has no company"),
        (
            vec!["--company", "demo-bank", "--role", "am-user", "--user", "nobody"],
            "--user: company demo-bank has no user nobody",
        ),
        (vec!["--company", "demo-bank", "--role", "am-user"], "--user"),
        (vec!["--company", "demo-bank", "--role", "admin", "--user", "tim"], "--role am-user only"),
    ] {
        let ran = token(&app, &[&["create", "--name", "x"][..], &arguments].concat());
        assert!(!ran.status.success());
        assert!(ran.stderr.contains(complaint), "{}", ran.stderr);
    }
    app.stop().await;
}
