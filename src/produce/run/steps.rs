//! Steps in their order, and what must be undone whatever happens.
//!
//! Promises: what undoes a step is armed before the step runs, because half a step may need it too; it runs once:
//! when it is asked for, or when its guard is dropped, be it by an error, a stop or a panic; it cannot be stopped; the last
//! step is undone first; where it fails, the exact command to type is told. Refuses to know: how anything is shown.
//!
//! Where veritar itself is killed, the second process of [`guard`](super::guard) undoes the step.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::guard::Guard;
use super::{Command, Ran, Trouble, run};

/// What undoes a step.
#[derive(Debug, Clone)]
pub struct Undo {
    /// What it does, as in "to *start the engine again*".
    pub says: String,
    /// How.
    pub command: Command,
}

/// One thing to do.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it does, as in "to *stop the engine*".
    pub says: String,
    /// How.
    pub command: Command,
    /// What must happen afterwards, whatever happens.
    pub undo: Option<Undo>,
}

/// Something that happens, for whoever follows. Displayed, it is a sentence fit for a terminal, without secrets.
#[derive(Debug)]
#[non_exhaustive]
pub enum Told<'a> {
    /// This is being done.
    Doing {
        /// What.
        says: &'a str,
        /// The command as a shell would take it.
        command: &'a str,
    },
    /// A program said so on standard error.
    Said(&'a str),
    /// This was done.
    Done {
        /// What.
        says: &'a str,
        /// How it went.
        ran: &'a Ran,
    },
    /// This was not undone: something must be done by hand, and at once.
    NotUndone {
        /// What was to happen.
        says: &'a str,
        /// The command to type.
        command: &'a str,
        /// Why it did not; `None` where veritar itself broke down over it.
        trouble: Option<&'a Trouble>,
    },
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Doing { says, command } => write!(f, "to {says}: {command}"),
            Self::Said(line) => f.write_str(line),
            Self::Done { says, ran } => write!(f, "to {says} took {:.1} seconds", ran.took.as_secs_f64()),
            Self::NotUndone { says, command, trouble } => {
                write!(
                    f,
                    "FAILED TO {}; this must be done by hand, now: type\n\n    {command}\n\n",
                    says.to_uppercase()
                )?;
                match trouble {
                    Some(trouble) => write!(f, "{trouble}"),
                    None => f.write_str("veritar itself broke down over it; please report this"),
                }
            }
        }
    }
}

/// Told what happens; it must not block for long.
pub type Tell = Arc<dyn Fn(&Told<'_>) + Send + Sync>;

/// A guard: as long as it lives, something is yet to be undone.
#[must_use = "dropped, it undoes at once"]
pub struct Finally {
    undo: Undo,
    is_armed: bool,
    tell: Tell,
    /// Undoes where veritar cannot any more; dropped after all else.
    guard: Option<Guard>,
}

impl Finally {
    /// Undoes by `undo` when dropped.
    pub fn new(undo: Undo, tell: Tell) -> Self {
        Self { undo, is_armed: true, tell, guard: None }
    }

    /// The same, with a second process that undoes where veritar is killed.
    ///
    /// # Errors
    /// It could not be started.
    pub fn guarded(undo: Undo, tell: Tell) -> io::Result<Self> {
        let guard = Guard::start(&undo.command)?;
        let mut this = Self::new(undo, tell);
        this.guard = guard;
        Ok(this)
    }

    /// Undoes now.
    ///
    /// # Errors
    /// It did not go well; that was told already.
    pub fn now(mut self) -> Result<Ran, Trouble> {
        let result = self.undo.run(&self.tell);
        self.is_armed = false;
        self.guard = None;
        result
    }
}

impl Drop for Finally {
    fn drop(&mut self) {
        if !self.is_armed {
            return;
        }
        let undo = &self.undo;
        // A second panic while a first one unwinds would end veritar on the spot.
        if catch_unwind(AssertUnwindSafe(|| undo.run(&self.tell))).is_err() {
            let command = undo.command.describe();
            say(&self.tell, &Told::NotUndone { says: &undo.says, command: &command, trouble: None });
        }
    }
}

impl fmt::Debug for Finally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finally").field("undo", &self.undo).finish_non_exhaustive()
    }
}

