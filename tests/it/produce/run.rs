//! Programs that behave badly, as small shell scripts.
//!
//! Every test asks the kernel, too, whether anything stays behind.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use veritar::produce::run::{
    Cause, Command, End, Finally, MOST_KEPT, REDACTED, Ran, Steps, Tell, Told, Trouble, Undo, run,
};
use veritar::secret::Secret;

const PASSPHRASE: &str = "correct horse battery staple";

fn secret() -> Secret {
    Secret::new(PASSPHRASE.as_bytes().to_vec())
}

/// A stand-in. A small time of grace: those that ignore SIGTERM need all of it.
fn sh(script: &str) -> Command {
    Command::new("sh").argument("-c").argument(script).grace(Duration::from_millis(500))
}

fn go(command: &Command) -> (Vec<u8>, Result<Ran, Trouble>) {
    let mut out = Vec::new();
    let result = run(command, &mut out, &AtomicBool::new(false), &mut |_| {});
    nothing_is_left(&result);
    (out, result)
}

fn ran(result: &Result<Ran, Trouble>) -> Option<&Ran> {
    match result {
        Ok(ran) => Some(ran),
        Err(trouble) => trouble.ran.as_ref(),
    }
}

/// Members of the process group of the one that ran: (process, state).
fn members(group: u32) -> Vec<(String, String)> {
    let mut members = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // PID (NAME) STATE PARENT GROUP …
        let rest: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        if rest[2] == group.to_string() {
            members.push((entry.file_name().into_string().unwrap(), rest[0].to_owned()));
        }
    }
    members
}

/// No zombie of ours and nobody alive. What somebody else has yet to reap (an orphan's zombie) is none of ours.
fn nothing_is_left(result: &Result<Ran, Trouble>) {
    if let Some(ran) = ran(result).filter(|ran| !ran.left_behind) {
        group_is_gone(ran.process);
    }
}

