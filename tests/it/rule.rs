//! Rule files and judgements: what is wrong with a file, which set recognises a listing, what each rule says.

use std::sync::Arc;

use proptest::prelude::*;
use veritar::code;
use veritar::entry::{Entry, EntryKind, Timestamp};
use veritar::finding::{Finding, Severity};
use veritar::limits::Limits;
use veritar::place::Depth;
use veritar::rule::{ArchiveForm, Choice, EndMarker, Judge, Judgement, RuleErrors, RuleSet, Status, catalog, parse};

// --- archives made of nothing but their listing ---

#[derive(Debug, Clone)]
pub struct Member {
    pub path: Vec<u8>,
    pub kind: EntryKind,
    pub size: u64,
    pub mode: u32,
}

pub fn file(path: impl AsRef<[u8]>, size: u64) -> Member {
    Member { path: path.as_ref().to_vec(), kind: EntryKind::File, size, mode: 0o600 }
}

pub fn directory(path: impl AsRef<[u8]>) -> Member {
    Member { path: path.as_ref().to_vec(), kind: EntryKind::Directory, size: 0, mode: 0o700 }
}

pub fn entry(index: usize, member: &Member) -> Entry<'_> {
    Entry {
        path: &member.path,
        kind: member.kind,
        size: member.size,
        stored_size: member.size,
        mode: member.mode,
        uid: 0,
        gid: 0,
        uname: b"",
        gname: b"",
        mtime: Timestamp::default(),
        link: b"",
        device: None,
        attributes: &[],
        archive: 0,
        salvaged: false,
        offset: index as u64 * 512,
    }
}

pub fn whole(members: &[Member]) -> ArchiveForm {
    ArchiveForm {
        encrypted: true,
        entries: members.len() as u64,
        complete: true,
        end_marker: EndMarker::Whole,
        trailing_bytes: 0,
        file_name: None,
        bytes: 0,
        previous_bytes: None,
    }
}

fn judge_as(
    sets: Vec<Arc<RuleSet>>,
    choice: Choice,
    members: &[Member],
    form: &ArchiveForm,
    limits: &Limits,
) -> Judgement {
    let mut judge = Judge::new(sets, choice, Depth(1), limits);
    for (index, member) in members.iter().enumerate() {
        judge.entry(&entry(index, member));
    }
    judge.conclude(form)
}

fn auto(members: &[Member]) -> Judgement {
    judge_as(catalog::all().to_vec(), Choice::Auto, members, &whole(members), &Limits::default())
}

pub fn own(text: &str, members: &[Member]) -> Judgement {
    own_with(text, members, &whole(members))
}

pub fn own_with(text: &str, members: &[Member], form: &ArchiveForm) -> Judgement {
    judge_as(vec![set(text)], Choice::Named, members, form, &Limits::default())
}

pub fn set(text: &str) -> Arc<RuleSet> {
    Arc::new(parse("own.toml", text, &Limits::default()).unwrap_or_else(|errors| panic!("{errors}")))
}

pub fn errors(text: &str) -> RuleErrors {
    parse("own.toml", text, &Limits::default()).expect_err("the file is wrong")
}

fn id_of(judgement: &Judgement) -> &str {
    assert_eq!(judgement.judged.len(), 1, "{judgement:#?}");
    &judgement.judged[0].id
}

/// Findings that somebody should look at.
pub fn grave(judgement: &Judgement) -> Vec<(&'static str, Severity, &str, Option<&str>)> {
    judgement
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info)
        .map(|finding| (finding.code.id, finding.severity, finding.message.as_str(), finding.rule.as_deref()))
        .collect()
}

fn failures(judgement: &Judgement) -> Vec<&Finding> {
    judgement.findings.iter().filter(|finding| finding.severity == Severity::Error).collect()
}

const DUMPS: [&str; 12] = [
    "ucp-auth-store",
    "ucp-kube-apiserver",
    "ucp-kube-controller-manager",
    "ucp-kubelet",
    "ucp-kube-proxy",
    "ucp-kube-scheduler",
    "ucp-controller",
    "ucp-swarm-manager",
    "ucp-kv",
    "ucp-proxy",
    "ucp-client-root-ca",
    "ucp-cluster-root-ca",
];

/// MKE 3.4.5, one manager: 27 entries in the order of a real archive.
fn ucp() -> Vec<Member> {
    let mut members: Vec<Member> =
        DUMPS.iter().map(|name| Member { mode: 0o644, ..file(format!("./{name}.json"), 9_000) }).collect();
    let agent = format!("./ucp-manager-agent.{}.{}.json", "a1b2c3d4e5f6g7h8i9j0k1l2m", "m2l1k0j9i8h7g6f5e4d3c2b1a");
    members.push(Member { mode: 0o644, ..file(agent, 9_000) });
    members.push(directory("./ucp-backup/1631549510123/"));
    members.push(file("./ucp-backup/1631549510123/auth-store.tar.gz", 40_000));
    members.push(file("./ucp-backup/1631549510123/etcd.backup.db", 4_128));
    for (folder, names) in [
        ("ucp-client-root-ca", &["cert.pem", "key.pem"][..]),
        ("ucp-cluster-root-ca", &["cert.pem", "key.pem"]),
        ("ucp-controller-server-certs", &["ca.pem", "cert.pem", "client_ca.pem", "key.pem"]),
    ] {
        members.push(directory(format!("./{folder}/")));
        for name in names {
            let size = match *name {
                "client_ca.pem" => 0,
                "key.pem" => 227,
                _ => 700,
            };
            members.push(file(format!("./{folder}/{name}"), size));
        }
    }
    members
}

/// UCP 2.2: inspect dumps, then whole volumes.
fn ucp_2() -> Vec<Member> {
    let mut members: Vec<Member> =
        ["ucp-controller", "ucp-kv", "ucp-proxy"].iter().map(|name| file(format!("./{name}.json"), 9_000)).collect();
    for volume in [
        "ucp-auth-store-certs",
        "ucp-client-root-ca",
        "ucp-cluster-root-ca",
        "ucp-controller-server-certs",
        "ucp-node-certs",
    ] {
        members.push(directory(format!("./{volume}/")));
        for name in ["ca.pem", "cert.pem", "key.pem"] {
            members.push(file(format!("./{volume}/{name}"), 1_700));
        }
    }
    for volume in ["ucp-auth-store-data", "ucp-kv"] {
        members.push(directory(format!("./{volume}/")));
        members.extend((0..50).map(|number| file(format!("./{volume}/{number}.db"), 1 << 20)));
    }
    members
}

fn dtr() -> Vec<Member> {
    let root = "dtr-backup-v2.9.4-online";
    let mut members = vec![directory(format!("{root}/")), directory(format!("{root}/rethink/"))];
    for (table, rows) in [
        ("manifests", 2),
        ("tags", 2),
        ("namespace_team_access", 0),
        ("properties", 53),
        ("repositories", 1),
        ("crons", 3),
        ("events", 0),
    ] {
        members.push(directory(format!("{root}/rethink/{table}/")));
        members.extend((0..rows).map(|row| file(format!("{root}/rethink/{table}/{row}"), 80)));
    }
    members
}

