//! One `veritar.toml`, from text to values that make sense.
//!
//! Promises: every problem with its line and a caret; what is handed on needs no second look.

use std::path::Path;

use toml::de::DeTable;

use super::{KEYS, Key, Kind, Layer, fail_on};
use crate::cli::plan;
use crate::code::{self, Severity};
use crate::limits::Limits;
use crate::report::escaped;
use crate::rule::{At, Problems, RuleErrors, Table, catalog, nearest};
use crate::verify::Severities;

/// Reads the text of the file at `path`.
pub(super) fn parse(path: &Path, text: &str) -> Result<Layer, RuleErrors> {
    let problems = Problems::default();
    let (tree, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        // Some errors have no span; they are about the end of the file.
        let span = error.span().unwrap_or(text.len()..text.len());
        problems.syntax(span, error.message());
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let layer = read(Table::new(tree.get_ref(), 0..0, "the configuration", &problems), folder, &problems);
    if problems.is_empty() {
        return Ok(Layer { path: path.to_owned(), ..layer });
    }
    Err(problems.into_errors(&escaped(path.as_os_str().as_encoded_bytes()).to_string(), text))
}

fn read(mut table: Table<'_>, folder: &Path, problems: &Problems) -> Layer {
    let mut layer = Layer::default();
    for key in KEYS {
        let given = match key.kind {
            Kind::Threads => table.number(key.name).map(|number| vec![number.map(|number| number.to_string())]),
            kind if kind.is_list() => table.strings(key.name),
            _ => table.string(key.name).map(|text| vec![text]),
        };
        let Some(given) = given else { continue };
        let values = given.into_iter().filter_map(|value| checked(key, value, folder, problems)).collect();
        layer.values.insert(key.name, values);
    }
    if let Some(severity) = table.table("severity") {
        layer.severity = severities(severity.words(), problems);
    }
    if let Some(limits) = table.table("limits") {
        layer.limits = self::limits(limits.others(), problems);
    }
    table.finish();
    layer
}

fn checked(key: &Key, value: At<String>, folder: &Path, problems: &Problems) -> Option<String> {
    let At { value: text, span } = value;
    let wrong = match key.kind {
        Kind::Digests => plan::hashes(&text).is_err().then_some("sha256, blake3, both with a comma, or none"),
        Kind::FailOn => fail_on(&text).is_none().then_some("error or warning"),
        Kind::Threads => {
            let good = text.parse().is_ok_and(|threads: usize| plan::THREADS.contains(&threads));
            (!good).then_some("a number from 1 to 1024")
        }
        Kind::Files | Kind::Rules => text.is_empty().then_some("a name"),
    };
    if let Some(wanted) = wrong {
        problems.wrong(&span, format!("`{}` takes {wanted}", key.name));
        return None;
    }
    let is_path =
        key.kind == Kind::Files || (key.kind == Kind::Rules && text != "auto" && catalog::find(&text).is_none());
    // What a file names is seen from where that file lies.
    Some(if is_path { folder.join(&text).to_string_lossy().into_owned() } else { text })
}

fn severities(given: Vec<(At<String>, At<String>)>, problems: &Problems) -> Vec<(&'static code::Code, Severity)> {
    let mut out = Vec::new();
    let mut set = Severities::default();
    for (id, word) in given {
        let known = code::find(&id.value);
        if known.is_none() {
            let ids: Vec<&str> = code::ALL.iter().map(|code| code.id).collect();
            let message = format!("no finding has the code `{}`", id.value);
            let near = nearest(&id.value, &ids);
            let help =
                near.map_or("`veritar explain` lists all codes".to_owned(), |id| format!("did you mean `{id}`?"));
            problems.wrong_with_help(&id.span, message, help);
        }
        let severity = Severity::from_word(&word.value);
        if severity.is_none() {
            problems.wrong(&word.span, format!("a severity is error, warning or info, not `{}`", word.value));
        }
        let (Some(code), Some(severity)) = (known, severity) else { continue };
        match set.set(code, severity) {
            Ok(()) => out.push((code, severity)),
            Err(fixed) => problems.wrong(&word.span, fixed.to_string()),
        }
    }
    out
}

fn limits(given: Vec<(At<String>, Vec<At<String>>)>, problems: &Problems) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (name, values) in given {
        let [value] = &values[..] else {
            problems.wrong(&name.span, format!("`{}` takes one number", name.value));
            continue;
        };
        let names: Vec<&str> = Limits::ALL.iter().map(|(name, ..)| *name).collect();
        if !names.contains(&name.value.as_str()) {
            let message = format!("no limit is called `{}`", name.value);
            let near = nearest(&name.value, &names);
            let help = near.map_or_else(
                || format!("the names are {}", names.join(", ")),
                |name| format!("did you mean `{name}`?"),
            );
            problems.wrong_with_help(&name.span, message, help);
        } else if plan::number(&value.value).is_none() {
            let message = format!("`{}` takes a number, with K, M, G or T after it in quotes if you like", name.value);
            problems.wrong(&value.span, message);
        } else {
            out.push((name.value, value.value.clone()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is refused says why and shows it; nothing panics.
        #[test]
        fn any_text_is_read_or_refused(parts in prop::collection::vec(
            prop_oneof![
                Just("fail-on = "), Just("rules = "), Just("threads = "), Just("[severity]\n"), Just("[limits]\n"),
                Just("\"entry/time\" = "), Just("ratio = "), Just("\"info\"\n"), Just("[1, \"x\"]\n"), Just("7\n"),
                Just("{ a = 1 }\n"), Just("\"\"\n"), Just("\u{e9}\0"), Just("'"), Just("\n"),
            ],
            0..12,
        )) {
            if let Err(errors) = parse(Path::new("here/veritar.toml"), &parts.concat()) {
                prop_assert!(!errors.to_string().is_empty());
            }
        }
    }
}
