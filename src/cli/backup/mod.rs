//! `veritar backup`: which product, how it is sealed, where it goes; then the one flow of all.
//!
//! Promises: everything that can be wrong with an option is found before anything runs; what is done is told on standard
//! error, without secrets; signals end the work in good order. Refuses to know: how a product is backed up.

mod all;
pub(super) mod args;
mod images;
mod kubernetes;
mod msr;
mod dtr;
mod show;
mod signals;
mod swarm;
mod ucp;
mod ucp_api;

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::args::FailOn;
use super::config::Config;
use super::exit::{Exit, Trouble};
use super::secrets::Secrets;
use super::{output, plan};
use crate::produce::flow::{Backup, Failed, Order, back_up, preview};
use crate::produce::publish::Keep;
use crate::produce::run::{Command, Tell, Told};
use crate::produce::seal::{Certificate, Compression, Format, Lock, Seal};
use crate::produce::{self, Producer, World, rules_for};
use crate::report::{escaped, sentence};
use crate::rule::{Choice, RuleSet, catalog};
use crate::secret::{Known, Secret, Unlock as _};
use crate::verify::{Options, Reading, Verdict};
use args::{Common, Of, One, Seipd};
use signals::Signals;

pub(super) fn run(args: args::Backup, config: &Config) -> Result<Exit, Trouble> {
    let mut one = match args.of {
        Of::All(all) => return all::run(&all, config),
        Of::One(one) => one,
    };
    configure(&mut one, config);
    let prepared = Prepared::of(&one)?;
    let signals = Signals::watch()?;
    let common = one.common();
    if common.dry_run {
        return prepared.preview(common, &signals);
    }
    let backup = prepared.back_up(&signals);
    let exit = exit(&backup, &signals);
    // The archive stands or not, whatever becomes of what is printed; but a backup that nobody was told of is no pass.
    if let Err(trouble) = show::backup(&backup, common) {
        trouble.print();
        return Ok(if exit == Exit::Pass { Exit::InputOutput } else { exit });
    }
    Ok(exit)
}

/// Puts what is configured where nothing was typed.
fn configure(one: &mut One, config: &Config) {
    let common = one.common_mut();
    config.keys(&mut common.keys);
    config.effort(&mut common.effort);
    config.judging(&mut common.judging);
}

/// A backup whose options are sound.
struct Prepared {
    producer: Box<dyn Producer>,
    order: Order,
    known: Known,
    quiet: bool,
}

impl Prepared {
    /// Everything that can be wrong with an option is found here; secrets are asked for, and a prompt ends at Control-C.
    fn of(one: &One) -> Result<Self, Trouble> {
        let common = one.common();
        let secrets = Gathered::of(common)?;
        let producer: Box<dyn Producer> = match one {
            One::Swarm(args) => args.producer(secrets.known.unlock_keys.clone())?,
            One::Ucp(args) => args.producer(secrets.passphrase())?,
            One::UcpApi(args) => args.producer(secrets.passphrase().cloned())?,
            One::Dtr(args) => args.producer()?,
            One::Msr(args) => args.producer(),
            One::Images(args) => args.producer(),
        };
        let order = order(common, producer.word(), &secrets)?;
        Ok(Self { producer, order, known: secrets.known, quiet: common.effort.quiet })
    }

    fn world(&self, signals: &Signals) -> World {
        World::new(Arc::clone(&signals.stop), jiff::Zoned::now(), tell(self.quiet))
    }

    /// Says what would be done.
    fn preview(mut self, common: &Common, signals: &Signals) -> Result<Exit, Trouble> {
        let world = self.world(signals);
        match preview(self.producer.as_mut(), &self.order, &world) {
            Ok(preview) => show::preview(&preview, &self.order, common.format).map(|()| Exit::Pass),
            Err(trouble) => {
                output::complain(&sentence(&trouble.to_string()));
                Ok(signals.came().map_or_else(|| exit_of(&trouble), Exit::Signal))
            }
        }
    }