fn group_is_gone(group: u32) {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let members = members(group);
        let leader = members.iter().any(|(process, _)| *process == group.to_string());
        assert!(!leader, "the leader was not reaped: {members:?}");
        if members.iter().all(|(_, state)| state == "Z") {
            return;
        }
        assert!(Instant::now() < until, "left behind: {members:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What is said for people: it names the command, and says what to do next.
fn told(result: Result<Ran, Trouble>) -> (Trouble, String) {
    let trouble = result.unwrap_err();
    let text = trouble.to_string();
    assert!(text.starts_with(&format!("`{}` ", trouble.command)), "{text}");
    assert!(!text.contains('\n') && !text.contains('\x1b'), "{text}");
    (trouble, text)
}

#[test]
fn good_output_comes_whole() {
    let (out, result) = go(&sh("head -c 5000000 /dev/zero; echo done >&2"));
    let ran = result.unwrap();
    assert_eq!((out.len(), ran.bytes, ran.end), (5_000_000, 5_000_000, End::Exit(0)));
    assert_eq!(ran.errors_tail, b"done\n");
    assert!(!ran.left_behind);
    assert!(ran.started.elapsed().unwrap() >= ran.took && ran.took > Duration::ZERO);
}

#[test]
fn output_and_its_end_do_not_wait_for_a_tick() {
    let clock = Instant::now();
    (0..20).for_each(|_| drop(go(&sh("echo a"))));
    assert!(clock.elapsed() < Duration::from_secs(2), "{:?} for twenty small programs", clock.elapsed());
}

/// That half an archive is bad is for the verifier to say; the count says what came.
#[test]
fn half_the_output_and_exit_0_is_told_by_its_count() {
    let (out, result) = go(&sh("head -c 1000 /dev/zero; exit 0"));
    assert_eq!((out.len(), result.unwrap().bytes), (1000, 1000));
}

#[test]
fn whole_output_and_exit_1_is_a_failure() {
    let (out, result) = go(&sh("echo whole; echo 'disk \x1b[31mfull' >&2; exit 1"));
    assert_eq!(out, b"whole\n");
    let (trouble, text) = told(result);
    assert!(matches!(trouble.cause, Cause::Exit(1)), "{trouble:?}");
    assert!(text.contains("ended with exit code 1; it said last: disk \\x1b[31mfull;"), "{text}");
    assert_eq!(trouble.ran.unwrap().errors(), ["disk \\x1b[31mfull"]);
}

#[test]
fn a_death_by_a_signal_is_a_failure() {
    let (out, result) = go(&sh("echo some; kill -KILL $$"));
    assert_eq!(out, b"some\n");
    let (trouble, text) = told(result);
    assert!(matches!(trouble.cause, Cause::Signal(9)), "{trouble:?}");
    assert!(text.contains("ended by signal 9 (SIGKILL)"), "{text}");
}

#[test]
fn silence_is_stopped_and_said() {
    let clock = Instant::now();
    let (out, result) = go(&sh("echo some; sleep 60").stall(Duration::from_millis(300)));
    assert!(clock.elapsed() < Duration::from_secs(10), "{:?}", clock.elapsed());
    assert_eq!(out, b"some\n");
    let (trouble, text) = told(result);
    assert!(matches!(trouble.cause, Cause::Stalled(_)), "{trouble:?}");
    assert!(text.contains("it wrote nothing for 0.3 seconds"), "{text}");
    assert_eq!(trouble.ran.unwrap().end, End::Signal(15));
}

#[test]
fn words_on_standard_error_are_no_silence() {
    let script = "for i in 1 2 3 4 5 6 7 8; do echo $i >&2; sleep 0.2; done; echo end";
    let (out, result) = go(&sh(script).stall(Duration::from_millis(900)));
    result.unwrap();
    assert_eq!(out, b"end\n");
}

/// A slow disk is not the program's silence.
#[test]
fn the_time_the_writer_takes_is_no_silence() {
    struct Slow;
    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            std::thread::sleep(Duration::from_millis(700));
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let command = sh("echo a; sleep 0.2; echo b; sleep 0.2").stall(Duration::from_millis(500));
    run(&command, &mut Slow, &AtomicBool::new(false), &mut |_| {}).unwrap();
}

#[test]
fn ten_megabytes_on_standard_error_block_nobody() {
    let script = "head -c 10000000 /dev/zero | tr '\\0' e >&2; echo last >&2; echo whole";
    let (out, result) = go(&sh(script));
    let ran = result.unwrap();
    assert_eq!(out, b"whole\n");
    assert_eq!(ran.errors_tail.len(), MOST_KEPT);
    assert!(ran.errors_tail.ends_with(b"eeelast\n"));
}

/// While nobody takes its output, its standard error is read all the same.
#[test]
fn standard_error_is_read_while_the_writer_waits() {
    struct Waits(std::path::PathBuf);
    impl Write for Waits {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let until = Instant::now() + Duration::from_secs(30);
            while !self.0.exists() {
                assert!(Instant::now() < until, "the program hangs on its standard error");
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let script = "echo first; head -c 1000000 /dev/zero >&2; touch \"$MARK\"";
    let command = sh(script).variable("MARK", &mark);
    run(&command, &mut Waits(mark.clone()), &AtomicBool::new(false), &mut |_| {}).unwrap();
}

#[test]
fn a_secret_on_standard_error_is_told_to_nobody() {
    // As a whole, in two writes, as an address, in a line far too long, with no line break after it.
    let script = "read -r p; echo \"got $p\" >&2; printf '%s ' \"${p% * *}\" >&2; sleep 0.2; echo \"${p#* * }\" >&2;
        echo \"$p\" | sed 's/ /%20/g; s|.*|https://me:&@host|' >&2;
        i=0; while [ $i -lt 4000 ]; do printf 'x%s' \"$p\" >&2; i=$((i+1)); done; echo >&2;
        echo \"pass $UCP_PASS\" >&2; printf 'at last %s' \"$p\" >&2; exit 3";
    let command = sh(script)
        .standard_input(Secret::new(format!("{PASSPHRASE}\n").into_bytes()))
        .secret_variable("UCP_PASS", Secret::new(b"tr0ub4dor&3".to_vec()));
    let mut lines = Vec::new();
    let result = run(&command, &mut io::sink(), &AtomicBool::new(false), &mut |line| lines.push(line.to_owned()));
    let (trouble, text) = told(result);
    let tail = String::from_utf8(trouble.ran.as_ref().unwrap().errors_tail.clone()).unwrap();
    let errors = trouble.ran.as_ref().unwrap().errors();
    for shown in
        [text, format!("{trouble:?}"), format!("{command:?}"), tail.clone(), errors.join("\n"), lines.join("\n")]
    {
        for word in ["horse", "battery", "staple", "tr0ub4dor"] {
            assert!(!shown.contains(word), "{word} in {}", &shown[..shown.len().min(2000)]);
        }
    }
    for line in ["got [secret]", "[secret]", "https://me:[secret]@host", "pass [secret]", "at last [secret]"] {
        assert!(errors.iter().any(|one| one == line) && lines.iter().any(|one| one == line), "{line}: {errors:?}");
    }
    assert_eq!(tail.matches(&format!("x{REDACTED}")).count(), 4000);
}

#[test]
fn the_arguments_and_the_environment_of_a_child_hold_no_secret() {
    let script = "cat /proc/$$/cmdline /proc/$$/environ | tr '\\0' '\\n'; cat /proc/$PPID/cmdline | tr '\\0' '\\n'; cat >/dev/null";
    let (out, result) = go(&sh(script).standard_input(secret()).variable("PLAIN", "value"));
    result.unwrap();
    let seen = String::from_utf8(out).unwrap();
    assert!(!seen.contains("horse"), "{seen}");
    // The look was real.
    assert!(seen.contains("PLAIN=value") && seen.contains("LC_ALL=C") && seen.contains("PATH="), "{seen}");
    assert!(seen.contains("/proc/$$/cmdline"), "{seen}");
}

#[test]
fn a_secret_goes_by_standard_input_whole_and_ends() {
    // More than a pipe holds.
    let long = Secret::new(b"0123456789abcdef".repeat(100_000));
    let (out, result) = go(&sh("cat").standard_input(long.clone()));
    assert_eq!(result.unwrap().bytes, 1_600_000);
    assert_eq!(out, long.reveal());
    // Who does not read it, or not all of it, is not held against it.
    assert_eq!(go(&sh("exec <&-; echo a").standard_input(long.clone())).1.unwrap().bytes, 2);
    assert_eq!(go(&sh("head -c 10").standard_input(long)).1.unwrap().bytes, 10);
    // Without one there is nothing to read, and no terminal.
    assert_eq!(go(&sh("cat; readlink /proc/self/fd/0")).0, b"/dev/null\n");
}

#[test]
fn a_program_inherits_three_descriptors_and_nothing_else() {
    // As a lock or a passphrase on descriptor 3 would be: open across exec.
    let file = std::fs::File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    let (out, result) = go(&sh("readlink /proc/$$/fd/*; true"));
    result.unwrap();
    let seen = String::from_utf8(out).unwrap();
    assert!(!seen.contains("passwd") && seen.lines().count() == 3, "{seen}");
    drop(file);
}

/// A shell that starts with SIGPIPE ignored could not die of it.
#[test]
fn a_program_gets_the_default_for_signals() {
    let (_, result) = go(&sh("kill -PIPE $$; echo alive"));
    assert!(matches!(told(result).0.cause, Cause::Signal(libc::SIGPIPE)));
    let (out, result) = go(&Command::new("grep").arguments(["-e", "SigBlk", "/proc/self/status"]));
    result.unwrap();
    let blocked = String::from_utf8(out).unwrap();
    assert_eq!(blocked.split_whitespace().last(), Some("0000000000000000"), "{blocked}");
}

#[test]
fn output_that_never_ends_ends_with_its_writer() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let result = run(&sh("yes"), &mut Full(10_000_000), &AtomicBool::new(false), &mut |_| {});
    nothing_is_left(&result);
    let (trouble, text) = told(result);
    let Cause::Output(error) = &trouble.cause else { panic!("{trouble:?}") };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(text.contains("what it wrote could not be taken on: "), "{text}");
    assert!(trouble.ran.unwrap().bytes <= 10_000_000);
}

#[test]
fn a_panic_of_the_writer_leaves_nothing_behind() {
    struct Panics(u32);
    impl Write for Panics {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = String::from_utf8_lossy(bytes).trim().parse().unwrap();
            PANICKED.store(self.0, Ordering::Relaxed);
            panic!("on purpose");
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    static PANICKED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let caught = std::panic::catch_unwind(|| {
        run(&sh("echo $$; sleep 60 & sleep 60"), &mut Panics(0), &AtomicBool::new(false), &mut |_| {})
    });
    assert!(caught.is_err());
    let group = PANICKED.load(Ordering::Relaxed);
    assert!(group > 1);
    group_is_gone(group);
}

#[test]
fn a_grandchild_that_keeps_the_pipe_holds_nobody_up() {
    // Silent: fine, it is left alone (an engine may have been started) and told.
    let clock = Instant::now();
    let (out, result) = go(&sh("sleep 20 & echo $!"));
    let ran = result.unwrap();
    assert!(ran.left_behind);
    assert!(clock.elapsed() < Duration::from_secs(8), "{:?}", clock.elapsed());
    let sleeper = String::from_utf8(out).unwrap();
    assert!(Path::new("/proc").join(sleeper.trim()).exists());
    kill(sleeper.trim());
    // It keeps standard error alone: nobody waits at all.
    let clock = Instant::now();
    let command = sh("echo said >&2; sleep 20 >/dev/null & echo $!");
    let mut out = Vec::new();
    let result = run(&command, &mut out, &AtomicBool::new(false), &mut |_| {});
    assert_eq!(result.unwrap().errors_tail, b"said\n");
    assert!(clock.elapsed() < Duration::from_millis(1500), "{:?}", clock.elapsed());
    kill(String::from_utf8(out).unwrap().trim());
    // It ends soon, as the last of a pipeline may: its bytes count.
    let (out, result) = go(&sh("(sleep 0.5; echo late) & echo first"));
    assert!(!result.unwrap().left_behind);
    assert_eq!(out, b"first\nlate\n");
    // It goes on writing, fast or slowly: the exit code says nothing of that.
    for script in ["yes & exit 0", "(while sleep 0.1; do echo a; done) & exit 0"] {
        let clock = Instant::now();
        let (_, result) = go(&sh(script));
        assert!(matches!(told(result).0.cause, Cause::Outlived), "{script}");
        assert!(clock.elapsed() < Duration::from_secs(8), "{:?}", clock.elapsed());
    }
    // The exit code comes first.
    assert!(matches!(told(go(&sh("yes & exit 7")).1).0.cause, Cause::Exit(7)));
}

fn kill(process: &str) {
    let process = rustix::process::Pid::from_raw(process.parse().unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_program_that_is_not_there_or_cannot_be_executed_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let (trouble, text) = told(go(&Command::new("no-such-program-of-veritar").argument("a b")).1);
    assert!(matches!(trouble.cause, Cause::Missing) && trouble.ran.is_none());
    assert!(text.starts_with("`no-such-program-of-veritar 'a b'` was not run: there is no such program"), "{text}");
    let write = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Command::new(path)
    };
    for command in [
        write("mode", "#!/bin/sh\necho a\n", 0o644),
        write("interpreter", "#!/no/such/interpreter\n", 0o755),
        Command::new(folder.path()),
    ] {
        let (trouble, _) = told(go(&command).1);
        assert!(matches!(trouble.cause, Cause::NotExecutable(_)), "{trouble:?}");
    }
}

/// In every state a program can be in: busy, silent, deaf to SIGTERM, halted, with a family.
#[test]
fn a_stop_ends_everything_at_once() {
    let scripts = [
        ("yes", 15),
        ("sleep 60", 15),
        ("trap '' TERM; echo a; while :; do sleep 1; done", 9),
        ("kill -STOP $$; echo a", 15),
        ("sleep 60 & sleep 60 & wait", 15),
        ("yes | cat", 15),
        ("sh -c 'trap \"\" TERM; while :; do echo a; sleep 0.1; done'; true", 15),
        ("yes >&2", 15),
        ("exec >&- 2>&-; sleep 60", 15),
    ];
    std::thread::scope(|scope| {
        for (script, signal) in scripts {
            scope.spawn(move || {
                let stop = AtomicBool::new(false);
                let clock = Instant::now();
                let result = std::thread::scope(|scope| {
                    scope.spawn(|| {
                        std::thread::sleep(Duration::from_millis(400));
                        stop.store(true, Ordering::Relaxed);
                    });
                    run(&sh(script), &mut io::sink(), &stop, &mut |_| {})
                });
                assert!(clock.elapsed() < Duration::from_secs(15), "{script}: {:?}", clock.elapsed());
                nothing_is_left(&result);
                let (trouble, text) = told(result);
                assert!(matches!(trouble.cause, Cause::Stopped), "{script}: {trouble:?}");
                assert_eq!(trouble.ran.as_ref().unwrap().end, End::Signal(signal), "{script}");
                assert!(text.contains("veritar was asked to stop"), "{text}");
            });
        }
    });
    // Before it started: it does not.
    let result = run(&Command::new("yes"), &mut io::sink(), &AtomicBool::new(true), &mut |_| {});
    assert!(matches!(result.unwrap_err(), Trouble { cause: Cause::Stopped, ran: None, .. }));
}

/// SIGTERM first: a program may have to clean up, and may still write while it does.
#[test]
fn a_stopped_program_has_time_to_clean_up() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("clean");
    let script = "trap 'head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; touch \"$MARK\"; exit 0' TERM; echo a; while :; do sleep 0.1; done";
    let command = sh(script).variable("MARK", &mark).stall(Duration::from_millis(300)).grace(Duration::from_secs(20));
    let (trouble, _) = told(go(&command).1);
    assert!(matches!(trouble.cause, Cause::Stalled(_)));
    // An end in good order after a stop is no success.
    assert_eq!(trouble.ran.unwrap().end, End::Exit(0));
    assert!(mark.exists());
}

#[test]
fn progress_is_offered_line_by_line_as_it_comes() {
    let mut lines = Vec::new();
    let script = "printf '10%%\\r20%%\\r' >&2; sleep 0.5; printf 'tab\\there\\nhalf' >&2";
    let started = Instant::now();
    let mut progress = |line: &str| lines.push((started.elapsed(), line.to_owned()));
    run(&sh(script), &mut io::sink(), &AtomicBool::new(false), &mut progress).unwrap();
    let texts: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(texts, ["10%", "20%", "tab\\there", "half"]);
    assert!(lines[3].0 - lines[1].0 > Duration::from_millis(200), "{lines:?}");
}

#[test]
fn a_description_is_what_a_shell_takes() {
    let command = Command::new("docker")
        .arguments(["run", "-e", "UCP_PASSPHRASE", "a b", "it's", "$(id)", "", "é\n"])
        .variable("DOCKER_HOST", "unix:///var/run/docker.sock")
        .secret_variable("UCP_PASSPHRASE", secret())
        .standard_input(secret());
    let shown = command.describe();
    assert_eq!(
        shown,
        "DOCKER_HOST=unix:///var/run/docker.sock UCP_PASSPHRASE='[secret]' docker run -e UCP_PASSPHRASE 'a b' 'it'\\''s' \
         '$(id)' '' $'\\303\\251\\n' < '[secret]'"
    );
    // A shell reads the very words back.
    let words = ["a b", "it's", "$(id)", "", "*", "~", "a;b", "`id`", "\"", "back\\slash", "x=y", "#"];
    let echo = Command::new("printf").argument("<%s>").arguments(words);
    let (out, result) = go(&sh(&echo.describe()));
    result.unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), words.map(|word| format!("<{word}>")).concat());
}

/// What was told, in order.
fn listener() -> (Tell, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let clone = Arc::clone(&heard);
    let tell: Tell = Arc::new(move |told: &Told<'_>| {
        if !matches!(told, Told::Done { .. }) {
            clone.lock().unwrap().push(told.to_string());
        }
    });
    (tell, heard)
}

