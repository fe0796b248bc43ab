//! What was typed. Every flag carries its own documentation; nothing is decided here.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

/// Says whether a backup archive is whole, authentic and complete enough to restore from.
#[derive(Debug, Parser)]
#[command(name = "veritar", version, about, max_term_width = 100, propagate_version = true)]
#[command(after_help = "Exit codes: 0 pass, 1 fail, 2 usage, 3 inconclusive, 4 input or output error.\n\
    A pass proves that the archive is whole, authentic to its passphrase, consistent and complete by its rule set.\n\
    It does not prove that a restore will succeed on machines nobody looked at.")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Global {
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", env = "VERITAR_COLOR")]
    pub(super) color: When,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Read every byte once, prove every layer, judge by the rules
    Verify(Verify),
    /// List the members, as far as the archive can be read
    List(List),
    /// Write one member to standard output
    Cat(Cat),
    /// Show and check rule sets
    Rules(Rules),
    /// Make a backup, verify it as it flows, publish it only when it passes
    Backup(Box<super::backup::args::Backup>),
    /// Say what a finding means, why it matters and what to do
    Explain(Explain),
    /// Show what `veritar.toml` and the environment set
    Config(Config),
    /// Print the JSON Schema of rule files or of the report
    Schema(Schema),
}

/// What every reading command shares.
#[derive(Debug, ClapArgs)]
pub(super) struct Reading {
    #[command(flatten)]
    pub(super) keys: Keys,
    /// Go into this member, which is an archive itself, and read that one instead (repeatable: deeper and deeper). The first
    /// member of that name counts
    #[arg(long, value_name = "MEMBER")]
    pub(super) inside: Vec<std::ffi::OsString>,
    /// File with OpenPGP certificates of those who may have signed, binary or armored (repeatable); signatures are checked
    /// against them
    #[arg(long, value_name = "FILE", env = "VERITAR_CERTIFICATE", help_heading = "Trust")]
    pub(super) certificate: Vec<PathBuf>,
    /// Read encrypted content that nothing authenticates; anyone who can write to the storage can have changed it
    #[arg(long, help_heading = "Trust")]
    pub(super) allow_unauthenticated: bool,
    #[command(flatten)]
    pub(super) effort: Effort,
}

/// Where secrets come from.
#[derive(Debug, ClapArgs)]
pub(super) struct Keys {
    /// File whose first line is the passphrase (repeatable: each is tried)
    #[arg(long, value_name = "FILE", env = "VERITAR_PASSPHRASE_FILE", help_heading = "Secrets")]
    pub(super) passphrase_file: Vec<PathBuf>,
    /// Open file descriptor to read the passphrase from
    #[arg(long, value_name = "N", help_heading = "Secrets")]
    pub(super) passphrase_fd: Option<u32>,
    /// Command whose output is the passphrase; run by `sh -c`, only when an archive asks for one
    #[arg(long, value_name = "COMMAND", env = "VERITAR_PASSPHRASE_COMMAND", help_heading = "Secrets")]
    pub(super) passphrase_command: Option<String>,
    /// Name of a systemd credential that is the passphrase
    #[arg(long, value_name = "NAME", help_heading = "Secrets")]
    pub(super) passphrase_credential: Option<String>,
    /// File with the unlock key of a locked Swarm, SWMKEY-1-… (repeatable: each is tried)
    #[arg(long, value_name = "FILE", env = "VERITAR_UNLOCK_KEY_FILE", help_heading = "Secrets")]
    pub(super) unlock_key_file: Vec<PathBuf>,
    /// File with an OpenPGP secret key, binary or armored (repeatable)
    #[arg(long, value_name = "FILE", env = "VERITAR_SECRET_KEY", help_heading = "Secrets")]
    pub(super) secret_key: Vec<PathBuf>,
}

impl Keys {
    /// Whether a passphrase was named, wherever it is.
    pub(super) fn names_passphrase(&self) -> bool {
        !self.passphrase_file.is_empty()
            || self.passphrase_fd.is_some()
            || self.passphrase_command.is_some()
            || self.passphrase_credential.is_some()
    }
}

/// What the work may cost, and what is seen of it.
#[derive(Debug, ClapArgs)]
pub(super) struct Effort {
    /// Threads to use [default: as many as there are processors]
    #[arg(long, value_name = "N", env = "VERITAR_THREADS")]
    pub(super) threads: Option<usize>,
    /// Set a limit on what the input may ask for (repeatable, and in VERITAR_LIMIT with commas); a wrong name lists them all
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) limit: Vec<String>,
    /// Do not show progress
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// When to show progress on standard error
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) progress: When,
}

