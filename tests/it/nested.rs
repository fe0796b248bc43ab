//! Archives inside archives: what is inside is read as the same bytes in a file, and the outer archive counts, too.

use std::process::{Command, Stdio};

use veritar::code;
use veritar::source::Source;
use veritar::verify::{Archive, Outcome, Verdict, verify, verify_inside};

use crate::build::mangled::random;
use crate::build::openpgp::{Chunks, Message};
use crate::build::products::{self, pack};
use crate::build::tarball::Tarball;
use crate::build::{gzip, passphrase};
use crate::support::{options, pieces, program, secrets, whole};

fn inside(source: Box<dyn Source>, members: &[&str], threads: usize) -> Vec<Outcome> {
    let members: Vec<Vec<u8>> = members.iter().map(|member| member.as_bytes().to_vec()).collect();
    let archive = Archive::from_source("outer", source);
    verify_inside(archive, &members, &options(threads), &mut secrets()).unwrap()
}

fn ids(outcome: &Outcome) -> Vec<&'static str> {
    outcome.findings.iter().map(|finding| finding.code.id).collect()
}

fn sealed(bytes: &[u8]) -> Vec<u8> {
    let secret = passphrase();
    let message = Message {
        passphrase: &secret,
        chunks: Chunks::Since2020,
        mode: b'b',
        without_check: false,
        tag: 18,
        literals: 1,
    };
    message.of(bytes)
}

/// A tar with `bytes` as its member `backup`, something before it, and much more than any queue holds behind it.
fn around(bytes: &[u8]) -> Vec<u8> {
    let tar = Tarball::default().file("readme", b"see backup\n");
    let header = crate::build::tarball::Header {
        name: b"./backup",
        size: crate::build::tarball::octal(bytes.len() as u64),
        ..Default::default()
    };
    tar.header(&header).content(bytes).file("more", &random(300_000, 5)).end()
}

#[test]
fn the_member_is_judged_as_the_same_bytes_in_a_file() {
    let dtr = pack(&products::dtr());
    for member in [dtr.clone(), gzip(&dtr), sealed(&gzip(&dtr)), dtr[..5_000].to_vec(), Vec::new(), b"no tar".to_vec()]
    {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup");
        std::fs::write(&file, &member).unwrap();
        let mut expected = verify(Archive::at(&file), &options(1), &mut secrets()).unwrap();
        expected.source = "outer!backup".to_owned();
        for outer in [around(&member), gzip(&around(&member)), sealed(&gzip(&around(&member)))] {
            for threads in [1, 3] {
                for source in [whole(&outer), pieces(&outer, &[7_001, 3]), pieces(&outer, &[511])] {
                    let outcomes = inside(source, &["backup"], threads);
                    let [container, found] = &outcomes[..] else { panic!("{outcomes:?}") };
                    assert_eq!(*found, expected);
                    assert_eq!((container.verdict, &*container.source), (Verdict::Pass, "outer"));
                    assert!(ids(container).contains(&code::NESTED_CONTAINER.id) && container.rules.is_empty());
                    assert_eq!(container.inventory.entries, 3);
                }
            }
        }
    }
}

#[test]
fn deeper_and_deeper_up_to_the_limit() {
    let dtr = pack(&products::dtr());
    let bytes = (0..4).fold(dtr, |bytes, depth| if depth % 2 == 0 { gzip(&around(&bytes)) } else { around(&bytes) });
    let outcomes = inside(whole(&bytes), &["backup"; 4], 2);
    assert_eq!(outcomes.len(), 5);
    assert_eq!(outcomes[4].source, "outer!backup!backup!backup!backup");
    assert!(outcomes.iter().all(|outcome| outcome.verdict == Verdict::Pass), "{outcomes:#?}");
    assert_eq!(outcomes[4].rules[0].id, "dtr-2.9");

    let outcomes = inside(whole(&around(&bytes)), &["backup"; 5], 2);
    let last = outcomes.last().unwrap();
    assert_eq!((outcomes.len(), last.verdict), (5, Verdict::Inconclusive));
    assert!(last.findings.iter().any(|finding| finding.message.contains("--limit nested-archives=5")), "{last:#?}");
}

