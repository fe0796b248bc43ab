//! One backup, from the first question to the name: the same for every product.
//!
//! ```text
//! survey ─► lock, room, hidden file ─► produce ─► seal ─┬─► file ─► fsync, second read, name, sidecar ─► retire what is past its time
//!                                                       └─► verifier ─► verdict ─┘
//! ```
//! Where only certificates close the archive, nobody here can open it again: the verifier then reads what goes into the
//! seal, and the receipt says so.
//!
//! Promises: an archive gets its name only when its producer, its seal, its file and its verdict are all good; whatever
//! happens, there is a receipt; nothing is stopped or run before the folder is locked, the name is free and the seal can be
//! made. Refuses to know: products, and how a backup is shown.

mod line;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::publish::{Folder, Keep, Place, Published, ReadBack, Retired, Written, due, due_failed};
use super::receipt::{Receipt, Sealed, Verified};
use super::seal::Seal;
use super::{Form, Planned, Producer, Survey, Trouble, World, publish};
use crate::digest::Hashes;
use crate::secret::Unlock;
use crate::verify::{Layer, Options, Outcome, Verdict};
use line::{Ends, Line};

/// How a backup is to be made, whatever it is of.
pub struct Order {
    /// The folder the archive goes to.
    pub folder: PathBuf,
    /// What it is to be called, without the ending that tells its form; `None` leaves that to the producer.
    pub name: Option<String>,
    /// What goes round it.
    pub seal: Seal,
    /// How it is verified.
    pub options: Options,
    /// Whether whoever verifies has what opens the seal.
    pub can_open: bool,
    /// Whether it is read once more from the disk before it gets its name.
    pub read_back: bool,
    /// Which older archives of the family are kept; `None` keeps all.
    pub keep: Option<Keep>,
    /// What becomes of archives that failed.
    pub failed: Failed,
}

/// What becomes of archives that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// Such an archive is removed.
    Discard,
    /// It is kept aside with its report.
    Keep,
    /// The same, and of the family's, those of earlier runs are deleted but for the newest that make up this number.
    KeepNewest(NonZeroUsize),
}

/// What became of a backup.
#[derive(Debug)]
pub struct Backup {
    /// All that is known of it.
    pub receipt: Receipt,
    /// What the verifier said, where it came to that.
    pub outcome: Option<Outcome>,
    /// The archive, where it has its name.
    pub published: Option<Published>,
    /// Where an archive that failed is kept; where there is nothing of it, its report.
    pub kept_aside: Option<PathBuf>,
    /// Older archives that were deleted.
    pub retired: Retired,
    /// Older archives that failed, or reports of runs that wrote none, that were deleted.
    pub cleared: Retired,
    /// What went wrong, the first first. With an archive that has its name, something beside it.
    pub troubles: Vec<Trouble>,
}

impl Backup {
    /// Whether the archive has its name and nothing went wrong beside it.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.published.is_some() && self.troubles.is_empty()
    }
}

/// What a backup would be.
#[derive(Debug)]
pub struct Preview {
    /// What was looked up for it, and how.
    pub looked: Vec<super::Done>,
    /// What is known beforehand.
    pub survey: Survey,
    /// What would be done, in its order.
    pub steps: Vec<Planned>,
    /// The file that would be written.
    pub archive: PathBuf,
    /// Older archives that would be deleted afterwards, seen from now.
    pub due: Retired,
    /// Older archives that failed, or reports of runs that wrote none, that would be.
    pub due_failed: Retired,
}

/// Says what [`back_up`] would do, without doing it. What must be looked up for that is looked up.
///
/// # Errors
/// It could not be done.
pub fn preview(producer: &mut dyn Producer, order: &Order, world: &World) -> Result<Preview, Trouble> {
    order.seal.check()?;
    let survey = producer.survey(world)?;
    let seal = order.seal_for(survey.form);
    let name = order.file_name(&survey, &seal);
    let due = match order.keep {
        Some(keep) => due(&order.folder, keep, world.now.timestamp(), Receipt::says_passed, &survey.family)?,
        None => Retired::default(),
    };
    let due_failed = match order.failed {
        Failed::KeepNewest(most) => due_failed(&order.folder, most, &survey.family)?,
        Failed::Keep | Failed::Discard => Retired::default(),
    };
    let (steps, archive) = (producer.plan(), order.folder.join(name));
    Ok(Preview { looked: world.journal(), steps, archive, due, due_failed, survey })
}

