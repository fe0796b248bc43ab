//! A rule file as it is written: every key with its span, nothing judged but the kinds of values.
//!
//! Promises: what stands in the file stands here, with its place; what has the wrong kind, a missing or an unknown
//! key was complained about. Refuses to know: whether the values make sense.

use std::ops::Range;

use toml::de::DeTable;

use super::problem::Problems;
use super::table::{At, Table, WordOrTable};

/// A rule file, keys in the order of `rules/template.toml`.
#[derive(Debug, Default)]
pub(super) struct RuleFile {
    pub(super) schema: Option<At<u64>>,
    pub(super) id: Option<At<String>>,
    pub(super) title: Option<At<String>>,
    pub(super) product: Option<At<String>>,
    pub(super) versions: Option<At<String>>,
    pub(super) sources: Vec<At<String>>,
    pub(super) extends: Option<At<String>>,
    pub(super) without: Vec<At<String>>,
    pub(super) declines: Option<At<String>>,
    pub(super) severities: Vec<(At<String>, At<String>)>,
    pub(super) detect: Option<DetectTable>,
    pub(super) archive: ArchiveTable,
    pub(super) entries: Vec<EntryTable>,
    pub(super) forbidden: Vec<ForbiddenTable>,
    pub(super) captures: Vec<CaptureTable>,
    pub(super) groups: Vec<GroupTable>,
    pub(super) relations: Vec<RelationTable>,
    pub(super) coverage: Vec<CoverageTable>,
}

/// `[detect]`.
#[derive(Debug)]
pub(super) struct DetectTable {
    pub(super) span: Range<usize>,
    pub(super) all: Vec<At<String>>,
    pub(super) any: Vec<At<String>>,
    pub(super) none: Vec<At<String>>,
    pub(super) when: WhenTable,
    pub(super) priority: Option<At<i64>>,
}

/// `[archive]`.
#[derive(Debug, Default)]
pub(super) struct ArchiveTable {
    pub(super) entries: Option<EntriesTable>,
    pub(super) encryption: Option<PolicyTable>,
    pub(super) end_marker: Option<PolicyTable>,
    pub(super) trailing_data: Option<PolicyTable>,
    pub(super) unique: Option<PolicyTable>,
    pub(super) paths: Option<PolicyTable>,
    pub(super) max_age: Option<BoundTable<String>>,
    pub(super) min_size_ratio: Option<BoundTable<f64>>,
}

/// A bound of the archive as a whole, with what may be said about it.
#[derive(Debug)]
pub(super) struct BoundTable<T> {
    pub(super) limit: Option<At<T>>,
    pub(super) time: Option<At<String>>,
    pub(super) advice: AdviceTable,
}

/// `archive.entries`.
#[derive(Debug)]
pub(super) struct EntriesTable {
    pub(super) min: Option<At<u64>>,
    pub(super) advice: AdviceTable,
}

/// A word of `[archive]` with what may be said about it.
#[derive(Debug)]
pub(super) struct PolicyTable {
    pub(super) word: At<String>,
    pub(super) advice: AdviceTable,
}

/// `[[entry]]`.
#[derive(Debug)]
pub(super) struct EntryTable {
    pub(super) id: Option<At<String>>,
    pub(super) paths: Option<Vec<At<String>>>,
    pub(super) count: Option<RangeTable>,
    pub(super) kinds: Option<Vec<At<String>>>,
    pub(super) size: Option<RangeTable>,
    pub(super) mode_max: Option<At<String>>,
    pub(super) probes: Vec<ProbeTable>,
    pub(super) when: WhenTable,
    pub(super) advice: AdviceTable,
}

/// `probe`, in its short or its long form.
#[derive(Debug)]
pub(super) struct ProbeTable {
    pub(super) kind: At<String>,
    pub(super) settings: Vec<(At<String>, Vec<At<String>>)>,
}

/// `when`: group and comparisons.
pub(super) type WhenTable = Vec<(At<String>, At<String>)>;