fn append(word: &str, file: &Path) -> Command {
    sh("echo \"$1\" >> \"$2\"").arguments(["sh", word]).argument(file)
}

fn steps(file: &Path) -> Steps {
    let undo = |word: &str| Undo { says: format!("undo {word}"), command: append(&format!("-{word}"), file) };
    Steps::new().step_and_undo("one", append("+1", file), undo("1")).step("two", append("+2", file)).step_and_undo(
        "three",
        append("+3", file),
        undo("3"),
    )
}

#[test]
fn steps_are_done_in_order_and_undone_backwards_whatever_happens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let never = AtomicBool::new(false);
    let (tell, heard) = listener();
    let read = || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let _ = std::fs::remove_file(&file);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    // All goes well.
    let undoing = steps(&file).run(&never, &tell).unwrap();
    assert_eq!(undoing.rans().len(), 3);
    assert_eq!(undoing.now().unwrap().len(), 2);
    assert_eq!(read(), "+1 +2 +3 -3 -1");
    let said = std::mem::take(&mut *heard.lock().unwrap());
    let what: Vec<&str> = said.iter().map(|text| text.split(':').next().unwrap()).collect();
    assert_eq!(what, ["to one", "to two", "to three", "to undo 3", "to undo 1"]);
    // An error afterwards: the guard goes out of scope.
    drop(steps(&file).run(&never, &tell).unwrap());
    assert_eq!(read(), "+1 +2 +3 -3 -1");
    // A panic afterwards.
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _undoing = steps(&file).run(&never, &tell).unwrap();
        panic!("on purpose");
    }));
    assert!(caught.is_err());
    assert_eq!(read(), "+1 +2 +3 -3 -1");
    // A step that fails is undone, too: it may be half done.
    let undo = Undo { says: "undo four".to_owned(), command: append("-4", &file) };
    let broken = steps(&file).step_and_undo("four", sh("exit 9"), undo).step("five", append("+5", &file));
    let trouble = broken.run(&never, &tell).unwrap_err();
    assert!(matches!(trouble.cause, Cause::Exit(9)));
    assert_eq!(read(), "+1 +2 +3 -4 -3 -1");
    // A stop during a step.
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(400));
            stop.store(true, Ordering::Relaxed);
        });
        let trouble = steps(&file).step("sleep", sh("sleep 60")).run(&stop, &tell).unwrap_err();
        assert!(matches!(trouble.cause, Cause::Stopped));
    });
    assert_eq!(read(), "+1 +2 +3 -3 -1");
    // A stop before the first.
    steps(&file).run(&stop, &tell).unwrap_err();
    assert_eq!(read(), "");
}

