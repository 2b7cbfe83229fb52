//! Configuration: defaults, then a file, then the environment.
//!
//! Every key can be set as `ONBOARDING_<KEY>`, nested keys with `__`
//! (`ONBOARDING_HTTP__LISTEN`). Secrets come from there or from the file, and
//! `config show` never prints them.

mod connections;
mod limits;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use domain::ids::AppId;
use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Serialized, Yaml};
use serde::{Deserialize, Serialize};

pub use connections::{HttpTls, Nats, NatsTls};
pub use limits::HttpLimits;

/// Everything that an operator can set.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Postgres: `postgres://user:password@host:port/database`. `DATABASE_URL` sets it too.
    pub database_url: Secret,
    /// NATS: `nats://[user:password@]host:port`. `NATS_URL` sets it too.
    pub nats_url: Secret,
    /// What `nats_url` does not say: other proofs than a password, certificates.
    pub nats: Nats,
    /// Most connections to Postgres for queries, 4 at least. Each process but a gateway may take up
    /// to 18 more.
    pub database_connections: u32,
    /// The HTTP server.
    pub http: Http,
    /// WhatsApp's Cloud API.
    pub cloud_api: CloudApi,
    /// Meta apps by the last part of their webhook's URL.
    pub apps: BTreeMap<AppId, App>,
    /// The sender of messages.
    pub sender: Sender,
    /// JetStream.
    pub streams: Streams,
    /// Logs.
    pub log: Log,
}

/// The HTTP server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Certificate and key, if it is to speak TLS itself.
    pub tls: HttpTls,
    /// Origins whose pages may show the QR page in a frame, e.g. `https://teams.microsoft.com`.
    pub frame_ancestors: Vec<String>,
    /// How much callers may ask.
    pub limits: HttpLimits,
}

/// WhatsApp's Cloud API.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudApi {
    /// The URL before `/{phone-number-id}/messages`.
    pub base_url: String,
    /// How long an answer may take, in seconds.
    pub timeout_seconds: u64,
}

/// One Meta app.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Signs webhooks.
    pub secret: Secret,
    /// What Meta shows at the verification handshake.
    pub verify_token: Secret,
    /// Bearer token for sending from this app's numbers.
    pub access_token: Secret,
    /// WhatsApp's limit of the app's business portfolio: to how many different clients, who have
    /// not written first, templates go out in a moving 24 hours. Left out: no limit is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique_clients_per_day: Option<u32>,
}

/// The sender of messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// How many calls may be under way at once.
    pub concurrency: u32,
    /// After a crash between a call and its record: how long, in seconds, a
    /// status webhook may still tell what became of the message, before it is sent again.
    pub grace_seconds: u32,
    /// How often a message is tried at most.
    pub attempts: u32,
    /// How many messages a second each number sends at most: 1 to 1,000. WhatsApp allows 80 unless
    /// it has raised the number's throughput.
    pub messages_per_second: u32,
    /// Pause before the second attempt, in seconds; doubled each time, with jitter.
    pub back_off_seconds: u32,
}

/// JetStream.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Streams {
    /// Copies of each stream: 1 on a single server, 3 in a cluster.
    pub replicas: usize,
    /// Bytes that INBOX may hold; when it is full, webhooks are answered 503.
    pub inbox_max_bytes: u64,
}

