//! How a process proves to NATS who it is, if not by a password.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use devservers::Options;
use nkeys::KeyPair;
use onboarding::config::Config;
use tempfile::TempDir;

/// A file in a folder, as text.
fn file(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn complaint(config: &Config) -> String {
    let error = onboarding::nats_client(config).await.err();
    error.map(|error| format!("{error:#}")).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_may_have_an_nkey_in_a_file() {
    let (known, stranger) = (KeyPair::new_user(), KeyPair::new_user());
    let users = format!("authorization {{ users: [ {{ nkey: {} }} ] }}", known.public_key());
    let folder = std::env::temp_dir().join(format!("onboarding-nkeys-{}", std::process::id()));
    let options = Options { ignore_env: true, nats_settings: vec![users], ..Options::new(folder) };
    let server = devservers::nats(&options, &|_| {}).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config { nats_url: server.url().into(), ..Config::default() };
    assert!(complaint(&config).await.contains("refuses our credentials"), "it lets anybody in");

    let seed = format!("# of the sender\n{}\n", known.seed().unwrap());
    config.nats.nkey_file = file(&folder, "known.nk", &seed);
    assert_eq!(complaint(&config).await, "");

    config.nats.nkey_file = file(&folder, "stranger.nk", &stranger.seed().unwrap());
    let said = complaint(&config).await;
    assert!(said.contains("nats_url") && said.contains("refuses our credentials"), "{said}");
    assert!(!said.contains(&stranger.seed().unwrap()), "a seed is told");

    config.nats.nkey_file = file(&folder, "public.nk", &known.public_key());
    let said = complaint(&config).await;
    assert!(said.contains("public.nk") && said.contains("begins with SU"), "{said}");

    config.nats.nkey_file = String::new();
    config.nats.credentials_file = file(&folder, "no.creds", "no JWT");
    let said = complaint(&config).await;
    assert!(said.contains("no.creds"), "{said}");
}
