//! Rule files drafted from good archives: each passes the archive it was drafted from, and none without any of its members.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use veritar::entry::{Entry, EntryKind};
use veritar::finding::Severity;
use veritar::limits::Limits;
use veritar::place::Depth;
use veritar::rule::draft::{About, Draft, Undrafted};
use veritar::rule::{ArchiveForm, Choice, EndMarker, Judge, Judgement, RuleSet, parse};
use veritar::source::Chunk;
use veritar::verify::{Archive, Opened, Outcome, Road, Verdict, verify};
use veritar::walk::{Sink, Want};

use super::cli::{at, passphrase, run, scratch};
use super::rule::{Member, directory, entry, file};
use super::support::{corpus, options, secrets, whole};

/// The archives of the corpus that pass.
fn good() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["good", "kept"] {
        for item in std::fs::read_dir(corpus().join(folder)).unwrap() {
            let path = item.unwrap().path();
            let Some(archive) = path.to_str().unwrap().strip_suffix(".expect") else { continue };
            if std::fs::read_to_string(&path).unwrap().contains("verdict = \"pass\"") {
                found.push(PathBuf::from(archive));
            }
        }
    }
    found.sort();
    assert!(found.len() > 10, "{found:?}");
    found
}

fn drafted(archive: &Path) -> String {
    let (code, out, error) =
        run(&["rules", "init", "--quiet", "--from", archive.to_str().unwrap(), "--passphrase-file", &passphrase()]);
    assert_eq!(code, 0, "{}: {error}", archive.display());
    out
}

fn set(text: &str) -> Arc<RuleSet> {
    Arc::new(parse("draft.toml", text, &Limits::default()).unwrap_or_else(|errors| panic!("{errors}\n{text}")))
}

fn verified(archive: Archive, rules: &Arc<RuleSet>, choice: Choice) -> Outcome {
    let mut options = options(2);
    (options.rules, options.choice) = (vec![Arc::clone(rules)], choice);
    // The day of the draft: certificates run out.
    let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    options.reading.at = Some(today.try_into().unwrap());
    verify(archive, &options, &mut secrets()).unwrap()
}

/// What the archive lists.
#[derive(Default)]
struct Listing(Vec<Member>);

impl Sink for Listing {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        let Entry { kind, size, mode, .. } = *entry;
        self.0.push(Member { path: entry.path.to_vec(), kind, size, mode });
        Want::Skip
    }

    fn data(&mut self, _: &Chunk) {}

    fn end(&mut self, _: bool) {}
}

fn listing(path: &Path) -> Vec<Member> {
    let mut listing = Listing::default();
    match Road::open(Archive::at(path), &options(1).reading, &mut secrets()).unwrap() {
        Opened::Ready(road) => drop(road.walk(&mut listing).unwrap()),
        Opened::Refused(_) => panic!("{} cannot be opened", path.display()),
    }
    listing.0
}

fn judged<'m>(rules: &Arc<RuleSet>, choice: Choice, members: impl Iterator<Item = &'m Member>) -> Judgement {
    let mut judge = Judge::new(vec![Arc::clone(rules)], choice, Depth(0), &Limits::default());
    let mut entries = 0;
    for (index, member) in members.enumerate() {
        judge.entry(&entry(index, member));
        entries += 1;
    }
    judge.conclude(&ArchiveForm {
        encrypted: true,
        entries,
        complete: true,
        end_marker: EndMarker::Whole,
        trailing_bytes: 0,
        file_name: None,
        bytes: 0,
        previous_bytes: None,
    })
}

/// The rules that it breaks; not what is asked of the archive as a whole, for that would hide whether a rule is about the
/// member, and not what the members are to each other, which a made-up listing may well get wrong.
fn broken(judgement: &Judgement) -> Vec<String> {
    let errors = judgement.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let of = errors.filter(|finding| finding.rule.as_deref().is_some_and(|rule| !rule.contains("#archive.")));
    of.map(|finding| format!("{} {}: {}", finding.code.id, finding.rule.as_deref().unwrap_or(""), finding.message))
        .collect()
}

fn is_root(member: &Member) -> bool {
    veritar::entry::normalized(&member.path).is_empty()
}

