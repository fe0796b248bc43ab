//! zstd, xz, bzip2, lzip and compress: held against the programs that write them and the collections of others.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use veritar::code;
use veritar::envelope::{Integrity, Proof, Trust, Unwrapped, open};
use veritar::finding::Severity;
use veritar::limits::Limits;
use veritar::source::Source;

use crate::build::products::{self, pack};
use crate::support::{corpora, corpus, pieces, program, secrets, whole};

/// What comes out of all wrappers, and what they proved.
fn unwrap(source: Box<dyn Source>, threads: usize, limits: &Limits) -> (Vec<u8>, Vec<Proof>) {
    match open(source, limits, &Trust::default(), &mut secrets(), threads).unwrap() {
        Unwrapped::Closed(proofs) => (Vec::new(), proofs),
        Unwrapped::Open(mut stack) => {
            let mut given = Vec::new();
            while let Some(chunk) = stack.layer.take(usize::MAX).unwrap() {
                given.extend_from_slice(&chunk.bytes);
            }
            (given, stack.layer.close().unwrap())
        }
    }
}

/// The same of the bytes as they lie in memory; held against other cuts and threads.
fn read(bytes: &[u8]) -> (Vec<u8>, Vec<Proof>) {
    let limits = Limits::default();
    let expected = unwrap(whole(bytes), 1, &limits);
    let one: &[usize] = if bytes.len() > 20_000 { &[509] } else { &[1] };
    for (sizes, threads) in [(one, 1), (&[511, 2, 513][..], 2), (&[4096, 70_000], 1), (&[100_000], 2)] {
        let again = unwrap(pieces(bytes, sizes), threads, &limits);
        assert_eq!(again.1, expected.1, "in pieces of {sizes:?} on {threads} threads");
        assert!(again.0 == expected.0, "other bytes in pieces of {sizes:?} on {threads} threads");
    }
    expected
}

fn codes(proof: &Proof, severity: Severity) -> BTreeSet<&'static str> {
    proof.findings.iter().filter(|finding| finding.severity == severity).map(|finding| finding.code.id).collect()
}

fn detail<'a>(proof: &'a Proof, name: &str) -> &'a str {
    let found = proof.details.iter().find(|(key, _)| *key == name);
    &found.unwrap_or_else(|| panic!("no {name} in {:?}", proof.details)).1
}

/// What a program makes of `input`; `None` where it fails.
fn run(name: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(name)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that refuses its input does not read all of it.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.status.success().then_some(output.stdout)
}

/// Contents that compressors treat differently: nothing, one byte, text, runs, noise, and more than any buffer.
fn contents() -> Vec<(&'static str, Vec<u8>)> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    let random: Vec<u8> = (0..300_000).map(|_| noise()).collect();
    let text: Vec<u8> =
        (0..12_000_u32).flat_map(|line| format!("line {} of {}\n", line % 977, line).into_bytes()).collect();
    let mixed: Vec<u8> =
        (0..700_000_u32).map(|at| if at / 30_000 % 3 == 0 { noise() } else { (at / 97) as u8 }).collect();
    vec![
        ("nothing", Vec::new()),
        ("a byte", vec![b'a']),
        ("an archive", pack(&products::dtr())),
        ("text", text),
        ("zeros", vec![0; 600_000]),
        ("noise", random),
        ("mixed", mixed),
    ]
}

