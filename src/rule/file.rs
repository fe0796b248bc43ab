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
    pub(super) detect: Option<DetectTable>,
    pub(super) archive: ArchiveTable,
    pub(super) entries: Vec<EntryTable>,
    pub(super) forbidden: Vec<ForbiddenTable>,
    pub(super) captures: Vec<CaptureTable>,
    pub(super) coverage: Vec<CoverageTable>,
}

/// `[detect]`.
#[derive(Debug)]
pub(super) struct DetectTable {
    pub(super) span: Range<usize>,
    pub(super) all: Vec<At<String>>,
    pub(super) any: Vec<At<String>>,
    pub(super) none: Vec<At<String>>,
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
    pub(super) advice: AdviceTable,
}

/// `[[forbidden]]`.
#[derive(Debug)]
pub(super) struct ForbiddenTable {
    pub(super) id: Option<At<String>>,
    pub(super) paths: Option<Vec<At<String>>>,
    pub(super) advice: AdviceTable,
}

/// `[[capture]]`.
#[derive(Debug)]
pub(super) struct CaptureTable {
    pub(super) span: Range<usize>,
    pub(super) id: Option<At<String>>,
    pub(super) path: Option<At<String>>,
    pub(super) file_name: Option<At<String>>,
    pub(super) advice: AdviceTable,
}

/// `[[coverage]]`.
#[derive(Debug)]
pub(super) struct CoverageTable {
    pub(super) data: Option<At<String>>,
    pub(super) status: Option<At<String>>,
    pub(super) covered_by: Option<At<String>>,
    pub(super) note: Option<At<String>>,
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
    root_table(root.reserve(&["extends", "group", "pair", "reference", "when"]))
}

fn root_table(mut table: Table<'_>) -> RuleFile {
    for key in ["schema", "id", "title", "product"] {
        table.require(key);
    }
    let file = RuleFile {
        schema: table.number("schema"),
        id: table.string("id"),
        title: table.string("title"),
        product: table.string("product"),
        versions: table.string("versions"),
        sources: table.strings("sources").unwrap_or_default(),
        detect: table.table("detect").map(detect),
        archive: table.table("archive").map(archive).unwrap_or_default(),
        entries: table.tables("entry", "[[entry]]").into_iter().map(entry).collect(),
        forbidden: table.tables("forbidden", "[[forbidden]]").into_iter().map(forbidden).collect(),
        captures: table.tables("capture", "[[capture]]").into_iter().map(capture).collect(),
        coverage: table.tables("coverage", "[[coverage]]").into_iter().map(coverage).collect(),
    };
    table.finish();
    file
}

fn detect(table: Table<'_>) -> DetectTable {
    let mut table = table.reserve(&["when"]);
    let detect = DetectTable {
        span: table.span(),
        all: table.strings("all").unwrap_or_default(),
        any: table.strings("any").unwrap_or_default(),
        none: table.strings("none").unwrap_or_default(),
        priority: table.integer("priority"),
    };
    table.finish();
    detect
}

fn archive(table: Table<'_>) -> ArchiveTable {
    let mut table = table.reserve(&["max-age", "min-size-ratio", "when"]);
    let archive = ArchiveTable {
        entries: table.table("entries").map(entries),
        encryption: policy(&mut table, "encryption"),
        end_marker: policy(&mut table, "end-marker"),
        trailing_data: policy(&mut table, "trailing-data"),
        unique: policy(&mut table, "unique"),
        paths: policy(&mut table, "paths"),
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

fn entry(table: Table<'_>) -> EntryTable {
    let mut table = table.reserve(&["probe", "when"]);
    table.require("id");
    table.require("path");
    let entry = EntryTable {
        id: table.string("id"),
        paths: table.strings("path"),
        count: table.table("count").map(range),
        kinds: table.strings("kind"),
        size: table.table("size").map(range),
        mode_max: table.table("mode").and_then(mode),
        advice: advice(&mut table),
    };
    table.finish();
    entry
}

fn mode(mut table: Table<'_>) -> Option<At<String>> {
    table.require("max");
    let max = table.string("max");
    table.finish();
    max
}

fn forbidden(table: Table<'_>) -> ForbiddenTable {
    let mut table = table.reserve(&["when"]);
    table.require("id");
    table.require("path");
    let forbidden = ForbiddenTable { id: table.string("id"), paths: table.strings("path"), advice: advice(&mut table) };
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
        advice: advice(&mut table),
    };
    table.finish();
    capture
}

fn coverage(table: Table<'_>) -> CoverageTable {
    let mut table = table.reserve(&["when"]);
    table.require("data");
    table.require("status");
    let coverage = CoverageTable {
        data: table.string("data"),
        status: table.string("status"),
        covered_by: table.string("covered-by"),
        note: table.string("note"),
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