fn images() -> Vec<Member> {
    let root = "dtr-registry-1a2b3c4d5e6f/_data/docker/registry/v2";
    let digest = "1e93cf090ac787e2248b4e962d9496cd6ac868a58825a9ee0e318221969db529";
    let hello = format!("{root}/repositories/library/hello");
    vec![
        directory("dtr-registry-1a2b3c4d5e6f/"),
        directory(format!("{root}/")),
        directory(format!("{root}/blobs/sha256/1e/{digest}/")),
        file(format!("{root}/blobs/sha256/1e/{digest}/data"), 107),
        file(format!("{hello}/_layers/sha256/{digest}/link"), 71),
        file(format!("{hello}/_manifests/revisions/sha256/{digest}/link"), 71),
        file(format!("{hello}/_manifests/tags/1/current/link"), 71),
        directory(format!("{hello}/_uploads/")),
    ]
}

/// Docker 20.10.24, a manager that is hours old.
fn swarm(prefix: &str) -> Vec<Member> {
    let at = |path: &str| format!("{prefix}{path}");
    let readable = |member: Member| Member { mode: 0o644, ..member };
    vec![
        directory(at("certificates/")),
        file(at("certificates/swarm-node.key"), 316),
        readable(file(at("certificates/swarm-root-ca.crt"), 554)),
        readable(file(at("certificates/swarm-node.crt"), 826)),
        file(at("state.json"), 65),
        directory(at("worker/")),
        readable(file(at("worker/tasks.db"), 32_768)),
        directory(at("raft/")),
        directory(at("raft/snap-v3-encrypted/")),
        directory(at("raft/wal-v3-encrypted/")),
        file(at("raft/wal-v3-encrypted/0000000000000000-0000000000000000.wal"), 64_000_000),
        file(at("docker-state.json"), 205),
    ]
}

fn without(mut members: Vec<Member>, end: &str) -> Vec<Member> {
    let before = members.len();
    members.retain(|member| !member.path.ends_with(end.as_bytes()));
    assert!(members.len() < before, "nothing ends in {end}");
    members
}

fn change(mut members: Vec<Member>, end: &str, change: impl Fn(&mut Member)) -> Vec<Member> {
    let mut changed = 0;
    for member in &mut members {
        if member.path.ends_with(end.as_bytes()) {
            change(member);
            changed += 1;
        }
    }
    assert!(changed > 0, "nothing ends in {end}");
    members
}

// --- rule files ---

/// What rule sets have in common; recognised by nobody.
const BASES: [&str; 5] = ["dtr.toml", "registry.toml", "swarm-node.toml", "ucp.toml", "ucp-volumes.toml"];

#[test]
fn every_built_in_file_and_the_template_parse() {
    for (name, text) in catalog::FILES.iter().chain([&("template.toml", catalog::TEMPLATE)]) {
        let set = parse(name, text, &Limits::default()).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(set.text(), *text);
        // The others are there to be extended.
        assert_eq!(set.is_detectable(), !BASES.contains(name), "{name}");
        assert!(!set.sources().is_empty(), "{name} names no source");
        assert!(set.rule_ids().count() > 1 || set.declines().is_some(), "{name}");
    }
    assert_eq!(catalog::all().len(), catalog::FILES.len());
    for (set, (name, _)) in catalog::all().iter().zip(catalog::FILES) {
        assert_eq!(format!("{}.toml", set.id()), *name);
        assert_eq!(catalog::find(set.id()).map(|found| found.id()), Some(set.id()));
    }
    assert!(catalog::find("example").is_none());
}

#[test]
fn every_built_in_rule_says_where_its_fact_comes_from() {
    for (name, text) in catalog::FILES {
        for block in text.split("\n\n").filter(|block| block.contains("[[")) {
            // Rules of one sort share the comment of the first.
            let marked = ["doc", "seen", "old", "guess"].iter().any(|mark| block.contains(&format!("# {mark}")));
            let follows = !block.starts_with('#');
            assert!(marked || follows, "{name}:\n{block}");
        }
    }
}

#[test]
fn the_template_shows_every_key() {
    for key in [
        "schema",
        "id",
        "title",
        "product",
        "versions",
        "sources",
        "[detect]",
        "all",
        "any",
        "none",
        "priority",
        "[archive]",
        "entries",
        "encryption",
        "end-marker",
        "trailing-data",
        "unique",
        "paths",
        "policy",
        "[[entry]]",
        "path",
        "count",
        "min",
        "max",
        "kind",
        "size",
        "mode",
        "severity",
        "why",
        "fix",
        "[[forbidden]]",
        "[[capture]]",
        "file-name",
        "fact",
        "entry",
        "as",
        "probe",
        "when",
        "[[pair]]",
        "key",
        "certificate",
        "issuer",
        "[[group]]",
        "number",
        "by",
        "first",
        "required",
        "[[reference]]",
        "from",
        "to",
        "[[raft]]",
        "wal",
        "snapshot",
        "max-age",
        "min-size-ratio",
        "limit",
        "[severity]",
        "[[coverage]]",
        "data",
        "status",
        "covered-by",
        "note",
    ] {
        let shown = catalog::TEMPLATE.lines().filter(|line| !line.starts_with('#')).any(|line| {
            line.starts_with(key) || line.contains(&format!("{{ {key} =")) || line.contains(&format!(", {key} ="))
        });
        assert!(shown, "{key}");
    }
}

#[test]
fn the_first_rule_file_of_the_readme_parses_and_judges() {
    let readme = include_str!("../../rules/README.md");
    let example = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let members = [file("shop/config.yml", 9), file("shop/dump-2026-11-20.sql", 5_000)];
    let judgement = own(example, &members);
    assert_eq!(
        failures(&judgement).iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>(),
        ["2 entries, at least 10 needed (directories count, as in tar --list)"]
    );
}

const TEN_MISTAKES: &str = r#"schema = 2
id = "Own Rules"
title = "ten mistakes"
product = "own"

[detect]
priority = 1

[archive]
encription = "required"

[[entry]]
id = "key"
pth = "./key.pem"
path = "a**"
kind = "flie"
count = { min = 5, max = 3 }
why = "é{versoin}"

[[entry]]
id = "key"
path = "x"

[[capture]]
id = "version"
path = 'v([0-9]+'
"#;