/// Logs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// What is logged: a `tracing` filter, e.g. `info,engine=debug`.
    pub filter: String,
    /// `json` for machines or `text` for people.
    pub format: LogFormat,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database_url: Secret("postgres://onboarding@127.0.0.1:5432/onboarding".into()),
            nats_url: Secret("nats://127.0.0.1:4222".into()),
            nats: Nats::default(),
            database_connections: 20,
            http: Http {
                listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
                tls: HttpTls::default(),
                frame_ancestors: vec![],
                limits: HttpLimits::default(),
            },
            cloud_api: CloudApi {
                base_url: "https://graph.facebook.com/v25.0".into(),
                timeout_seconds: 20,
            },
            apps: BTreeMap::new(),
            sender: Sender {
                concurrency: 32,
                grace_seconds: 60,
                attempts: 8,
                messages_per_second: 80,
                back_off_seconds: 2,
            },
            streams: Streams { replicas: 1, inbox_max_bytes: 4 << 30 },
            log: Log { filter: "info".into(), format: LogFormat::Text },
        }
    }
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// A key that does not exist or does not fit, with where it was set.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(file) = file {
            anyhow::ensure!(file.is_file(), "there is no configuration file {}", file.display());
            figment = figment.merge(Yaml::file_exact(file));
        }
        figment = figment
            .merge(Env::raw().only(&["DATABASE_URL", "NATS_URL"]))
            .merge(Env::prefixed("ONBOARDING_").ignore(&["CONFIG"]).split("__"));
        for (key, value) in std::env::vars() {
            if let Some(path) = secret_path(&key) {
                figment = figment.merge((path, value));
            }
        }
        let config: Self =
            figment.extract().map_err(|error| anyhow::anyhow!("configuration: {}", told(error)))?;
        anyhow::ensure!(
            u64::from(config.sender.grace_seconds) > config.cloud_api.timeout_seconds,
            "configuration: sender.grace_seconds must be more than cloud_api.timeout_seconds ({}): \
             a call that is still under way would be made again",
            config.cloud_api.timeout_seconds
        );
        anyhow::ensure!(
            config.sender.attempts > 0,
            "configuration: sender.attempts must be at least 1, or nothing is ever sent"
        );
        anyhow::ensure!(
            (1..=1_000).contains(&config.sender.messages_per_second),
            "configuration: sender.messages_per_second must be from 1 to 1000, which is the most that \
             WhatsApp allows a number"
        );
        for (id, app) in &config.apps {
            anyhow::ensure!(
                app.unique_clients_per_day != Some(0),
                "configuration: apps.{id}.unique_clients_per_day must be at least 1; leave it out \
                 where WhatsApp sets no limit"
            );
        }
        config.http.limits.validate()?;
        for origin in &config.http.frame_ancestors {
            anyhow::ensure!(
                is_origin(origin),
                "configuration: http.frame_ancestors: `{origin}` must be an origin as in \
                 https://teams.microsoft.com or https://*.example.com, without a path"
            );
        }
        connections::check(&config)?;
        Ok(config)
    }

    /// As JSON, with every secret masked.
    pub fn shown(&self) -> String {
        let mut masked = self.clone();
        masked.database_url = Secret::masked();
        masked.nats_url = Secret::masked();
        for app in masked.apps.values_mut() {
            app.secret = Secret::masked();
            app.verify_token = Secret::masked();
            app.access_token = Secret::masked();
        }
        serde_json::to_string_pretty(&masked).unwrap_or_default()
    }
}

/// A scheme and a host, all of whose subdomains may be meant, and perhaps a port: nobody's site but
/// those that are named, and nothing that could be mistaken for more of the policy.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else { return false };
    let (host, port) = rest.split_once(':').unwrap_or((rest, "443"));
    let host = host.strip_prefix("*.").unwrap_or(host);
    let is_label = |label: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty() && label.bytes().all(allowed)
    };
    host.split('.').all(is_label) && port.parse::<u16>().is_ok()
}

/// What is wrong and where, and not the value: it may be a secret.
fn told(error: figment::Error) -> String {
    let without_value = |mut error: figment::Error| {
        error.kind = match error.kind {
            Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
                Kind::Message(format!("expected {expected}"))
            }
            other => other,
        };
        error.to_string()
    };
    error.into_iter().map(without_value).collect::<Vec<_>>().join("; ")
}

/// The key of a secret that a variable sets. Secrets are taken as they are
/// written: `007` and `true` are neither a number nor a truth.
fn secret_path(variable: &str) -> Option<String> {
    let path = variable.strip_prefix("ONBOARDING_")?.to_lowercase().replace("__", ".");
    let last = path.rsplit('.').next()?;
    let secrets = ["secret", "verify_token", "access_token", "database_url", "nats_url"];
    secrets.contains(&last).then_some(path)
}

