//! The QR page in a real browser, and its code read from the picture of the screen.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod tab;

use std::path::Path;
use std::process::Command;

use acceptance::TestApp;
use onboarding::AccessRole;
use onboarding::demo::StageOptions;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::tab::Tab;

const LINK: &str = "https://wa.me/12025550100?text=%23michael";
const DESKTOP: (u32, u32) = (1024, 900);

/// What a browser shows after a while.
struct Browser {
    program: &'static str,
    folder: tempfile::TempDir,
}

impl Browser {
    fn find() -> Self {
        let known = ["chromium", "chromium-browser", "google-chrome"];
        let runs = |name: &&str| Command::new(name).arg("--version").output().is_ok();
        let program = known.into_iter().find(runs).expect("Chromium: apt-get install chromium");
        Self { program, folder: tempfile::tempdir().unwrap() }
    }

    fn open(&self, url: &str, arguments: &[&str]) -> String {
        let profile = format!("--user-data-dir={}", self.folder.path().join("profile").display());
        let ran = Command::new("timeout")
            .args(["60", self.program])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", &profile])
            .args(["--virtual-time-budget=10000", "--no-first-run"])
            .args(arguments)
            .arg(url)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    /// The page as it has become.
    fn document(&self, url: &str) -> String {
        let loads = |document: &String| shown(document).iter().any(|(part, _)| *part == "loading");
        patiently(|| self.open(url, &["--dump-dom"]), |document| !loads(document))
    }

    /// A picture of a screen that has a code.
    fn screen_with_code(&self, url: &str, name: &str, dark: bool, size: (u32, u32)) -> Screen {
        patiently(|| self.screen(url, name, dark, size), |screen| !screen.codes().is_empty())
    }

    /// A picture of the screen; it stays where the build's other results are.
    fn screen(&self, url: &str, name: &str, dark: bool, (width, height): (u32, u32)) -> Screen {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("qr-page-{name}.png"));
        let _ = std::fs::remove_file(&file);
        let screenshot = format!("--screenshot={}", file.display());
        let scheme = format!("--blink-settings=preferredColorScheme={}", if dark { 0 } else { 1 });
        let size = format!("--window-size={width},{height}");
        self.open(url, &[&screenshot, &scheme, &size]);
        Screen::read(&file)
    }
}

/// Chromium ends by a clock of its own; when the machine is slow, before the page's answer has come.
/// Then it is asked again.
fn patiently<T>(mut ask: impl FnMut() -> T, is_there: impl Fn(&T) -> bool) -> T {
    let mut answer = ask();
    for _ in 0..9 {
        if is_there(&answer) {
            break;
        }
        answer = ask();
    }
    answer
}

/// The brightness of each place of a screen.
struct Screen {
    width: usize,
    brightness: Vec<u8>,
}

impl Screen {
    fn read(file: &Path) -> Self {
        let mut decoder = png::Decoder::new(std::fs::File::open(file).unwrap());
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size()];
        let frame = reader.next_frame(&mut bytes).unwrap();
        let samples = frame.color_type.samples();
        // Without colours there is one, and perhaps how much of it is seen.
        let colours = if samples < 3 { 1 } else { 3 };
        let place = |place: &[u8]| {
            let sum: u32 = place[..colours].iter().map(|one| u32::from(*one)).sum();
            u8::try_from(sum / colours as u32).unwrap()
        };
        let brightness = bytes[..frame.buffer_size()].chunks_exact(samples).map(place).collect();
        Self { width: frame.width as usize, brightness }
    }

    /// What the codes on it say, as another program reads them.
    fn codes(&self) -> Vec<String> {
        let height = self.brightness.len() / self.width;
        let mut picture =
            rqrr::PreparedImage::prepare_from_greyscale(self.width, height, |x, y| {
                self.brightness[y * self.width + x]
            });
        picture.detect_grids().iter().map(|grid| grid.decode().unwrap().1).collect()
    }

    /// How bright its corner is: the page's background.
    fn background(&self) -> u8 {
        self.brightness[0]
    }
}

/// A page of another program that shows an address in a frame as wide as a phone.
async fn frame(address: String, listener: TcpListener) {
    let page = format!(
        "<!doctype html><body style=\"margin:0\" data-frame=\"there\"><iframe width=\"360\" height=\"780\" \
         style=\"border:0\" src=\"{address}\"></iframe>"
    );
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    loop {
        let (mut connection, _) = listener.accept().await.unwrap();
        let answer = answer.clone();
        // Browsers open connections that they may never use.
        tokio::spawn(async move {
            let mut asked = [0; 4096];
            let _ = connection.read(&mut asked).await;
            let _ = connection.write_all(answer.as_bytes()).await;
        });
    }
}