/// `[[forbidden]]`.
#[derive(Debug)]
pub(super) struct ForbiddenTable {
    pub(super) id: Option<At<String>>,
    pub(super) paths: Option<Vec<At<String>>>,
    pub(super) when: WhenTable,
    pub(super) advice: AdviceTable,
}

/// `[[capture]]`.
#[derive(Debug)]
pub(super) struct CaptureTable {
    pub(super) span: Range<usize>,
    pub(super) id: Option<At<String>>,
    pub(super) path: Option<At<String>>,
    pub(super) file_name: Option<At<String>>,
    pub(super) fact: Option<At<String>>,
    pub(super) entries: Option<Vec<At<String>>>,
    pub(super) name: Option<At<String>>,
    pub(super) advice: AdviceTable,
}

/// `[[group]]`.
#[derive(Debug)]
pub(super) struct GroupTable {
    pub(super) id: Option<At<String>>,
    pub(super) path: Option<At<String>>,
    pub(super) number: Option<At<String>>,
    pub(super) by: Option<At<String>>,
    pub(super) first: Option<At<u64>>,
    pub(super) required: Vec<At<String>>,
    pub(super) when: WhenTable,
    pub(super) advice: AdviceTable,
}

/// `[[pair]]`, `[[reference]]`, `[[raft]]`: the rules named under each key.
#[derive(Debug)]
pub(super) struct RelationTable {
    pub(super) kind: &'static str,
    pub(super) span: Range<usize>,
    pub(super) id: Option<At<String>>,
    pub(super) entries: Vec<(&'static str, Vec<At<String>>)>,
    pub(super) when: WhenTable,
    pub(super) advice: AdviceTable,
}

/// `[[coverage]]`.
#[derive(Debug)]
pub(super) struct CoverageTable {
    pub(super) data: Option<At<String>>,
    pub(super) status: Option<At<String>>,
    pub(super) covered_by: Option<At<String>>,
    pub(super) note: Option<At<String>>,
    pub(super) when: WhenTable,
}

/// `{ min, max }`.
#[derive(Debug)]
pub(super) struct RangeTable {
    pub(super) span: Range<usize>,
    /// Whether neither key is written at all, be it of the wrong kind.
    pub(super) is_empty: bool,
    pub(super) min: Option<At<u64>>,
    pub(super) max: Option<At<u64>>,
}

/// `severity`, `why`, `fix` of a rule that stands at `span`.
#[derive(Debug)]
pub(super) struct AdviceTable {
    pub(super) span: Range<usize>,
    pub(super) severity: Option<At<String>>,
    /// Whether `why` is written at all, be it of the wrong kind.
    pub(super) says_why: bool,
    pub(super) why: Option<At<String>>,
    pub(super) fix: Option<At<String>>,
}

/// Reads the text of a rule file.
pub(super) fn read(text: &str, problems: &Problems) -> RuleFile {
    let (tree, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        // Some errors have no span; they are about the end of the file.
        let span = error.span().unwrap_or(text.len()..text.len());
        problems.syntax(span, error.message());
    }
    let root = Table::new(tree.get_ref(), 0..0, "the rule file", problems);
    root_table(root)
}

fn root_table(mut table: Table<'_>) -> RuleFile {
    for key in ["schema", "id", "title"] {
        table.require(key);
    }
    // What another file says need not be said again.
    if !table.has("extends") {
        table.require("product");
    }
    let mut relations: Vec<RelationTable> = Vec::new();
    for (kind, name, keys) in RELATIONS {
        relations.extend(table.tables(kind, name).into_iter().map(|table| relation(table, kind, keys)));
    }
    let file = RuleFile {
        schema: table.number("schema"),
        id: table.string("id"),
        title: table.string("title"),
        product: table.string("product"),
        versions: table.string("versions"),
        sources: table.strings("sources").unwrap_or_default(),
        extends: table.string("extends"),
        without: table.strings("without").unwrap_or_default(),
        declines: table.string("declines"),
        severities: table.table("severity").map(Table::words).unwrap_or_default(),
        detect: table.table("detect").map(detect),
        archive: table.table("archive").map(archive).unwrap_or_default(),
        entries: table.tables("entry", "[[entry]]").into_iter().map(entry).collect(),
        forbidden: table.tables("forbidden", "[[forbidden]]").into_iter().map(forbidden).collect(),
        captures: table.tables("capture", "[[capture]]").into_iter().map(capture).collect(),
        groups: table.tables("group", "[[group]]").into_iter().map(group).collect(),
        relations,
        coverage: table.tables("coverage", "[[coverage]]").into_iter().map(coverage).collect(),
    };
    table.finish();
    file
}

fn detect(mut table: Table<'_>) -> DetectTable {
    let detect = DetectTable {
        span: table.span(),
        all: table.strings("all").unwrap_or_default(),
        any: table.strings("any").unwrap_or_default(),
        none: table.strings("none").unwrap_or_default(),
        when: when(&mut table),
        priority: table.integer("priority"),
    };
    table.finish();
    detect
}

fn archive(table: Table<'_>) -> ArchiveTable {
    let mut table = table.reserve(&["when"]);
    let archive = ArchiveTable {
        entries: table.table("entries").map(entries),
        encryption: policy(&mut table, "encryption"),
        end_marker: policy(&mut table, "end-marker"),
        trailing_data: policy(&mut table, "trailing-data"),
        unique: policy(&mut table, "unique"),
        paths: policy(&mut table, "paths"),
        max_age: bound(&mut table, "max-age", Table::string, true),
        min_size_ratio: bound(&mut table, "min-size-ratio", Table::ratio, false),
    };
    table.finish();
    archive
}

fn entries(mut table: Table<'_>) -> EntriesTable {
    table.require("min");
    let entries = EntriesTable { min: table.number("min"), advice: advice(&mut table) };
    table.finish();
    entries
}

fn policy(table: &mut Table<'_>, key: &'static str) -> Option<PolicyTable> {
    match table.word_or_table(key)? {
        WordOrTable::Word(word) => {
            let advice = AdviceTable { span: word.span.clone(), severity: None, says_why: false, why: None, fix: None };
            Some(PolicyTable { word, advice })
        }
        WordOrTable::Table(mut inner) => {
            inner.require("policy");
            let word = inner.word("policy");
            // The word itself says how grave it is: no severity here.
            let why = inner.string("why");
            let fix = inner.string("fix");
            let advice = AdviceTable { span: inner.span(), severity: None, says_why: why.is_some(), why, fix };
            inner.finish();
            Some(PolicyTable { word: word?, advice })
        }
    }
}

/// A bound as a plain value, or as `limit` of a table of its own.
fn bound<'t, T>(
    table: &mut Table<'t>,
    key: &'static str,
    read: fn(&mut Table<'t>, &'static str) -> Option<At<T>>,
    has_time: bool,
) -> Option<BoundTable<T>> {
    if !table.is_table(key) {
        let limit = read(table, key)?;
        // The bound itself says why.
        let advice = AdviceTable { span: limit.span.clone(), severity: None, says_why: true, why: None, fix: None };
        return Some(BoundTable { limit: Some(limit), time: None, advice });
    }
    let mut inner = table.table(key)?;
    inner.require("limit");
    let limit = read(&mut inner, "limit");
    let time = if has_time { inner.string("time") } else { None };
    let advice = AdviceTable { says_why: true, ..advice(&mut inner) };
    inner.finish();
    Some(BoundTable { limit, time, advice })
}