#[test]
fn what_programs_write_is_read() {
    let ways: &[(&str, &[&str], &str)] = &[
        ("zstd", &["-q", "-c"], "zstd"),
        ("zstd", &["-q", "-c", "-19", "--long=27"], "zstd"),
        ("zstd", &["-q", "-c", "-1", "--no-check"], "zstd"),
        ("zstd", &["-q", "-c", "--fast=50"], "zstd"),
        ("pzstd", &["-q", "-c", "-p", "2"], "zstd"),
        ("xz", &["-c", "-T1"], "xz"),
        ("xz", &["-c", "-9e", "-Csha256"], "xz"),
        ("xz", &["-c", "-0", "-Ccrc32"], "xz"),
        ("xz", &["-c", "-Cnone"], "xz"),
        ("xz", &["-c", "-T2", "--block-size=65536"], "xz"),
        ("xz", &["-c", "--x86", "--delta=dist=4", "--lzma2=preset=1"], "xz"),
        ("xz", &["-c", "--arm64", "--lzma2=preset=0,lc=0,lp=2"], "xz"),
        ("bzip2", &["-c"], "bzip2"),
        ("bzip2", &["-c", "-1"], "bzip2"),
        ("pbzip2", &["-c", "-p2", "-b1"], "bzip2"),
        ("lzip", &["-c"], "lzip"),
        ("lzip", &["-c", "-0", "-b", "100000"], "lzip"),
        ("plzip", &["-c", "-n2", "-B", "100000"], "lzip"),
        ("compress", &["-c", "-f"], "compress"),
        ("compress", &["-c", "-f", "-b", "12"], "compress"),
        ("compress", &["-c", "-f", "-b", "10"], "compress"),
    ];
    for (name, arguments, format) in ways {
        if !program("what_programs_write_is_read", name) {
            continue;
        }
        for (what, content) in contents() {
            let Some(packed) = run(name, arguments, &content) else { panic!("{name} {arguments:?} on {what}") };
            // ncompress and pbzip2 may write nothing for nothing.
            if packed.is_empty() {
                continue;
            }
            let (given, proofs) = read(&packed);
            let case = format!("{name} {arguments:?} on {what}");
            let [proof] = proofs.as_slice() else { panic!("{case}: {} layers", proofs.len()) };
            assert_eq!(proof.format.as_str(), *format, "{case}");
            assert!(given == content, "{case}: {} bytes, not {}: {:?}", given.len(), content.len(), proof.findings);
            let bare = *format == "compress" || arguments.iter().any(|word| ["--no-check", "-Cnone"].contains(word));
            let warned = bare && (!content.is_empty() || *format == "compress");
            assert_eq!(proof.integrity, if warned { Integrity::Absent } else { Integrity::Verified }, "{case}");
            if *format != "compress" {
                assert_ne!(
                    detail(
                        proof,
                        if *format == "zstd" {
                            "frames"
                        } else if *format == "lzip" {
                            "members"
                        } else {
                            "streams"
                        }
                    ),
                    "0",
                    "{case}"
                );
            }
            let warnings = BTreeSet::from_iter(warned.then_some(code::COMPRESSED_NO_CHECK.id));
            assert_eq!(codes(proof, Severity::Warning), warnings, "{case}");
            assert_eq!(codes(proof, Severity::Error), BTreeSet::new(), "{case}");
            assert_eq!((proof.input_bytes, proof.output_bytes), (packed.len() as u64, content.len() as u64), "{case}");
        }
    }
}

/// Every file of a collection below a folder with what it holds.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()))
        .collect();
    found.sort();
    found
}

fn verdict(name: &str, bytes: &[u8]) -> veritar::verify::Outcome {
    crate::support::verify_source(name, whole(bytes), 1)
}

