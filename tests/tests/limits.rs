//! The limits that an operator sets hold for the service.

use std::time::Duration;

use acceptance::TestApp;
use onboarding::cli::Role;
use onboarding::service::Service;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// As long as anything may take here.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn the_service_keeps_the_limits_of_its_configuration() {
    let app = TestApp::start().await;
    let mut config = app.stage.config.clone();
    config.http.limits.head_seconds = 1;
    config.http.limits.connections = 3;
    config.http.limits.calls_per_second = 1;
    let clock = app.stage.clock.clone();
    let service = Service::start(&config, &[Role::Gateway, Role::Api], clock).await.unwrap();

    let mut slow = TcpStream::connect(service.http()).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHo").await.unwrap();
    let mut said = vec![];
    // However it ends: with a last word, or cut off.
    let _ = timeout(SOON, slow.read_to_end(&mut said)).await.expect("it is closed");
    assert_eq!(String::from_utf8_lossy(&said), "");

    let token = app.stage.token(&"demo-bank".parse().unwrap()).await.unwrap();
    // Each on a connection of its own, which ends with it.
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let me = format!("http://{}/api/v1/me", service.http());
    let mut statuses = vec![];
    for _ in 0..20 {
        let answer = http.get(&me).bearer_auth(&token).send().await.unwrap();
        statuses.push(answer.status().as_u16());
    }
    assert!(statuses.contains(&429), "{statuses:?}");

    let mut held = vec![];
    for _ in 0..3 {
        held.push(TcpStream::connect(service.http()).await.unwrap());
    }
    let crowded = http.get(format!("http://{}/healthz", service.http())).send().await.unwrap();
    assert_eq!(crowded.status().as_u16(), 503);
    drop(held);
    timeout(SOON, service.stop()).await.expect("it stops softly");
    app.stop().await;
}