/// What an archive is judged by.
#[derive(Debug, ClapArgs)]
pub(super) struct Judging {
    /// Rule set by identifier or file (repeatable); `auto` finds the one that fits [default: auto]
    #[arg(long, value_name = "ID|FILE", env = "VERITAR_RULES")]
    pub(super) rules: Vec<String>,
    /// Digests of members and of the archive file: sha256, blake3, both with a comma, or none [default: sha256]
    #[arg(long, value_name = "NAMES", env = "VERITAR_HASH")]
    pub(super) hash: Option<String>,
    /// Digests of the archive file alone: of a plain tar, none halves the hashing [default: as --hash]
    #[arg(long, value_name = "NAMES", env = "VERITAR_ARCHIVE_HASH")]
    pub(super) archive_hash: Option<String>,
    /// From which severity on an archive fails [default: error]
    #[arg(long, value_name = "SEVERITY", env = "VERITAR_FAIL_ON")]
    pub(super) fail_on: Option<FailOn>,
    /// How grave findings of a code are: error, warning or info (repeatable, and in VERITAR_SEVERITY with commas). Damage
    /// stays an error
    #[arg(long, value_name = "CODE=SEVERITY")]
    pub(super) severity: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Verify {
    /// Archives to verify; `-` is standard input
    #[arg(required = true, value_name = "ARCHIVE")]
    pub(super) archives: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) judging: Judging,
    /// The day of the restore, to hold certificates and ages against: 2026-03-01 (its beginning in UTC) or
    /// 2026-03-01T08:00:00Z [default: now]
    #[arg(long, value_name = "DATE")]
    pub(super) at: Option<String>,
    /// The backup before: the archive itself, or a JSON report on it; rules may ask that this one is not much smaller
    #[arg(long, value_name = "FILE")]
    pub(super) previous: Option<PathBuf>,
    /// Format of standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: ReportFormat,
    /// Write a further report to a file (repeatable)
    #[arg(long, value_name = "FORMAT=PATH")]
    pub(super) report: Vec<String>,
    /// Show what is only good to know, too
    #[arg(long, short)]
    pub(super) verbose: bool,
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    Error,
    Warning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    Text,
    Json,
}

#[derive(Debug, ClapArgs)]
pub(super) struct List {
    /// Archive to list; `-` is standard input
    #[arg(value_name = "ARCHIVE")]
    pub(super) archive: PathBuf,
    /// Digests to list with the members: sha256, blake3, both with a comma, or none [default: none]
    #[arg(long, value_name = "NAMES")]
    pub(super) hash: Option<String>,
    /// Format of the listing
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: ListFormat,
    /// Only the members with something odd about them, each with what that is and where; then what concerns no member
    #[arg(long)]
    pub(super) anomalies: bool,
    /// What the archive is wrapped in, outermost first, and how its bytes are used, instead of its members
    #[arg(long, conflicts_with = "anomalies")]
    pub(super) layers: bool,
    /// Every block of the archive as it lies there: headers, payloads, padding, with their offsets
    #[arg(long, conflicts_with_all = ["anomalies", "layers"])]
    pub(super) frames: bool,
    /// Look for members behind damage, at any byte, and say of each whether it is whole
    #[arg(long)]
    pub(super) salvage: bool,
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ListFormat {
    /// Like `tar --list --verbose`, times in UTC
    Text,
    /// Like `tar --list`
    Names,
    /// One JSON object for each member
    Jsonl,
    /// One JSON document, with --layers
    Json,
    /// Comma-separated values with a header row
    Csv,
    /// Specification for mtree(5)
    Mtree,
    /// Body file for mactime of The Sleuth Kit
    Bodyfile,
    /// Lines for `sha256sum --check`
    Sha256sum,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Cat {
    /// Archive to read; `-` is standard input
    #[arg(value_name = "ARCHIVE")]
    pub(super) archive: PathBuf,
    /// Member to write; `./x`, `/x` and `x` are one. Where it stands several times, the first one is written, with a warning
    #[arg(value_name = "MEMBER")]
    pub(super) member: std::ffi::OsString,
    /// Look for the member behind damage, too
    #[arg(long)]
    pub(super) salvage: bool,
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Rules {
    #[command(subcommand)]
    pub(super) command: RulesCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// The built-in rule sets
    List,
    /// The text of a rule set, as a start for one's own; `template` shows every key
    Show {
        /// Identifier
        id: String,
    },
    /// Hold rule files against the format: all problems at once, with line and column
    Check {
        /// Rule files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Hold rule sets against archives whose verdict is known
    Test(RulesTest),
    /// Draft a rule file from a good archive, as a start for one's own
    Init(Box<RulesInit>),
}

#[derive(Debug, ClapArgs)]
pub(super) struct RulesInit {
    /// Archive that is known to be good; `-` is standard input
    #[arg(long, value_name = "ARCHIVE")]
    pub(super) from: PathBuf,
    /// Identifier of the rule set [default: from the archive's name]
    #[arg(long, value_name = "ID")]
    pub(super) id: Option<String>,
    /// Its title, one line for people [default: from the archive's name]
    #[arg(long, value_name = "TEXT")]
    pub(super) title: Option<String>,
    /// The product whose backups they are, in one word [default: from the archive's name]
    #[arg(long, value_name = "WORD")]
    pub(super) product: Option<String>,
    #[command(flatten)]
    pub(super) reading: Reading,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RulesTest {
    /// Rule set by identifier or file (repeatable); `auto` finds the one that fits [default: auto]
    #[arg(long, value_name = "ID|FILE")]
    pub(super) rules: Vec<String>,
    /// Files of cases: `[[case]]` with archive, verdict, and, if you like, codes, at, passphrase-file, unlock-key-file
    #[arg(required = true, value_name = "CASES")]
    pub(super) cases: Vec<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Config {
    #[command(subcommand)]
    pub(super) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// What is in force, and which file or variable says so
    Show,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Schema {
    /// Of what
    #[arg(value_name = "WHAT")]
    pub(super) what: SchemaOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    /// Rule files, with TOML read as JSON
    Rules,
    /// What `verify --format json` writes
    Report,
    /// What `backup` puts beside an archive, NAME.manifest.json, and `backup --format json` writes
    Receipt,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Explain {
    /// Code of a finding, such as tar/truncated; without one, all codes are listed
    pub(super) code: Option<String>,
}