#[test]
fn an_undo_that_fails_says_loudly_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let (tell, heard) = listener();
    let start = Command::new("sh").arguments(["-c", "echo 'Job for docker.service failed.' >&2; exit 1"]);
    let undo = Undo { says: "start the engine again".to_owned(), command: start };
    let first = Undo { says: "undo".to_owned(), command: append("-1", &file) };
    let never = AtomicBool::new(false);
    let all = Steps::new().step_and_undo("first", sh("true"), first).step_and_undo("stop the engine", sh("true"), undo);
    let shown = all.describe();
    assert_eq!(shown.before[1], ("stop the engine".to_owned(), "sh -c true".to_owned()));
    let typed = "sh -c 'echo '\\''Job for docker.service failed.'\\'' >&2; exit 1'";
    assert_eq!(shown.after[0], ("start the engine again".to_owned(), typed.to_owned()));
    // Dropped, or asked for: told once, and what comes after it is undone all the same.
    for ask in [false, true] {
        let undoing = all.run(&never, &tell).unwrap();
        if ask {
            assert!(matches!(undoing.now().unwrap_err().cause, Cause::Exit(1)));
        } else {
            drop(undoing);
        }
        let heard = std::mem::take(&mut *heard.lock().unwrap());
        let loud: Vec<&String> =
            heard.iter().filter(|text| text.starts_with("FAILED TO START THE ENGINE AGAIN")).collect();
        assert_eq!(loud.len(), 1, "{heard:?}");
        assert!(loud[0].contains(&format!("type\n\n    {typed}\n\n")), "{}", loud[0]);
        assert!(loud[0].contains("it said last: Job for docker.service failed."), "{}", loud[0]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "-1\n");
        std::fs::remove_file(&file).unwrap();
    }
}

/// Not even a listener that panics keeps an engine from being started.
#[test]
fn an_undo_runs_although_nobody_can_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let tell: Tell = Arc::new(|_: &Told<'_>| panic!("on purpose"));
    drop(Finally::new(Undo { says: "undo".to_owned(), command: append("-1", &file) }, Arc::clone(&tell)));
    Finally::new(Undo { says: "undo".to_owned(), command: append("-2", &file) }, tell).now().unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "-1\n-2\n");
}
