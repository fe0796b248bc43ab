//! Rules that hold for some versions, rules about members in a row, ages and sizes, and files that extend others.

use std::sync::Arc;

use veritar::limits::Limits;
use veritar::place::Depth;
use veritar::rule::{ArchiveForm, Choice, Judge, Judgement, RuleSet, parse, parse_with};

use super::rule::{Member, directory, entry, errors, file, grave, own, own_with, set, whole};

const HEAD: &str = "schema = 1\nid = \"own\"\ntitle = \"own\"\nproduct = \"own\"\n";

/// Every finding: code and rule.
fn found(judgement: &Judgement) -> Vec<(&str, &str)> {
    let rule =
        |rule: &Option<String>| rule.as_deref().map_or("", |rule| rule.split_once('#').unwrap().1.to_owned().leak());
    judgement.findings.iter().map(|finding| (finding.code.id, rule(&finding.rule))).collect()
}

#[test]
fn a_rule_holds_for_the_versions_that_it_names() {
    let text = format!(
        "{HEAD}\
         [[capture]]\nid = \"version\"\npath = '^v(?<version>[0-9.]+)/'\n\
         [[entry]]\nid = \"old\"\npath = \"*/old\"\nwhen.version = \"<3.2\"\nwhy = \"x\"\n\
         [[entry]]\nid = \"new\"\npath = \"*/new\"\nwhen.version = \">=3.2, <4\"\nwhy = \"x\"\n\
         [[forbidden]]\nid = \"gone\"\npath = \"*/gone\"\nwhen.version = \">=3.2\"\nwhy = \"x\"\n\
         [[coverage]]\ndata = \"scans\"\nstatus = \"included\"\nwhen.version = \">=3.2\"\n"
    );
    for (version, members, expected, lines) in [
        ("3.1.9", &["old"][..], &[][..], 0),
        ("3.1.9", &["new", "gone"], &[("rule/missing", "old")], 0),
        ("3.10.0", &["new"], &[], 1),
        ("3.10.0", &["old", "gone"], &[("rule/forbidden", "gone"), ("rule/missing", "new")], 1),
        ("4.0", &["any"], &[], 1),
    ] {
        let members: Vec<Member> = members.iter().map(|name| file(format!("v{version}/{name}"), 1)).collect();
        let judgement = own(&text, &members);
        assert_eq!(found(&judgement), expected, "{version}: {members:?}");
        assert_eq!(judgement.coverage.len(), lines, "{version}");
    }
    // Without a version no such rule is in force, and each says so.
    let judgement = own(&text, &[file("else/gone", 1)]);
    let unknown =
        [("rule/condition-unknown", "old"), ("rule/condition-unknown", "new"), ("rule/condition-unknown", "gone")];
    let told: Vec<_> = found(&judgement).into_iter().filter(|(code, _)| *code == "rule/condition-unknown").collect();
    assert_eq!(told, unknown);
    assert!(grave(&judgement).is_empty(), "{judgement:#?}");
}

#[test]
fn a_flood_of_hits_of_a_rule_that_is_not_in_force_hides_no_other() {
    let text = format!(
        "{HEAD}\
         [[capture]]\nid = \"version\"\npath = '^v(?<version>[0-9.]+)/'\n\
         [[entry]]\nid = \"rows\"\npath = \"*/row-*\"\nsize.min = 2\nwhen.version = \"<3\"\nwhy = \"x\"\n\
         [[entry]]\nid = \"key\"\npath = \"*/key\"\nsize.min = 2\nwhy = \"x\"\n"
    );
    let mut members: Vec<Member> = (0..500).map(|number| file(format!("v4/row-{number}"), 1)).collect();
    members.push(file("v4/key", 1));
    assert_eq!(found(&own(&text, &members)), [("rule/size", "key")]);
}

#[test]
fn rows_are_counted_without_gaps() {
    let text = format!(
        "{HEAD}\
         [[entry]]\nid = \"any\"\npath = \"**\"\nseverity = \"info\"\n\
         [[group]]\nid = \"rows\"\npath = '^r/(?<table>[^/]+)/(?<row>[0-9]+)$'\nnumber = \"row\"\nby = \"table\"\n\
         required = [\"tags\"]\nwhy = \"x\"\n"
    );
    let rows = |table: &str, numbers: &[u32]| -> Vec<Member> {
        numbers.iter().map(|number| file(format!("r/{table}/{number}"), 1)).collect()
    };
    let both = |one: Vec<Member>, other: Vec<Member>| one.into_iter().chain(other).collect::<Vec<_>>();
    let message = |members: &[Member]| {
        let judgement = own(&text, members);
        let grave = grave(&judgement).into_iter();
        grave.map(|(code, _, message, _)| format!("{code}: {message}")).collect::<Vec<_>>()
    };
    assert!(message(&rows("tags", &[2, 0, 1])).is_empty());
    assert!(message(&both(rows("tags", &[0]), vec![directory("r/events/")])).is_empty(), "an empty table is no gap");
    assert_eq!(
        message(&both(rows("tags", &[0, 1]), rows("blobs", &[0, 1, 4]))),
        ["rule/gap: blobs: 2 of 0 to 4 are missing: 2 to 3"]
    );
    assert_eq!(message(&rows("blobs", &[0])), ["rule/missing: nothing is numbered under tags"]);
    // What was not read is not missing.
    let members = rows("tags", &[0, 2]);
    let form = ArchiveForm { complete: false, ..whole(&members) };
    assert_eq!(own_with(&text, &members, &form).findings.iter().filter(|one| one.code.id == "rule/gap").count(), 0);
    // A number that nobody could count to is no reason to spend memory, and no pass.
    let members = both(rows("tags", &[0]), vec![file("r/tags/18446744073709551615", 1)]);
    assert!(message(&members)[0].starts_with("limit/reached: rows: more numbers than"), "{:?}", message(&members));
}