fn when(table: &mut Table<'_>) -> WhenTable {
    table.table("when").map(Table::words).unwrap_or_default()
}

fn entry(mut table: Table<'_>) -> EntryTable {
    table.require("id");
    table.require("path");
    let entry = EntryTable {
        id: table.string("id"),
        paths: table.strings("path"),
        count: table.table("count").map(range),
        kinds: table.strings("kind"),
        size: table.table("size").map(range),
        mode_max: table.table("mode").and_then(mode),
        probes: table
            .one_or_more("probe", "a name, a table, or a list of them")
            .into_iter()
            .filter_map(probe)
            .collect(),
        when: when(&mut table),
        advice: advice(&mut table),
    };
    table.finish();
    entry
}

fn probe(given: WordOrTable<'_>) -> Option<ProbeTable> {
    match given {
        WordOrTable::Word(kind) => Some(ProbeTable { kind, settings: Vec::new() }),
        WordOrTable::Table(mut table) => {
            table.require("kind");
            let kind = table.string("kind");
            let settings = table.others();
            Some(ProbeTable { kind: kind?, settings })
        }
    }
}

fn mode(mut table: Table<'_>) -> Option<At<String>> {
    table.require("max");
    let max = table.string("max");
    table.finish();
    max
}

fn forbidden(mut table: Table<'_>) -> ForbiddenTable {
    table.require("id");
    table.require("path");
    let forbidden = ForbiddenTable {
        id: table.string("id"),
        paths: table.strings("path"),
        when: when(&mut table),
        advice: advice(&mut table),
    };
    table.finish();
    forbidden
}