    fn back_up(mut self, signals: &Signals) -> Backup {
        let world = self.world(signals);
        back_up(self.producer.as_mut(), &self.order, &world, &mut self.known)
    }
}

/// What became of it, as an exit code.
fn exit(backup: &Backup, signals: &Signals) -> Exit {
    if backup.is_good() {
        return Exit::Pass;
    }
    if backup.troubles.iter().any(produce::Trouble::is_stop)
        && let Some(signal) = signals.came()
    {
        return Exit::Signal(signal);
    }
    match (backup.troubles.first(), backup.outcome.as_ref().map(|outcome| outcome.verdict)) {
        (Some(trouble), _) => exit_of(trouble),
        (None, Some(Verdict::Fail)) => Exit::Fail,
        (None, Some(Verdict::Inconclusive)) => Exit::Inconclusive,
        (None, _) => Exit::InputOutput,
    }
}

fn exit_of(trouble: &produce::Trouble) -> Exit {
    match trouble {
        produce::Trouble::Usage(_) | produce::Trouble::Seal(_) => Exit::Usage,
        _ => Exit::InputOutput,
    }
}

/// Tells on standard error what happens.
fn tell(quiet: bool) -> Tell {
    Arc::new(move |told| match told {
        Told::NotUndone { .. } => output::complain(&told.to_string()),
        _ if quiet => {}
        told => output::say_plainly(&told.to_string()),
    })
}

/// Secrets, as far as they are known before anything runs.
struct Gathered {
    known: Known,
    /// Whether the archive is to be closed by a passphrase: the first that is known.
    has_passphrase: bool,
}

impl Gathered {
    fn of(common: &Common) -> Result<Self, Trouble> {
        let has_passphrase = common.keys.names_passphrase();
        if common.unencrypted && has_passphrase {
            return Err(Trouble::Usage(
                "--unencrypted and a passphrase contradict each other: leave one of them out".to_owned(),
            ));
        }
        if !common.unencrypted && !has_passphrase && common.recipient.is_empty() {
            return Err(Trouble::Usage(
                "a backup holds keys and passwords of the whole cluster: give a passphrase (--passphrase-file) or \
                 certificates (--recipient) to encrypt it with, or --unencrypted"
                    .to_owned(),
            ));
        }
        let mut secrets = Secrets::gather(&common.keys, false)?;
        let failed = |error: std::io::Error| Trouble::Usage(format!("failed to fetch a secret: {error}"));
        let passphrases = if has_passphrase { secrets.passphrases().map_err(failed)? } else { Vec::new() };
        let secret_keys = secrets.secret_keys().map_err(failed)?;
        let unlock_keys = secrets.unlock_keys().map_err(failed)?;
        Ok(Self { known: Known { passphrases, secret_keys, unlock_keys }, has_passphrase })
    }

    fn passphrase(&self) -> Option<&Secret> {
        self.known.passphrases.first().filter(|_| self.has_passphrase)
    }
}

/// How the backup is to be made.
fn order(common: &Common, word: &str, secrets: &Gathered) -> Result<Order, Trouble> {
    let lock = (!common.unencrypted)
        .then(|| -> Result<Lock, Trouble> {
            Ok(Lock {
                passphrases: secrets.passphrase().cloned().into_iter().collect(),
                certificates: common.recipient.iter().map(|path| certificate(path)).collect::<Result<_, _>>()?,
                format: match common.seipd {
                    Seipd::One => Format::SeipdV1,
                    Seipd::Two => Format::SeipdV2,
                },
            })
        })
        .transpose()?;
    let seal = Seal { compression: compression(&common.compress)?, lock };
    seal.check().map_err(|trouble| Trouble::Usage(sentence(&trouble.to_string())))?;
    let keep = Keep {
        count: common.keep.and_then(|count| usize::try_from(count).ok()),
        age: common.keep_days.map(|days| Duration::from_secs(u64::from(days) * 86_400)),
    };
    Ok(Order {
        folder: common.to.clone(),
        name: common.name.clone(),
        can_open: secrets.has_passphrase || !secrets.known.secret_keys.is_empty(),
        seal,
        options: options(common, word)?,
        read_back: common.read_back,
        keep: (keep != Keep::default()).then_some(keep),
        failed: failed(common),
    })
}

