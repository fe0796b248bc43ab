//! Inputs a fuzzer found, or that were made to cost more than they are worth.

use veritar::entry::Entry;
use veritar::limits::Limits;
use veritar::place::{Depth, PATH_BYTES};
use veritar::rule::Choice;
use veritar::source::{Chunk, MemorySource};
use veritar::tar::{Frame, Parser, Step};
use veritar::verify::{Archive, verify};
use veritar::walk::{Sink, Want, Way, drive};

use crate::build::tarball::{GNU, Header, Tarball, octal, pax_records};
use crate::rule::{errors, set};
use crate::support::{options, pieces, secrets, verify_source, whole};

/// Counts entries, and what they ended with.
#[derive(Default)]
struct Ends {
    entries: usize,
    ends: Vec<bool>,
}

impl Sink for Ends {
    fn entry(&mut self, _: &Entry<'_>) -> Want {
        self.entries += 1;
        Want::Stream
    }

    fn data(&mut self, _: &Chunk) {}

    fn end(&mut self, whole: bool) {
        self.ends.push(whole);
    }
}

#[test]
fn a_member_that_is_cut_inside_its_sparse_map_ends() {
    for size in [0, 2] {
        let mut block =
            Header { name: b"s", size: octal(size), typeflag: b'S', magic: GNU, ..Header::default() }.block();
        // More of the map follows.
        block[482] = 1;
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut sink = Ends::default();
        let mut source = MemorySource::new([block.as_slice(), &[0; 100]].concat());
        drive(&mut source, Way { limits: &Limits::default(), depth: Depth::default(), salvage: false }, &mut sink)
            .unwrap();
        assert_eq!((sink.entries, sink.ends), (1, vec![false]), "{size} bytes");
    }
}

#[test]
fn a_parser_that_lost_sync_does_not_end_before_the_input() {
    let mut parser = Parser::new(&Limits::default());
    assert!(matches!(parser.step(&[b'x'; 512], false), Step::Frame { consumed: 512, frame: Frame::Lost }));
    assert!(matches!(parser.step(&[], false), Step::Need(1)));
    assert!(matches!(parser.step(&[], true), Step::End));
}

#[test]
fn a_stream_that_was_mangled_is_told_alike_however_much_of_it_lies_ready() {
    // 108 bytes with its header; the window of 256 KiB ends in the 2,428th.
    let frame = [&[1, 0, 0, 0, 0, 0, 0, 100][..], &[b'x'; 100]].concat();
    let bytes = frame.repeat(6_000);
    let expected = verify_source("m.tar", whole(&bytes), 1);
    assert_eq!(expected, verify_source("m.tar", pieces(&bytes, &[511, 1]), 1));
    assert!(expected.findings[0].message.contains("; 2428 frames"), "{}", expected.findings[0].message);
}

#[test]
fn findings_do_not_grow_with_the_names_in_them() {
    let (key, path) = ("\u{1}".repeat(400_000), "/x".repeat(100_000));
    let records = pax_records(&[(&key, ""), ("path", &path)]);
    let tar = Tarball::default().extension(b'x', &records).header(&Header { typeflag: b'z', ..Header::default() });
    let outcome = verify_source("long.tar", whole(&tar.end()), 1);
    assert!(outcome.findings.len() > 3, "{:?}", outcome.findings);
    for finding in &outcome.findings {
        assert!(finding.message.len() < 5000, "{}", finding.code.id);
        assert!(finding.place.entry.as_ref().is_none_or(|path| path.len() <= PATH_BYTES), "{}", finding.code.id);
    }
}

#[test]
fn a_prefix_under_an_odd_version_is_noted() {
    let mut block = Header { name: b"name", size: octal(0), ..Header::default() }.block();
    block[263..265].copy_from_slice(b"01");
    block[345..351].copy_from_slice(b"prefix");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let outcome = verify_source("p.tar", whole(&[block.as_slice(), &[0; 1024]].concat()), 1);
    assert!(outcome.findings.iter().any(|finding| finding.code.id == "tar/prefix"), "{:?}", outcome.findings);
}

const HEAD: &str = "schema = 1\nid = \"own\"\ntitle = \"own\"\nproduct = \"own\"\n";

#[test]
fn a_pattern_of_components_without_end_is_refused() {
    let rules = |components: usize| {
        format!("{HEAD}[[entry]]\nid = \"x\"\npath = \"{}x\"\nwhy = \"x\"\n", "**/".repeat(components - 1))
    };
    set(&rules(128));
    let message = errors(&rules(129)).to_string();
    assert!(message.contains("more than 128 components"), "{message}");
}

#[test]
fn a_member_that_everybody_wants_to_look_into_is_looked_into_by_some() {
    let rules = |number: usize| {
        let entry = |n| {
            format!(
                "[[entry]]\nid = \"e{n}\"\npath = \"*.json\"\nprobe = {{ kind = \"json\", required = [\"/{n}\"] }}\nwhy = \"x\"\n"
            )
        };
        set(&(0..number).fold(HEAD.to_owned(), |text, n| text + &entry(n)))
    };
    let codes = |number: usize| {
        let mut options = options(2);
        options.rules = vec![rules(number)];
        options.choice = Choice::Named;
        let archive = Archive::from_source("made", whole(&Tarball::default().file("a.json", b"[]").end()));
        let outcome = verify(archive, &options, &mut secrets()).unwrap();
        let with = |code: &str| outcome.findings.iter().filter(|finding| finding.code.id == code).count();
        (with("json/member-missing"), with("limit/reached"))
    };
    assert_eq!(codes(64), (64, 0));
    assert_eq!(codes(66), (64, 2));
}