#[test]
fn the_files_of_xz_are_what_their_names_say() {
    let Some(corpora) = corpora("the_files_of_xz_are_what_their_names_say") else { return };
    let has_xz = program("the_files_of_xz_are_what_their_names_say", "xz");
    let (mut good, mut bad, mut unsupported) = (0, 0, 0);
    for (name, bytes) in files(&corpora.join("xz")) {
        // .lzma has no magic: it is not recognised, good or bad.
        if name == "README" || name.ends_with(".lzma") {
            continue;
        }
        let (given, proofs) = read(&bytes);
        let errors: Vec<_> = proofs
            .iter()
            .flat_map(|proof| &proof.findings)
            .filter(|finding| finding.severity == Severity::Error)
            .map(|finding| finding.code)
            .collect();
        if name.starts_with("good-") {
            good += 1;
            let [proof] = proofs.as_slice() else { panic!("{name}: {proofs:?}") };
            let bare = name.contains("check-none");
            assert_eq!(
                proof.integrity,
                if bare { Integrity::Absent } else { Integrity::Verified },
                "{name}: {proof:?}"
            );
            // lzip's manual lets anything follow; here it is said as of any other format.
            let trailing = name.contains("-trailing-");
            assert_eq!(errors, if trailing { vec![&code::COMPRESSED_TRAILING] } else { vec![] }, "{name}");
            if has_xz {
                let arguments: &[&str] = if name.ends_with(".lz") { &["-dc", "-Flzip"] } else { &["-dc"] };
                if let Some(theirs) = run("xz", arguments, &bytes) {
                    assert!(given == theirs, "{name}: {} bytes, not {}", given.len(), theirs.len());
                } else {
                    assert!(name.contains("-v0"), "xz itself refuses {name}");
                }
            }
        } else if name.starts_with("bad-") {
            bad += 1;
            let outcome = verdict(&name, &bytes);
            assert_ne!(outcome.verdict, veritar::verify::Verdict::Pass, "{name}");
            // Those whose first magic is wrong are not recognised; in all others the damage itself is seen.
            let unknown =
                ["bad-0-header_magic.xz", "bad-1-v1-magic-1.lz", "bad-1-v1-magic-2.lz"].contains(&name.as_str());
            assert_eq!(proofs.is_empty(), unknown, "{name}");
            assert!(unknown || errors.iter().any(|code| code.decides == code::Decides::Fail), "{name}: {proofs:?}");
        } else {
            unsupported += 1;
            assert!(name.starts_with("unsupported-"), "{name}");
            let outcome = verdict(&name, &bytes);
            if name == "unsupported-check.xz" {
                assert_eq!(errors, [&code::COMPRESSED_CHECK_UNKNOWN], "{name}");
                assert_eq!(proofs[0].integrity, Integrity::Unchecked, "{name}");
                assert_eq!(given, b"Hello\nWorld!\n", "{name}");
            } else {
                assert_eq!(outcome.verdict, veritar::verify::Verdict::Inconclusive, "{name}: {:?}", outcome.findings);
                let unknown = name.ends_with(".lz");
                let wanted = if unknown { &code::SOURCE_UNRECOGNISED } else { &code::WRAPPER_UNSUPPORTED };
                let found: Vec<_> = outcome.findings.iter().map(|finding| finding.code).collect();
                assert_eq!(found, [wanted], "{name}");
            }
        }
    }
    assert!((good, bad, unsupported) == (30, 53, 6), "{good} good, {bad} bad, {unsupported} unsupported");
}

#[test]
fn the_files_of_zstd_are_what_their_folders_say() {
    let Some(corpora) = corpora("the_files_of_zstd_are_what_their_folders_say") else { return };
    let folder = corpora.join("zstd");
    let has_zstd = program("the_files_of_zstd_are_what_their_folders_say", "zstd");
    for (name, bytes) in files(&folder.join("golden-decompression")) {
        let (given, proofs) = read(&bytes);
        assert_eq!(codes(&proofs[0], Severity::Error), BTreeSet::new(), "{name}: {proofs:?}");
        if has_zstd {
            match run("zstd", &["-dcq"], &bytes) {
                Some(theirs) => assert!(given == theirs, "{name}"),
                // zstd 1.5.4 refuses a sequence count of zero in two bytes.
                None => assert_eq!(name, "zeroSeq_2B.zst"),
            }
        }
    }
    // The program is no judge of these: zstd 1.5.4 reads all three.
    for (name, bytes) in files(&folder.join("golden-decompression-errors")) {
        let (_, proofs) = read(&bytes);
        assert_eq!(proofs[0].integrity, Integrity::Failed, "{name}: {proofs:?}");
        assert_eq!(codes(&proofs[0], Severity::Error).len(), 1, "{name}: {proofs:?}");
    }
    if has_zstd {
        let dictionary = folder.join("golden-dictionaries/http-dict-missing-symbols");
        let content = std::fs::read(folder.join("golden-compression/http")).unwrap();
        let packed = run("zstd", &["-qc", "-D", dictionary.to_str().unwrap()], &content).unwrap();
        let outcome = verdict("http.zst", &packed);
        assert_eq!(outcome.verdict, veritar::verify::Verdict::Inconclusive);
        let found: Vec<_> = outcome.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(found, [&code::WRAPPER_UNSUPPORTED], "{:?}", outcome.findings);
        assert!(outcome.findings[0].message.contains("dictionary "), "{}", outcome.findings[0].message);
    }
}

/// The kept archives, each with what it must give.
fn kept() -> Vec<(&'static str, Vec<u8>)> {
    [".tar.zst", ".tar.xz", ".tar.bz2", ".tar.lz", ".tar.Z", "-no-check.tar.zst", "-no-check.tar.xz"]
        .into_iter()
        .map(|suffix| (suffix, crate::build::compressed::kept(suffix)))
        .collect()
}

