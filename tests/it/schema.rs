//! The published schemas: they know every key there is, and take and refuse what the program takes and refuses.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use veritar::limits::Limits;
use veritar::produce::receipt::Receipt;
use veritar::report::schema;
use veritar::rule::{catalog, parse};

use crate::cli::{at, passphrase, run};
use crate::produce::swarm::Machine;
use crate::support::root;

/// What a validator must know of JSON Schema for these: why `value` does not fit, by its path.
fn misfit(schema: &Value, value: &Value, whole: &Value) -> Option<String> {
    let schema = match schema {
        Value::Bool(true) => return None,
        Value::Bool(false) => return Some("nothing fits".to_owned()),
        Value::Object(schema) => schema,
        other => panic!("{other} is no schema"),
    };
    for (word, wanted) in schema {
        let all = || wanted.as_array().unwrap().iter();
        let fits = |schema: &Value| misfit(schema, value, whole).is_none();
        let wrong = match word.as_str() {
            "$schema" | "title" | "description" | "$defs" | "then" | "else" | "format" | "default" => None,
            "$ref" => {
                let target = whole.pointer(wanted.as_str().unwrap().strip_prefix('#').unwrap());
                misfit(target.unwrap_or_else(|| panic!("{wanted} is nowhere")), value, whole)
            }
            "const" => (value != wanted).then(|| format!("{value} is not {wanted}")),
            "enum" => (!all().any(|one| one == value)).then(|| format!("{value} is none of {wanted}")),
            "anyOf" => (!all().any(fits)).then(|| format!("{value} fits nothing of {wanted}")),
            "oneOf" => {
                (all().filter(|one| fits(one)).count() != 1).then(|| format!("{value} fits not one of {wanted}"))
            }
            "if" => {
                let branch = if fits(wanted) { "then" } else { "else" };
                schema.get(branch).and_then(|branch| misfit(branch, value, whole))
            }
            "type" => {
                let is = |name: &Value| match name.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "number" => value.is_number(),
                    "null" => value.is_null(),
                    other => panic!("type {other}"),
                };
                let good = if wanted.is_array() { all().any(is) } else { is(wanted) };
                (!good).then(|| format!("{value} is no {wanted}"))
            }
            "pattern" => {
                let expression = regex::Regex::new(wanted.as_str().unwrap()).unwrap();
                value
                    .as_str()
                    .filter(|text| !expression.is_match(text))
                    .map(|text| format!("{text:?} against {wanted}"))
            }
            "minimum" => value
                .as_f64()
                .filter(|number| *number < wanted.as_f64().unwrap())
                .map(|number| format!("{number} is too small")),
            "maximum" => value
                .as_f64()
                .filter(|number| *number > wanted.as_f64().unwrap())
                .map(|number| format!("{number} is too large")),
            "minProperties" => value
                .as_object()
                .filter(|object| (object.len() as u64) < wanted.as_u64().unwrap())
                .map(|_| format!("{value} has too little in it")),
            "required" => value.as_object().and_then(|object| {
                all().find(|key| !object.contains_key(key.as_str().unwrap())).map(|key| format!("{key} is missing"))
            }),
            "properties" => value.as_object().and_then(|object| {
                let known = wanted.as_object().unwrap();
                object
                    .iter()
                    .find_map(|(key, value)| misfit(known.get(key)?, value, whole).map(|why| format!("{key}: {why}")))
            }),
            "additionalProperties" => value.as_object().and_then(|object| {
                let known = schema.get("properties").and_then(Value::as_object);
                let mut others = object.iter().filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
                others.find_map(|(key, value)| misfit(wanted, value, whole).map(|why| format!("{key}: {why}")))
            }),
            "propertyNames" => {
                value.as_object().and_then(|object| object.keys().find_map(|key| misfit(wanted, &json!(key), whole)))
            }
            "items" => value.as_array().and_then(|items| items.iter().find_map(|item| misfit(wanted, item, whole))),
            other => panic!("the checker does not know {other}"),
        };
        if wrong.is_some() {
            return wrong;
        }
    }
    None
}

/// The checker's answers, held against another validator's where there is one.
fn misfits(test: &str, schema: &Value, values: &[Value]) -> Vec<Option<String>> {
    let own: Vec<Option<String>> = values.iter().map(|value| misfit(schema, value, schema)).collect();
    let script = "import json, sys\nfrom jsonschema import Draft202012Validator as V\n\
                  schema, values = json.load(sys.stdin)\nV.check_schema(schema)\n\
                  print(json.dumps([V(schema).is_valid(value) for value in values]))";
    let python = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        println!("skipped the other half of {test}: python3 is not installed");
        return own;
    };
    // Where the module is missing it ends before it reads.
    let _ = python.stdin.take().unwrap().write_all(json!([schema, values]).to_string().as_bytes());
    let output = python.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    if complaint.contains("ModuleNotFoundError") {
        println!("skipped the other half of {test}: python3 has no module jsonschema");
        return own;
    }
    assert!(output.status.success(), "{complaint}");
    let theirs: Vec<bool> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(own.iter().map(Option::is_none).collect::<Vec<_>>(), theirs, "{own:#?}");
    own
}