/// Each member dropped breaks a rule, and none does where all are there.
fn holds_to_the_letter(rules: &Arc<RuleSet>, members: &[Member], choice: Choice, text: &str) {
    assert_eq!(broken(&judged(rules, choice, members.iter())), Vec::<String>::new(), "{text}");
    for (dropped, member) in members.iter().enumerate().filter(|(_, member)| !is_root(member)) {
        let rest = members.iter().enumerate().filter(|(index, _)| *index != dropped).map(|(_, member)| member);
        let judgement = judged(rules, choice, rest);
        let name = member.path.escape_ascii();
        assert!(!judgement.judged.is_empty(), "not recognised without {name}\n{text}");
        assert!(!broken(&judgement).is_empty(), "nobody misses {name}\n{text}");
    }
}

#[test]
fn every_good_archive_passes_its_draft_and_misses_every_member() {
    for archive in good() {
        let name = archive.display();
        let text = drafted(&archive);
        let rules = set(&text);
        let choice = if rules.is_detectable() { Choice::Auto } else { Choice::Named };
        let outcome = verified(Archive::at(&archive), &rules, choice);
        assert_eq!(outcome.verdict, Verdict::Pass, "{name}: {:#?}\n{text}", outcome.findings);
        assert_eq!(outcome.rules.len(), 1, "{name}");
        // Nothing but what the archive itself is told of, and that it is not encrypted.
        let told: Vec<_> = outcome.findings.iter().filter(|finding| finding.severity == Severity::Warning).collect();
        let by_rules = told.iter().filter_map(|finding| finding.rule.as_deref());
        let unexpected: Vec<_> = by_rules.filter(|rule| !rule.ends_with("#archive.encryption")).collect();
        assert!(unexpected.is_empty(), "{name}: {told:#?}");
        holds_to_the_letter(&rules, &listing(&archive), choice, &text);
    }
}

/// A plain tar with what `keep` makes of the members: their new names.
fn rebuilt(archive: &Path, keep: impl Fn(usize, &str) -> Option<String>) -> (usize, Vec<u8>) {
    let bytes = std::fs::read(archive).unwrap();
    let mut reader = tar::Archive::new(bytes.as_slice());
    let mut builder = tar::Builder::new(Vec::new());
    let mut count = 0;
    for (index, entry) in reader.entries().unwrap().enumerate() {
        let mut entry = entry.unwrap();
        count += 1;
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut header = entry.header().clone();
        if let Some(path) = keep(index, &path) {
            builder.append_data(&mut header, path, &mut entry).unwrap();
        }
    }
    (count, builder.into_inner().unwrap())
}

#[test]
fn archives_rebuilt_without_a_member_fail() {
    for name in ["good/dtr-2.9.4-metadata.tar", "good/ucp-mke-3.4.5.tar"] {
        let archive = corpus().join(name);
        let rules = set(&drafted(&archive));
        let (count, all) = rebuilt(&archive, |_, path| Some(path.to_owned()));
        let outcome = verified(Archive::from_source("all", whole(&all)), &rules, Choice::Auto);
        assert_eq!(outcome.verdict, Verdict::Pass, "{name}: {:#?}", outcome.findings);
        for dropped in 0..count {
            let (_, bytes) = rebuilt(&archive, |index, path| (index != dropped).then(|| path.to_owned()));
            let outcome = verified(Archive::from_source("one less", whole(&bytes)), &rules, Choice::Auto);
            assert_eq!(outcome.verdict, Verdict::Fail, "{name} without member {dropped}");
            let is_told = |finding: &&veritar::finding::Finding| finding.code.id == "rule/missing";
            assert!(outcome.findings.iter().any(|finding| is_told(&finding)), "{name} without member {dropped}");
        }
    }
}

#[test]
fn the_backup_of_the_next_day_passes() {
    for (name, changes) in [
        (
            "good/ucp-mke-3.4.5.tar",
            &[
                ("1631549510123", "1731549510999"),
                ("k3xq0v9p2m7c5w8t1z6r4y0b3", "z9xq0v9p2m7c5w8t1z6r4y0zz"),
                ("a7d1f5h9j3l6n0q4s8u2w6y1c", "b8d1f5h9j3l6n0q4s8u2w6y9d"),
            ][..],
        ),
        ("good/dtr-2.9.4-metadata.tar", &[("v2.9.4", "v2.9.16")]),
    ] {
        let archive = corpus().join(name);
        let rules = set(&drafted(&archive));
        let renamed = |path: &str| changes.iter().fold(path.to_owned(), |path, (from, to)| path.replace(from, to));
        let (_, bytes) = rebuilt(&archive, |_, path| Some(renamed(path)));
        let outcome = verified(Archive::from_source("tomorrow", whole(&bytes)), &rules, Choice::Auto);
        assert_eq!(outcome.verdict, Verdict::Pass, "{name}: {:#?}", outcome.findings);
    }
}

