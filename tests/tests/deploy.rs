//! What is meant for operators to take over works.

#![expect(clippy::unwrap_used, reason = "a test's helper that cannot go on says so by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::apart::{deploy, passwords};
use devservers::Options;
use figment::Figment;
use figment::providers::{Format, Yaml};
use onboarding::commands::directory::apply_text;
use onboarding::config::Config;
use onboarding::demo::stage::create_database;
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn yaml(file: &str) -> Value {
    Figment::from(Yaml::file_exact(deploy(file))).extract().unwrap()
}

/// `sender.attempts` for every key that has no keys below it.
fn leaves(value: &Value, above: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
                leaves(value, &path, found);
            }
        }
        _ => found.push(above.to_owned()),
    }
}

fn keys(value: &Value) -> Vec<String> {
    let mut found = vec![];
    leaves(value, "", &mut found);
    found
}

#[test]
fn the_example_configuration_has_every_key_with_its_default() {
    let file = deploy("onboarding.example.yaml");
    let loaded = Config::load(Some(&file)).unwrap();
    let app = loaded.apps.values().next().expect("an app is shown");
    assert_eq!(app.secret.expose(), "", "no secrets in files");
    let app_keys = keys(&json!({ "apps": { "main": app } }));

    let written = yaml("onboarding.example.yaml");
    let mut defaults = serde_json::to_value(Config::default()).unwrap();
    assert_eq!(defaults["apps"], json!({}));
    defaults["apps"] = written["apps"].clone();
    assert_eq!(written, defaults);
    assert!(app_keys.iter().all(|key| keys(&written).contains(key)), "{app_keys:?}");

    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<_> = text.lines().collect();
    for (above, line) in lines.iter().zip(&lines[1..]) {
        let is_value = !line.trim_start().starts_with('#') && line.contains(": ");
        assert!(!is_value || above.trim_start().starts_with('#'), "not explained: {line}");
    }
}

#[tokio::test]
async fn nats_accepts_its_configuration() {
    let options = Options::new(std::env::temp_dir());
    let program = devservers::nats_program(&options, &|_| {}).await.unwrap();
    let test = |without: Option<&str>| {
        let mut command = Command::new(&program);
        command.arg("-t").arg("-c").arg(deploy("nats.conf")).envs(passwords());
        if let Some(variable) = without {
            command.env_remove(variable);
        }
        command.output().unwrap()
    };
    let accepted = test(None);
    let said = String::from_utf8_lossy(&accepted.stderr).into_owned();
    assert!(accepted.status.success() && said.contains("is valid"), "{said}");
    assert!(!said.to_lowercase().contains("warn"), "{said}");
    for (variable, _) in passwords() {
        assert!(!test(Some(&variable)).status.success(), "it starts without {variable}");
    }
}

#[test]
fn compose_names_files_and_keys_that_exist() {
    let compose = yaml("compose.yaml");
    let names: Vec<_> = compose["services"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["migrate", "nats", "onboarding", "operator", "postgres", "roles"]);
    let known = keys(&yaml("onboarding.example.yaml"));
    let parts = compose["services"].as_object().unwrap().values().chain([&compose["x-onboarding"]]);
    for part in parts {
        for volume in part["volumes"].as_array().into_iter().flatten() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            if source.starts_with('.') {
                assert!(deploy(source).exists(), "{source}");
            } else {
                assert!(compose["volumes"].get(source).is_some(), "{source}");
            }
        }
        for other in part["depends_on"].as_object().into_iter().flat_map(|others| others.keys()) {
            assert!(names.contains(&other), "{other}");
        }
        for (variable, value) in part["environment"].as_object().into_iter().flatten() {
            let key = variable.strip_prefix("ONBOARDING_").filter(|key| *key != "CONFIG");
            if let Some(key) = key {
                let key = key.to_lowercase().replace("__", ".");
                assert!(known.contains(&key), "{variable}: there is no {key}");
            }
            let secret =
                ["PASSWORD", "SECRET", "TOKEN", "URL"].iter().any(|s| variable.ends_with(s));
            let value = value.as_str().unwrap_or_default();
            assert!(!secret || value.contains(":?}"), "{variable} is to come from outside");
        }
    }
    let build = &compose["x-onboarding"]["build"];
    let context = deploy(build["context"].as_str().unwrap()).canonicalize().unwrap();
    assert_eq!(context, root().canonicalize().unwrap());
    assert!(context.join(build["dockerfile"].as_str().unwrap()).exists());
}

#[test]
fn the_image_is_built_from_the_whole_workspace_and_runs_as_nobody_special() {
    let text = std::fs::read_to_string(deploy("Containerfile")).unwrap();
    let copied: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("COPY "))
        .filter(|line| !line.starts_with("--from"))
        .flat_map(|line| line.split(' ').rev().skip(1))
        .collect();
    for source in &copied {
        assert!(root().join(source).exists(), "{source}");
    }
    let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec().unwrap();
    for package in &metadata.packages {
        let manifest = package.manifest_path.strip_prefix(&metadata.workspace_root).unwrap();
        assert!(copied.iter().any(|source| manifest.starts_with(source)), "{manifest}");
    }
    assert!(copied.contains(&"Cargo.lock") && copied.contains(&"migrations"));
    assert!(text.contains("USER 10001:10001"));
}

#[tokio::test]
async fn the_example_directory_is_taken() {
    let postgres = devservers::shared_postgres().await.unwrap();
    let name = format!("deploy_{}", std::process::id());
    let database = create_database(postgres.url(), &name).await.unwrap();
    let pool = sqlx::PgPool::connect(&database).await.unwrap();
    onboarding::MIGRATIONS.run(&pool).await.unwrap();
    let text = std::fs::read_to_string(deploy("directory.example.yaml")).unwrap();
    let now = onboarding::Clock::system().now();
    let applied = apply_text(&pool, &text, "a test", now).await;
    assert!(applied.is_ok(), "{:?}", applied.err());
    pool.close().await;
}