#[test]
fn all_problems_of_a_file_at_once() {
    let errors = errors(TEN_MISTAKES);
    let found: Vec<(usize, usize, &str, Option<&str>)> = errors
        .problems()
        .iter()
        .map(|problem| (problem.line, problem.column, problem.message.as_str(), problem.help.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            (1, 10, "schema 2 is not known: this version reads 1", None),
            (2, 6, "`Own Rules` is no identifier: up to 64 lower-case letters, digits `-` and `.` are allowed", None),
            (
                6,
                1,
                "[detect] recognises nothing: it needs a pattern in `all` or `any`",
                Some("leave the table out where the rule set is only used by name")
            ),
            (10, 1, "archive has no key `encription`", Some("did you mean `encryption`?")),
            (14, 1, "[[entry]] has no key `pth`", Some("did you mean `path`?")),
            (
                15,
                8,
                "invalid pattern: `**` must be a whole component",
                Some("`*` matches within a component, `**/` any number of components")
            ),
            (16, 8, "`flie` is no kind", Some("did you mean `file`?")),
            (17, 26, "the maximum 3 is below the minimum 5", None),
            (20, 1, "a rule that can fail an archive must say `why`", Some("or give it `severity = \"warning\"`")),
            (21, 6, "the identifier `key` stands twice; the first is in line 13", None),
            (26, 8, "invalid regular expression: unclosed group", None),
        ]
    );
}

#[test]
fn problems_are_drawn_with_line_and_caret() {
    let drawn = errors(TEN_MISTAKES).to_string();
    assert!(drawn.starts_with(
        "error: schema 2 is not known: this version reads 1\n --> own.toml:1:10\n  |\n1 | schema = 2\n  |          ^"
    ));
    for part in [
        "error: archive has no key `encription`\n  --> own.toml:10:1\n   |\n10 | encription = \"required\"\n   | ^^^^^^^^^^\n   |\n   = help: did you mean `encryption`?",
        "  --> own.toml:15:8\n   |\n15 | path = \"a**\"\n   |        ^^^^^",
        "  --> own.toml:17:26\n   |\n17 | count = { min = 5, max = 3 }\n   |                          ^",
    ] {
        assert!(drawn.contains(part), "{part}\nin\n{drawn}");
    }
    assert!(!drawn.contains('\u{1b}'));
    let styled = errors(TEN_MISTAKES).styled();
    assert!(styled.contains("\u{1b}["), "{styled}");
    assert_eq!(drawn.matches("error:").count(), 11);
}

/// A good file, to spoil.
const GOOD: &str = r#"schema = 1
id = "own"
title = "own rules"
product = "own"

[[entry]]
id = "key"
path = "key.pem"
why = "it is needed"
"#;

#[test]
fn what_is_refused_and_where() {
    set(GOOD);
    for (addition, line, column, message) in [
        ("surprise = 1", 10, 1, "[[entry]] has no key `surprise`"),
        ("probe = \"pem\"", 10, 9, "`pem` is no probe"),
        ("when = \"x\"", 10, 8, "`when` must be a table, not a string"),
        ("when.version = \">=1\"", 10, 6, "nothing captures `version`"),
        ("[[raft]]\nid = \"r\"\nwal = \"c\"", 12, 7, "`c` is no [[entry]] of this file"),
        (
            "[[group]]\nid = \"g\"\npath = '^(?<n>[0-9]+)$'\nnumber = \"m\"\nwhy = \"x\"",
            13,
            10,
            "the expression has no group `m`",
        ),
        ("[severity]\n\"rule/mising\" = \"info\"", 11, 1, "`rule/mising` is no code of a finding"),
        (
            "[severity]\n\"gzip/checksum\" = \"info\"",
            11,
            19,
            "gzip/checksum is damage, and damage is an error by every rule",
        ),
        ("[severity]\n\"rule/missing\" = \"mild\"", 11, 18, "`mild` is no severity"),
        (
            "[[entry]]\nid = \"wide\"\npath = [\"é\", 7]\nseverity = \"info\"",
            12,
            14,
            "`path` must be a list of strings, not 7",
        ),
        ("kind = 7", 10, 8, "`kind` must be a string or a list of strings, not 7"),
        ("count = {}", 10, 9, "neither `min` nor `max` is given"),
        ("count.max = 0", 10, 13, "a rule that allows no entry"),
        ("count.min = -1", 10, 13, "`min` must be a whole number that is not negative, not -1"),
        ("kind = \"directory\"\nsize.min = 1", 11, 1, "only files have a size, and the rule's `kind` allows none"),
        ("mode.max = \"0888\"", 10, 12, "`0888` is no mode: octal digits up to 7777 are needed, as in \"0600\""),
        ("mode.max = \"+600\"", 10, 12, "`+600` is no mode: octal digits up to 7777 are needed, as in \"0600\""),
        ("severity = \"fatal\"", 10, 12, "`fatal` is no severity"),
        ("fix = \"look at {version}\"", 10, 7, "nothing captures `version`"),
        ("fix = \" \"", 10, 7, "the text is empty"),
        ("[[entry]]\nid = \"none\"\npath = []\nwhy = \"x\"", 10, 1, "`path` holds no pattern"),
        (
            "[[entry]]\nid = \"two\"\npath = [\"a\", \"a\"]\nwhy = \"x\"",
            12,
            14,
            "the pattern `a` stands twice in one rule",
        ),
        (
            "[[entry]]\nid = \"dot\"\npath = \"./a/\"\nwhy = \"x\"",
            12,
            8,
            "invalid pattern: paths are compared without `./` or `/` in front and without a slash at the end",
        ),
        (
            "[[entry]]\nid = \"open\"\npath = \"a{b\"\nwhy = \"x\"",
            12,
            8,
            "invalid pattern: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)",
        ),
        ("[[entry]]\npath = \"a\"\nwhy = \"x\"", 10, 1, "[[entry]] has no `id`"),
        ("[[forbidden]]\nid = \"no\"\npath = \"a\"", 10, 1, "a rule that can fail an archive must say `why`"),
        ("[[capture]]\nid = \"c\"\npath = 'v([0-9]+)'", 12, 8, "the regular expression has no named group"),
        ("[[capture]]\nid = \"c\"", 10, 1, "[[capture]] has neither `path`, `file-name` nor `fact`"),
        (
            "[[capture]]\nid = \"c\"\npath = '(?<a>x)'\nfile-name = '(?<b>x)'",
            13,
            13,
            "`path`, `file-name` and `fact` exclude each other: write several captures",
        ),
        (
            "[[capture]]\nid = \"c\"\npath = '(?<a>x)'\n[[capture]]\nid = \"d\"\npath = '(?<a>y)'",
            15,
            8,
            "the group `a` is captured twice; the first is in line 12",
        ),
        ("[[coverage]]\ndata = \"x\"\nstatus = \"absent\"", 12, 10, "`absent` is no status"),
        (
            "[[coverage]]\ndata = \"x\"\nstatus = \"included\"\ncovered-by = \"y\"",
            13,
            14,
            "data that is included needs no `covered-by`",
        ),
        (
            "[[coverage]]\ndata = \"x\"\nstatus = \"included\"\n[[coverage]]\ndata = \"x\"\nstatus = \"included\"",
            14,
            8,
            "the data `x` stands twice; the first is in line 11",
        ),
        ("[detect]\nall = [\"a\"]\nnone = [\"a\"]", 12, 9, "the pattern `a` is both wanted and excluded"),
        ("[archive]\nentries.max = 5\nentries.min = 1\nentries.why = \"x\"", 11, 9, "entries has no key `max`"),
        ("[archive]\nentries.min = 5", 11, 1, "a rule that can fail an archive must say `why`"),
        ("[archive]\nunique = 1", 11, 10, "`unique` must be a word or a table, not 1"),
        ("[archive]\nmax-age = \"1 day\"", 11, 11, "`1 day` is no duration"),
        (
            "[archive]\nmin-size-ratio = 2",
            11,
            18,
            "a ratio is more than 0 and at most 1: 0.5 is half as large as before",
        ),
        ("[archive]\nencryption = { why = \"x\" }", 11, 14, "encryption has no `policy`"),
        ("x = ", 10, 5, "string values must be quoted, expected literal string"),
    ] {
        let errors = errors(&format!("{GOOD}{addition}\n"));
        let found: Vec<(usize, usize, &str)> =
            errors.problems().iter().map(|problem| (problem.line, problem.column, problem.message.as_str())).collect();
        assert_eq!(found, [(line, column, message)], "{addition}");
    }
}