impl Undo {
    fn run(&self, tell: &Tell) -> Result<Ran, Trouble> {
        // Who asks veritar to stop wants its engine back all the more.
        let never = AtomicBool::new(false);
        let result = act(&self.says, &self.command, &never, tell);
        if let Err(trouble) = &result {
            say(tell, &Told::NotUndone { says: &self.says, command: &trouble.command, trouble: Some(trouble) });
        }
        result
    }
}

/// Steps in their order.
#[derive(Debug, Clone, Default)]
pub struct Steps {
    steps: Vec<Step>,
}

impl Steps {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One more step.
    #[must_use]
    pub fn step(mut self, says: impl Into<String>, command: Command) -> Self {
        self.steps.push(Step { says: says.into(), command, undo: None });
        self
    }

    /// One more step, and what undoes it.
    #[must_use]
    pub fn step_and_undo(mut self, says: impl Into<String>, command: Command, undo: Undo) -> Self {
        self.steps.push(Step { says: says.into(), command, undo: Some(undo) });
        self
    }

    /// What would be run, in the order it would be, each with what it does: `before` what the steps are for, and `after`.
    #[must_use]
    pub fn describe(&self) -> Described {
        let before = self.steps.iter().map(|step| (step.says.clone(), step.command.describe())).collect();
        let undos = self.steps.iter().rev().filter_map(|step| step.undo.as_ref());
        let after = undos.map(|undo| (undo.says.clone(), undo.command.describe())).collect();
        Described { before, after }
    }

    /// Does all steps. What they are for is to be done while the [`Undoing`] lives.
    ///
    /// # Errors
    /// A step did not go well, or `stop` was set; what is to be undone up to there has been then.
    pub fn run(&self, stop: &AtomicBool, tell: &Tell) -> Result<Undoing, Trouble> {
        let mut undoing = Undoing { rans: Vec::new(), guards: Vec::new() };
        for step in &self.steps {
            // A stop that came first is no reason to start the step, nor to undo it.
            if stop.load(std::sync::atomic::Ordering::Relaxed) {
                let command = step.command.describe();
                return Err(Trouble { command, cause: super::Cause::Stopped, ran: None });
            }
            if let Some(undo) = &step.undo {
                let guard = Finally::guarded(undo.clone(), Arc::clone(tell)).map_err(|error| {
                    // What cannot be undone for certain is not begun.
                    Trouble { command: undo.command.describe(), cause: super::Cause::Start(error), ran: None }
                })?;
                undoing.guards.push(guard);
            }
            undoing.rans.push(act(&step.says, &step.command, stop, tell)?);
        }
        Ok(undoing)
    }
}

/// What would be run: what it does, and the command as a shell would take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The steps.
    pub before: Vec<(String, String)>,
    /// What undoes them.
    pub after: Vec<(String, String)>,
}

/// Steps that were done and are yet to be undone: when asked for, or when dropped.
#[derive(Debug)]
#[must_use = "dropped, it undoes at once"]
pub struct Undoing {
    rans: Vec<Ran>,
    guards: Vec<Finally>,
}

impl Undoing {
    /// How the steps went.
    #[must_use]
    pub fn rans(&self) -> &[Ran] {
        &self.rans
    }

    /// Undoes all, the last step first.
    ///
    /// # Errors
    /// The first that did not go well. The others were undone all the same.
    pub fn now(mut self) -> Result<Vec<Ran>, Trouble> {
        let mut results = Vec::new();
        while let Some(guard) = self.guards.pop() {
            results.push(guard.now());
        }
        results.into_iter().collect()
    }
}

impl Drop for Undoing {
    fn drop(&mut self) {
        // The last first; a vector would drop the first first.
        while let Some(guard) = self.guards.pop() {
            drop(guard);
        }
    }
}

/// Runs one command whose output nobody wants.
fn act(says: &str, command: &Command, stop: &AtomicBool, tell: &Tell) -> Result<Ran, Trouble> {
    say(tell, &Told::Doing { says, command: &command.describe() });
    let ran = run(command, &mut io::sink(), stop, &mut |line| say(tell, &Told::Said(line)))?;
    say(tell, &Told::Done { says, ran: &ran });
    Ok(ran)
}

/// That a sentence could not be shown must not keep an engine from being started.
fn say(tell: &Tell, told: &Told<'_>) {
    let _ = catch_unwind(AssertUnwindSafe(|| tell(told)));
}
