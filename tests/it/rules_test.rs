//! `veritar rules test`: cases that hold, cases that do not and why, and files of cases that make no sense.

use std::path::Path;

use crate::cli::{at, run, scratch, veritar};

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A file of cases beside links to the archives that it names.
fn cases(folder: &Path, text: &str) -> String {
    for archive in ["good/ucp-mke-3.4.5.tar", "kept/ucp-mke-3.4.5.tar.gpg", "bad/ucp-without-key.tar.gz", "passphrase"]
    {
        let name = archive.rsplit('/').next().unwrap();
        let _ = std::fs::copy(at(archive), folder.join(name));
    }
    write(folder, "cases.toml", text)
}

const GOOD: &str = r#"
[[case]]
archive = "ucp-mke-3.4.5.tar"
verdict = "pass"
codes = ["rule/not-encrypted"]

[[case]]
archive = "ucp-mke-3.4.5.tar.gpg"
verdict = "pass"
passphrase-file = "passphrase"
at = "2026-12-01"

[[case]]
archive = "ucp-mke-3.4.5.tar.gpg"
verdict = "inconclusive"
codes = ["openpgp/passphrase-missing"]

[[case]]
archive = "ucp-without-key.tar.gz"
verdict = "fail"
"#;

#[test]
fn cases_that_hold() {
    let folder = scratch();
    let file = cases(folder.path(), GOOD);
    let (exit, out, complaint) = run(&["rules", "test", &file]);
    assert_eq!((exit, &*complaint), (0, ""), "{out}");
    assert_eq!(out.lines().filter(|line| line.starts_with("ok     ")).count(), 4, "{out}");
    assert!(out.ends_with("4 of 4 cases ok\n"), "{out}");
    // What is set around it has no say.
    write(
        folder.path(),
        "veritar.toml",
        "fail-on = \"warning\"\nrules = \"swarm\"\n[severity]\n\"rule/missing\" = \"info\"\n",
    );
    let mut command = veritar();
    command.args(["rules", "test", &file]).current_dir(folder.path());
    command.envs([
        ("VERITAR_FAIL_ON", "warning"),
        ("VERITAR_SEVERITY", "rule/missing=info"),
        ("VERITAR_RULES", "swarm"),
    ]);
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    // Rules of one's own, by file.
    let rules = write(folder.path(), "mine.toml", veritar::rule::catalog::find("ucp-3.2").unwrap().text());
    assert_eq!(run(&["rules", "test", "--rules", &rules, &file]).0, 0);
}

#[test]
fn differences_are_told_one_by_one() {
    let folder = scratch();
    let text = GOOD
        .replace("verdict = \"pass\"\ncodes = [\"rule/not-encrypted\"]", "verdict = \"pass\"\ncodes = [\"rule/size\"]")
        .replace("verdict = \"fail\"", "verdict = \"pass\"");
    let file = cases(folder.path(), &text);
    let (exit, out, _) = run(&["rules", "test", &file]);
    assert_eq!(exit, 1, "{out}");
    for told in [
        "not ok ucp-mke-3.4.5.tar: pass\n",
        "missing    rule/size\n",
        "unexpected warning[rule/not-encrypted] (ucp-3.2#archive.encryption) ",
        "not ok ucp-without-key.tar.gz: fail\n",
        "verdict fail, expected pass\n",
        "found      error[rule/missing] (ucp-3.2#",
        "2 of 4 cases ok\n",
    ] {
        assert!(out.contains(told), "{told:?} is not in\n{out}");
    }
    // An archive that is not there is no verdict, and does not hide one.
    let file = cases(folder.path(), "[[case]]\narchive = \"nothing.tar\"\nverdict = \"fail\"\n");
    let (exit, out, _) = run(&["rules", "test", &file]);
    assert!(exit == 4 && out.contains("not ok nothing.tar: failed to read"), "{exit} {out}");
    let both = format!("{text}\n[[case]]\narchive = \"nothing.tar\"\nverdict = \"fail\"\n");
    assert_eq!(run(&["rules", "test", &cases(folder.path(), &both)]).0, 1);
}

#[test]
fn a_file_of_cases_that_makes_no_sense() {
    let folder = scratch();
    for (text, told) in [
        ("", "has no [[case]]"),
        ("[[cases]]\narchive = \"x\"\n", "did you mean `case`?"),
        ("[[case]]\nverdict = \"pass\"\n", "[[case]] has no `archive`"),
        ("[[case]]\narchive = \"x\"\nverdict = \"good\"\n", "a verdict is pass, fail, inconclusive, not `good`"),
        ("[[case]]\narchive = \"x\"\nverdict = \"fail\"\ncodes = \"rule/mising\"\n", "did you mean `rule/missing`?"),
        ("[[case]]\narchive = \"x\"\nverdict = \"fail\"\nat = \"soon\"\n", "`at` takes a day"),
        ("[[case]]\narchive = \"x\"\nverdict = \"fail\"\ncode = []\n", "did you mean `codes`?"),
        ("[[case]\n", "cases.toml:1"),
    ] {
        let (exit, out, complaint) = run(&["rules", "test", &cases(folder.path(), text)]);
        assert!(exit == 2 && out.is_empty() && complaint.contains(told), "{text}: {complaint}");
    }
    let file = cases(folder.path(), &format!("{GOOD}passphrase-file = \"none\"\n"));
    let (exit, out, complaint) = run(&["rules", "test", &file]);
    assert!(exit == 2 && out.is_empty() && complaint.contains("failed to read passphrase file"), "{complaint}");
}