async fn framed(address: &str, listener: TcpListener) -> String {
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(frame(address.to_owned(), listener));
    url
}

/// The address of a user's page.
async fn address(app: &TestApp, user: &str) -> String {
    let role = AccessRole::AmUser(user.parse().unwrap());
    let token = app.stage.new_token(&"demo-bank".parse().unwrap(), role).await.unwrap();
    format!("{}/qr#{token}", app.stage.api())
}

/// Users, and which part of the page each gets.
const STATES: [(&str, &str); 4] =
    [("michael", "working"), ("anna", "no-extension"), ("tim", "broken"), ("gone", "failed")];

/// The directory of [`STATES`].
fn states() -> &'static str {
    let directory = StageOptions::default().directory.replace(", extension: anna", "");
    let primary = "\"+1 202 555 0140\", app: demo";
    assert!(directory.contains(primary), "the primary of Tim's unit");
    directory.replace(primary, &format!("{primary}, configuration_broken: true")).leak()
}

/// The parts of the page that are shown: their names, and what is in them.
fn shown(document: &str) -> Vec<(&str, &str)> {
    let sections = document.split("<section id=\"").skip(1);
    let shown = sections.filter_map(|section| {
        let (name, rest) = section.split_once('"')?;
        let (attributes, inside) = rest.split_once('>')?;
        (!attributes.contains("hidden")).then_some((name, inside.split("</section>").next()?))
    });
    shown.collect()
}

/// The only part that is shown.
#[track_caller]
fn only(document: &str) -> (&str, &str) {
    let shown = shown(document);
    assert_eq!(shown.len(), 1, "{document}");
    shown[0]
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, which .ci/run installs"]
async fn a_user_shows_their_code_in_light_and_dark_and_inside_another_program() {
    let browser = Browser::find();
    let (friend, stranger) = (
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    );
    let frame_ancestors = vec![format!("http://{}", friend.local_addr().unwrap())];
    let app = TestApp::with(StageOptions { frame_ancestors, ..StageOptions::default() }).await;
    let url = address(&app, "michael").await;

    let document = browser.document(&url);
    let (part, inside) = only(&document);
    assert_eq!(part, "working");
    assert!(inside.contains("<h1 id=\"name\">Michael Stone</h1>"), "{inside}");
    assert!(inside.contains("Use this QR code to onboard a client face-to-face"));
    assert!(document.contains("download=\"onboarding-michael.png\""), "{document}");
    assert!(document.contains(&format!("href=\"{LINK}\"")), "{document}");

    let light = browser.screen_with_code(&url, "light", false, DESKTOP);
    assert_eq!(light.codes(), [LINK]);
    assert!(light.background() > 200, "{}", light.background());
    let dark = browser.screen_with_code(&url, "dark", true, DESKTOP);
    assert_eq!(dark.codes(), [LINK]);
    assert!(dark.background() < 60, "{}", dark.background());

    let inside = framed(&url, friend).await;
    assert_eq!(browser.screen_with_code(&inside, "framed", false, DESKTOP).codes(), [LINK]);
    let elsewhere = framed(&url, stranger).await;
    assert!(browser.document(&elsewhere).contains("data-frame=\"there\""));
    assert!(browser.screen(&elsewhere, "refused", false, DESKTOP).codes().is_empty());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, which .ci/run installs"]
async fn a_user_without_a_code_is_told_why() {
    let browser = Browser::find();
    let app = TestApp::with(StageOptions { directory: states(), ..StageOptions::default() }).await;
    for (user, part, words) in [
        ("anna", "no-extension", "You have no extension yet"),
        (
            "tim",
            "broken",
            "There has been an issue with the WhatsApp Business Account configuration. Please \
             contact administrator for troubleshooting.",
        ),
        ("gone", "failed", "You are not active in the directory."),
    ] {
        let url = address(&app, user).await;
        let document = browser.document(&url);
        let (found, inside) = only(&document);
        assert_eq!(found, part, "{user}");
        assert!(inside.contains(words), "{user}: {inside}");
        assert!(browser.screen(&url, part, false, DESKTOP).codes().is_empty());
    }
    for (key, words) in [
        ("#onb_0", "Your address is no longer valid."),
        ("", "Your address has no key behind the #."),
    ] {
        let document = browser.document(&format!("{}/qr{key}", app.stage.api()));
        let (part, inside) = only(&document);
        assert_eq!(part, "failed");
        assert!(inside.contains(words), "{inside}");
    }
    app.stop().await;
}

/// What a page that is as wide as a phone looks like: how wide it is, and the colours of what it says
/// and of what is behind.
const LOOKS: &str = "(() => {
    const part = document.querySelector('section:not([hidden])');
    const colours = (of) => of.match(/\\d+/g).map(Number);
    return {
        part: part.id,
        wide: document.documentElement.scrollWidth,
        text: colours(getComputedStyle(part).color),
        back: colours(getComputedStyle(document.body).backgroundColor),
        buttons: [...part.querySelectorAll('button, .button')]
            .map((one) => one.getBoundingClientRect().height),
    };
})()";
/// Of a small phone.
const PHONE: (u32, u32) = (360, 740);