/// What becomes of archives that failed.
fn failed(common: &Common) -> Failed {
    let most = common.keep_failed.and_then(|most| NonZeroUsize::new(usize::try_from(most).ok()?));
    match most {
        _ if common.discard_failed => Failed::Discard,
        Some(most) => Failed::KeepNewest(most),
        None => Failed::Keep,
    }
}

fn options(common: &Common, word: &str) -> Result<Options, Trouble> {
    let hash = common.judging.hash.as_deref().unwrap_or("sha256");
    let mut reading = Reading {
        limits: plan::limits(&common.effort.limit)?,
        hashes: plan::hashes(hash)?,
        archive_hashes: plan::hashes(common.judging.archive_hash.as_deref().unwrap_or(hash))?,
        now: Some(jiff::Timestamp::now().as_second()),
        ..Reading::default()
    };
    plan::threads(common.effort.threads, &mut reading)?;
    let (rules, choice) = match common.judging.rules.as_slice() {
        [] => (rules_of(word), Choice::Auto),
        names => plan::rules(names, &reading.limits)?,
    };
    Ok(Options {
        reading,
        rules,
        choice,
        fail_on_warning: common.judging.fail_on == Some(FailOn::Warning),
        severities: plan::severities(&common.judging.severity)?,
        previous_bytes: None,
    })
}

/// The rule sets that a backup of this kind can be judged by: what passes as something else is no backup of it.
fn rules_of(word: &str) -> Vec<Arc<RuleSet>> {
    catalog::all().iter().filter(|set| rules_for(word, set.id())).cloned().collect()
}

fn certificate(path: &Path) -> Result<Certificate, Trouble> {
    let shown = escaped(path.as_os_str().as_encoded_bytes()).to_string();
    let bytes = plan::read_up_to(path, plan::CERTIFICATE_BYTES)
        .map_err(|error| Trouble::Usage(format!("failed to read certificate {shown}: {error}")))?;
    Ok(Certificate { name: path.to_string_lossy().into_owned(), bytes })
}

fn compression(typed: &str) -> Result<Compression, Trouble> {
    let (format, level) = typed.split_once(':').map_or((typed, None), |(format, level)| (format, Some(level)));
    let wrong =
        || Trouble::Usage(format!("--compress takes none, gzip or zstd, the last two with :LEVEL, not {typed:?}"));
    match (format, level) {
        ("none", None) => Ok(Compression::None),
        ("gzip", level) => level.unwrap_or("6").parse().map(Compression::Gzip).map_err(|_| wrong()),
        ("zstd", level) => level.unwrap_or("3").parse().map(Compression::Zstd).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// The docker client, for products that may be silent for so many seconds.
fn client(program: &OsStr, host: Option<&OsStr>, patience: u32) -> Command {
    let command = Command::new(program).stall(Duration::from_secs(patience.into()));
    match host {
        Some(host) => command.argument("-H").argument(host),
        None => command,
    }
}

/// A command as it was typed behind `option`: words, in quotes where they hold spaces.
fn command(option: &str, typed: &str) -> Result<Command, Trouble> {
    let words = shlex::split(typed).filter(|words| !words.is_empty());
    let mut words = words.map(Vec::into_iter).ok_or_else(|| {
        Trouble::Usage(format!(
            "{option} takes a program and its arguments, with quotes that are closed, not {typed:?}"
        ))
    })?;
    let program = words.next().unwrap_or_default();
    Ok(Command::new(program).arguments(words))
}