#[test]
fn what_is_missing_at_the_top_is_told() {
    let errors = errors("");
    let found: Vec<&str> = errors.problems().iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        found,
        [
            "the rule file has no `schema`",
            "the rule file has no `id`",
            "the rule file has no `title`",
            "the rule file has no `product`",
            "the rule file checks nothing: it has no [[entry]], [[forbidden]] or archive.entries",
        ]
    );
    assert!(errors.to_string().contains("own.toml:1:1"));
}

#[test]
fn broken_syntax_hides_what_follows_from_it_and_nothing_else() {
    let errors = errors("schema = 1\nid = \"own\"\n[[entry]]\nid = \"x\"\nkind = \"fish\"\npath = [\n");
    let found: Vec<(usize, &str)> =
        errors.problems().iter().map(|problem| (problem.line, problem.message.as_str())).collect();
    assert_eq!(found.first(), Some(&(5, "`fish` is no kind")));
    assert!(found.iter().skip(1).all(|(line, _)| *line >= 6), "{found:?}");
    assert!(found.len() > 1);
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let mut limits = Limits::default();
    limits.set("rule-file-bytes", 10).unwrap();
    let errors = parse("own.toml", GOOD, &limits).expect_err("too long");
    assert_eq!(errors.problems().len(), 1);
    assert!(errors.to_string().contains("rule-file-bytes"));
}

#[test]
fn a_flood_of_problems_is_cut_and_counted() {
    let text = format!("{GOOD}{}", (0..250).map(|number| format!("x{number} = 1\n")).collect::<String>());
    let errors = errors(&text);
    assert_eq!(errors.problems().len(), 100);
    assert!(errors.to_string().ends_with("and 150 further problems in own.toml"));
}

#[test]
fn control_characters_of_a_file_do_not_reach_the_terminal() {
    let text = format!("{GOOD}\"\\u001b[31m\" = \"\u{85}\u{202e}x\"\n");
    let drawn = parse("evil\u{1b}[0m.toml", &text, &Limits::default()).expect_err("wrong").to_string();
    assert!(!drawn.contains('\u{1b}'), "{drawn:?}");
}

// --- the built-in sets on good archives ---

#[test]
fn good_archives_are_recognised_and_pass() {
    for (id, members) in [
        ("ucp-3.2", ucp()),
        ("ucp-2.1", ucp_2()),
        ("dtr-2.9", dtr()),
        ("dtr-images", images()),
        ("swarm", swarm("var/lib/docker/swarm/")),
        ("swarm", swarm("./swarm/")),
        ("swarm", swarm("")),
    ] {
        let judgement = auto(&members);
        assert_eq!(id_of(&judgement), id);
        assert_eq!(grave(&judgement), [], "{id}");
        assert!(judgement.judged[0].why.starts_with("recognised by "), "{}", judgement.judged[0].why);
        assert!(judgement.coverage.iter().any(|line| line.status == Status::Included));
        assert!(judgement.coverage.iter().any(|line| line.status == Status::AbsentByDesign));
    }
    assert_eq!(ucp().len(), 27);
}

#[test]
fn good_archives_by_name_pass_too() {
    let members = ucp();
    let named = catalog::find("ucp-3.2").unwrap();
    let judgement = judge_as(vec![Arc::clone(named)], Choice::Named, &members, &whole(&members), &Limits::default());
    assert_eq!(grave(&judgement), []);
    assert!(judgement.judged[0].why.starts_with("asked for by name, and recognised by "));
}

#[test]
fn captures_tell_version_replica_and_time() {
    let of = |members: &[Member]| auto(members).judged[0].captures.clone();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(of(&dtr()), [pair("version", "2.9.4"), pair("mode", "online")]);
    assert_eq!(of(&images()), [pair("replica", "1a2b3c4d5e6f")]);
    assert_eq!(of(&ucp()), [pair("epoch_ms", "1631549510123"), pair("node", "a1b2c3d4e5f6g7h8i9j0k1l2m")]);
    let plain: Vec<Member> = dtr()
        .into_iter()
        .map(|member| file(String::from_utf8(member.path).unwrap().replace("v2.9.4-online", "v2.7.3"), 1))
        .collect();
    assert_eq!(of(&plain), [pair("version", "2.7.3")]);
}

#[test]
fn the_file_name_tells_engine_host_and_time() {
    let members = swarm("var/lib/docker/swarm/");
    let form = ArchiveForm {
        file_name: Some("swarm-20.10.24-manager-1.example-1631549510+0200.tgz".to_owned()),
        bytes: 0,
        previous_bytes: None,
        ..whole(&members)
    };
    let judgement = judge_as(catalog::all().to_vec(), Choice::Auto, &members, &form, &Limits::default());
    let values: Vec<&str> = judgement.judged[0].captures.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["20.10.24", "manager-1.example", "1631549510", "+0200"]);
}

// --- the built-in sets on bad ones: recognised all the same, and failed by the rule that is meant ---

#[test]
fn ucp_without_its_key_or_with_an_empty_one_fails() {
    let judgement = auto(&without(ucp(), "server-certs/key.pem"));
    assert_eq!(id_of(&judgement), "ucp-3.2");
    let messages: Vec<(&str, &str)> =
        failures(&judgement).iter().map(|finding| (finding.code.id, finding.message.as_str())).collect();
    assert_eq!(
        messages,
        [
            ("rule/entries", "26 entries, at least 27 needed (directories count, as in tar --list)"),
            ("rule/missing", "ucp-controller-server-certs/key.pem is missing: 0 of at least 1 found"),
        ]
    );
    let missing = failures(&judgement)[1];
    assert_eq!(missing.rule.as_deref(), Some("ucp-3.2#controller-key"));
    assert!(missing.why.is_some() && missing.fix.is_some());
    assert_eq!((missing.place.depth, missing.place.offset), (Depth(1), None));

    let judgement = auto(&change(ucp(), "server-certs/key.pem", |member| member.size = 0));
    let [empty] = failures(&judgement)[..] else { panic!("{judgement:#?}") };
    assert_eq!((empty.code, empty.message.as_str()), (&code::RULE_SIZE, "is empty: 0 bytes, at least 1 needed"));
    assert_eq!(empty.place.entry.as_deref(), Some(&b"./ucp-controller-server-certs/key.pem"[..]));
    assert_eq!(empty.place.offset, Some(26 * 512));
}

