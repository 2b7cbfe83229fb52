//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use domain::Reason;
use domain::ids::{CompanyId, UserId};

use crate::bench::BenchOptions;
use crate::commands::backup_check::BackupCheckOptions;

/// Onboards clients of regulated firms over WhatsApp, and records every decision.
#[derive(Debug, Parser)]
#[command(name = "onboarding", version, max_term_width = 100)]
#[command(after_help = "Exit status: 0 all is well, 1 something is wrong (it is said what), \
                        2 the command line is wrong.\n\nStart with `onboarding demo`.")]
pub struct Cli {
    /// Configuration file (YAML); the environment (ONBOARDING_…) overrides it.
    #[arg(long, global = true, env = "ONBOARDING_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play the whole flow on private servers and show the conversations.
    Demo {
        /// Stop after the play; exit status 0 only if every outcome was the expected one.
        #[arg(long)]
        once: bool,
    },
    /// Measure the service beside its ceiling on private servers, and write a report.
    Bench(BenchOptions),
    /// Run the service.
    Serve {
        /// Which parts of it, separated by commas.
        #[arg(long = "role", value_delimiter = ',', default_values_t = Role::ALL)]
        roles: Vec<Role>,
    },
    /// Bring the database's tables up to date.
    Migrate,
    /// Companies' configuration.
    #[command(subcommand)]
    Directory(DirectoryCommand),
    /// What companies say to their clients.
    #[command(subcommand)]
    Texts(TextsCommand),
    /// Show the whole history behind a request, a message or a room, and decide it again.
    Replay {
        /// A request id, one of our message ids, a WhatsApp message id, or a room id.
        id: String,
        /// For machines.
        #[arg(long)]
        json: bool,
    },
    /// Build a read model anew from the events.
    Rebuild {
        /// `chat-rooms`, `reminders`, `onboarding-requests` or `outbound-messages`.
        view: String,
    },
    /// Check the log, the read models and EVT against each other. Reads only.
    Check {
        /// For machines.
        #[arg(long)]
        json: bool,
    },
    /// Tell whether a backup is good, by a database that was restored from it. Reads only.
    BackupCheck(BackupCheckOptions),
    /// Check configuration, servers, streams and lag, and say what to do.
    Doctor {
        /// For machines.
        #[arg(long)]
        json: bool,
    },
    /// Inputs that could not be decided.
    #[command(subcommand)]
    Parked(ParkedCommand),
    /// Who may call the API.
    #[command(subcommand)]
    Token(TokenCommand),
    /// The configuration in force.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write the published contracts (OpenAPI, AsyncAPI, JSON Schemas).
    Contracts {
        /// Where to.
        #[arg(default_value = "docs/contracts")]
        folder: PathBuf,
    },
}

/// Companies' configuration.
#[derive(Debug, Subcommand)]
pub enum DirectoryCommand {
    /// Validate a file, show what it changes, and record it as a new version.
    Apply {
        /// The file (YAML).
        file: PathBuf,
        /// Who applies it, for the record.
        #[arg(long, env = "USER", default_value = "unknown")]
        actor: String,
        /// Only show what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Show the configuration, as it is or was.
    Show {
        /// Only this company.
        #[arg(long)]
        company: Option<CompanyId>,
        /// As it was in this version.
        #[arg(long, value_name = "VERSION")]
        at: Option<u64>,
    },
    /// List the versions: when, who, which companies.
    Versions,
}

/// Inputs that could not be decided.
#[derive(Debug, Subcommand)]
pub enum ParkedCommand {
    /// List them with the reason, the newest first; without their bytes.
    List {
        /// Only this company's.
        #[arg(long)]
        company: Option<CompanyId>,
        /// Only those with this code, e.g. `unknown-number`.
        #[arg(long)]
        code: Option<String>,
        /// Those that were dropped instead, with who did it and why.
        #[arg(long)]
        dropped: bool,
        /// Only those before this number: the last one of the part before.
        #[arg(long, value_name = "ID")]
        before: Option<u64>,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// For machines.
        #[arg(long)]
        json: bool,
    },
    /// Show one that is parked or was dropped, and all that was done with it; without its bytes.
    Inspect {
        /// Its number in the list.
        id: u64,
        /// For machines.
        #[arg(long)]
        json: bool,
    },
    /// Print one's bytes as they came. Personal data.
    Show {
        /// Its number in the list.
        id: u64,
    },
    /// Put one back into its lane once the cause is mended. One that was decided before is recognised.
    Retry {
        /// Its number in the list.
        id: u64,
        /// Who does it, for the record.
        #[arg(long, env = "USER", default_value = "unknown")]
        actor: String,
    },
    /// Give up one that nobody needs. What it was, who did it and why is kept; its bytes are not.
    Drop {
        /// Its number in the list.
        id: u64,
        /// Why, for the record; it names no client.
        #[arg(long)]
        reason: Reason,
        /// Who does it, for the record.
        #[arg(long, env = "USER", default_value = "unknown")]
        actor: String,
    },
}

/// Who may call the API.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it. It is shown this once: what is kept can't be turned back into it.
    Create {
        /// The company whose data it opens.
        #[arg(long)]
        company: CompanyId,
        /// What its holder may do.
        #[arg(long, value_enum)]
        role: RoleName,
        /// The AM user whose pages it opens; with `--role am-user`.
        #[arg(long, value_name = "ID", required_if_eq("role", "am-user"))]
        user: Option<UserId>,
        /// Who will hold it, for people and for the record of commands.
        #[arg(long)]
        name: String,
        /// After how many days it opens nothing more; without it, never.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: Option<u32>,
        /// Who makes it, for the record.
        #[arg(long, env = "USER", default_value = "unknown")]
        actor: String,
    },
    /// List a company's tokens, those that are revoked or expired too.
    List {
        /// The company.
        #[arg(long)]
        company: CompanyId,
        /// For machines.
        #[arg(long)]
        json: bool,
    },
    /// Make a token open nothing, from now on.
    Revoke {
        /// Its id in the list.
        id: uuid::Uuid,
        /// Who revokes it, for the record.
        #[arg(long, env = "USER", default_value = "unknown")]
        actor: String,
    },
}

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Everything.
    Admin,
    /// Read, give commands, try messages out, show QR codes.
    Operator,
    /// Read, and see the history behind every request.
    Auditor,
    /// Read.
    Dashboard,
    /// Show one employee's own QR code.
    AmUser,
}

/// What companies say to their clients.
#[derive(Debug, Subcommand)]
pub enum TextsCommand {
    /// Print every text as clients would read it, in each language, before the file is applied.
    Preview {
        /// The directory file (YAML).
        file: PathBuf,
        /// Only this company.
        #[arg(long)]
        company: Option<CompanyId>,
    },
}

/// The configuration in force.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print it, without secrets.
    Show,
}

/// A part of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Takes webhooks in; needs NATS only.
    Gateway,
    /// Decides inputs and commits them.
    Engine,
    /// Publishes events on NATS, in order. One is active at a time.
    Relay,
    /// Builds the read models.
    Projector,
    /// Sends messages through WhatsApp.
    Sender,
    /// Answers queries over HTTP and NATS.
    Api,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Gateway, Self::Engine, Self::Relay, Self::Projector, Self::Sender, Self::Api];
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gateway => "gateway",
            Self::Engine => "engine",
            Self::Relay => "relay",
            Self::Projector => "projector",
            Self::Sender => "sender",
            Self::Api => "api",
        })
    }
}