fn aged(text: &str, seconds: i64, now: Option<i64>) -> Judgement {
    let member = file("x/1000000000000", 1);
    let mut judge = Judge::new(vec![set(text)], Choice::Named, Depth(1), &Limits::default());
    if let Some(now) = now {
        judge.set_day(now);
    }
    let mut entry = entry(0, &member);
    entry.mtime.seconds = seconds;
    judge.entry(&entry);
    judge.conclude(&whole(std::slice::from_ref(&member)))
}

#[test]
fn a_backup_may_be_too_old() {
    let rule = "[[entry]]\nid = \"any\"\npath = \"**\"\nseverity = \"info\"\n[archive]\n";
    let text = format!("{HEAD}{rule}max-age = \"26h\"\n");
    let day = 86_400;
    for (mtime, now, expected) in [
        (day, Some(2 * day), vec![]),
        (day, Some(2 * day + 2 * 3_600), vec![]),
        (day, Some(2 * day + 2 * 3_600 + 1), vec![("rule/too-old", "archive.max-age")]),
        (day, None, vec![]),
        (0, Some(2 * day), vec![("rule/age-unknown", "archive.max-age")]),
    ] {
        assert_eq!(found(&aged(&text, mtime, now)), expected, "{mtime} {now:?}");
    }
    let message = aged(&text, day, Some(4 * day)).findings[0].message.clone();
    assert_eq!(message, "3 days old, at most 1 day 2 hours allowed");
    // The time in a name is the backup's own; it is in milliseconds here.
    let captured = format!(
        "{HEAD}[[capture]]\nid = \"t\"\npath = '^x/(?<time>[0-9]+)$'\n{rule}max-age = {{ limit = \"1d\", time = \"time\", severity = \"warning\" }}\n"
    );
    let old = aged(&captured, 3_000_000_000, Some(1_000_000_000 + 2 * day));
    assert_eq!(found(&old), [("rule/too-old", "archive.max-age")]);
    assert_eq!(old.findings[0].severity.as_str(), "warning");
    assert!(aged(&captured, 5, Some(1_000_000_000 + day)).findings.is_empty());
}

#[test]
fn a_backup_may_be_too_small() {
    let text =
        format!("{HEAD}[[entry]]\nid = \"any\"\npath = \"**\"\nseverity = \"info\"\n[archive]\nmin-size-ratio = 0.5\n");
    let members = [file("x", 1)];
    for (bytes, previous, expected) in [
        (50, Some(100), vec![]),
        (49, Some(100), vec![("rule/shrunk", "archive.min-size-ratio")]),
        (u64::MAX, Some(u64::MAX), vec![]),
        (0, Some(0), vec![]),
        (0, None, vec![("rule/unmatched", "archive.min-size-ratio")]),
    ] {
        let form = ArchiveForm { bytes, previous_bytes: previous, ..whole(&members) };
        assert_eq!(found(&own_with(&text, &members, &form)), expected, "{bytes} {previous:?}");
    }
}

#[test]
fn a_set_that_declines_judges_nothing() {
    let text = format!(
        "{HEAD}declines = \"version {{v}} is backed up by other means\"\n[[capture]]\nid = \"v\"\npath = '^v(?<v>[0-9]+)$'\n\
         [[entry]]\nid = \"none\"\npath = \"none\"\nwhy = \"x\"\n"
    );
    let judgement = own(&text, &[file("v4", 1)]);
    assert_eq!(found(&judgement), [("rules/declined", "declines")]);
    assert_eq!(judgement.findings[0].message, "version 4 is backed up by other means");
    assert_eq!(judgement.findings[0].code.decides, veritar::code::Decides::Inconclusive);
}

#[test]
fn a_set_says_how_grave_a_code_is() {
    let text = format!(
        "{HEAD}[severity]\n\"rule/missing\" = \"warning\"\n[[entry]]\nid = \"a\"\npath = \"a\"\nwhy = \"x\"\n\
         [[entry]]\nid = \"b\"\npath = \"b\"\nseverity = \"error\"\nwhy = \"x\"\n"
    );
    let judgement = own(&text, &[file("c", 1)]);
    let levels: Vec<_> = judgement.findings.iter().map(|finding| finding.severity.as_str()).collect();
    assert_eq!(levels, ["warning", "error"], "what the rule itself says counts first");
}