#[test]
fn ucp_with_one_entry_too_few_fails_whichever_it_is() {
    for left_out in 0..ucp().len() {
        let mut members = ucp();
        let gone = members.remove(left_out);
        let judgement = auto(&members);
        assert_eq!(id_of(&judgement), "ucp-3.2");
        assert!(failures(&judgement).iter().any(|finding| finding.code == &code::RULE_ENTRIES), "{gone:?}");
    }
}

#[test]
fn the_key_as_a_directory_or_link_is_no_key() {
    for kind in [EntryKind::Directory, EntryKind::Symlink, EntryKind::Hardlink] {
        let judgement = auto(&change(ucp(), "server-certs/key.pem", |member| {
            member.kind = kind;
            member.size = 0;
        }));
        // That the hard link is made to nothing is told, too.
        let [finding, ..] = failures(&judgement)[..] else { panic!("{judgement:#?}") };
        assert_eq!(failures(&judgement).len(), if kind == EntryKind::Hardlink { 2 } else { 1 });
        let finding = failures(&judgement).into_iter().find(|found| found.code == &code::RULE_KIND).unwrap_or(finding);
        assert_eq!(finding.message, format!("is of kind {}, file is needed", kind.as_str()));
    }
}

#[test]
fn a_key_that_others_may_read_warns() {
    // Fewer bits, but others than those allowed.
    let judgement = auto(&change(ucp(), "server-certs/key.pem", |member| member.mode = 0o440));
    assert_eq!(grave(&judgement).first().map(|(_, _, message, _)| *message), Some("mode 0440 allows more than 0600"));
    let judgement = auto(&change(ucp(), "server-certs/key.pem", |member| member.mode = 0o644));
    assert_eq!(
        grave(&judgement),
        [("rule/mode", Severity::Warning, "mode 0644 allows more than 0600", Some("ucp-3.2#keys"))]
    );
}

#[test]
fn ucp_2_is_judged_by_its_own_check_and_3_2_is_not() {
    let judgement = auto(&without(ucp_2(), "ucp-node-certs/key.pem"));
    assert_eq!(id_of(&judgement), "ucp-2.1");
    assert_eq!(failures(&judgement)[0].message, "ucp-node-certs/key.pem is missing: 0 of at least 1 found");
    let mut few = ucp_2();
    few.truncate(60);
    let judgement = auto(&few);
    assert_eq!(id_of(&judgement), "ucp-2.1");
    assert_eq!(
        failures(&judgement)[0].message,
        "60 entries, at least 101 needed (directories count, as in tar --list)"
    );
}

#[test]
fn volumes_with_kubernetes_dumps_are_of_3_0_and_no_count_is_asked() {
    let mut members = ucp_2();
    members.push(file("ucp-kubelet.json", 9_000));
    members.truncate(60);
    members.push(file("ucp-kube-proxy.json", 9_000));
    let judgement = auto(&members);
    assert_eq!(id_of(&judgement), "ucp-3.0");
    assert_eq!(failures(&judgement), Vec::<&Finding>::new());
}

#[test]
fn the_form_of_the_archive_is_judged() {
    let members = ucp();
    let good = whole(&members);
    for (form, id, severity, message) in [
        (
            ArchiveForm { end_marker: EndMarker::Missing, ..good.clone() },
            "rule/archive-form",
            Severity::Error,
            "ends without end-of-archive marker: cut at a member boundary?",
        ),
        (
            ArchiveForm { end_marker: EndMarker::Short, ..good.clone() },
            "rule/archive-form",
            Severity::Error,
            "ends with one block of zeros in place of the two of the end-of-archive marker: cut inside the marker?",
        ),
        (
            ArchiveForm { trailing_bytes: 1_024, ..good.clone() },
            "rule/archive-form",
            Severity::Error,
            "1024 bytes follow the end-of-archive marker, where nothing may",
        ),
        (
            ArchiveForm { encrypted: false, ..good.clone() },
            "rule/not-encrypted",
            Severity::Warning,
            "the archive is not encrypted, which ucp-3.2 recommends",
        ),
    ] {
        let judgement = judge_as(catalog::all().to_vec(), Choice::Auto, &members, &form, &Limits::default());
        let found: Vec<_> =
            grave(&judgement).into_iter().map(|(id, severity, message, _)| (id, severity, message)).collect();
        assert_eq!(found, [(id, severity, message)]);
    }
}

#[test]
fn an_archive_that_was_not_read_to_its_end_is_not_told_what_it_misses() {
    let members = ucp()[..10].to_vec();
    let form = ArchiveForm { complete: false, end_marker: EndMarker::Missing, ..whole(&members) };
    let judgement = judge_as(catalog::all().to_vec(), Choice::Auto, &members, &form, &Limits::default());
    assert_eq!(id_of(&judgement), "ucp-3.2");
    // No dump was looked into, so nothing tells the version that one rule asks for.
    let [finding, unknown] = &judgement.findings[..] else { panic!("{judgement:#?}") };
    assert_eq!((finding.code, unknown.code), (&code::RULES_NOT_JUDGED, &code::RULE_CONDITION_UNKNOWN));
    assert!(finding.message.contains("8 of 13 rules of ucp-3.2"), "{}", finding.message);

    let none = judge_as(catalog::all().to_vec(), Choice::Auto, &[], &form, &Limits::default());
    assert_eq!(none.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [&code::RULES_NOT_JUDGED]);
    // What was seen and is bad is told all the same.
    let members = change(ucp(), "server-certs/key.pem", |member| member.size = 0);
    let judgement = judge_as(catalog::all().to_vec(), Choice::Auto, &members, &form, &Limits::default());
    assert_eq!(failures(&judgement).len(), 1);
}

#[test]
fn dtr_without_its_first_property_or_with_two_versions_fails() {
    let judgement = auto(&without(dtr(), "/properties/0"));
    assert_eq!(id_of(&judgement), "dtr-2.9");
    let [finding, gap] = failures(&judgement)[..] else { panic!("{judgement:#?}") };
    assert_eq!(finding.message, "*/rethink/properties/0 is missing: 0 of at least 1 found");
    assert_eq!((gap.code, gap.rule.as_deref()), (&code::RULE_GAP, Some("dtr-2.9#numbers")));

    let mut two = dtr();
    two.push(file("dtr-backup-v2.8.1/rethink/tags/2", 80));
    let judgement = auto(&two);
    let [finding] = failures(&judgement)[..] else { panic!("{judgement:#?}") };
    assert_eq!(finding.code, &code::RULE_CAPTURE_CONFLICT);
    assert_eq!(finding.message, "version is 2.8.1 in one place and 2.9.4 in another");
    assert!(judgement.judged[0].captures.iter().all(|(name, _)| name != "version"));

    let judgement = auto(&change(dtr(), "/tags/1", |member| member.size = 0));
    assert_eq!(failures(&judgement).iter().map(|finding| finding.code.id).collect::<Vec<_>>(), ["rule/size"]);
}