#[test]
fn no_cut_file_passes() {
    let limits = Limits::default();
    for (name, bytes) in kept() {
        // Less than a magic is no format; of compress only a cut inside a code shows.
        for end in 10..bytes.len() {
            let (_, proofs) = unwrap(whole(&bytes[..end]), 1, &limits);
            let [proof] = proofs.as_slice() else { panic!("{name} cut at {end}: {proofs:?}") };
            if name != ".tar.Z" {
                assert_eq!(proof.integrity, Integrity::Failed, "{name} cut at {end}: {proof:?}");
                assert_eq!(codes(proof, Severity::Error), ["compressed/truncated"].into(), "{name} cut at {end}");
            }
            let outcome = verdict(name, &bytes[..end]);
            assert_ne!(outcome.verdict, veritar::verify::Verdict::Pass, "{name} cut at {end}: {:?}", outcome.findings);
        }
    }
}

/// Where a flipped bit may change nothing that anybody could see: the bytes of the kept archives in which it was found to,
/// none of which a check covers. zstd: the bit of the frame header that has no meaning yet, and entropy tables, which also
/// describe symbols that do not occur. bzip2: the size of blocks, and the tables likewise. xz and lzip have no such byte
/// but lzip's dictionary size, which may be larger than needed.
fn may_carry_nothing(name: &str, at: usize) -> bool {
    match name {
        ".tar.zst" => at == 4 || at > 7,
        ".tar.bz2" => at == 3 || at > 10,
        ".tar.lz" => at == 5,
        _ => false,
    }
}

#[test]
fn no_flipped_bit_changes_what_is_verified() {
    let limits = Limits::default();
    let good = std::fs::read(corpus().join("good/dtr-2.9.4-metadata.tar")).unwrap();
    let mut wrong = Vec::new();
    for (name, bytes) in kept().into_iter().filter(|(name, _)| *name != ".tar.Z" && !name.starts_with("-no")) {
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                let (given, proofs) = unwrap(whole(&bytes), 1, &limits);
                // With another magic it is no format at all.
                let [proof] = proofs.as_slice() else { continue };
                let is_clean = proof.integrity == Integrity::Verified && codes(proof, Severity::Error).is_empty();
                if is_clean && (given != good || !may_carry_nothing(name, at)) {
                    wrong.push((name, at, bit, given == good));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_million_empty_members_neither_recurse_nor_flood() {
    let lz = kept_empty("lzip", &["-c"]);
    for (name, empty, times) in [
        ("zstd", b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00".to_vec(), 100_000),
        ("skippable", b"\x50\x2a\x4d\x18\x00\x00\x00\x00".to_vec(), 1_000_000),
        ("bzip2", b"BZh9\x17\x72\x45\x38\x50\x90\x00\x00\x00\x00".to_vec(), 1_000_000),
        ("lzip", lz, 2_000),
    ] {
        let bytes = empty.repeat(times);
        let (given, proofs) = unwrap(whole(&bytes), 1, &Limits::default());
        assert!(given.is_empty());
        assert!(proofs[0].findings.len() <= 101, "{name}: {} findings", proofs[0].findings.len());
    }
}

fn kept_empty(name: &str, arguments: &[&str]) -> Vec<u8> {
    if !program("a_million_empty_members_neither_recurse_nor_flood", name) {
        return b"LZIP\x01\x0c\x00\x83\xff\xfb\xff\xff\xc0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x24\x00\x00\x00\x00\x00\x00\x00".to_vec();
    }
    run(name, arguments, b"").unwrap()
}

#[test]
fn a_bomb_of_any_format_ends_at_the_ratio() {
    let mut limits = Limits::default();
    limits.ratio_after_bytes = 1 << 20;
    for (name, arguments) in
        [("zstd", &["-qc"][..]), ("xz", &["-c", "-1"]), ("lzip", &["-c", "-0"]), ("bzip2", &["-c"])]
    {
        if !program("a_bomb_of_any_format_ends_at_the_ratio", name) {
            continue;
        }
        let packed = run(name, arguments, &vec![0; 64 << 20]).unwrap();
        let (given, proofs) = unwrap(whole(&packed), 1, &limits);
        assert_eq!(codes(&proofs[0], Severity::Error), [code::LIMIT_REACHED.id].into(), "{name}");
        assert!(given.len() < 32 << 20, "{name}: {} bytes", given.len());
        assert_eq!(unwrap(pieces(&packed, &[7, 1000]), 1, &limits).1, proofs, "{name}");
    }
}
