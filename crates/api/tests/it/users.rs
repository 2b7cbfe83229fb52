use reqwest::Method;

use crate::support::{DIRECTORY, Nats, Served, api, apply, database};

#[tokio::test(flavor = "multi_thread")]
async fn a_users_code_leads_to_the_primary_of_the_unit() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;

    let link = http.get("/api/v1/users/michael/click-to-chat?company=acme").await.json();
    assert_eq!(
        link,
        serde_json::json!({
            "url": "https://wa.me/12025550100?text=%23michael",
            "name": "Michael Stone",
            "extension": "michael",
            "primary": "+12025550100",
        })
    );
    let other = http.get("/api/v1/users/jelena/click-to-chat?company=acme").await.json();
    assert_eq!(other["url"], "https://wa.me/12025550100?text=%23%D0%B6%D1%83%D0%BA");

    let svg = http.get("/api/v1/users/michael/qr.svg?company=acme").await;
    assert_eq!(
        (svg.status, &svg.headers["content-type"]),
        (200, &"image/svg+xml".parse().unwrap())
    );
    assert!(svg.text().contains(">Use this QR code to onboard a client face-to-face</text>"));
    let png = http.get("/api/v1/users/michael/qr.png?company=acme").await;
    assert_eq!((png.status, &png.headers["content-type"]), (200, &"image/png".parse().unwrap()));
    assert!(png.body.starts_with(b"\x89PNG"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_would_not_work_is_refused_with_the_reason() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    for (user, company, status, code) in [
        ("silent", "acme", 409, "no-extension"),
        ("brooke", "acme", 409, "account-configuration-broken"),
        ("paul", "acme", 409, "account-configuration-broken"),
        ("nobody", "acme", 404, "unknown-user"),
        ("gone", "acme", 404, "unknown-user"),
        ("michael", "other", 403, "other-company"),
    ] {
        for page in ["qr.svg", "qr.png", "click-to-chat"] {
            let answer = http.get(&format!("/api/v1/users/{user}/{page}?company={company}")).await;
            let (got, kind, _) = answer.problem();
            assert_eq!((got, kind.as_str()), (status, code), "{user}");
        }
    }
    let broken = http.get("/api/v1/users/brooke/qr.svg?company=acme").await.json();
    assert_eq!(
        broken["detail"],
        "There has been an issue with the WhatsApp Business Account configuration. Please contact \
         administrator for troubleshooting."
    );
    let without = http.get("/api/v1/users/michael/qr.svg").await;
    assert_eq!(without.problem(), (400, "bad-parameter".into(), Some("company".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_of_the_directory_counts_at_once() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    const PATH: &str = "/api/v1/users/michael/click-to-chat?company=acme";
    assert_eq!(http.get(PATH).await.json()["extension"], "michael");
    apply(&pool, &DIRECTORY.replace("extension: michael", "extension: mike")).await;
    assert_eq!(http.get(PATH).await.json()["extension"], "mike");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_framed_by_those_who_are_named_and_loads_nothing_from_elsewhere() {
    let (nats, pool) = (Nats::start().await, database().await);
    let http = Served::start(api(&nats.client, &pool)).await;
    for (path, kind) in [
        ("/qr", "text/html; charset=utf-8"),
        ("/qr/page.css", "text/css"),
        ("/qr/page.js", "text/javascript"),
    ] {
        let answer = http.ask(Method::GET, path, None).await;
        assert_eq!((answer.status, &answer.headers["content-type"]), (200, &kind.parse().unwrap()));
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(policy.ends_with("; frame-ancestors https://teams.example"), "{policy}");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    }
    let page = http.ask(Method::GET, "/qr", None).await.text();
    assert!(page.contains("<figcaption>Use this QR code to onboard a client face-to-face</"));
    assert!(!page.contains('{'), "a place was left unfilled");
}
