//! The draft as text.
//!
//! Promises: whatever stands in names and titles, the text is valid TOML and holds no control character. Refuses to know:
//! why a rule is what it is.

use std::fmt::Write as _;

use super::About;
use super::facts::{Pair, Row, Rule};

/// A rule file with nothing but these patterns, to count what they match.
pub(super) fn skeleton(patterns: &[String]) -> String {
    let mut out = String::from("schema = 1\nid = \"draft\"\ntitle = \"draft\"\nproduct = \"draft\"\n");
    for (number, pattern) in patterns.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "[[entry]]\nid = \"r{number}\"\npath = {}\nseverity = \"info\"", quoted(pattern));
    }
    out
}

/// The rule file.
pub(super) fn text(about: &About, tops: &[String], rules: &[Rule], rows: &[Row], pairs: &[Pair]) -> String {
    let mut out = String::new();
    head(&mut out, about);
    detect(&mut out, tops);
    archive(&mut out, about);
    out.push_str(
        "\n# The members. `*` stands where a name looked as if it changes from backup to backup: look at each, a star that is too\n\
         # wide lets a member go, one that is missing fails tomorrow's backup.\n",
    );
    rules.iter().for_each(|one| rule(&mut out, one));
    if !rows.is_empty() {
        out.push_str("\n# Members that are numbered from 0 without gaps.\n");
        rows.iter().for_each(|one| row(&mut out, one));
    }
    if !pairs.is_empty() {
        out.push_str("\n# Keys and certificates of one folder that fit each other.\n");
        pairs.iter().for_each(|one| pair(&mut out, one));
    }
    out
}

fn head(out: &mut String, about: &About) {
    let source = plain(&about.source);
    let _ = write!(
        out,
        "# Drafted by `veritar rules init` from {source}.\n\
         #\n\
         # It holds archives to that one to the letter: a backup that lacks a single member fails. Before you trust it:\n\
         #   1. Lower each `count.min`, and `entries.min`, to what the smallest good backup has; give `count.min = 0` to what may\n\
         #      be missing, and take out what does not matter.\n\
         #   2. Look at the patterns: names that change must be `*`, names that do not must be spelled out.\n\
         #   3. Write into each `why` what is lost without the member: somebody reads it at three in the morning.\n\
         #   4. Add what one archive cannot tell: what is forbidden ([[forbidden]]), how old a backup may be (archive.max-age),\n\
         #      what it does not hold by design ([[coverage]]). `veritar rules show template` has every key.\n\
         #   5. `veritar rules check FILE`, then `veritar verify --rules FILE` on other good backups, then on a bad one.\n"
    );
    if !about.recognised.is_empty() {
        let sets: Vec<String> = about.recognised.iter().map(|set| format!("`{}`", plain(set))).collect();
        let first = about.recognised.first().map_or("", String::as_str);
        let _ = write!(
            out,
            "#\n\
             # The built-in rule set {} recognises this archive, and knows more of it than can be read off one backup.\n\
             # A file that says `extends = {}` has all of its rules, and only needs those that are yours.\n",
            sets.join(", "),
            quoted(first)
        );
    }
    let _ = write!(
        out,
        "\nschema = 1\nid = {}\ntitle = {}\nproduct = {}\n",
        quoted(&about.id),
        quoted(&about.title),
        quoted(&about.product)
    );
}

fn detect(out: &mut String, tops: &[String]) {
    if tops.is_empty() {
        out.push_str(
            "\n# Nothing at the top of the archive tells it from others: without [detect] the file is used only where it is named.\n",
        );
        return;
    }
    out.push_str(
        "\n# How `auto` recognises the layout: at least one of these. No rule below may ask for the only member that does it.\n\
         [detect]\nany = [\n",
    );
    for pattern in tops {
        let _ = writeln!(out, "  {},", quoted(pattern));
    }
    out.push_str("]\n");
}

fn archive(out: &mut String, about: &About) {
    let _ = write!(
        out,
        "\n[archive]\n\
         # Directories count, as in `tar --list`.\n\
         entries.min = {}\n\
         entries.why = \"the good archive that this was drafted from has so many\"\n",
        about.entries.max(1)
    );
    out.push_str(if about.encrypted {
        "# The good archive is encrypted.\nencryption = \"required\"\n"
    } else {
        "# The good archive is not encrypted, which is worth a warning; \"not-needed\" where that is meant.\n\
         encryption = \"recommended\"\n"
    });
    if about.end_marker {
        out.push_str("# An archive that is cut between two members has none.\nend-marker = \"required\"\n");
    } else {
        out.push_str(
            "# The good archive has no whole end marker, so that one cut between two members cannot be told by it.\n",
        );
    }
    if about.ends_there {
        out.push_str("trailing-data = \"forbidden\"\n");
    } else {
        out.push_str(
            "# Data follows the end marker of the good archive: find out why.\ntrailing-data = \"reported\"\n",
        );
    }
    if about.unique {
        out.push_str("unique = true\n");
    } else {
        out.push_str("# Some paths stand twice in the good archive: find out why.\nunique = false\n");
    }
    if about.safe {
        out.push_str("paths = \"safe\"\n");
    } else {
        out.push_str("# Some paths of the good archive are absolute, have `..` in them, or the like: find out why.\npaths = \"warn\"\n");
    }
}

fn rule(out: &mut String, rule: &Rule) {
    out.push_str("\n[[entry]]\n");
    let _ = writeln!(out, "id = {}\npath = {}", quoted(&rule.id), quoted(&rule.pattern));
    if rule.count > 1 {
        let _ = writeln!(out, "count.min = {}", rule.count);
    }
    if let Some(kind) = rule.kind {
        let _ = writeln!(out, "kind = {}", quoted(kind.as_str()));
    }
    if rule.is_filled {
        out.push_str("size.min = 1\n");
    }
    if rule.is_private {
        out.push_str("mode.max = \"0600\"\n");
    }
    if let Some(probe) = rule.probe {
        let _ = writeln!(out, "probe = {}", quoted(probe));
    }
    for warning in &rule.warnings {
        let _ = writeln!(out, "# The probe warns of {warning} in the good archive.");
    }
    if rule.count > 1 {
        let _ = writeln!(out, "why = \"the good archive that this was drafted from has {} of them\"", rule.count);
    } else {
        out.push_str("why = \"the good archive that this was drafted from has it\"\n");
    }
}

fn row(out: &mut String, row: &Row) {
    let _ = write!(
        out,
        "\n[[group]]\nid = {}\npath = {}\nnumber = \"row\"\nby = \"table\"\n",
        quoted(&row.id),
        verbatim(&row.expression)
    );
    if !row.required.is_empty() {
        let values: Vec<String> = row.required.iter().map(|value| quoted(value)).collect();
        let _ = writeln!(out, "required = [{}]", values.join(", "));
    }
    out.push_str("why = \"the members are numbered: a number that is missing is a member that was lost\"\n");
}

fn pair(out: &mut String, pair: &Pair) {
    let _ = writeln!(
        out,
        "\n[[pair]]\nid = {}\nkey = {}\ncertificate = {}",
        quoted(&pair.id),
        quoted(&pair.key),
        quoted(&pair.certificate)
    );
    if let Some(issuer) = &pair.issuer {
        let _ = writeln!(out, "issuer = {}", quoted(issuer));
    }
    out.push_str("why = \"a key is of no use without the certificate that was made for it\"\n");
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            _ if character.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// The same as it is, where that can be.
fn verbatim(text: &str) -> String {
    if text.contains('\'') || text.chars().any(char::is_control) { quoted(text) } else { format!("'{text}'") }
}

/// Foreign text in a comment.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}