const BASE: &str = r#"
schema = 1
id = "base"
title = "base"
product = "shop"
sources = ["manual"]

[detect]
any = ["shop/**"]

[archive]
entries = { min = 2, why = "there are two" }
unique = true

[[capture]]
id = "version"
path = '^shop/v(?<version>[0-9.]+)$'

[[entry]]
id = "config"
path = "shop/config"
why = "it does not start without"

[[entry]]
id = "dump"
path = "shop/dump"
why = "all orders of version {version}"

[[forbidden]]
id = "core"
path = "shop/core"
why = "x"

[[coverage]]
data = "orders"
status = "included"
"#;

fn extended(text: &str) -> Result<RuleSet, Vec<String>> {
    let limits = Limits::default();
    let base = Arc::new(parse("base.toml", BASE, &limits).unwrap());
    let bases = |id: &str| if id == "base" { Ok(Arc::clone(&base)) } else { Err(format!("nothing is called {id}")) };
    let text = format!("schema = 1\nid = \"own\"\ntitle = \"own\"\nextends = \"base\"\n{text}");
    parse_with("own.toml", &text, &limits, &bases)
        .map_err(|errors| errors.problems().iter().map(|problem| problem.message.clone()).collect())
}

fn judged(set: RuleSet, members: &[Member]) -> Judgement {
    let mut judge = Judge::new(vec![Arc::new(set)], Choice::Auto, Depth(1), &Limits::default());
    members.iter().enumerate().for_each(|(index, member)| judge.entry(&entry(index, member)));
    judge.conclude(&whole(members))
}

#[test]
fn what_is_inherited_judges_as_if_it_stood_in_the_file() {
    let good = [file("shop/config", 1), file("shop/dump", 1), file("shop/v2", 1)];
    let bad = [file("shop/core", 1)];
    let as_is = || extended("").unwrap();
    assert_eq!(as_is().product(), "shop");
    assert!(as_is().is_detectable());
    assert!(found(&judged(as_is(), &good)).is_empty());
    let expected = [
        ("rule/entries", "archive.entries"),
        ("rule/forbidden", "core"),
        ("rule/missing", "config"),
        ("rule/missing", "dump"),
        ("rule/unmatched", "version"),
    ];
    assert_eq!(found(&judged(as_is(), &bad)), expected);
    assert!(judged(as_is(), &bad).findings.iter().all(|finding| finding.rule.as_deref().unwrap().starts_with("own#")));

    // A rule of one's own beside them, one in the place of another, one taken away; and the same detection.
    let own = "without = [\"core\"]\n[archive]\nentries = { min = 1, why = \"one\" }\n\
               [[entry]]\nid = \"config\"\npath = \"shop/settings\"\nwhy = \"{version}\"\n\
               [[entry]]\nid = \"pictures\"\npath = \"shop/*.png\"\nwhy = \"x\"\n\
               [[coverage]]\ndata = \"orders\"\nstatus = \"absent-by-design\"\n";
    let judgement = judged(extended(own).unwrap(), &bad);
    let expected = [
        ("rule/missing", "dump"),
        ("rule/missing", "config"),
        ("rule/missing", "pictures"),
        ("rule/unmatched", "version"),
    ];
    assert_eq!(found(&judgement), expected);
    assert_eq!(judgement.coverage.len(), 1);
    assert_eq!(judgement.coverage[0].status.as_str(), "absent-by-design");
    let good = [file("shop/settings", 1), file("shop/dump", 1), file("shop/a.png", 1), file("shop/v2", 1)];
    assert!(found(&judged(extended(own).unwrap(), &good)).is_empty());

    // Another detection in the place of the inherited one.
    let other = extended("[detect]\nany = [\"store/**\"]\n").unwrap();
    assert_eq!(found(&judged(other, &good))[0].0, "rules/none-fit");
}

#[test]
fn what_does_not_fit_the_file_it_extends_is_told() {
    for (text, expected) in [
        ("without = [\"pictures\"]\n", "base has no rule `pictures`"),
        ("without = [\"version\"]\n", "what is inherited does not fit any more: `dump` names `version`, which is gone"),
        (
            "[[capture]]\nid = \"w\"\npath = '(?<version>x)'\n",
            "the group `version` is captured in the file that this one extends",
        ),
    ] {
        assert_eq!(extended(text).unwrap_err(), [expected], "{text}");
    }
    let lost = errors(&format!("{HEAD}extends = \"nothing\"\n"));
    assert!(lost.problems()[0].message.starts_with("no built-in rule set is called `nothing`"), "{lost}");
    let alone = errors(&format!("{HEAD}without = [\"x\"]\n[[entry]]\nid = \"a\"\npath = \"a\"\nwhy = \"x\"\n"));
    assert_eq!(alone.problems()[0].message, "`without` takes rules away from the file that `extends` names");
}