/// Makes a backup. It always ends in a [`Backup`]: what went wrong is in its troubles.
pub fn back_up(producer: &mut dyn Producer, order: &Order, world: &World, unlock: &mut dyn Unlock) -> Backup {
    let mut backup = Backup {
        receipt: Receipt::begin(producer.word(), &world.now),
        outcome: None,
        published: None,
        kept_aside: None,
        retired: Retired::default(),
        cleared: Retired::default(),
        troubles: Vec::new(),
    };
    match begin(producer, order, world, &mut backup.receipt) {
        Ok(ground) => {
            match prepare(&ground, order, &mut backup.receipt) {
                Ok(prepared) => run(producer, order, world, unlock, prepared, &mut backup),
                Err(trouble) => backup.troubles.push(trouble),
            }
            clear(&ground, order, world, &mut backup);
        }
        Err(trouble) => backup.troubles.push(trouble),
    }
    backup.receipt.end(&world.journal(), &backup.troubles, backup.outcome.as_ref());
    backup
}

/// What a backup stands on, until it is over.
struct Ground {
    survey: Survey,
    folder: Folder,
}

/// Asks what must be known, and takes the folder's lock.
fn begin(producer: &mut dyn Producer, order: &Order, world: &World, receipt: &mut Receipt) -> Result<Ground, Trouble> {
    order.seal.check()?;
    let survey = producer.survey(world)?;
    receipt.survey(&survey);
    let folder = Folder::lock(&order.folder)?;
    for leftover in folder.leftovers() {
        let what = if leftover.removed { "was removed" } else { "is still there, for another process has it" };
        receipt.warn(format!("a run that died left {}, which {what}", leftover.path.display()));
    }
    Ok(Ground { survey, folder })
}

/// A backup that may begin.
struct Prepared {
    place: Place,
    writer: publish::Writer,
    seal: Seal,
    form: Form,
    verified: Verified,
    options: Options,
}

/// Finds out, before anything runs, what can be wrong.
fn prepare(ground: &Ground, order: &Order, receipt: &mut Receipt) -> Result<Prepared, Trouble> {
    let Ground { survey, folder } = ground;
    let seal = order.seal_for(survey.form);
    let name = order.file_name(survey, &seal);
    receipt.name(&name, folder.next(&survey.family)?);
    let verified = if seal.lock.is_none() || order.can_open { Verified::AsWritten } else { Verified::BeforeSealing };
    let hashes = Hashes { sha256: true, ..order.options.reading.archive_hashes };
    // Whoever reads the archive's own bytes hashes them, and once is enough.
    let (by_writer, by_verifier) = match verified {
        Verified::AsWritten => (Hashes::NONE, hashes),
        Verified::BeforeSealing => (hashes, Hashes::NONE),
    };
    let (place, writer) = folder.place(&name, survey.expected_bytes, by_writer)?;
    let mut options = order.options.clone();
    options.reading.archive_hashes = by_verifier;
    receipt.sealed(Sealed::of(&seal, survey.form));
    receipt.verified(verified);
    if options.previous_bytes.is_none()
        && let Some((archive, bytes)) = folder.newest(&survey.family, |sidecar| receipt.bytes_before(sidecar))?
    {
        receipt.previous(&archive);
        options.previous_bytes = Some(bytes);
    }
    Ok(Prepared { form: survey.form, place, writer, seal, verified, options })
}

fn run(
    producer: &mut dyn Producer,
    order: &Order,
    world: &World,
    unlock: &mut dyn Unlock,
    prepared: Prepared,
    backup: &mut Backup,
) {
    let Prepared { mut place, writer, seal, form, verified, options } = prepared;
    let name = backup.receipt.archive().to_owned();
    let ends = Ends { name: &name, verified, seal: &seal, options: &options, stop: &world.stop };
    let line = line::through(&ends, writer, unlock, |out| producer.produce(world, out));
    let taken = line.taken;
    let written = learn(line, verified, backup);
    let passed = has_passed(form, backup);
    let stopped = world.may_go_on().err();
    let mut is_named = false;
    match written {
        Some(written) if passed && stopped.is_none() => {
            is_named = publish(&mut place, written, order, world, backup);
        }
        _ => backup.troubles.extend(stopped.filter(|_| !backup.troubles.iter().any(Trouble::is_stop))),
    }
    if !is_named {
        backup.receipt.end(&world.journal(), &backup.troubles, backup.outcome.as_ref());
        let report = backup.receipt.to_json();
        // A seal's beginning alone is worth nothing to anybody.
        let kept = match order.failed {
            Failed::Discard => place.fail(&report, false),
            Failed::Keep | Failed::KeepNewest(_) if taken == 0 => place.report(&report).map(Some),
            Failed::Keep | Failed::KeepNewest(_) => place.fail(&report, true),
        };
        match kept {
            Ok(kept) => backup.kept_aside = kept,
            Err(trouble) => backup.troubles.push(trouble.into()),
        }
    }
}