fn toml(text: &str) -> Value {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

const EVERYTHING_NEW: &str = r#"
schema = 1
id = "mine"
title = "everything that came later"
extends = "ucp-3.2"
without = ["etcd-snapshot"]
[severity]
"entry/time" = "warning"
[archive]
max-age = { limit = "26h", time = "time", severity = "warning", why = "x", fix = "y" }
min-size-ratio = 0.5
unique = true
paths = { policy = "any", why = "x" }
[[entry]]
id = "rows"
path = ["a", "b"]
probe = ["text", { kind = "archive", required = ["x", "y"], entries = 3 }]
when = { version = ">=3.2, <3.5" }
[[capture]]
id = "version"
fact = "layers"
entry = "rows"
as = "version"
[[pair]]
id = "pair"
key = "rows"
certificate = "rows"
issuer = "rows"
[[group]]
id = "group"
path = '^(?<table>[a-z]+)/(?<row>[0-9]+)$'
number = "row"
by = "table"
first = 1
required = ["properties"]
[[reference]]
id = "reference"
from = ["rows"]
to = "rows"
[[raft]]
id = "raft"
wal = "rows"
snapshot = "rows"
key = "rows"
[[coverage]]
data = "x"
status = "included"
when = { version = "1" }
"#;

#[test]
fn rule_files_fit_their_schema() {
    let schema = schema::rules().unwrap();
    let mut texts: Vec<String> = catalog::all().iter().map(|set| set.text().to_owned()).collect();
    texts.extend([catalog::TEMPLATE.to_owned(), EVERYTHING_NEW.to_owned()]);
    let values: Vec<Value> = texts.iter().map(|text| toml(text)).collect();
    for (value, wrong) in values.iter().zip(misfits("rule_files_fit_their_schema", &schema, &values)) {
        assert_eq!(wrong, None, "{}", value["id"]);
    }
}

#[test]
fn what_the_schema_refuses_the_program_refuses_too() {
    let schema = schema::rules().unwrap();
    let good = catalog::TEMPLATE;
    let slips = [
        ("schema = 1", "schema = 2"),
        ("id = \"example\"", "id = \"Example!\""),
        ("title = ", "titel = "),
        ("product = \"example\"", "product = 7"),
        ("encryption = \"recommended\"", "encryption = \"wanted\""),
        ("unique = true", "unique = \"maybe\""),
        ("paths = \"safe\"", "paths = { policy = \"sure\" }"),
        ("entries = { min = 3,", "entries = { minimum = 3,"),
        ("count = { min = 1, max = 1 }", "count = {}"),
        ("kind = \"file\"", "kind = \"folder\""),
        ("mode = { max = \"0640\" }", "mode = { max = \"rw\" }"),
        ("severity = \"error\"\n", "severity = \"fatal\"\n"),
        ("kind = \"file\"", "kind = \"file\"\nprobe = \"telepathy\""),
        ("kind = \"file\"", "kind = \"file\"\nprobe = { required = [\"x\"] }"),
        ("status = \"included\"", "status = \"maybe\""),
        ("\"certificate/expired\" = \"warning\"", "\"no/code\" = \"info\""),
        ("path = \"example/data/*.lock\"", ""),
    ];
    let mut values = vec![toml(good)];
    for (from, to) in slips {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from} is not in the template");
        assert!(parse("slip.toml", &text, &Limits::default()).is_err(), "{to}");
        values.push(toml(&text));
    }
    let found = misfits("what_the_schema_refuses_the_program_refuses_too", &schema, &values);
    assert_eq!(found[0], None);
    for ((_, to), wrong) in slips.iter().zip(&found[1..]) {
        assert!(wrong.is_some(), "the schema takes {to}");
    }
}

/// Every name of a property that stands anywhere in the schema.
fn properties(schema: &Value, into: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            for (word, inner) in map {
                if let ("properties", Value::Object(known)) = (word.as_str(), inner) {
                    into.extend(known.keys().cloned());
                }
                properties(inner, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| properties(item, into)),
        _ => {}
    }
}