/// The table of the rule with this path, as toml reads it.
fn entry_of(text: &str, path: &str) -> toml::Table {
    let file: toml::Table = toml::from_str(text).unwrap();
    let entries = file["entry"].as_array().unwrap().iter().map(|entry| entry.as_table().unwrap());
    let mut found = entries.filter(|entry| entry["path"].as_str() == Some(path));
    found.next().unwrap_or_else(|| panic!("no rule for {path}\n{text}")).clone()
}

#[test]
fn what_members_are_is_drafted_too() {
    let text = drafted(&corpus().join("good/ucp-mke-3.4.5.tar"));
    assert!(text.contains("extends = \"ucp-3.2\""), "{text}");
    let key = entry_of(&text, "ucp-controller-server-certs/key.pem");
    assert_eq!(key["probe"].as_str(), Some("private-key"));
    assert_eq!(key["mode"]["max"].as_str(), Some("0600"));
    assert_eq!(key["size"]["min"].as_integer(), Some(1));
    assert_eq!(entry_of(&text, "ucp-backup/*/etcd.backup.db")["probe"].as_str(), Some("etcd-snapshot"));
    assert_eq!(entry_of(&text, "ucp-backup/*/auth-store.tar.gz")["probe"].as_str(), Some("archive"));
    assert_eq!(entry_of(&text, "ucp-kv.json")["probe"].as_str(), Some("json"));
    assert_eq!(entry_of(&text, "ucp-backup/*")["kind"].as_str(), Some("directory"));
    entry_of(&text, "ucp-manager-agent.*.*.json");
    // It is empty in a healthy backup, and no certificate.
    let empty = entry_of(&text, "ucp-controller-server-certs/client_ca.pem");
    assert!(!empty.contains_key("size") && !empty.contains_key("probe"), "{empty:?}");
    let file: toml::Table = toml::from_str(&text).unwrap();
    let pairs = file["pair"].as_array().unwrap();
    assert!(
        pairs.iter().any(|pair| pair["key"].as_str() == key["id"].as_str() && pair.get("issuer").is_some()),
        "{pairs:?}"
    );

    let text = drafted(&corpus().join("good/dtr-2.9.4-metadata.tar"));
    let file: toml::Table = toml::from_str(&text).unwrap();
    let groups = file["group"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "{text}");
    let required: Vec<_> =
        groups[0]["required"].as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect();
    assert_eq!(required, ["crons", "properties", "repositories"]);
    assert_eq!(entry_of(&text, "dtr-backup-v*-online/rethink/properties/*")["count"]["min"].as_integer(), Some(4));

    let text = drafted(&corpus().join("kept/registry-2.8.2.tar"));
    let blobs = entry_of(&text, "dtr-registry-*/_data/docker/registry/v2/blobs/sha256/*/*/data");
    assert_eq!(blobs["probe"].as_str(), Some("registry-blob"));
    assert!(blobs["count"]["min"].as_integer().unwrap() > 3);

    let text = drafted(&corpus().join("good/ucp-mke-3.4.5.tar.pgp"));
    assert!(text.contains("encryption = \"required\""), "{text}");
}

