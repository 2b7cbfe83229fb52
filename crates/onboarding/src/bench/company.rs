//! The companies of a measurement, and what their clients write.

use std::fmt::Write as _;

use chrono::SubsecRound;
use domain::Personal;
use domain::identity::Sender;
use domain::ids::CompanyId;
use domain::input::{InboundMessage, Timestamp};

use crate::demo::APP;

/// Companies of the same shape: each one unit with one pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Company {
    /// How many companies share the load.
    pub(super) companies: u32,
    /// Users of each; client `n` asks for user `n % users`.
    pub(super) users: u32,
    /// Secondary numbers of each pool.
    pub(super) numbers: u32,
}

impl Company {
    /// One company, 50 users, a pool of 10 secondaries.
    pub(super) const USUAL: Self = Self { companies: 1, users: 50, numbers: 10 };

    /// The id of company `c`, counted from 0.
    pub(super) fn id(self, c: u32) -> String {
        format!("bench-{c}")
    }

    /// The primary number of company `c`.
    pub(super) fn primary(self, c: u32) -> String {
        format!("7{c:05}000")
    }

    /// The directory file. Display numbers are 555-01xx in area codes from 201 to 299.
    pub(super) fn directory(self) -> String {
        let mut text = String::from("companies:\n");
        for c in 0..self.companies {
            let id = self.id(c);
            let primary = self.primary(c);
            let _ = write!(
                text,
                "  - id: {id}\n    name: Bench {c}\n    default_language: en\n    \
                 features: {{ auto_promotion: true }}\n    organizational_units:\n      \
                 - {{ id: main, name: Main }}\n    users:\n"
            );
            for u in 0..self.users {
                let _ = writeln!(
                    text,
                    "      - {{ id: u{u}, name: User {u}, ou: main, extension: u{u} }}"
                );
            }
            text.push_str("    official_accounts:\n");
            for n in 0..=self.numbers {
                let number = format!("7{c:05}{n:03}");
                let area = 201 + (c + n / 100) % 99;
                let _ = writeln!(
                    text,
                    "      - {{ phone_number_id: \"{number}\", \
                     display_number: \"+1 {area} 555 01{:02}\", app: {APP} }}",
                    n % 100
                );
            }
            let _ = write!(
                text,
                "    pools:\n      - id: main\n        primary: \"{primary}\"\n        \
                 secondaries:\n"
            );
            for n in 1..=self.numbers {
                let _ = writeln!(text, "          - {{ phone_number_id: \"7{c:05}{n:03}\" }}");
            }
            text.push_str("        organizational_units: [main]\n        default_region: US\n");
        }
        text
    }

    /// What the `n`th message of a load is: a client whom nobody knows asks for a user.
    pub(super) fn onboarding(self, n: u64, at: Timestamp) -> anyhow::Result<Asked> {
        let user = (n / u64::from(self.companies)) % u64::from(self.users);
        self.message(n, n, user as u32, at)
    }

    /// The `n`th message of a load: client `of` asks for a user.
    pub(super) fn message(
        self,
        n: u64,
        of: u64,
        user: u32,
        at: Timestamp,
    ) -> anyhow::Result<Asked> {
        let c = (of % u64::from(self.companies)) as u32;
        let text = format!("Hello #u{user}, please call me");
        let message = text_message(&self.primary(c), &n.to_string(), client(of)?, &text, at)?;
        Ok(Asked { company: self.id(c).parse()?, message })
    }
}

/// The client `n` of a measurement: by phone and username, or by username only.
pub(super) fn client(n: u64) -> anyhow::Result<Sender> {
    let phone = phone_of(n);
    let digits = phone.as_deref().map(|phone| &phone[1..]);
    Ok(Sender {
        phone: phone.as_deref().map(str::parse).transpose()?.map(Personal::new),
        wa_id: digits.map(str::parse).transpose()?.map(Personal::new),
        bsuid: Some(Personal::new(format!("US.bench{n}").parse()?)),
        name: Some(Personal::new(format!("Client {n}"))),
    })
}

/// A text to a number; its id is unique in a measurement.
pub(super) fn text_message(
    to: &str,
    id: &str,
    from: Sender,
    text: &str,
    at: Timestamp,
) -> anyhow::Result<InboundMessage> {
    Ok(InboundMessage {
        phone_number_id: to.parse()?,
        id: format!("wamid.BENCH{id}").parse()?,
        from,
        // In whole seconds, as WhatsApp tells it.
        sent_at: at.trunc_subsecs(0),
        received_at: at,
        kind: "text".into(),
        text: Some(Personal::new(text.to_owned())),
        in_group: false,
        became: None,
        evidence: None,
    })
}

/// 555-01xx is reserved for fiction in every area code: 69,000 numbers from 300 on. Clients beyond
/// them have a username only.
fn phone_of(n: u64) -> Option<String> {
    (n < 69_000).then(|| format!("+1{}55501{:02}", 300 + n / 100, n % 100))
}

/// A message to one company.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) company: CompanyId,
    pub(super) message: InboundMessage,
}