/// Deletes what is past its time, once what came of this run is on the disk.
fn clear(ground: &Ground, order: &Order, world: &World, backup: &mut Backup) {
    let Ground { survey, folder } = ground;
    if let Some(keep) = order.keep.filter(|_| backup.published.is_some()) {
        match folder.retire(keep, world.now.timestamp(), Receipt::says_passed, &survey.family) {
            Ok(retired) => backup.retired = retired,
            Err(trouble) => backup.troubles.push(trouble.into()),
        }
    }
    let Failed::KeepNewest(most) = order.failed else { return };
    // Without room nothing of this run comes to the disk, nor of the next one while those that failed take it up.
    let lacks_room = matches!(backup.troubles.first(), Some(Trouble::Publish(publish::Trouble::Space { .. })));
    if backup.published.is_none() && backup.kept_aside.is_none() && !lacks_room {
        return;
    }
    match folder.retire_failed(most, &survey.family, backup.kept_aside.as_deref()) {
        Ok(cleared) => backup.cleared = cleared,
        Err(trouble) if backup.published.is_some() => backup.troubles.push(trouble.into()),
        // It is not why there is no archive.
        Err(trouble) => backup.receipt.warn(trouble.to_string()),
    }
}

/// Takes in what came out of the line. The file, where the archive was written to its end.
fn learn(line: Line, verified: Verified, backup: &mut Backup) -> Option<Written> {
    let Line { produced, taken, outcome } = line;
    let written = match produced {
        Ok((made, written)) => {
            backup.receipt.made(&made);
            backup.troubles.extend(made.troubles);
            Some(written)
        }
        Err(trouble) => {
            backup.troubles.push(trouble);
            None
        }
    };
    let outcome = match outcome {
        Ok(outcome) => backup.outcome.insert(outcome),
        Err(trouble) => {
            // An archive that is not whole needs no second reason.
            backup.troubles.extend(written.is_some().then_some(trouble));
            return written.inspect(|written| backup.receipt.written(written));
        }
    };
    let mut written = written?;
    let (bytes, knows) = match verified {
        Verified::AsWritten => (written.bytes(), true),
        Verified::BeforeSealing => (taken, false),
    };
    if outcome.bytes == bytes {
        written = if knows { written.with_digests(outcome.digests) } else { written };
    } else if outcome.verdict == Verdict::Pass {
        let sentence =
            format!("the verifier passed the archive after {} of {bytes} bytes; please report this", outcome.bytes);
        backup.troubles.push(Trouble::Refused(sentence));
        outcome.verdict = Verdict::Inconclusive;
    }
    backup.receipt.written(&written);
    Some(written)
}

/// Whether the archive is what was wanted.
fn has_passed(form: Form, backup: &mut Backup) -> bool {
    let Some(outcome) = backup.outcome.as_ref().filter(|outcome| outcome.verdict == Verdict::Pass) else {
        return false;
    };
    if form == Form::OpenPgp && !is_encrypted(outcome) {
        backup.troubles.push(Trouble::Refused(
            "the product was told to encrypt the archive, and did not: look why it did not get the passphrase, or have it sealed \
             here; what was kept aside is not encrypted"
                .to_owned(),
        ));
        return false;
    }
    true
}

/// Whether the archive is encrypted by OpenPGP, and not only signed.
fn is_encrypted(outcome: &Outcome) -> bool {
    let has_cipher = |layer: &Layer| layer.details.iter().any(|(name, _)| *name == "cipher");
    outcome.layers.iter().any(|layer| layer.format == "openpgp" && has_cipher(layer))
}

/// Whether the archive has its name now.
fn publish(place: &mut Place, written: Written, order: &Order, world: &World, backup: &mut Backup) -> bool {
    backup.receipt.read_back(order.read_back);
    backup.receipt.end(&world.journal(), &backup.troubles, backup.outcome.as_ref());
    let how = if order.read_back { ReadBack::Digests } else { ReadBack::No };
    match place.publish(written, &backup.receipt.to_json(), how) {
        Ok(published) => {
            backup.published = Some(published);
            true
        }
        Err(trouble) => {
            backup.troubles.push(trouble.into());
            false
        }
    }
}

impl Order {
    /// What goes round bytes of this form.
    fn seal_for(&self, form: Form) -> Seal {
        match form {
            Form::Tar => self.seal.clone(),
            Form::OpenPgp => Seal::default(),
        }
    }

    fn file_name(&self, survey: &Survey, seal: &Seal) -> String {
        let extension = match survey.form {
            Form::Tar => seal.extension(),
            Form::OpenPgp => "tar.gpg",
        };
        format!("{}.{extension}", self.name.as_deref().unwrap_or(&survey.name))
    }
}