#[test]
fn exit_codes_of_drafting() {
    let init = |more: &[&str]| run(&[&["rules", "init", "--quiet"], more].concat());
    let good = at("good/ucp-mke-3.4.5.tar");
    for (arguments, expected) in [
        (vec!["--from", &at("bad/bzip2-checksum.tar.bz2")], 1),
        (vec!["--from", &at("bad/compress-truncated.tar.Z")], 1),
        (vec!["--from", &at("bad/directory-hides-member.tar")], 1),
        (vec!["--from", &at("kept/ucp-mke-3.4.5.tar.gpg")], 3),
        (vec!["--from", "/nonexistent"], 4),
        (vec!["--from", &good, "--id", "Not an id"], 2),
        (vec!["--from", &good, "--product", ""], 2),
        (vec![], 2),
    ] {
        let (code, out, error) = init(&arguments);
        assert_eq!((code, out.as_str()), (expected, ""), "{arguments:?}: {error}");
        assert!(!error.is_empty(), "{arguments:?}");
    }
    let cut = scratch();
    let path = cut.path().join("cut.tar");
    let bytes = std::fs::read(&good).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let (code, out, error) = init(&["--from", path.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (1, ""), "{error}");
    let (code, out, error) = init(&["--from", &good, "--limit", "draft-bytes=1000"]);
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(error.contains("--limit draft-bytes"), "{error}");

    // A member that is an archive is a good archive, too.
    let inside = "ucp-backup/1631549510123/auth-store.tar.gz";
    let (code, out, error) = init(&["--from", &good, "--inside", inside]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(set(&out).id(), "auth-store");
    assert_eq!(init(&["--from", &good, "--inside", "nothing"]).0, run(&["verify", "--inside", "nothing", &good]).0);

    // What is typed stands in the file, and the file is good.
    let (code, out, _) = init(&["--from", &good, "--id", "mine", "--title", "a \"b\"\n{version}", "--product", "p"]);
    assert_eq!(code, 0);
    let rules = cut.path().join("mine.toml");
    std::fs::write(&rules, &out).unwrap();
    let rules = rules.to_str().unwrap();
    assert_eq!(set(&out).title(), "a \"b\"\n{version}");
    let (code, said, error) = run(&["rules", "check", rules]);
    assert_eq!(code, 0, "{error}");
    assert!(said.contains("good (mine, "), "{said}");
    assert_eq!(run(&["verify", "--rules", rules, &good]).0, 0);
    assert_eq!(run(&["verify", "--rules", rules, &at("good/dtr-2.9.4-metadata.tar")]).0, 1);
}

fn about(members: usize) -> About {
    let (id, title, product) = ("own".to_owned(), "own".to_owned(), "own".to_owned());
    let entries = members as u64;
    About { id, title, product, source: "x".to_owned(), entries, unique: true, safe: true, ..About::default() }
}

fn draft(members: &[Member], limits: &Limits) -> Result<String, Undrafted> {
    let mut draft = Draft::new(limits);
    for (index, member) in members.iter().enumerate() {
        draft.entry(&entry(index, member));
    }
    draft.finish(&About { unique: false, safe: false, ..about(members.len()) })
}

/// A name, the least number of rules, the path of each member.
type Shape = (&'static str, usize, fn(usize) -> String);

#[test]
fn many_members_make_few_rules() {
    const MEMBERS: usize = 100_000;
    // With the number of rules that there must be at least: to fold everything into one would be few, and no use.
    let shapes: [Shape; 6] = [
        ("one folder", 1, |number| format!("data/name-{number:06}x.txt")),
        ("blobs", 1, |number| format!("b/sha256/{:02x}/{:02x}{:062x}/data", number % 256, number % 256, number)),
        ("folders", 1, |number| format!("folder{}/file{}", number / 100, number % 100)),
        ("rows", 2, |number| format!("r/table{}/{}", letters(number / 1000), number % 1000)),
        ("deep", 50, |number| {
            let digits: Vec<String> = format!("{number:05}").chars().map(|digit| format!("d{digit}")).collect();
            format!("{}/{}/{}", digits.join("/"), "x/".repeat(number % 40), number)
        }),
        ("bushy", 40, |number| {
            format!("{}/{}/{}", letters(number % 40), letters(number / 40 % 50), letters(number / 2000))
        }),
    ];
    for (name, least, path) in shapes {
        let members: Vec<Member> = (0..MEMBERS).map(|number| file(path(number), 1)).collect();
        let start = Instant::now();
        let text = draft(&members, &Limits::default()).unwrap();
        let taken = start.elapsed();
        let rules = set(&text);
        // `**` lets members move about: it is the last resort.
        assert!(!text.contains("**\"\ncount") || name == "deep", "{text}");
        assert!(rules.rule_ids().count() <= 500, "{name}: {}", rules.rule_ids().count());
        assert!(rules.rule_ids().count() >= least, "{name}: {}", rules.rule_ids().count());
        // Unoptimised and beside other tests; a release takes a tenth.
        assert!(taken.as_secs() < 60, "{name}: {taken:?}");
        assert_eq!(broken(&judged(&rules, Choice::Named, members.iter())), Vec::<String>::new(), "{name}");
        for dropped in [777, MEMBERS - 1] {
            let rest = members.iter().enumerate().filter(|(index, _)| *index != dropped).map(|(_, member)| member);
            assert!(!broken(&judged(&rules, Choice::Named, rest)).is_empty(), "{name}: nobody misses {dropped}");
        }
    }
    // Memory is bounded.
    let limits = Limits::default();
    let mut draft = Draft::new(&limits);
    let long = [b'x'; 60_000];
    let met = (0..100_000).find(|_| {
        draft.entry(&entry(0, &file(long, 1)));
        draft.is_over()
    });
    assert_eq!(met, Some((256 << 20) / (60_000 + 256)));
    assert!(matches!(draft.finish(&about(1)), Err(Undrafted::TooMany(_))));
}

/// A number in letters.
fn letters(mut number: usize) -> String {
    let mut out = String::from("n");
    while number > 0 {
        out.push(char::from(b'a' + u8::try_from(number % 26).unwrap()));
        number /= 26;
    }
    out
}

#[test]
fn nothing_is_drafted_from_nothing() {
    assert!(matches!(draft(&[], &Limits::default()), Err(Undrafted::Empty)));
    assert!(matches!(draft(&[directory("./")], &Limits::default()), Err(Undrafted::Empty)));
}

/// Names that were made to get through.
fn hostile() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "*",
        "**",
        "?",
        "[",
        "]",
        "[a]",
        "[!a]",
        "{",
        "}",
        "{a,b}",
        ",",
        "\\",
        "\\*",
        "a\\",
        "!",
        "^",
        "-",
        "~",
        "..",
        "...",
        "'",
        "\"",
        "'''",
        "\"\"\"",
        "#",
        "=",
        "[[entry]]",
        "a = 1",
        "\n",
        "a\nb = 1",
        "\r",
        "\t",
        "\u{0}",
        "\u{7F}",
        "\u{85}",
        "\u{202E}abc",
        "\u{FEFF}",
        "é",
        "日本",
        "(?<x>a)",
        "$",
        "^a$",
        "|",
        "a b",
        " ",
        "{version}",
        "0",
        "1",
        "2",
        "00",
        "-v2",
        "a-v2.9.4-b",
        "1631549510",
        "2021-09-13",
        "\u{1F600}",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.extend([
        vec![0xFF],
        vec![b'a', 0xC3],
        vec![0x80, 0x80, b'*'],
        vec![b'y'; 300],
        vec![0xE2; 300],
        vec![b'*'; 130],
    ]);
    names
}

#[test]
fn hostile_names_are_held_to_the_letter() {
    let names = hostile();
    // Each by itself, below a folder, as a folder, and a good deal deeper.
    for name in &names {
        let below = |before: &str, after: &str| [before.as_bytes(), name, after.as_bytes()].concat();
        let deep = [name.as_slice(), b"/"].concat().repeat(60);
        let members = [
            below("", ""),
            below("a/", ""),
            below("a/", "/b"),
            below("", "/b/c"),
            [deep, b"x".to_vec()].concat(),
            b"z".to_vec(),
        ];
        let members: Vec<Member> = members.iter().map(|path| file(path, 1)).collect();
        let text = draft(&members, &Limits::default()).unwrap_or_else(|why| panic!("{}: {why:?}", name.escape_ascii()));
        let controls = text.chars().filter(|character| character.is_control() && *character != '\n').count();
        assert_eq!(controls, 0, "{text}");
        holds_to_the_letter(&set(&text), &members, Choice::Named, &text);
    }
    // And all together.
    let members: Vec<Member> = names
        .iter()
        .enumerate()
        .map(|(number, name)| file([format!("f{}/", number % 3).as_bytes(), name].concat(), number as u64))
        .collect();
    let text = draft(&members, &Limits::default()).unwrap();
    holds_to_the_letter(&set(&text), &members, Choice::Named, &text);
}

fn component() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        prop::sample::select(b"ab01*?[]{}\\,-.!^'\"".to_vec()),
        any::<u8>().prop_filter("no slash", |byte| *byte != b'/')
    ];
    prop_oneof![
        prop::collection::vec(byte, 1..6),
        prop::sample::select(hostile()),
        "[a-c]{1,2}".prop_map(String::into_bytes),
        "[0-3]".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_listing_is_held_to_the_letter(
        paths in prop::collection::vec((prop::collection::vec(component(), 1..5), any::<bool>()), 1..40)
    ) {
        let members: Vec<Member> = paths
            .iter()
            .map(|(parts, is_file)| {
                let path = parts.join(&b'/');
                if *is_file { file(path, 3) } else { Member { kind: EntryKind::Directory, ..directory(path) } }
            })
            .collect();
        match draft(&members, &Limits::default()) {
            Ok(text) => holds_to_the_letter(&set(&text), &members, Choice::Named, &text),
            Err(why) => prop_assert!(members.iter().all(is_root), "{:?}", why),
        }
    }
}