/// A text that is not shown: it prints as `***`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself. Whoever calls this must not log what it gives.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn masked() -> Self {
        Self("***".into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(yaml: &str) -> anyhow::Result<Config> {
        let file = tempfile::NamedTempFile::with_suffix(".yaml")?;
        std::fs::write(file.path(), yaml)?;
        Config::load(Some(file.path()))
    }

    #[test]
    fn a_file_overrides_the_defaults_key_by_key() {
        let config = load("sender: { attempts: 3 }").unwrap();
        assert_eq!((config.sender.attempts, config.sender.concurrency), (3, 32));
    }

    #[test]
    fn a_key_that_does_not_exist_is_named() {
        let error = load("sender: { atempts: 3 }").unwrap_err().to_string();
        assert!(error.contains("atempts"), "{error}");
        let error = load("http: { listen: everywhere }").unwrap_err().to_string();
        assert!(error.contains("http.listen"), "{error}");
    }

    #[test]
    fn a_secret_of_the_environment_is_taken_as_it_is_written() {
        let path = secret_path("ONBOARDING_APPS__DEMO__VERIFY_TOKEN").unwrap();
        assert_eq!(path, "apps.demo.verify_token");
        assert_eq!(secret_path("ONBOARDING_SENDER__ATTEMPTS"), None);
        let config: Config = Figment::from(Serialized::defaults(Config::default()))
            .merge(("apps.demo.secret", "007"))
            .merge(("apps.demo.access_token", "true"))
            .merge((path.as_str(), "[x]"))
            .extract()
            .unwrap();
        let app = config.apps.values().next().unwrap();
        let found = [&app.secret, &app.access_token, &app.verify_token].map(Secret::expose);
        assert_eq!(found, ["007", "true", "[x]"]);
    }

    #[test]
    fn a_sender_that_never_tries_is_refused() {
        let error = load("sender: { attempts: 0 }").unwrap_err().to_string();
        assert!(error.contains("sender.attempts must be at least 1"), "{error}");
    }

    #[test]
    fn a_value_that_does_not_fit_is_not_repeated() {
        let wrong = "apps: { main: { secret: a, verify_token: 123456, access_token: c } }";
        let error = load(wrong).unwrap_err().to_string();
        assert!(error.contains("verify_token") && error.contains("expected"), "{error}");
        assert!(!error.contains("123456"), "{error}");
    }

    #[test]
    fn a_number_sends_no_faster_than_whatsapp_allows_any() {
        for wrong in [0, 1_001] {
            let error = load(&format!("sender: {{ messages_per_second: {wrong} }}")).unwrap_err();
            assert!(error.to_string().contains("sender.messages_per_second"), "{error}");
        }
    }

    #[test]
    fn a_portfolio_has_no_limit_or_one_that_lets_somebody_through() {
        let app = |limit: &str| {
            let secrets = "secret: a, verify_token: b, access_token: c";
            load(&format!("apps: {{ main: {{ {secrets}{limit} }} }}"))
        };
        let limit =
            |config: Config| config.apps.into_values().next().unwrap().unique_clients_per_day;
        assert_eq!(limit(app("").unwrap()), None);
        assert_eq!(limit(app(", unique_clients_per_day: 250").unwrap()), Some(250));
        let error = app(", unique_clients_per_day: 0").unwrap_err().to_string();
        assert!(error.contains("apps.main.unique_clients_per_day"), "{error}");
    }

    #[test]
    fn a_grace_time_shorter_than_a_call_is_refused() {
        let error = load("sender: { grace_seconds: 20 }").unwrap_err().to_string();
        assert!(error.contains("sender.grace_seconds must be more than"), "{error}");
    }

    #[test]
    fn what_is_no_origin_may_frame_nothing() {
        let config = load("http: { frame_ancestors: [\"https://*.example.com:8443\"] }").unwrap();
        assert_eq!(config.http.frame_ancestors, ["https://*.example.com:8443"]);
        for wrong in [
            "teams.example",
            "https://",
            "https://*",
            "https://*.",
            "https://x; script-src *",
            "https://x/tab",
            "https://x:port",
        ] {
            let error = load(&format!("http: {{ frame_ancestors: [\"{wrong}\"] }}")).unwrap_err();
            assert!(error.to_string().contains("http.frame_ancestors"), "{error}");
        }
    }

    #[test]
    fn secrets_are_neither_shown_nor_printed() {
        let yaml = "database_url: postgres://hidden1\nnats_url: nats://hidden2\napps: { demo: \
                    { secret: hidden3, verify_token: hidden4, access_token: hidden5 } }";
        let config = load(yaml).unwrap();
        assert_eq!(config.apps.values().next().unwrap().access_token.expose(), "hidden5");
        for shown in [config.shown(), format!("{config:?}")] {
            assert!(!shown.contains("hidden"), "{shown}");
        }
    }
}