/// The contrast of two colours, by WCAG 2.2.
fn contrast(one: &Value, other: &Value) -> f64 {
    let luminance = |colour: &Value| {
        let part = |index: usize| {
            let part = colour[index].as_f64().unwrap() / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(0) + 0.7152 * part(1) + 0.0722 * part(2)
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, which .ci/run installs"]
async fn on_a_phone_every_state_fits_and_can_be_read_in_light_and_dark() {
    let browser = Browser::find();
    let app = TestApp::with(StageOptions { directory: states(), ..StageOptions::default() }).await;
    let mut tab = Tab::open(browser.program, browser.folder.path());
    let (width, height) = PHONE;
    let phone = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true });
    tab.call("Emulation.setDeviceMetricsOverride", phone);
    for (user, part) in STATES {
        let url = address(&app, user).await;
        for scheme in ["light", "dark"] {
            let scheme = json!({ "name": "prefers-color-scheme", "value": scheme });
            tab.call("Emulation.setEmulatedMedia", json!({ "features": [scheme] }));
            tab.call("Page.navigate", json!({ "url": "about:blank" }));
            tab.call("Page.navigate", json!({ "url": url }));
            tab.until("document.querySelector('section:not([hidden]):not(#loading)') !== null");
            let looks = tab.value(LOOKS);
            assert_eq!(looks["part"], part, "{looks}");
            assert!(looks["wide"].as_u64().unwrap() <= width.into(), "{looks}");
            assert!(contrast(&looks["text"], &looks["back"]) >= 4.5, "{looks}");
            let bright = looks["back"][0].as_u64().unwrap();
            assert_eq!(bright > 127, scheme["value"] == "light", "{looks}");
            let buttons = looks["buttons"].as_array().unwrap();
            assert_eq!(buttons.len(), if part == "working" { 2 } else { 0 });
            assert!(buttons.iter().all(|height| height.as_f64().unwrap() >= 44.0), "{looks}");
        }
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium, which .ci/run installs"]
async fn a_user_shares_the_link_and_downloads_the_code() {
    let browser = Browser::find();
    let app = TestApp::start().await;
    let mut tab = Tab::open(browser.program, browser.folder.path());
    let downloads = browser.folder.path().join("downloads");
    let into = json!({ "behavior": "allow", "downloadPath": downloads });
    tab.call("Browser.setDownloadBehavior", into);
    let may = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    tab.call("Browser.grantPermissions", may);
    tab.call("Page.navigate", json!({ "url": address(&app, "michael").await }));
    tab.until("document.querySelector('section:not([hidden])')?.id === 'working'");

    // By what the device offers, with the link alone.
    tab.value("navigator.share = async (what) => { window.shared = what; }; 0");
    tab.value("document.getElementById('share').click()");
    let shared = tab.until("window.shared ?? null");
    assert_eq!(shared, json!({ "title": "Michael Stone", "url": LINK }));
    // Where it offers nothing the link is copied.
    tab.value("navigator.share = undefined; 0");
    tab.value("document.getElementById('share').click()");
    let told = tab.until("document.getElementById('shared').textContent");
    assert_eq!(told, "The link is copied.");
    assert_eq!(tab.value("navigator.clipboard.readText()"), LINK);

    tab.value("document.getElementById('download').click()");
    let file = downloads.join("onboarding-michael.png");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !file.exists() {
        assert!(std::time::Instant::now() < deadline, "the code is not downloaded");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(Screen::read(&file).codes(), [LINK]);
    app.stop().await;
}