#[test]
fn images_without_a_blob_or_with_a_short_link_fail() {
    let judgement = auto(&without(images(), "/data"));
    assert_eq!(id_of(&judgement), "dtr-images");
    assert_eq!(
        failures(&judgement).iter().map(|finding| finding.rule.as_deref()).collect::<Vec<_>>(),
        [Some("dtr-images#blobs")]
    );
    let judgement = auto(&change(images(), "/current/link", |member| member.size = 0));
    assert_eq!(failures(&judgement)[0].message, "is empty: 0 bytes, at least 71 needed");
    let mut by_id = without(images(), "/data");
    by_id.push(file("x/docker/registry/v2/blobs/id/1a/1a2b/data", 12));
    assert_eq!(grave(&auto(&by_id)), []);
    let nested: Vec<Member> = images()
        .into_iter()
        .map(|member| Member { path: [b"var/lib/docker/volumes/", &member.path[..]].concat(), ..member })
        .collect();
    assert_eq!(grave(&auto(&nested)).iter().map(|(id, ..)| *id).collect::<Vec<_>>(), ["rule/forbidden"]);
}

#[test]
fn swarm_without_its_certificate_fails_and_says_what_dockerd_does() {
    for prefix in ["var/lib/docker/swarm/", ""] {
        let judgement = auto(&without(swarm(prefix), "swarm-node.crt"));
        assert_eq!(id_of(&judgement), "swarm");
        let [finding] = failures(&judgement)[..] else { panic!("{judgement:#?}") };
        assert_eq!(finding.message, "**/certificates/swarm-node.crt is missing: 0 of at least 1 found");
        assert!(finding.why.as_ref().unwrap().contains("dockerd clears the whole directory"));
    }
}

#[test]
fn a_workers_directory_is_no_backup() {
    let worker: Vec<Member> =
        swarm("swarm/").into_iter().filter(|member| !String::from_utf8_lossy(&member.path).contains("raft")).collect();
    let judgement = auto(&worker);
    assert_eq!(id_of(&judgement), "swarm-worker");
    assert!(failures(&judgement).iter().any(|finding| finding.why.as_ref().is_some_and(|why| why.contains("worker"))));
}

#[test]
fn each_member_of_a_swarm_may_be_missing_and_is_told() {
    for (end, grave) in [
        ("swarm-root-ca.crt", Severity::Error),
        ("swarm-node.key", Severity::Error),
        (".wal", Severity::Error),
        ("docker-state.json", Severity::Warning),
        ("/state.json", Severity::Warning),
    ] {
        let judgement = auto(&without(swarm("./"), end));
        assert_eq!(id_of(&judgement), "swarm", "{end}");
        let found: Vec<_> = judgement
            .findings
            .iter()
            .filter(|finding| finding.severity > Severity::Info)
            .map(|finding| (finding.code.id, finding.severity))
            .collect();
        assert_eq!(found, [("rule/missing", grave)], "{end}");
    }
    let mut members = swarm("");
    members.push(file("raft/snap-v3-encrypted/0000000000000002-0000000000000010.snap.broken", 9));
    members.push(file("raft/wal-v3-encrypted/1.tmp", 9));
    let judgement = auto(&members);
    assert_eq!(
        grave(&judgement).iter().map(|(_, _, _, rule)| rule.unwrap()).collect::<Vec<_>>(),
        ["swarm#broken-snapshot", "swarm#engine-was-running"]
    );
}

#[test]
fn an_unknown_layout_is_described() {
    let mut members: Vec<Member> = (0..12).map(|number| file(format!("top{number:02}/x"), 1)).collect();
    members.push(file(b"\x1b\xff/x", 1));
    let judgement = auto(&members);
    assert_eq!(judgement.judged, []);
    let [finding, odd] = &judgement.findings[..] else { panic!("{judgement:#?}") };
    assert_eq!((finding.code, odd.code), (&code::RULES_NONE, &code::ENTRY_ODD_NAME));
    assert_eq!(
        finding.message,
        "none of 17 rule sets recognises the 13 entries seen: \\u{1b}\\xff, top00, top01, top02, top03, top04, top05, top06, top07, top08, ..."
    );
    let none = judge_as(Vec::new(), Choice::Named, &members, &whole(&members), &Limits::default());
    assert_eq!(none.findings[0].code, &code::RULES_NONE, "no rule set at all is never a pass");
}

// --- choosing ---

#[test]
fn of_several_that_fit_the_most_specific_is_taken_and_the_reason_told() {
    let with = |id: &str, detect: &str| {
        set(&format!("{}\n[detect]\n{detect}\n", GOOD.replace("\"own\"\ntitle", &format!("\"{id}\"\ntitle"))))
    };
    let members = [file("key.pem", 1), file("other", 1)];
    for (sets, taken, reason) in [
        (
            [with("aa", "any = [\"*.pem\"]\npriority = -1"), with("bb", "any = [\"other\"]")],
            "bb",
            "priority 0 against -1",
        ),
        (
            [with("aa", "any = [\"*.pem\"]"), with("bb", "any = [\"other\", \"key*\", \"x\"]")],
            "bb",
            "2 patterns of its detection match against 1",
        ),
        (
            [with("bb", "all = [\"*.pem\"]"), with("aa", "any = [\"other\"]")],
            "aa",
            "it comes first in alphabetical order, all else being equal",
        ),
    ] {
        let judgement = judge_as(sets.to_vec(), Choice::Auto, &members, &whole(&members), &Limits::default());
        assert_eq!(id_of(&judgement), taken);
        let several: Vec<&Finding> =
            judgement.findings.iter().filter(|finding| finding.code == &code::RULES_SEVERAL).collect();
        assert_eq!(several.len(), 1);
        assert!(several[0].message.ends_with(&format!("{taken} was taken: {reason}")), "{}", several[0].message);
        assert!(judgement.judged[0].why.ends_with(reason));
    }
}

#[test]
fn all_and_any_and_none_decide_together() {
    let own = set(&format!("{GOOD}\n[detect]\nall = [\"a\", \"b\"]\nany = [\"c\", \"d\"]\nnone = [\"e\"]\n"));
    for (paths, fits) in [
        (&["a", "b", "c"][..], true),
        (&["a", "b", "c", "d"], true),
        (&["a", "c"], false),
        (&["a", "b"], false),
        (&["a", "b", "c", "e"], false),
    ] {
        let members: Vec<Member> = paths.iter().map(|path| file(path, 1)).collect();
        let judgement = judge_as(vec![Arc::clone(&own)], Choice::Auto, &members, &whole(&members), &Limits::default());
        assert_eq!(judgement.judged.len(), usize::from(fits), "{paths:?}");
    }
    // Without detection a set is never chosen by itself.
    let members = [file("key.pem", 1)];
    let judgement = judge_as(vec![set(GOOD)], Choice::Auto, &members, &whole(&members), &Limits::default());
    assert_eq!(judgement.judged, []);
}