#[test]
fn the_schema_knows_the_keys_of_the_reader_and_no_others() {
    let mut known = BTreeSet::new();
    properties(&schema::rules().unwrap(), &mut known);
    let source = std::fs::read_to_string(root().join("src/rule/file.rs")).unwrap();
    // `table.string("key")`, `policy(&mut table, "key")`, and the list of relations.
    let expression = regex::Regex::new(
        r#"(?:\.(?:string|strings|number|integer|ratio|table|tables|word|word_or_table|one_or_more)\(|(?:policy|bound)\(&mut \w+, |[\[(])"([a-z][a-z-]*)""#,
    );
    let calls = expression.unwrap();
    let read: BTreeSet<String> = calls.captures_iter(&source).map(|found| found[1].to_owned()).collect();
    assert!(read.len() > 40, "{read:?}");
    assert_eq!(known, read);
}

#[test]
fn reports_fit_their_schema() {
    let schema = schema::report();
    let mut values = Vec::new();
    for archive in [
        "kept/ucp-mke-3.4.5.tar.gpg",
        "kept/swarm-20.10.24.tgz",
        "good/ucp-mke-3.4.5.tar.gz.pgp",
        "bad/unknown-layout.tar",
        "bad/empty.tar",
        "bad/ucp-without-key.tar.gz",
        "no-such-file",
    ] {
        let (_, out, _) = run(&["verify", &at(archive), "--format", "json", "--passphrase-file", &passphrase()]);
        values.push(serde_json::from_str(&out).unwrap_or_else(|error| panic!("{archive}: {error}")));
    }
    for (value, wrong) in values.iter().zip(misfits("reports_fit_their_schema", &schema, &values)) {
        assert_eq!(wrong, None, "{value:#}");
    }
    // And it sees what is missing.
    let mut hurt: Value = values[0].clone();
    hurt["archives"][0].as_object_mut().unwrap().remove("verdict");
    assert!(misfit(&schema, &hurt, &schema).is_some());
    let mut hurt: Value = values[1].clone();
    hurt["archives"][0]["secrets"]["members"] = json!("one");
    assert!(misfit(&schema, &hurt, &schema).is_some());
}

#[test]
fn receipts_fit_their_schema() {
    let schema = Receipt::schema();
    let machine = Machine::new();
    let mut values: Vec<Value> = Vec::new();
    let mut take = |bytes: &[u8], verdict: &str| {
        let value: Value = serde_json::from_slice(bytes).unwrap();
        assert_eq!(value["verdict"], verdict, "{value:#}");
        values.push(value);
    };
    // One that passed, as it lies beside its archive and as it is printed.
    let printed = machine.backup(&["--name", "good", "--compress", "gzip", "--format", "json"]).stdout;
    take(&printed, "pass");
    take(&std::fs::read(machine.target().join("good.tar.gz.gpg.manifest.json")).unwrap(), "pass");
    // One that did not pass, and one whose product could not begin.
    machine.spoil();
    machine.backup(&["--name", "bad"]);
    take(&std::fs::read(machine.target().join("bad.tar.gpg.failed.json")).unwrap(), "fail");
    machine.script("stop", "exit 5");
    machine.backup(&["--name", "none"]);
    take(&std::fs::read(machine.target().join("none.tar.gpg.failed.json")).unwrap(), "error");
    // One that came to nothing before it had a name.
    machine.script("docker", "exit 3");
    take(&machine.backup(&["--format", "json"]).stdout, "error");
    for (value, wrong) in values.iter().zip(misfits("receipts_fit_their_schema", &schema, &values)) {
        assert_eq!(wrong, None, "{value:#}");
    }
    // It sees what is missing, in the report inside as well.
    for (pointer, gone) in
        [("", "sequence"), ("/tool", "version"), ("/ran/1", "command"), ("/report/archives/0", "verdict")]
    {
        let mut hurt = values[1].clone();
        assert!(hurt.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(gone).is_some(), "{pointer}/{gone}");
        assert!(misfit(&schema, &hurt, &schema).is_some(), "{pointer}/{gone}");
    }
    let mut hurt = values[1].clone();
    hurt["verified"] = json!("somehow");
    assert!(misfit(&schema, &hurt, &schema).is_some());
}

#[test]
fn the_schema_of_receipts_names_what_stands_in_them() {
    let schema = Receipt::schema();
    let machine = Machine::new();
    let printed = machine.backup(&["--name", "a", "--format", "json"]).stdout;
    let printed: Value = serde_json::from_slice(&printed).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&printed), keys(&schema["properties"]));
    let required = schema["required"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned());
    assert_eq!(required.collect::<BTreeSet<_>>(), keys(&printed), "each of them is always there");
}

#[test]
fn the_command_prints_each() {
    for (what, expected) in
        [("rules", schema::rules().unwrap()), ("report", schema::report()), ("receipt", Receipt::schema())]
    {
        let (exit, out, complaint) = run(&["schema", what]);
        assert_eq!((exit, &*complaint), (0, ""));
        let printed: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(printed, expected);
        assert_eq!(printed["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
    assert_eq!(run(&["schema", "nothing"]).0, 2);
}
