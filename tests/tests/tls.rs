//! TLS between the service, its servers and who asks it: with certificates that are made here. What
//! the wrong authority vouches for, or what has another name, is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use acceptance::TestApp;
use acceptance::process::Process;
use devservers::{Options, Server};
use onboarding::cli::Role;
use onboarding::config::{Config, HttpTls};
use onboarding::demo::StageOptions;
use onboarding::service::Service;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;

/// An authority, and the folder with its certificate and what it has signed.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "an authority of these tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    /// Its own certificate.
    fn ca(&self) -> String {
        text(&self.folder.path().join("ca.pem"))
    }

    /// A certificate for a host name, and its key.
    fn sign(&self, host: &str) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, host);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |kind: &str| self.folder.path().join(format!("{host}.{kind}"));
        std::fs::write(file("pem"), certificate.pem()).unwrap();
        std::fs::write(file("key"), key.serialize_pem()).unwrap();
        (file("pem"), file("key"))
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("onboarding-{name}-{}", std::process::id()))
}

/// A private NATS that asks for client certificates, and has one for this host.
async fn nats(authority: &Authority, host: &str) -> Server {
    let (certificate, key) = authority.sign(host);
    let ca = authority.ca();
    let tls = format!(
        "tls {{ cert_file: {certificate:?}, key_file: {key:?}, ca_file: {ca:?}, verify: true }}"
    );
    let folder = folder(&format!("nats-{host}"));
    let options = Options { ignore_env: true, nats_settings: vec![tls], ..Options::new(folder) };
    devservers::nats(&options, &|_| {}).await.unwrap()
}

