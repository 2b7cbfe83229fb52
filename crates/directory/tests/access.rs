//! Access tokens in a real Postgres.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{operator, store};
use directory::access::{AccessRole, AccessToken, AccessTokens, Secret, TokenText};
use domain::Personal;
use domain::input::Timestamp;
use uuid::Uuid;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn token(number: u128, company: &str, role: AccessRole) -> (AccessToken, TokenText) {
    let id = Uuid::from_u128(number);
    let token = AccessToken {
        id,
        company: company.parse().unwrap(),
        name: Personal::new("Olga".to_owned()),
        role,
        created_at: at("2026-03-01T09:00:00Z"),
        created_by: operator(),
        expires_at: Some(at("2026-04-01T00:00:00Z")),
        revoked_at: None,
    };
    (token, TokenText { id, secret: Secret::new([u8::try_from(number).unwrap(); 32]) })
}

#[tokio::test]
async fn a_token_is_known_by_its_secret_only() {
    let (_, pool) = store("access").await;
    let tokens = AccessTokens::new(pool.clone());
    let (olga, text) = token(1, "acme", AccessRole::AmUser("olga".parse().unwrap()));
    let (other, other_text) = token(2, "bank", AccessRole::Admin);
    tokens.add(&olga, &text).await.unwrap();
    tokens.add(&other, &other_text).await.unwrap();

    assert_eq!(tokens.verify(&text).await.unwrap(), Some(olga.clone()));
    let wrong = TokenText { id: text.id, secret: other_text.secret };
    assert_eq!(tokens.verify(&wrong).await.unwrap(), None);
    let unknown = TokenText { id: Uuid::from_u128(3), secret: text.secret };
    assert_eq!(tokens.verify(&unknown).await.unwrap(), None);
    assert_eq!(tokens.of_company(&"acme".parse().unwrap()).await.unwrap(), [olga]);

    let kept: Vec<u8> = sqlx::query_scalar("SELECT secret_sha256 FROM access_tokens WHERE id = $1")
        .bind(text.id)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_ne!(kept, [1; 32], "the secret itself must not be kept");
}

#[tokio::test]
async fn a_token_ends_when_it_expires_or_is_revoked() {
    let (_, pool) = store("access_ends").await;
    let tokens = AccessTokens::new(pool);
    let (olga, text) = token(1, "acme", AccessRole::Operator);
    tokens.add(&olga, &text).await.unwrap();
    assert!(olga.is_valid(at("2026-03-31T23:59:59Z")));
    assert!(!olga.is_valid(at("2026-04-01T00:00:00Z")));

    let moment = at("2026-03-02T09:00:00Z");
    assert!(tokens.revoke(text.id, &operator(), moment).await.unwrap());
    assert!(!tokens.revoke(text.id, &operator(), moment).await.unwrap());
    let revoked = tokens.verify(&text).await.unwrap().unwrap();
    assert_eq!(revoked.revoked_at, Some(moment));
    assert!(!revoked.is_valid(moment));
}
