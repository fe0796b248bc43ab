//! Producers: the same road driven the other way. What is written is verified as it flows, before it gets a name.
//!
//! ```text
//! swarm, images ──► pack (a folder) ──────┐
//! ucp, dtr, msr ──► run (a child's output)┴─► flow ──► seal ──┬─► publish (a hidden file that gets its name, or never does)
//!                                                             └─► verify, on another thread, over the same bytes
//! ```
//! A [`Producer`] knows one product and nothing else: what to look up, what to run, which bytes are the archive. The
//! [`flow`] is the same for all: it asks for the name, seals, verifies, publishes, and leaves a [`receipt`].
//!
//! Promises: a name in the target folder stands for a whole archive that passed; what was left out or moved meanwhile is
//! said; what was stopped is started again whatever happens. Refuses to know: what was typed, and how results are shown.

mod called;
mod container;
pub mod dtr;
pub mod flow;
pub mod images;
pub mod kubernetes;
pub mod msr;
pub mod pack;
pub mod publish;
mod reason;
pub mod receipt;
pub mod run;
pub mod seal;
pub mod swarm;
pub mod ucp;
mod trouble;
mod world;

pub use trouble::Trouble;
pub use world::{Done, World};

use std::io::Write;

use crate::report;

/// Whether a backup of what `word` names can be judged by the built-in rule set `id`: what passes as something else is no
/// backup of it.
#[must_use]
pub fn rules_for(word: &str, id: &str) -> bool {
    let is_images = matches!(id, "registry" | "dtr-images" | "dtr-images-id");
    let is_one_of = |prefixes: &[&str]| prefixes.iter().any(|prefix| id.starts_with(prefix)) && !is_images;
    match word {
        "images" => is_images,
        "ucp" => is_one_of(&["ucp", "mke"]),
        "dtr" | "msr" => is_one_of(&["dtr", "msr"]),
        word => is_one_of(&[word]),
    }
}

/// One product whose backups can be made.
///
/// It is asked in this order: [`survey`](Self::survey), then [`plan`](Self::plan), then [`produce`](Self::produce).
pub trait Producer: Send {
    /// The word for what is backed up, as the command line has it: `swarm`, `ucp`. Rule sets for it are found by this word.
    fn word(&self) -> &'static str;

    /// Finds out what must be known beforehand, and what speaks against beginning. Runs only what changes nothing.
    ///
    /// # Errors
    /// Something could not be found out, or speaks against beginning.
    fn survey(&mut self, world: &World) -> Result<Survey, Trouble>;

    /// What [`produce`](Self::produce) is going to do, in its order: one sentence or command each, fit for a terminal,
    /// without secrets.
    fn plan(&self) -> Vec<Planned>;

    /// Does it: every byte of the archive goes into `out`. What was stopped runs again when this returns, or the archive's
    /// `troubles` or the error say that it does not.
    ///
    /// # Errors
    /// The archive is not whole.
    fn produce(&mut self, world: &World, out: &mut dyn Write) -> Result<Made, Trouble>;
}

/// What is known before anything is done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// What the archive is to be called, without the ending that tells its form.
    pub name: String,
    /// What archives are kept together for: the product and the host, replica or volume it is of.
    pub family: String,
    /// Facts for the receipt: versions, addresses, identifiers. A name, and a value fit for a terminal.
    pub facts: Vec<(&'static str, String)>,
    /// What whoever reads the receipt must know. Sentences.
    pub warnings: Vec<String>,
    /// Bytes of the archive, as far as they can be foretold.
    pub expected_bytes: Option<u64>,
    /// What the producer's bytes are.
    pub form: Form,
}

/// What a producer's bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// A tar, to be sealed as wanted.
    #[default]
    Tar,
    /// Sealed by the product itself: OpenPGP around a tar. Nothing more goes round it.
    OpenPgp,
}

/// One thing that is going to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What it does, as in "to *stop the engine*".
    pub says: String,
    /// The command as a shell would take it, without secrets; `None` for what veritar does itself.
    pub command: Option<String>,
}

impl Planned {
    /// Something that veritar does itself.
    #[must_use]
    pub fn own(says: impl Into<String>) -> Self {
        Self { says: says.into(), command: None }
    }

    /// Something that a program does.
    #[must_use]
    pub fn command(says: impl Into<String>, command: &run::Command) -> Self {
        Self { says: says.into(), command: Some(command.describe()) }
    }
}

/// What there is to tell of an archive that was produced whole.
#[derive(Debug, Default)]
pub struct Made {
    /// Facts that became known on the way.
    pub facts: Vec<(&'static str, String)>,
    /// What whoever reads the receipt must know. Sentences.
    pub warnings: Vec<String>,
    /// What went wrong beside the archive, which is whole: an engine that does not start again.
    pub troubles: Vec<Trouble>,
}

impl Made {
    /// Tells what a packed directory leaves to be told.
    fn tell(&mut self, packed: &pack::Packed) {
        self.facts.push(("members", packed.members.to_string()));
        let skipped = packed.skipped.iter().map(|one| format!("{}: {}", report::name(&one.path), one.why));
        let changed = packed.changed.iter().map(|one| format!("{}: {}", report::name(&one.path), one.how));
        let count = packed.skipped.len() + packed.changed.len();
        self.warnings.extend(skipped.chain(changed).take(MOST_TOLD));
        if count > MOST_TOLD {
            self.warnings.push(format!("{} more were left out or changed while they were read", count - MOST_TOLD));
        }
    }
}

/// Files left out or changed that are told one by one.
const MOST_TOLD: usize = 100;