/// Why there is no connection to NATS; empty if there is one.
async fn complaint(config: &Config) -> String {
    match onboarding::nats_client(config).await {
        Ok(_) => String::new(),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_is_trusted_if_the_authority_vouches_for_its_name() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = nats(&authority, "127.0.0.1").await;
    let url = server.url().replace("nats://", "tls://");
    let mut good = Config { nats_url: url.as_str().into(), ..Config::default() };
    let (certificate, key) = authority.sign("a-process");
    good.nats.tls.ca = authority.ca();
    (good.nats.tls.certificate, good.nats.tls.key) = (text(&certificate), text(&key));
    assert_eq!(complaint(&good).await, "");
    // The authority alone is enough for TLS, whatever the URL says.
    let mut nats_url = good.clone();
    nats_url.nats_url = server.url().into();
    assert_eq!(complaint(&nats_url).await, "");

    let mut another_authority = good.clone();
    another_authority.nats.tls.ca = other.ca();
    let mut the_systems = good.clone();
    the_systems.nats.tls.ca = String::new();
    let mut another_name = good.clone();
    let under_another_name = nats(&authority, "nats.example").await;
    another_name.nats_url = under_another_name.url().into();
    assert_ne!(complaint(&the_systems).await, "");
    for config in [another_authority, another_name] {
        let said = complaint(&config).await;
        assert!(said.contains("certificate of NATS at") && said.contains("not accepted"), "{said}");
    }

    let mut nobody = good.clone();
    (nobody.nats.tls.certificate, nobody.nats.tls.key) = (String::new(), String::new());
    assert_ne!(complaint(&nobody).await, "");
    let mut somebody_elses = good;
    let (certificate, key) = other.sign("a-process");
    let names = (text(&certificate), text(&key));
    (somebody_elses.nats.tls.certificate, somebody_elses.nats.tls.key) = names;
    assert_ne!(complaint(&somebody_elses).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_without_tls_is_refused_where_an_authority_is_named() {
    let options = Options { ignore_env: true, ..Options::new(folder("nats-plain")) };
    let server = devservers::nats(&options, &|_| {}).await.unwrap();
    let mut config = Config { nats_url: server.url().into(), ..Config::default() };
    assert_eq!(complaint(&config).await, "");
    let authority = Authority::new();
    config.nats.tls.ca = authority.ca();
    assert!(complaint(&config).await.contains("NATS at"), "it is spoken to in the clear");
}

/// Switches TLS on, with a certificate for `localhost`. `false`: this Postgres was built without it.
async fn switch_tls_on(server: &Server, authority: &Authority) -> bool {
    let data = server.data_dir().unwrap().join("data");
    let owner = std::fs::metadata(&data).unwrap();
    let (certificate, key) = authority.sign("localhost");
    for (from, to) in [(certificate, "server.crt"), (key, "server.key")] {
        let to = data.join(to);
        std::fs::copy(from, &to).unwrap();
        // Postgres takes a key that nobody else can read, and may run as somebody else than we.
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600)).unwrap();
        chown(&to, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    let mut connection = PgConnection::connect(server.url()).await.unwrap();
    if let Err(error) = connection.execute("ALTER SYSTEM SET ssl = on").await {
        // "SSL is not supported by this build"
        let said = error.as_database_error().unwrap().code().unwrap().into_owned();
        assert_eq!(said, "22023", "{error}");
        return false;
    }
    connection.execute("SELECT pg_reload_conf()").await.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while sqlx::query_scalar::<_, String>("SHOW ssl").fetch_one(&mut connection).await.unwrap()
        != "on"
    {
        assert!(std::time::Instant::now() < deadline, "Postgres does not switch TLS on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_trusted_if_the_authority_vouches_for_its_name() {
    let (authority, other) = (Authority::new(), Authority::new());
    let options =
        Options { ignore_env: true, durable: false, ..Options::new(folder("postgres-tls")) };
    let server = devservers::postgres(&options, &|_| {}).await.unwrap();
    let has_tls = switch_tls_on(&server, &authority).await;
    assert!(
        has_tls,
        "this Postgres was built without TLS, as the one is that is fetched where there is none: \
         install your distribution's (Debian: apt-get install postgresql)"
    );
    let by_name = server.url().replace("127.0.0.1", "localhost");
    let with = |url: &str, ca: &str| format!("{url}?sslmode=verify-full&sslrootcert={ca}");
    let good = with(&by_name, &authority.ca());

    let mut connection = PgConnection::connect(&good).await.unwrap();
    let own = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let encrypted: bool = sqlx::query_scalar(own).fetch_one(&mut connection).await.unwrap();
    assert!(encrypted);
    connection.close().await.unwrap();

    let migrate = |url: &str| {
        let config = Config { database_url: url.into(), ..Config::default() };
        Process::new(env!("CARGO_BIN_EXE_service"), &config).unwrap().run(&["migrate"]).unwrap()
    };
    let ran = migrate(&good);
    assert!(ran.status.success(), "{}", ran.stderr);
    for bad in [with(&by_name, &other.ca()), with(server.url(), &authority.ca())] {
        let ran = migrate(&bad);
        assert!(!ran.status.success(), "{bad}");
        let said = ran.stderr.to_lowercase();
        assert!(said.contains("database_url") && said.contains("certificate"), "{}", ran.stderr);
    }
}

/// The service with a certificate for `localhost`.
async fn https(app: &mut TestApp, tls: HttpTls) -> anyhow::Result<Service> {
    app.stage.config.http.tls = tls;
    Service::start(&app.stage.config, &Role::ALL, app.stage.clock.clone()).await
}

/// The status of an answer over HTTPS, for whoever trusts an authority.
async fn asked(host: &str, address: SocketAddr, trusted: &Authority) -> reqwest::Result<u16> {
    let ca = reqwest::Certificate::from_pem(&std::fs::read(trusted.ca()).unwrap()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([ca])
        .resolve("localhost", address)
        .timeout(Duration::from_secs(20));
    let url = format!("https://{host}:{}/healthz", address.port());
    let answer = client.build().unwrap().get(url).send().await?;
    Ok(answer.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_speaks_https_if_it_has_a_certificate() {
    let mut app = TestApp::with(StageOptions { roles: vec![], ..StageOptions::default() }).await;
    let (authority, other) = (Authority::new(), Authority::new());
    let (certificate, key) = authority.sign("localhost");
    let tls = HttpTls { certificate: text(&certificate), key: text(&key) };
    let service = https(&mut app, tls).await.unwrap();
    let address = service.http();
    // Somebody who connects and says nothing is in nobody's way.
    let silent = tokio::net::TcpStream::connect(address).await.unwrap();
    assert_eq!(asked("localhost", address, &authority).await.unwrap(), 200);
    assert!(asked("localhost", address, &other).await.is_err(), "another authority is trusted");
    assert!(asked("127.0.0.1", address, &authority).await.is_err(), "another name is trusted");
    let plain = reqwest::get(format!("http://{address}/healthz")).await;
    assert!(plain.is_err(), "it answers in the clear");
    drop(silent);
    service.stop().await;

    let (_, of_another) = other.sign("localhost");
    let tls = HttpTls { certificate: text(&certificate), key: text(&of_another) };
    let error = https(&mut app, tls).await.err().expect("a key of another certificate");
    assert!(error.to_string().contains("http.tls.key"), "{error:#}");
    app.stop().await;
}