#[test]
fn what_was_captured_may_speak_against_a_set() {
    let text = format!(
        "{GOOD}[detect]\nany = [\"key.pem\"]\nwhen = {{ version = \"<2\" }}\n[[capture]]\nid = \"v\"\npath = '^v(?<version>[0-9.]+)$'\n"
    );
    let own = set(&text);
    for (more, fits) in [(None, true), (Some("v1.9"), true), (Some("v2.0"), false)] {
        let members: Vec<Member> = ["key.pem"].into_iter().chain(more).map(|path| file(path, 1)).collect();
        let judgement = judge_as(vec![Arc::clone(&own)], Choice::Auto, &members, &whole(&members), &Limits::default());
        assert_eq!(judgement.judged.len(), usize::from(fits), "{more:?}");
    }
    let unknown = errors(&format!("{GOOD}[detect]\nany = [\"key.pem\"]\nwhen = {{ version = \"<2\" }}\n"));
    assert_eq!(unknown.problems().len(), 1, "{unknown}");
}

#[test]
fn a_set_that_others_build_on_is_chosen_by_name_only() {
    let base = set(GOOD);
    assert!(!base.is_detectable());
    let members = [file("key.pem", 1)];
    let auto = judge_as(vec![Arc::clone(&base)], Choice::Auto, &members, &whole(&members), &Limits::default());
    assert_eq!(auto.judged, []);
    let named = judge_as(vec![base], Choice::Named, &members, &whole(&members), &Limits::default());
    assert_eq!(named.judged.len(), 1);
}

#[test]
fn several_by_name_all_judge() {
    let members = swarm("");
    let sets = ["ucp-3.2", "dtr-2.9"].map(|id| Arc::clone(catalog::find(id).unwrap()));
    let judgement = judge_as(sets.to_vec(), Choice::Named, &members, &whole(&members), &Limits::default());
    assert_eq!(judgement.judged.len(), 2);
    for id in ["ucp-3.2#controller-key", "dtr-2.9#properties"] {
        assert!(failures(&judgement).iter().any(|finding| finding.rule.as_deref() == Some(id)), "{id}");
    }
    assert!(judgement.judged[0].why.contains("does not recognise"));
    assert!(judgement.coverage.iter().any(|line| line.set == "dtr-2.9"));
}

// --- what a rule can say ---

#[test]
fn counts_and_optional_rules() {
    let text =
        |count: &str| format!("{GOOD}[[entry]]\nid = \"many\"\npath = [\"m/*\", \"m/1*\"]\n{count}\nwhy = \"x\"\n");
    let members = |number: usize| -> Vec<Member> {
        (0..number).map(|index| file(format!("m/1{index}"), 1)).chain([file("key.pem", 1)]).collect()
    };
    for (count, number, message) in [
        ("count.min = 3", 3, None),
        ("count.min = 3", 2, Some("m/* or m/1*: 2 of at least 3 found")),
        ("count.max = 2", 2, None),
        ("count.max = 2", 3, Some("m/* or m/1*: 3 found, at most 2 allowed")),
        ("count.max = 2", 0, Some("m/* or m/1* is missing: 0 of at least 1 found")),
    ] {
        let judgement = own(&text(count), &members(number));
        let found: Vec<&str> = failures(&judgement).iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(found, message.into_iter().collect::<Vec<_>>(), "{count} {number}");
    }
    let judgement = own(&text("count.min = 0"), &members(0));
    let [finding] = &judgement.findings[..] else { panic!("{judgement:#?}") };
    assert_eq!((finding.code, finding.severity), (&code::RULE_UNMATCHED, Severity::Info));
    assert_eq!(finding.rule.as_deref(), Some("own#many"));
}

#[test]
fn sizes_and_severities() {
    let text = |more: &str| GOOD.replace("why", &format!("size = {{ min = 2, max = 4 }}\n{more}\nwhy"));
    for (size, message) in
        [(1, Some("1 byte, at least 2 needed")), (2, None), (4, None), (5, Some("5 bytes, at most 4 allowed"))]
    {
        let judgement = own(&text(""), &[file("./key.pem", size)]);
        assert_eq!(failures(&judgement).first().map(|finding| finding.message.as_str()), message);
    }
    let judgement = own(&text("severity = \"info\""), &[file("key.pem", 0)]);
    assert_eq!(judgement.findings[0].severity, Severity::Info);
}

#[test]
fn paths_that_lead_elsewhere_and_paths_that_stand_twice() {
    let members = [file("key.pem", 1), file("./key.pem", 2), file("/etc/passwd", 1), file("../x", 1)];
    let findings = |archive: &str| -> Vec<(&'static str, Severity, Option<String>)> {
        own(&format!("{GOOD}[archive]\n{archive}\n"), &members)
            .findings
            .into_iter()
            .map(|finding| {
                (finding.code.id, finding.severity, finding.place.entry.map(|path| String::from_utf8(path).unwrap()))
            })
            .collect()
    };
    let path = |path: &str| Some(path.to_owned());
    assert_eq!(
        findings("unique = true"),
        [
            ("entry/unsafe-path", Severity::Error, path("/etc/passwd")),
            ("entry/unsafe-path", Severity::Error, path("../x")),
            ("entry/duplicate", Severity::Error, path("./key.pem")),
        ]
    );
    assert_eq!(findings("unique = false\npaths = \"any\""), []);
    assert!(findings("paths = \"warn\"").iter().all(|(_, severity, _)| *severity == Severity::Warning));
    // Nobody knows the layout: told, not judged.
    let judgement = auto(&members);
    assert_eq!(failures(&judgement).iter().map(|finding| finding.code).collect::<Vec<_>>(), [&code::RULES_NONE]);
    assert_eq!(judgement.findings.iter().filter(|finding| finding.severity == Severity::Warning).count(), 3);
}

#[test]
fn uniqueness_is_judged_within_its_limit_and_says_so() {
    let mut limits = Limits::default();
    limits.set("unique-paths", 2).unwrap();
    let members: Vec<Member> = ["key.pem", "b", "c", "c", "b"].iter().map(|path| file(path, 1)).collect();
    let text = format!("{GOOD}[archive]\nunique = true\n");
    let judgement = judge_as(vec![set(&text)], Choice::Named, &members, &whole(&members), &limits);
    assert_eq!(
        grave(&judgement),
        [
            (
                "limit/reached",
                Severity::Error,
                "whether members stand twice was judged among 2 paths; 2 more were not remembered (--limit unique-paths=N)",
                Some("own#archive.unique")
            ),
            (
                "entry/duplicate",
                Severity::Error,
                "stands again: an entry before it has the same path",
                Some("own#archive.unique")
            ),
        ]
    );
}

