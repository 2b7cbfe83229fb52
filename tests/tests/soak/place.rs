//! Where the soak takes place: two companies, and their numbers.

pub(super) const BANK: &str = "soak-bank";
pub(super) const WEALTH: &str = "soak-wealth";
pub(super) const PRIMARY: &str = "600100";
pub(super) const WEALTH_PRIMARY: &str = "700100";
pub(super) const SECONDARIES: u32 = 12;
pub(super) const USERS: u32 = 24;
/// A number that operators add and remove. The bank has it from the beginning, in no pool: what comes
/// in the first seconds of a number that nobody had is parked, for an operator to retry.
pub(super) const SPARE: &str = "600199";
pub(super) const SPARE_DISPLAY: &str = "+12025550198";

/// The nth secondary number of the bank, from 0.
pub(super) fn secondary(n: u32) -> &'static str {
    static NUMBERS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    let all =
        NUMBERS.get_or_init(|| (1..=SECONDARIES).map(|n| (600_100 + n).to_string()).collect());
    &all[n as usize]
}

pub(super) fn directory() -> String {
    let users: String = (1..=USERS)
        .map(|n| format!("      - {{ id: u{n}, name: User {n}, ou: main, extension: u{n} }}\n"))
        .collect();
    let account = |n: u32| {
        format!(
            "      - {{ phone_number_id: \"{}\", display_number: \"+1202555{:04}\", app: demo }}\n",
            600_100 + n,
            100 + n
        )
    };
    let accounts: String = (0..=SECONDARIES).map(account).collect();
    let spare = format!(
        "      - {{ phone_number_id: \"{SPARE}\", display_number: \"{SPARE_DISPLAY}\", app: demo }}\n"
    );
    let carries: String = (0..SECONDARIES)
        .map(|n| format!("          - {{ phone_number_id: \"{}\" }}\n", secondary(n)))
        .collect();
    format!(
        r#"
companies:
  - id: {BANK}
    name: Soak Bank
    organizational_units:
      - {{ id: main, name: Main }}
    users:
{users}    official_accounts:
{accounts}{spare}    pools:
      - id: main
        primary: "{PRIMARY}"
        secondaries:
{carries}        organizational_units: [main]
        default_region: US
  - id: {WEALTH}
    name: Soak Wealth
    features: {{ auto_promotion: false }}
    organizational_units:
      - {{ id: all, name: Everybody }}
    users:
      - {{ id: paula, name: Paula Reed, ou: all, extension: paula }}
    official_accounts:
      - {{ phone_number_id: "{WEALTH_PRIMARY}", display_number: "+1 202 555 0170", app: demo }}
      - {{ phone_number_id: "700101", display_number: "+1 202 555 0171", app: demo }}
    pools:
      - id: main
        primary: "{WEALTH_PRIMARY}"
        secondaries:
          - {{ phone_number_id: "700101" }}
        organizational_units: [all]
        default_region: US
"#
    )
}