#[test]
fn a_member_that_is_not_there_or_stands_twice() {
    let dtr = pack(&products::dtr());
    let outcomes = inside(whole(&around(&dtr)), &["elsewhere"], 2);
    assert_eq!((outcomes.len(), outcomes[0].verdict), (1, Verdict::Fail));
    assert!(outcomes[0].findings.iter().any(|finding| finding.message.contains("no member elsewhere")));

    let folder = Tarball::default().directory("backup/").end();
    let outcomes = inside(whole(&folder), &["backup"], 2);
    assert!(ids(&outcomes[0]).contains(&code::NESTED_MISSING.id), "{outcomes:?}");
    assert_eq!(outcomes.len(), 1);

    let twice = [&around(&dtr)[..around(&dtr).len() - 1024], &around(b"other")].concat();
    let outcomes = inside(whole(&twice), &["backup"], 2);
    assert!(ids(&outcomes[0]).contains(&code::NESTED_TWICE.id));
    assert_eq!((outcomes[0].verdict, outcomes[1].verdict), (Verdict::Pass, Verdict::Pass), "the first one counts");

    // What is behind the damage cannot be told to be missing.
    let outcomes = inside(whole(&around(&dtr)[..700]), &["backup"], 2);
    assert!(outcomes[0].findings.iter().any(|finding| finding.message.contains("in the part that could be read")));
}

#[test]
fn damage_and_forgery_of_the_outer_archive_count() {
    let dtr = pack(&products::dtr());
    let good = gzip(&around(&dtr));
    let mut hit = good.clone();
    let at = hit.len() - 6;
    hit[at] ^= 1;
    for (outer, expected) in [(hit, "gzip/checksum"), (good[..good.len() - 2_000].to_vec(), "gzip/truncated")] {
        let outcomes = inside(whole(&outer), &["backup"], 2);
        assert!(ids(&outcomes[0]).contains(&expected), "{outcomes:?}");
        assert_eq!((outcomes[0].verdict, outcomes[1].verdict), (Verdict::Fail, Verdict::Pass));
    }
    // Forged: not a word of what was inside, wherever it was hit.
    let message = sealed(&around(&dtr));
    let reports: Vec<Vec<Outcome>> = [1_000, 5_000, message.len() - 40]
        .into_iter()
        .map(|at| {
            let mut forged = message.clone();
            forged[at] ^= 0x20;
            let mut outcomes = inside(whole(&forged), &["backup"], 2);
            outcomes.iter_mut().for_each(|outcome| outcome.digests = veritar::digest::Digests::default());
            outcomes
        })
        .collect();
    assert_eq!((reports[0].len(), reports[0][0].verdict), (1, Verdict::Fail));
    assert!(reports.iter().all(|report| *report == reports[0]), "{reports:#?}");
    let shown = format!("{:?}", reports[0]);
    assert!(!shown.contains("dtr") && !shown.contains("holds no member"), "{shown}");
    // In the middle of three: what the outermost says stands.
    let mut forged = message.clone();
    forged[5_000] ^= 0x20;
    let outcomes = inside(whole(&around(&forged)), &["backup", "backup"], 2);
    assert_eq!(outcomes.iter().map(|outcome| outcome.verdict).collect::<Vec<_>>(), [Verdict::Pass, Verdict::Fail]);
}