#[test]
fn findings_of_a_kind_are_capped_and_counted_and_errors_survive_warnings() {
    let mut limits = Limits::default();
    limits.set("findings-per-code", 3).unwrap();
    let text = format!(
        "{GOOD}[[forbidden]]\nid = \"soft\"\npath = \"s/*\"\nseverity = \"warning\"\n[[forbidden]]\nid = \"hard\"\npath = \"h\"\nwhy = \"x\"\n"
    );
    let mut members: Vec<Member> = (0..10).map(|number| file(format!("s/{number}"), 1)).collect();
    members.extend([file("h", 1), file("key.pem", 1)]);
    let judgement = judge_as(vec![set(&text)], Choice::Named, &members, &whole(&members), &limits);
    let of = |severity| judgement.findings.iter().filter(|finding| finding.severity == severity).count();
    assert_eq!((of(Severity::Error), of(Severity::Warning)), (1, 3));
    let last = judgement.findings.last().unwrap();
    assert_eq!(last.code, &code::LIMIT_FINDINGS);
    assert_eq!(last.message, "7 further findings of rule/forbidden (warning) were counted, the first 3 are kept");

    limits.set("findings-per-code", 0).unwrap();
    let judgement = judge_as(vec![set(&text)], Choice::Named, &members, &whole(&members), &limits);
    assert_eq!(failures(&judgement).len(), 1, "no limit makes an archive pass");
}

#[test]
fn texts_name_what_was_captured() {
    let text = format!(
        "{}[[capture]]\nid = \"v\"\npath = '^v(?<version>[^/]+)/(?<never>x)?'\n",
        GOOD.replace("it is needed", "version {version} needs it, not {never}; {x y}")
    );
    let judgement = own(&text, &[file("v1.2/a", 1)]);
    assert_eq!(failures(&judgement)[0].why.as_deref(), Some("version 1.2 needs it, not (unknown); {x y}"));
    let unmatched = own(&text, &[file("key.pem", 1)]);
    assert_eq!(unmatched.findings[0].code, &code::RULE_UNMATCHED);
}

#[test]
fn names_that_are_no_text_are_judged_as_bytes() {
    let text = format!("{GOOD}[[forbidden]]\nid = \"x\"\npath = \"bad/*.txt\"\nwhy = \"x\"\n");
    let judgement = own(&text, &[file("key.pem", 1), file(b"bad/\xff\xfe.txt", 1)]);
    assert_eq!(failures(&judgement)[0].place.entry.as_deref(), Some(&b"bad/\xff\xfe.txt"[..]));
}

// --- properties ---

/// What extraction would do depends on the order, and the graph's own tests hold it.
fn is_of_the_order(finding: &Finding) -> bool {
    finding.code.id.starts_with("entry/") && ![&code::ENTRY_UNSAFE_PATH, &code::ENTRY_DUPLICATE].contains(&finding.code)
}

fn comparable(judgement: &Judgement) -> Vec<String> {
    let mut lines: Vec<String> = judgement
        .findings
        .iter()
        .filter(|finding| !is_of_the_order(finding))
        .map(|finding| {
            format!(
                "{} {:?} {} {:?} {:?}",
                finding.code.id, finding.severity, finding.message, finding.rule, finding.why
            )
        })
        .collect();
    lines.sort();
    lines.push(format!("{:?} {:?}", judgement.judged, judgement.coverage));
    lines
}

/// A listing of one of the products with some members lost, changed, doubled or added.
fn listings() -> impl Strategy<Value = Vec<Member>> {
    let base = prop_oneof![Just(ucp()), Just(dtr()), Just(images()), Just(swarm("swarm/")), Just(Vec::new())];
    let strange = prop::collection::vec(
        ("(\\./|/|)[a-c./]{0,8}|dtr-backup-v[12]/a|ucp-backup/[12]/x|raft/[ab].snap.broken", 0_u64..3, 0_usize..10),
        0..8,
    );
    (base, prop::collection::vec(any::<prop::sample::Index>(), 0..4), strange).prop_map(
        |(mut members, lost, strange)| {
            for index in lost {
                if !members.is_empty() {
                    members.remove(index.index(members.len()));
                }
            }
            members.extend(
                strange.into_iter().map(|(path, size, kind)| Member { kind: EntryKind::ALL[kind], ..file(path, size) }),
            );
            members
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_entries_does_not_change_the_judgement(
        (members, shuffled) in listings().prop_flat_map(|members| (Just(members.clone()), Just(members).prop_shuffle()))
    ) {
        prop_assert_eq!(comparable(&auto(&members)), comparable(&auto(&shuffled)));
    }

    #[test]
    fn watching_many_sets_at_once_is_judging_by_the_chosen_one_alone(members in listings()) {
        let together = auto(&members);
        if let Some(judged) = together.judged.first() {
            let alone = judge_as(
                vec![Arc::clone(catalog::find(&judged.id).unwrap())], Choice::Auto, &members, &whole(&members), &Limits::default(),
            );
            let rules = |judgement: &Judgement| -> Vec<Finding> {
                judgement.findings.iter().filter(|finding| finding.code != &code::RULES_SEVERAL).cloned().collect()
            };
            prop_assert_eq!(rules(&together), rules(&alone));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        if let Err(errors) = parse("any.toml", &text, &Limits::default()) {
            prop_assert!(!errors.to_string().is_empty());
        }
    }

    #[test]
    fn no_damaged_rule_file_makes_the_parser_panic(
        file in 0..catalog::FILES.len() + 1,
        at in any::<prop::sample::Index>(),
        length in 0_usize..40,
        instead in "[\\PC\n\r\\]\\[={}\"'#.,]{0,6}",
    ) {
        let text = catalog::FILES.get(file).map_or(catalog::TEMPLATE, |(_, text)| text);
        let characters: Vec<char> = text.chars().collect();
        let start = at.index(characters.len());
        let end = (start + length).min(characters.len());
        let damaged: String = characters[..start].iter().copied().chain(instead.chars()).chain(characters[end..].iter().copied()).collect();
        if let Err(errors) = parse("damaged.toml", &damaged, &Limits::default()) {
            prop_assert!(!errors.problems().is_empty());
            for problem in errors.problems() {
                prop_assert!(damaged.get(problem.span.clone()).is_some(), "{:?}", problem);
                prop_assert!(problem.line <= damaged.lines().count().max(1) + 1);
            }
            prop_assert!(errors.to_string().contains("damaged.toml:"));
        }
    }
}

#[test]
fn a_set_that_applies_to_nothing_proves_nothing() {
    let text = "schema = 1\nid = \"site\"\ntitle = \"Site\"\nproduct = \"site\"\n\n[[entry]]\nid = \"x\"\n\
                path = \"x/**\"\ncount.min = 0\nwhy = \"it is wanted\"\n";
    let set = Arc::new(parse("site.toml", text, &Limits::default()).expect("a good rule file"));
    let members = [file("y/1", 1)];
    let judgement = judge_as(vec![Arc::clone(&set)], Choice::Named, &members, &whole(&members), &Limits::default());
    assert!(judgement.findings.iter().any(|finding| finding.code == &code::RULES_IDLE), "{judgement:#?}");
    let members = [file("x/1", 1)];
    let judgement = judge_as(vec![set], Choice::Named, &members, &whole(&members), &Limits::default());
    assert!(!judgement.findings.iter().any(|finding| finding.code == &code::RULES_IDLE), "{judgement:#?}");
}
