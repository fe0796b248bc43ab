//! Streams that were mangled on the way: the cause is named where there is one, and only there.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use veritar::verify::{Outcome, Verdict};

use crate::build::mangled::{crlf, frames, lines, random};
use crate::build::tarball::Tarball;
use crate::build::{gzip, products};
use crate::support::{corpus, pieces, program, verify_source, whole};

/// The causes that an outcome names.
fn causes(outcome: &Outcome) -> BTreeSet<&'static str> {
    let ids = outcome.findings.iter().map(|finding| finding.code.id);
    ids.filter(|id| id.starts_with("mangled/") || matches!(*id, "source/other-archive" | "source/no-archive")).collect()
}

fn of(bytes: &[u8]) -> BTreeSet<&'static str> {
    let outcome = verify_source("made", whole(bytes), 2);
    assert_eq!(outcome, verify_source("made", pieces(bytes, &[4093]), 1));
    causes(&outcome)
}

/// What `command` makes of `input`.
fn through(command: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{command:?}");
    output.stdout
}

#[test]
fn damage_without_a_cause_is_given_none() {
    for name in
        ["good/ucp-mke-3.4.5.tar", "kept/registry-2.8.2.tar", "kept/swarm-20.10.24.tgz", "kept/ucp-mke-3.4.5.tar.gpg"]
    {
        let bytes = std::fs::read(corpus().join(name)).unwrap();
        // A Swarm's log is 64 MB of zeros.
        let steps = if name.contains("swarm") { 12 } else { 60 };
        for step in 0..steps {
            let at = bytes.len() * step / steps;
            let mut changed = bytes.clone();
            match step % 4 {
                0 => changed[at] ^= 1 << (step % 8),
                1 => drop(changed.drain(at..at + 7)),
                2 => drop(changed.splice(at..at, random(13, step as u64))),
                _ => drop(changed.splice(at..(at + 600).min(bytes.len()), random(600, step as u64))),
            }
            assert_eq!(causes(&verify_source(name, whole(&changed), 1)), BTreeSet::new(), "{name} hit at {at}");
        }
    }
    for seed in 0..300 {
        assert_eq!(causes(&verify_source("random", whole(&random(20_000, seed)), 1)), BTreeSet::new(), "seed {seed}");
    }
}

#[test]
fn text_from_windows_is_no_sign_of_changed_line_ends() {
    let mut tar = Tarball::default();
    for index in 0..20 {
        tar = tar.file(&format!("part-{index}.ini"), "[section]\r\nkey=value\r\n".repeat(30).as_bytes());
    }
    let good = tar.end();
    let mut flipped = good.clone();
    flipped[3 * 1536 + 5] ^= 1;
    assert_eq!(of(&flipped), BTreeSet::new());
    // Bytes that were put in move the headers, and are no line ends.
    let mut moved = good.clone();
    moved.splice(3 * 1536 + 600..3 * 1536 + 600, *b"12345");
    assert_eq!(of(&moved), BTreeSet::new());
    // The same where nothing is compressed.
    let mut stored = Vec::new();
    let mut encoder = flate2::write::GzEncoder::new(&mut stored, flate2::Compression::none());
    encoder.write_all(&good).unwrap();
    encoder.finish().unwrap();
    let at = stored.len() - 5;
    stored[at] ^= 1;
    assert_eq!(of(&stored), BTreeSet::new());
}

#[test]
fn zeros_that_belong_there_are_not_lost_pages() {
    // A file full of zeros becomes compressed data full of zeros.
    let mut packed = gzip(&Tarball::default().file("random", &random(3_000, 7)).file("zeros", &vec![0; 8 << 20]).end());
    assert!(packed.windows(1024).any(|window| window.iter().all(|byte| *byte == 0)));
    let end = packed.len();
    packed[end - 6] ^= 1;
    assert_eq!(of(&packed), BTreeSet::new());
    assert_eq!(of(&packed[..end / 2]), BTreeSet::new());
}

#[test]
fn carriage_returns_that_were_taken_out() {
    let packed = gzip(&Tarball::default().file("random", &random(40_000, 3)).end());
    let stripped: Vec<u8> = packed.iter().copied().filter(|byte| *byte != b'\r').collect();
    assert_eq!(of(&stripped), BTreeSet::from(["mangled/carriage-returns"]));
    assert_eq!(of(&crlf(&packed)), BTreeSet::from(["mangled/newlines"]));
    // A short piece proves nothing.
    assert_eq!(of(&stripped[..4_000]), BTreeSet::new());
}

#[test]
fn what_the_report_says_undoes_it() {
    let good = lines(12, false).end();
    let mangled = frames(&good, 1500, "level=warning msg=x\n");
    assert_eq!(of(&mangled), BTreeSet::from(["mangled/docker-stream"]));
    for (name, first) in [("bad/http-response.tar", 53), ("bad/log-before.tar", 80)] {
        let bytes = std::fs::read(corpus().join(name)).unwrap();
        let outcome = verify_source(name, whole(&bytes[first - 1..]), 1);
        assert_eq!(outcome.verdict, Verdict::Pass, "{name} from byte {first} on");
    }
    let between = std::fs::read(corpus().join("bad/log-between.tar")).unwrap();
    let undone = [&between[..2048], &between[2048 + 84..]].concat();
    let outcome = verify_source("undone", whole(&undone), 1);
    let damage = outcome.findings.iter().find(|finding| finding.code.id.starts_with("tar/"));
    assert!(damage.is_none() && outcome.inventory.entries == 5, "{:?}", outcome.findings);
}

#[test]
fn damage_made_by_the_programs_that_make_it() {
    let test = "damage_made_by_the_programs_that_make_it";
    if !["sed", "iconv", "base64", "tar"].iter().all(|name| program(test, name)) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for index in 0..6 {
        std::fs::write(folder.path().join(format!("{index}.conf")), "key = value\n".repeat(100)).unwrap();
    }
    for format in ["--format=gnu", "--format=pax"] {
        let made =
            Command::new("tar").args([format, "--create", "--file", "-", "."]).current_dir(folder.path()).output();
        let good = made.unwrap().stdout;
        let mangled = through(&["sed", "s/$/\\r/"], &good);
        assert_eq!(of(&mangled), BTreeSet::from(["mangled/newlines"]), "{format}");
    }
    let packed = gzip(&products::pack(&products::mke()));
    assert_eq!(of(&through(&["sed", "s/$/\\r/"], &packed)), BTreeSet::from(["mangled/newlines"]));
    assert_eq!(of(&through(&["base64"], &packed)), BTreeSet::from(["mangled/base64"]));
    for page in ["ISO-8859-1", "CP437", "CP1252"] {
        // Five bytes mean nothing in Windows' own code page.
        let known: Vec<u8> =
            packed.iter().copied().filter(|byte| ![0x81, 0x8D, 0x8F, 0x90, 0x9D].contains(byte)).collect();
        let made = through(&["iconv", &format!("--from-code={page}"), "--to-code=UTF-16"], &known);
        assert_eq!(of(&made), BTreeSet::from(["mangled/text-encoding"]), "{page}");
    }
}