#[test]
fn an_inner_archive_that_ends_early_holds_nobody_up() {
    // Far more than the queue holds stands behind what the inner walk reads: it must not wait, and neither must the outer.
    let big = random(6 << 20, 11);
    let limited = Tarball::default().pax(&[("comment", &"x".repeat(2 << 20))]).file("big", &big).end();
    for member in [limited, [&b"<html>"[..], &big].concat(), big] {
        for threads in [1, 2] {
            let outcomes = inside(whole(&around(&member)), &["backup"], threads);
            assert_eq!((outcomes.len(), outcomes[0].verdict), (2, Verdict::Pass));
            assert_ne!(outcomes[1].verdict, Verdict::Pass);
        }
    }
}

fn run(arguments: &[&str]) -> (Option<i32>, Vec<u8>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_veritar"));
    command.env_remove("VERITAR_PASSPHRASE_FILE").stdin(Stdio::null());
    let output = command.args(arguments).output().unwrap();
    (output.status.code(), output.stdout, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn the_commands_go_inside_what_gnu_tar_packed() {
    if !program("the_commands_go_inside_what_gnu_tar_packed", "tar") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("backup.tar.gz"), gzip(&pack(&products::mke()))).unwrap();
    std::fs::write(at("zz-behind"), random(2 << 20, 2)).unwrap();
    let made = Command::new("tar")
        .args([
            "--create",
            "--gzip",
            "--file",
            &at("outer.tgz"),
            "--directory",
            &at("."),
            "./backup.tar.gz",
            "./zz-behind",
        ])
        .status();
    assert!(made.unwrap().success());
    let (outer, inner) = (at("outer.tgz"), at("backup.tar.gz"));
    for more in [&["--format", "jsonl", "--hash", "sha256"][..], &["--format", "names"]] {
        let inside = run(&[&["list", &outer, "--inside", "backup.tar.gz"][..], more].concat());
        let direct = run(&[&["list", &inner][..], more].concat());
        assert_eq!((inside.0, &inside.1), (Some(0), &direct.1), "{}", inside.2);
    }
    let key = "ucp-controller-server-certs/key.pem";
    let inside = run(&["cat", &outer, key, "--inside", "./backup.tar.gz"]);
    assert_eq!((inside.0, &inside.1), (Some(0), &run(&["cat", &inner, key]).1));
    let (code, out, _) = run(&["verify", &outer, "--inside", "backup.tar.gz"]);
    let out = String::from_utf8(out).unwrap();
    assert!(
        code == Some(0)
            && out.contains("outer.tgz!backup.tar.gz")
            && out.contains("ucp-3.2")
            && out.contains("judged by no rule set"),
        "{out}"
    );
    // Not there, in the outer or in the inner.
    let (code, out, error) = run(&["cat", &outer, key, "--inside", "nothing"]);
    assert!(code == Some(1) && out.is_empty() && error.contains("nothing"), "{error}");
    let (code, _, error) = run(&["cat", &outer, "nothing", "--inside", "backup.tar.gz"]);
    assert!(code == Some(1) && error.contains("outer.tgz!backup.tar.gz holds no member nothing"), "{error}");
    // Damage behind the member.
    let mut bytes = std::fs::read(&outer).unwrap();
    let last = bytes.len() - 6;
    bytes[last] ^= 1;
    std::fs::write(at("damaged.tgz"), bytes).unwrap();
    for command in [&["verify"][..], &["list"], &["cat"]] {
        let member = if command == ["cat"] { &[key][..] } else { &[] };
        let (code, out, error) =
            run(&[command, &[&at("damaged.tgz")], member, &["--inside", "backup.tar.gz"]].concat());
        let told = format!("{}{error}", String::from_utf8(out).unwrap());
        assert!(code == Some(1) && told.contains("gzip/checksum"), "{told}");
    }
    // A reader that goes away ends it all.
    let deeper = Tarball::default().file("outer.tgz", &std::fs::read(&outer).unwrap()).end();
    std::fs::write(at("deeper.tar"), deeper).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_veritar"));
    command.args(["cat", &at("deeper.tar"), "zz-behind", "--inside", "outer.tgz"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(4));
}
