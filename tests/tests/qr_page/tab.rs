//! A tab of a browser that is told what to do, by its own protocol (Chrome DevTools) over pipes.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longer than anything here takes on a busy machine; then the browser is ended, and with it the test.
const MOST_SECONDS: &str = "120";

/// A browser with one tab. It ends when this is dropped.
pub(super) struct Tab {
    browser: Child,
    /// Closed first: that is how the browser is told to end.
    pipes: Option<(File, BufReader<File>)>,
    session: Option<String>,
    asked: u64,
}

impl Tab {
    /// What the browser complains about stays where the build's other results are.
    pub(super) fn open(program: &str, folder: &Path) -> Self {
        let [to, from] = ["to-browser", "from-browser"].map(|name| folder.join(name));
        let made = Command::new("mkfifo").args([&to, &from]).status().unwrap();
        assert!(made.success(), "mkfifo");
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join("qr-page-browser.log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        // The browser reads from the third file and writes to the fourth.
        let browser = Command::new("bash")
            .args(["-c", "exec timeout \"$0\" \"$@\" 3<\"$TO\" 4>\"$FROM\"", MOST_SECONDS, program])
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .arg(format!("--user-data-dir={}", folder.join("profile-of-tab").display()))
            .args(["--remote-debugging-pipe", "about:blank"])
            .envs([("TO", &to), ("FROM", &from)])
            .stderr(log)
            .spawn()
            .unwrap();
        let to = File::options().write(true).open(to).unwrap();
        let from = BufReader::new(File::open(from).unwrap());
        let mut tab = Self { browser, pipes: Some((to, from)), session: None, asked: 0 };
        let target = tab.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let session = tab.call("Target.attachToTarget", target);
        tab.session = session["sessionId"].as_str().map(str::to_owned);
        tab
    }

    /// Has the browser do something, and gives its answer.
    pub(super) fn call(&mut self, method: &str, params: Value) -> Value {
        let (to, from) = self.pipes.as_mut().unwrap();
        self.asked += 1;
        let mut asked = json!({ "id": self.asked, "method": method, "params": params });
        if let Some(session) = &self.session {
            asked["sessionId"] = json!(session);
        }
        write!(to, "{asked}\0").unwrap();
        loop {
            let mut said = vec![];
            let bytes = from.read_until(0, &mut said).unwrap();
            assert!(bytes > 0, "the browser has ended: {method}");
            let mut said: Value = serde_json::from_slice(&said[..bytes - 1]).unwrap();
            // Else it is an event, of which nobody wants to know.
            if said["id"] == self.asked {
                assert!(said["error"].is_null(), "{method}: {said}");
                return said["result"].take();
            }
        }
    }

    /// What an expression is worth on the page.
    pub(super) fn value(&mut self, expression: &str) -> Value {
        let ask = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", ask);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Waits until an expression is worth something.
    pub(super) fn until(&mut self, expression: &str) -> Value {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let value = self.value(expression);
            if !value.is_null() && value != json!(false) && value != json!("") {
                return value;
            }
            assert!(Instant::now() < deadline, "never: {expression}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.pipes = None;
        let _ = self.browser.wait();
    }
}
