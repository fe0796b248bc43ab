//! What is set in files, variables and flags: which of them counts, what is refused, and what cannot be made milder.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use veritar::code::{self, Severity};
use veritar::limits::Limits;
use veritar::verify::Severities;

use crate::cli::{at, run, scratch, veritar};

/// A folder to run in, one for the user, and what is set in the environment.
struct Place {
    here: tempfile::TempDir,
    user: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { here: scratch(), user: scratch() }
    }

    fn here(self, text: &str) -> Self {
        std::fs::write(self.here.path().join("veritar.toml"), text).unwrap();
        self
    }

    fn user(self, text: &str) -> Self {
        std::fs::create_dir_all(self.user.path().join("veritar")).unwrap();
        std::fs::write(self.user.path().join("veritar/veritar.toml"), text).unwrap();
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = veritar();
        command.args(arguments).current_dir(self.here.path()).env("XDG_CONFIG_HOME", self.user.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
        let output = self.command(arguments).envs(variables.iter().copied()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

/// An archive that passes with a warning, and the code of that.
fn warning_archive() -> (String, &'static str) {
    (at("good/ucp-mke-3.4.5.tar"), "rule/not-encrypted")
}

#[test]
fn a_flag_comes_before_the_environment_and_that_before_files() {
    let (archive, code) = warning_archive();
    let place = Place::new();
    let verify = ["verify", archive.as_str()];
    let told = place.run(&verify);
    assert!(told.0 == 0 && told.1.contains(&format!("warning[{code}]")), "{told:?}");

    // fail-on, from the farthest to the nearest.
    let place = place.user("fail-on = \"warning\"\n");
    assert_eq!(place.run(&verify).0, 1, "the user's file");
    let place = place.here("fail-on = \"error\"\n");
    let (exit, _, complaint) = place.run(&verify);
    assert_eq!(exit, 0, "the file here");
    assert!(complaint.contains("veritar.toml in the current folder lowers fail-on to error"), "{complaint}");
    assert_eq!(place.run_with(&verify, &[("VERITAR_FAIL_ON", "warning")]).0, 1, "the environment");
    let flag = [&verify[..], &["--fail-on", "error"]].concat();
    let (exit, _, complaint) = place.run_with(&flag, &[("VERITAR_FAIL_ON", "warning")]);
    assert_eq!((exit, &*complaint), (0, ""), "the flag");

    // Severities one by one: the nearest that names the code counts.
    let place = Place::new().user(&format!("[severity]\n\"{code}\" = \"error\"\n"));
    assert_eq!(place.run(&verify).0, 1);
    let place = place.here("[severity]\n\"entry/time\" = \"error\"\n");
    assert_eq!(place.run(&verify).0, 1, "another code is set here");
    let place = place.here(&format!("[severity]\n\"{code}\" = \"info\"\n"));
    let (exit, out, complaint) = place.run(&verify);
    assert!(exit == 0 && !out.contains(&format!("warning[{code}]")), "{out}");
    assert!(complaint.contains(&format!("lowers {code} to info")), "{complaint}");
    let set = format!("{code}=error");
    let (exit, _, complaint) = place.run_with(&verify, &[("VERITAR_SEVERITY", &set)]);
    assert_eq!((exit, &*complaint), (1, ""));
    let quiet = format!("entry/time=info, {code}=warning");
    assert_eq!(place.run_with(&verify, &[("VERITAR_SEVERITY", &quiet)]).0, 0);
    let flag = [&verify[..], &["--severity", &set]].concat();
    assert_eq!(place.run_with(&flag, &[("VERITAR_SEVERITY", &quiet)]).0, 1);
}

#[test]
fn raising_a_severity_warns_nobody() {
    let (archive, code) = warning_archive();
    let place = Place::new().here(&format!("[severity]\n\"{code}\" = \"error\"\n"));
    let (exit, out, complaint) = place.run(&["verify", &archive]);
    assert!(exit == 1 && out.contains(&format!("error[{code}]")) && complaint.is_empty(), "{out}{complaint}");
    // And only `verify` has severities.
    let place = place.here(&format!("[severity]\n\"{code}\" = \"info\"\n"));
    assert_eq!(place.run(&["list", &archive]).2, "");
}

#[test]
fn damage_cannot_be_made_milder() {
    for (archive, code) in [
        ("bad/gzip-checksum.tar.gz", "gzip/checksum"),
        ("bad/ucp-cut-between-members.tar.gz", "tar/truncated"),
        ("bad/empty.tar", "source/empty"),
        ("bad/gpg-flipped-middle.tar.gpg", "openpgp/integrity"),
        ("bad/unknown-layout.tar", "rules/none-fit"),
    ] {
        let known = code::find(code).unwrap_or_else(|| panic!("{code}"));
        assert!(known.is_fixed());
        let (exit, out, complaint) = run(&["verify", &at(archive), "--severity", &format!("{code}=info")]);
        assert!(exit == 2 && out.is_empty() && complaint.contains("cannot be lowered"), "{code}: {complaint}");
        let place = Place::new().here(&format!("[severity]\n\"{code}\" = \"warning\"\n"));
        let (exit, _, complaint) = place.run(&["verify", &at(archive)]);
        assert!(exit == 2 && complaint.contains("cannot be lowered"), "{code}: {complaint}");
    }
    // A rule set's demand is for people to weigh.
    let missing = ["verify", &at("bad/ucp-without-key.tar.gz"), "--severity", "rule/missing=warning"];
    let (exit, out, _) = run(&missing);
    assert!(out.contains("warning[rule/missing]"), "{exit} {out}");
}

#[test]
fn no_severity_turns_a_damaged_archive_into_a_pass() {
    // Everything as mild as it may be made.
    let mildest: Vec<String> = code::ALL
        .iter()
        .filter(|code| Severities::default().set(code, Severity::Info).is_ok())
        .flat_map(|code| ["--severity".to_owned(), format!("{}=info", code.id)])
        .collect();
    assert!(mildest.len() > 100);
    let mut held = 0;
    for entry in std::fs::read_dir(crate::support::corpus().join("bad")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "expect") {
            continue;
        }
        let outcome = crate::support::verify_file(&path, 1);
        let fixed =
            |finding: &veritar::finding::Finding| finding.severity == Severity::Error && finding.code.is_fixed();
        if outcome.findings.iter().any(fixed) {
            let mut command = veritar();
            let file = crate::cli::passphrase();
            command.args(["verify", path.to_str().unwrap(), "--passphrase-file", &file]).args(&mildest);
            let exit = command.output().unwrap().status.code();
            assert!(matches!(exit, Some(1 | 3)), "{}: {exit:?}", path.display());
            held += 1;
        }
    }
    assert!(held > 60, "only {held} damaged archives");
}

#[test]
fn a_wrong_severity_says_what_may_be_meant() {
    let archive = at("good/ucp-mke-3.4.5.tar");
    for (typed, told) in [
        ("certificate=info", "no finding has the code"),
        ("entry/tme=info", "did you mean"),
        ("entry/time", "--severity takes CODE=error"),
        ("entry/time=fatal", "--severity takes CODE=error"),
    ] {
        let (exit, _, complaint) = run(&["verify", &archive, "--severity", typed]);
        assert!(exit == 2 && complaint.contains(told), "{typed}: {complaint}");
    }
}

#[test]
fn every_problem_of_a_file_is_told_with_its_line() {
    let text = "fail-un = \"error\"\nhash = \"md5\"\nthreads = 0\nrules = 7\n[severity]\n\"entry/tme\" = \"info\"\n\
                \"entry/time\" = \"loud\"\n\"tar/truncated\" = \"info\"\n[limits]\nlayer = 4\nratio = \"many\"\n";
    let place = Place::new().here(text);
    let (exit, out, complaint) = place.run(&["verify", &at("good/ucp-mke-3.4.5.tar")]);
    assert_eq!((exit, &*out), (2, ""));
    for told in [
        "the configuration has no key `fail-un`",
        "did you mean `fail-on`?",
        "`hash` takes sha256",
        "`threads` takes a number from 1 to 1024",
        "`rules` must be a string or a list of strings, not 7",
        "no finding has the code `entry/tme`",
        "did you mean `entry/time`?",
        "a severity is error, warning or info, not `loud`",
        "tar/truncated cannot be lowered",
        "no limit is called `layer`",
        "did you mean `layers`?",
        "`ratio` takes a number",
        "veritar.toml:10:1",
    ] {
        assert!(complaint.contains(told), "{told} is not in\n{complaint}");
    }
    // Not even where the command has no use for the key; and broken TOML is no panic.
    assert_eq!(place.run(&["list", &at("good/ucp-mke-3.4.5.tar")]).0, 2);
    let (exit, _, complaint) = Place::new().here("rules = [\n").run(&["config", "show"]);
    assert!(exit == 2 && complaint.contains("veritar.toml:"), "{complaint}");
    // What is not there is no problem, what is no file is.
    let place = Place::new();
    std::fs::create_dir(place.here.path().join("veritar.toml")).unwrap();
    let (exit, _, complaint) = place.run(&["config", "show"]);
    assert!(exit == 2 && complaint.contains("no regular file"), "{complaint}");
}

#[test]
fn limits_threads_digests_rules_and_secrets_come_from_files() {
    let archive = at("kept/ucp-mke-3.4.5.tar.gpg");
    let place = Place::new();
    std::fs::copy(at("passphrase"), place.here.path().join("phrase")).unwrap();
    // Seen from the folder of the file, not from where the command runs.
    let place = place.here("passphrase-file = \"phrase\"\nhash = \"blake3\"\nthreads = 1\n[limits]\nlayers = 3\n");
    let (exit, out, _) = place.run(&["verify", &archive, "--format", "json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, &report["verdict"]), (0, &"pass".into()));
    assert!(report["archives"][0]["digests"]["blake3"].is_string(), "{report}");
    assert!(report["archives"][0]["digests"]["sha256"].is_null());
    assert_eq!(place.run(&["list", &archive]).0, 0, "list reads secrets, too");

    let wrapped = at("good/ucp-mke-3.4.5.tar.gz.pgp");
    let place = place.user("[limits]\nlayers = 1\nratio = \"2K\"\n");
    assert_eq!(place.run(&["verify", &wrapped]).0, 0, "the file here is nearer");
    assert_eq!(place.run_with(&["verify", &wrapped], &[("VERITAR_LIMIT", "layers=1")]).0, 3);
    assert_eq!(place.run_with(&["verify", &wrapped, "--limit", "layers=2"], &[("VERITAR_LIMIT", "layers=1")]).0, 0);

    let place = Place::new().here("rules = [\"swarm\"]\n");
    let plain = at("good/ucp-mke-3.4.5.tar");
    assert_eq!(place.run(&["verify", &plain]).0, 1, "judged by another product's rules");
    assert_eq!(place.run(&["verify", &plain, "--rules", "auto"]).0, 0);
    let place = Place::new();
    std::fs::write(place.user.path().join("mine.toml"), veritar::rule::catalog::find("ucp-3.2").unwrap().text())
        .unwrap();
    let place = place.user("rules = \"../mine.toml\"\n");
    assert_eq!(place.run(&["verify", &plain]).0, 0);
}

#[test]
fn an_unlock_key_is_read_before_an_archive_is_opened() {
    let place = Place::new();
    let archive = at("kept/swarm-20.10.24-autolock.tgz");
    let file = place.here.path().join("key");
    for (content, told) in [(None, "failed to read unlock key file"), (Some("\n"), "holds no")] {
        if let Some(text) = content {
            std::fs::write(&file, text).unwrap();
        }
        for arguments in [&["verify", &archive, "--unlock-key-file", "key"][..], &["verify", &archive]] {
            let by_file = if arguments.len() > 2 { "" } else { "unlock-key-file = \"key\"\n" };
            std::fs::write(place.here.path().join("veritar.toml"), by_file).unwrap();
            let (exit, out, complaint) = place.run(arguments);
            assert!(exit == 2 && out.is_empty() && complaint.contains(told), "{complaint}");
        }
    }
}

#[test]
fn config_show_is_a_configuration_that_says_who_said_so() {
    let place = Place::new()
        .user("hash = \"none\"\nunlock-key-file = [\"a b\", \"c\"]\n[severity]\n\"entry/time\" = \"info\"\n")
        .here("hash = \"blake3\"\n[limits]\nlayers = 2\n");
    let variables =
        [("VERITAR_THREADS", "3"), ("VERITAR_LIMIT", "ratio=1K"), ("VERITAR_SEVERITY", "entry/set-id=error")];
    let (exit, out, complaint) = place.run_with(&["config", "show"], &variables);
    assert_eq!((exit, &*complaint), (0, ""));
    let line =
        |start: &str| out.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {out}"));
    for (start, from) in [
        ("fail-on = \"error\"", "# default"),
        ("hash = \"blake3\"", "# veritar.toml"),
        ("archive-hash = \"blake3\"", "# default: as hash"),
        ("rules = [\"auto\"]", "# default"),
        ("threads = 3", "# environment VERITAR_THREADS"),
        ("\"entry/time\" = \"info\"", "veritar/veritar.toml"),
        ("\"entry/set-id\" = \"error\"", "# environment VERITAR_SEVERITY"),
        ("layers = 2", "# veritar.toml"),
        ("ratio = 1024", "# environment VERITAR_LIMIT"),
        ("nested-archives = 4", "# default"),
    ] {
        assert!(line(start).ends_with(from), "{}", line(start));
    }
    assert!(line("unlock-key-file").contains("/veritar/a b\", \""), "{}", line("unlock-key-file"));
    for (name, ..) in Limits::ALL {
        assert!(out.contains(&format!("\n{name} = ")), "{name} is not shown");
    }
    // It reads as what it shows.
    let again = Place::new().here(&out).run(&["config", "show"]);
    let values =
        |text: &str| text.lines().map(|line| line.split('#').next().unwrap().trim().to_owned()).collect::<Vec<_>>();
    assert_eq!((again.0, values(&again.1)), (0, values(&out)), "{}", again.2);
}

#[test]
fn every_key_and_its_variable_are_in_the_help() {
    let (_, out, _) = Place::new().run(&["config", "show"]);
    let (_, help, _) = run(&["verify", "--help"]);
    let keys: Vec<&str> = out
        .lines()
        .take_while(|line| *line != "[severity]")
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, _)| key)
        .filter(|key| !key.starts_with('#'))
        .collect();
    assert!(keys.len() >= 5, "{keys:?}");
    for key in keys {
        let variable = format!("VERITAR_{}", key.replace('-', "_").to_uppercase());
        assert!(help.contains(&format!("--{key} ")) && help.contains(&variable), "{key}, {variable}");
    }
    for variable in ["VERITAR_SEVERITY", "VERITAR_LIMIT"] {
        assert!(help.contains(variable), "{variable}");
    }
}

#[test]
fn the_day_of_the_restore_is_a_day_or_a_time() {
    let archive = at("good/ucp-mke-3.4.5.tar");
    // Its certificates are of November 2026.
    for good in ["2026-12-01", "2026-12-01T08:00:00Z", "2026-12-01T08:00:00+02:00"] {
        assert_eq!(run(&["verify", &archive, "--at", good]).0, 0, "{good}");
    }
    for wrong in ["tomorrow", "2026-02-30", "2026-03-01T08:00:00", "03/01/2026", "", "1772352000"] {
        let (exit, _, complaint) = run(&["verify", &archive, "--at", wrong]);
        assert!(exit == 2 && complaint.contains("--at takes a day"), "{wrong}: {complaint}");
    }
}

#[test]
fn the_day_of_the_restore_is_what_ages_are_held_against() {
    let folder = scratch();
    let rules = with_bound(folder.path(), "max-age = \"26h\"");
    // Its youngest member is of 2021-09-13 16:11:50 UTC.
    let archive = at("good/ucp-mke-3.4.5.tar");
    // On these days its certificates were not valid yet, which is not asked here.
    let mild = ["--severity", "certificate/not-yet-valid=info"];
    let verify = |day: &str| run(&[&["verify", &archive, "--rules", &rules, "--at", day][..], &mild].concat());
    for (day, expected) in [
        ("2021-09-14", 0),
        ("2021-09-14T18:11:50Z", 0),
        ("2021-09-14T20:11:50+02:00", 0),
        ("2021-09-14T18:11:51Z", 1),
        ("2021-09-15", 1),
    ] {
        let (exit, out, _) = verify(day);
        assert_eq!((exit, out.contains("rule/too-old")), (expected, expected == 1), "{day}: {out}");
    }
    assert_eq!(run(&["verify", &archive, "--rules", &rules]).0, 1, "today is later");
}

/// A rule set like the product's, with a bound for the archive as a whole.
fn with_bound(folder: &Path, bound: &str) -> String {
    let text = veritar::rule::catalog::find("ucp-3.2").unwrap().text();
    let text = text.replacen("[archive]\n", &format!("[archive]\n{bound}\n"), 1);
    assert!(text.contains(bound));
    let path = folder.join("rules.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_backup_before_is_an_archive_or_a_report_on_one() {
    let folder = scratch();
    let rules = with_bound(folder.path(), "min-size-ratio = 0.5");
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let archive = at("good/ucp-mke-3.4.5.tar");
    let bytes = std::fs::metadata(&archive).unwrap().len();
    std::fs::write(file("large.tar"), vec![0; usize::try_from(bytes * 3).unwrap()]).unwrap();
    let verify = |previous: &str| run(&["verify", &archive, "--rules", &rules, "--previous", previous]);
    assert_eq!(verify(&archive).0, 0, "as large as before");
    let (exit, out, _) = verify(&file("large.tar"));
    assert!(exit == 1 && out.contains("rule/shrunk"), "{out}");
    // Reports on the two.
    assert_eq!(run(&["verify", &archive, "--report", &format!("json={}", file("same.json"))]).0, 0);
    run(&["verify", &file("large.tar"), "--report", &format!("json={}", file("large.json"))]);
    assert_eq!(verify(&file("same.json")).0, 0);
    assert!(verify(&file("large.json")).1.contains("rule/shrunk"));
    // What tells nothing is no report, and what only begins like one is an archive.
    std::fs::write(file("other.json"), "{\"schema\": 1, \"archives\": []}").unwrap();
    let (exit, _, complaint) = verify(&file("other.json"));
    assert!(exit == 2 && complaint.contains("is no report"), "{complaint}");
    std::fs::write(file("brace.tar"), "{".repeat(usize::try_from(bytes * 3).unwrap())).unwrap();
    assert!(verify(&file("brace.tar")).1.contains("rule/shrunk"));
    for wrong in [&file("nothing"), "/dev/null"] {
        let (exit, _, complaint) = verify(wrong);
        assert!(exit == 2 && complaint.contains("--previous"), "{wrong}: {complaint}");
    }
}