fn capture(table: Table<'_>) -> CaptureTable {
    let mut table = table.reserve(&["when"]);
    table.require("id");
    let capture = CaptureTable {
        span: table.span(),
        id: table.string("id"),
        path: table.string("path"),
        file_name: table.string("file-name"),
        fact: table.string("fact"),
        entries: table.strings("entry"),
        name: table.string("as"),
        advice: advice(&mut table),
    };
    table.finish();
    capture
}

fn group(mut table: Table<'_>) -> GroupTable {
    for key in ["id", "path", "number"] {
        table.require(key);
    }
    let group = GroupTable {
        id: table.string("id"),
        path: table.string("path"),
        number: table.string("number"),
        by: table.string("by"),
        first: table.number("first"),
        required: table.strings("required").unwrap_or_default(),
        when: when(&mut table),
        advice: advice(&mut table),
    };
    table.finish();
    group
}

/// Keys that name rules, and whether each must be there.
type Keys = &'static [(&'static str, bool)];

/// The tables that name rules: key, name, and the keys in them that do.
const RELATIONS: [(&str, &str, Keys); 3] = [
    ("pair", "[[pair]]", &[("key", false), ("certificate", true), ("issuer", false)]),
    ("reference", "[[reference]]", &[("from", true), ("to", true)]),
    ("raft", "[[raft]]", &[("wal", true), ("snapshot", false), ("key", false)]),
];

fn relation(mut table: Table<'_>, kind: &'static str, keys: Keys) -> RelationTable {
    table.require("id");
    for (key, needed) in keys {
        if *needed {
            table.require(key);
        }
    }
    let entries = keys.iter().filter_map(|(key, _)| Some((*key, table.strings(key)?))).collect();
    let relation = RelationTable {
        kind,
        span: table.span(),
        id: table.string("id"),
        entries,
        when: when(&mut table),
        advice: advice(&mut table),
    };
    table.finish();
    relation
}

fn coverage(mut table: Table<'_>) -> CoverageTable {
    table.require("data");
    table.require("status");
    let coverage = CoverageTable {
        data: table.string("data"),
        status: table.string("status"),
        covered_by: table.string("covered-by"),
        note: table.string("note"),
        when: when(&mut table),
    };
    table.finish();
    coverage
}

fn range(mut table: Table<'_>) -> RangeTable {
    let range = RangeTable {
        span: table.span(),
        is_empty: !table.has("min") && !table.has("max"),
        min: table.number("min"),
        max: table.number("max"),
    };
    table.finish();
    range
}

fn advice(table: &mut Table<'_>) -> AdviceTable {
    AdviceTable {
        span: table.span(),
        severity: table.string("severity"),
        says_why: table.has("why"),
        why: table.string("why"),
        fix: table.string("fix"),
    }
}
