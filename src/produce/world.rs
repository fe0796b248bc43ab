//! What a producer may use of the world: programs to run, the time, somebody to tell, and being stopped.
//!
//! Promises: whatever runs through here is told while it runs and stands in the journal afterwards, how it ended
//! included; what a program prints is bounded. Refuses to know: what is run and why.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::Trouble;
use super::run::{self, Command, End, Ran, Steps, Tell, Told, Undoing, run};

/// Bytes that a program may print where its output is looked at: far more than a description of an engine needs.
const MOST_PRINTED: usize = 16 << 20;

/// How long is waited between two looks at something that is to come.
const PACE: Duration = Duration::from_millis(500);

/// What a producer may use of the world.
#[derive(Clone)]
pub struct World {
    /// Set, it ends everything as soon as that is safe.
    pub stop: Arc<AtomicBool>,
    /// When the run began.
    pub now: jiff::Zoned,
    tell: Tell,
    journal: Arc<Mutex<Vec<Done>>>,
}

/// A program that ran, or did not.
#[derive(Debug, Clone)]
pub struct Done {
    /// What it was for, as in "to *stop the engine*".
    pub says: String,
    /// The command as a shell would take it, without secrets.
    pub command: String,
    /// When.
    pub started: SystemTime,
    /// How it went; `None` where it did not run at all.
    pub ran: Option<Ran>,
    /// Why it did not do what it was run for, where it did not.
    pub trouble: Option<String>,
}

impl World {
    /// A world of this time, in which `tell` hears what happens.
    #[must_use]
    pub fn new(stop: Arc<AtomicBool>, now: jiff::Zoned, tell: Tell) -> Self {
        let journal: Arc<Mutex<Vec<Done>>> = Arc::default();
        let kept = Arc::clone(&journal);
        let tell: Tell = Arc::new(move |told| {
            note(&kept, told);
            tell(told);
        });
        Self { stop, now, tell, journal }
    }

    /// What ran, in its order.
    #[must_use]
    pub fn journal(&self) -> Vec<Done> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether veritar was asked to stop.
    ///
    /// # Errors
    /// It was.
    pub fn may_go_on(&self) -> Result<(), Trouble> {
        if self.stop.load(Ordering::Relaxed) { Err(Trouble::Stopped) } else { Ok(()) }
    }

    /// Says a sentence to whoever follows.
    pub fn say(&self, sentence: &str) {
        (self.tell)(&Told::Said(sentence));
    }

    /// Runs a program that changes nothing, and gives what it prints.
    ///
    /// # Errors
    /// It did not end well, or printed more than 16 MiB.
    pub fn look(&self, says: &str, command: &Command) -> Result<Vec<u8>, Trouble> {
        let mut printed = Printed(Vec::new());
        self.stream(says, command, &mut printed)?;
        Ok(printed.0)
    }

    /// Runs a program whose output goes to `out`.
    ///
    /// # Errors
    /// It did not end well, or `out` did not take what it wrote.
    pub fn stream(&self, says: &str, command: &Command, out: &mut dyn Write) -> Result<Ran, Trouble> {
        (self.tell)(&Told::Doing { says, command: &command.describe() });
        match run(command, out, &self.stop, &mut |line| (self.tell)(&Told::Said(line))) {
            Ok(ran) => {
                (self.tell)(&Told::Done { says, ran: &ran });
                Ok(ran)
            }
            Err(trouble) => Err(self.failed(trouble)),
        }
    }

    /// Runs a program that changes nothing again and again, twice a second, until `accept` takes what it prints.
    ///
    /// # Errors
    /// That did not happen `within` this time; of what it said, the last stands there.
    pub fn wait<T>(
        &self,
        says: &str,
        command: &Command,
        within: Duration,
        mut accept: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<T, Trouble> {
        (self.tell)(&Told::Doing { says, command: &command.describe() });
        let begun = Instant::now();
        loop {
            let mut printed = Printed(Vec::new());
            let command = command.clone().stall(within.saturating_sub(begun.elapsed()).max(PACE));
            let result = run(&command, &mut printed, &self.stop, &mut |_| {});
            let is_over = begun.elapsed() >= within;
            match result {
                Ok(ran) => {
                    if let Some(accepted) = accept(&printed.0) {
                        (self.tell)(&Told::Done { says, ran: &ran });
                        return Ok(accepted);
                    }
                    if is_over {
                        let cause = run::Cause::Stalled(within);
                        return Err(self.failed(run::Trouble { command: command.describe(), cause, ran: Some(ran) }));
                    }
                }
                Err(trouble) if is_over || matches!(trouble.cause, run::Cause::Stopped | run::Cause::Missing) => {
                    return Err(self.failed(trouble));
                }
                Err(_) => {}
            }
            std::thread::sleep(PACE);
        }
    }

    /// The same world, where what is done is done to its end: for putting things right again.
    #[must_use]
    pub fn undisturbed(&self) -> Self {
        Self { stop: Arc::default(), ..self.clone() }
    }

    /// Does all steps; see [`Steps::run`].
    ///
    /// # Errors
    /// A step did not go well; what was to be undone has been.
    pub fn steps(&self, steps: &Steps) -> Result<Undoing, Trouble> {
        steps.run(&self.stop, &self.tell).map_err(|trouble| self.failed(trouble))
    }

    /// Writes into the journal how the last program came to grief.
    fn failed(&self, trouble: run::Trouble) -> Trouble {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(done) = journal.iter_mut().rfind(|done| done.command == trouble.command && done.is_open()) {
            done.ran.clone_from(&trouble.ran);
            done.trouble = Some(trouble.to_string());
        }
        Trouble::Run(trouble)
    }
}

impl Done {
    fn is_open(&self) -> bool {
        self.ran.is_none() && self.trouble.is_none()
    }

    /// Whether it did what it was run for.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.trouble.is_none() && self.ran.as_ref().is_some_and(|ran| ran.end == End::Exit(0))
    }
}

fn note(journal: &Mutex<Vec<Done>>, told: &Told<'_>) {
    let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
    let mut last = |is_it: &dyn Fn(&Done) -> bool, change: &dyn Fn(&mut Done)| {
        if let Some(done) = journal.iter_mut().rfind(|done| done.is_open() && is_it(done)) {
            change(done);
        }
    };
    match *told {
        Told::Doing { says, command } => {
            let (says, command) = (says.to_owned(), command.to_owned());
            journal.push(Done { says, command, started: SystemTime::now(), ran: None, trouble: None });
        }
        Told::Done { says, ran } => last(&|done| done.says == says, &|done| done.ran = Some(ran.clone())),
        Told::NotUndone { command, trouble, .. } => last(&|done| done.command == command, &|done| {
            done.ran = trouble.and_then(|trouble| trouble.ran.clone());
            done.trouble =
                Some(trouble.map_or_else(|| "veritar itself broke down over it".to_owned(), ToString::to_string));
        }),
        Told::Said(_) => {}
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now).finish_non_exhaustive()
    }
}

/// What a program prints.
struct Printed(Vec<u8>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_PRINTED {
            return Err(io::Error::other("it printed more than 16 MiB, which no answer needs"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
