//! Probe `json`, held against Python's reader and against what RFC 6901 says of pointers.

use std::io::Write as _;
use std::process::{Command, Stdio};

use veritar::limits::Limits;
use veritar::probe::{self, Evidence, Learned, Settings, Subject};

use super::{codes, learn};
use crate::support::program;

fn settings(of: &[(&str, &[&str])]) -> Settings {
    of.iter().map(|(name, values)| ((*name).to_owned(), values.iter().map(|v| (*v).to_owned()).collect())).collect()
}

fn json(content: &[u8], of: &[(&str, &[&str])]) -> Learned {
    learn("json", "rethink/blobs/0", content, &settings(of), None)
}

/// Documents, good and bad, each alone.
fn documents() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        r#"{}"#,
        r#"[]"#,
        "0",
        "-0",
        "-1.5e-3",
        "1E+2",
        "true",
        "null",
        r#""""#,
        " \t\r\n{ } \n",
        r#"{"a":[1,{"b":null}]}"#,
        r#""\u00e9\ud83d\ude00\n\/""#,
        "\"é\u{10FFFF}\"",
        r#"{"":0}"#,
        "18446744073709551616",
        "123456789012345678901234567890",
        "1.7976931348623157e308",
        "1e-999",
        r#"{"a":1,"a":2}"#,
        "[1, 2 ,3]",
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "[,1]",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\"}",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "0x10",
        "NaN",
        "Infinity",
        "-Infinity",
        "nul",
        "True",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"a\u{7f}b\"",
        "[] []",
        "{}{}",
        "1 2",
        "{} x",
        "// comment\n{}",
        "[1] // comment",
        "/**/1",
        "\u{feff}{}",
        "\u{a0}1",
        "[\u{c}1]",
        "\"\0\"",
        "{\"a\":1\0}",
        "\0",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    all.extend(
        [&b"\"\xFF\""[..], b"\"\xC3\"", b"\xEF\xBB", b"\"\xED\xA0\x80\"", b"\"\xC0\x80\"", b"{\"\xE9\":1}"]
            .map(<[u8]>::to_vec),
    );
    // One document cut everywhere, and with one byte changed everywhere.
    let row = br#"{"id":"9a1b","sha256sum":"sha256:00","size":-12.5e3,"tags":["a\n",null,true]}"#;
    all.extend((0..=row.len()).map(|end| row[..end].to_vec()));
    for at in 0..row.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut broken = row.to_vec();
            broken[at] ^= flip;
            all.push(broken);
        }
    }
    all
}

#[test]
fn what_python_takes_and_refuses_is_taken_and_refused() {
    if !program("json::what_python_takes_and_refuses_is_taken_and_refused", "python3") {
        return;
    }
    let script = "import json, sys\n\
        def no(word): raise ValueError(word)\n\
        for line in sys.stdin:\n\
        \x20 try: json.loads(bytes.fromhex(line.strip()).decode(), parse_constant=no); print('good')\n\
        \x20 except ValueError: print('bad')\n";
    let documents = documents();
    let lines: Vec<String> =
        documents.iter().map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()).collect();
    let mut child =
        Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), documents.len());
    assert!(answers.iter().filter(|answer| **answer == "good").count() > 50);
    let mut wrong = Vec::new();
    for (document, answer) in documents.iter().zip(answers) {
        let learned = json(document, &[]);
        let bad = codes(&learned).contains(&"json/malformed");
        if bad != (answer == "bad") {
            wrong.push(format!(
                "{:?}: python says {answer}, here {:?}",
                String::from_utf8_lossy(document),
                learned.faults()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_the_grammar_allows_and_nobody_reads_is_undecided() {
    let deep = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    assert_eq!(codes(&json(&deep(127), &[])), [""; 0]);
    for document in [&deep(128)[..], &deep(100_000), b"1e999", br#""\ud800""#, br#""\udc00 ""#, br#"{"\ud800x":1}"#] {
        assert_eq!(
            codes(&json(document, &[])),
            ["json/beyond-reader"],
            "{:?}",
            String::from_utf8_lossy(document).get(..9)
        );
    }
    // Deep and broken: it is not read that far.
    assert_eq!(codes(&json(&[b'['; 100_000], &[])), ["json/beyond-reader"]);
}

#[test]
fn the_place_of_what_is_wrong_is_told() {
    let learned = json(b"{\n  \"a\": 1,\n  \"b\": ?\n}", &[]);
    let fault = &learned.faults()[0];
    assert!(fault.message.contains("line 3 column 8"), "{}", fault.message);
    assert_eq!(fault.offset, Some(19));
    let learned = json(b"{\"a\": \"\xFF\"}", &[]);
    assert_eq!(learned.faults()[0].offset, Some(7));
    // Nothing of the content stands in a message.
    let learned = json(b"{\"password\": \"hunter2\" \"hunter3\"}", &[("facts", &["x=/password"])]);
    assert!(learned.faults().iter().all(|fault| !fault.message.contains("hunter")));
}

#[test]
fn a_member_that_stands_twice_is_noticed_at_any_depth() {
    let of = |text: &str| json(text.as_bytes(), &[]).faults().iter().map(|f| f.message.clone()).collect::<Vec<_>>();
    assert_eq!(of(r#"{"a":{"a":1,"b":2}, "b":[{"a":1},{"a":2}]}"#), [""; 0]);
    assert_eq!(of(r#"{"a":1,"b":2,"a":3}"#), ["\"a\" stands more than once in the object at /"]);
    // The same name in another spelling; a slash in a name.
    assert_eq!(of(r#"[0,{"x/y":{"é":1,"\u00e9":2}}]"#), ["\"é\" stands more than once in the object at /1/x~1y"]);
    let many = format!("{{{}}}", vec!["\"a\":0"; 1000].join(","));
    assert_eq!(codes(&json(many.as_bytes(), &[])), ["json/duplicate-key"; 8]);
}

#[test]
fn pointers_of_the_rfc_lead_where_it_says() {
    // RFC 6901, section 5; the values that are no plain ones are left out.
    let document = br#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
    let pointers = ["/foo/0", "/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"];
    let facts: Vec<String> =
        pointers.iter().enumerate().map(|(index, pointer)| format!("f{index}={pointer}")).collect();
    let facts: Vec<&str> = facts.iter().map(String::as_str).collect();
    let learned = json(document, &[("facts", &facts), ("required", &pointers)]);
    assert_eq!(codes(&learned), [""; 0]);
    let values: Vec<(&str, &str)> = learned.facts().iter().map(|(name, value)| (&**name, &**value)).collect();
    let expected = ["bar", "0", "1", "2", "3", "4", "5", "6", "7", "8"];
    let names: Vec<String> = (0..10).map(|index| format!("f{index}")).collect();
    assert_eq!(values, names.iter().map(String::as_str).zip(expected).collect::<Vec<_>>());
    let absent = ["/foo/2", "/foo/-", "/foo/00", "/foo/bar", "/bar", "/a/b", "/ /x"];
    let learned = json(document, &[("required", &absent)]);
    assert_eq!(codes(&learned), ["json/member-missing"; 7]);
    // Whole documents, null, and values that are empty but there.
    assert_eq!(codes(&json(b"null", &[("required", &[""])])), ["json/member-missing"]);
    assert_eq!(
        codes(&json(br#"{"a":"","b":[],"c":false,"d":null}"#, &[("required", &["", "/a", "/b", "/c", "/d"])])),
        ["json/member-missing"]
    );
}

/// Definitions as `name size`, references as `role name size`.
fn evidence(learned: &Learned) -> Vec<String> {
    let size = |size: Option<u64>| size.map_or("-".to_owned(), |size| size.to_string());
    let told = learned.evidence.iter().filter_map(|evidence| {
        if let Evidence::Definition(defined) = evidence {
            return Some(format!("{} {}", defined.name, size(defined.size)));
        }
        let Evidence::Reference(wanted) = evidence else { return None };
        Some(format!("{} -> {} {}", wanted.role, wanted.name, size(wanted.size)))
    });
    told.collect()
}

#[test]
fn rows_define_and_refer() {
    let manifest = br#"{
        "pk": "team/app@sha256:aa", "configDigest": "sha256:cc", "empty": "", "none": null,
        "layers": [
            {"digest": "sha256:01", "size": 7, "urls": []},
            {"digest": "sha256:02", "size": 1e3},
            {"digest": "sha256:03", "size": 9, "urls": ["https://elsewhere"]},
            {"size": 4}
        ]
    }"#;
    let refers = ["layer=/layers/*/digest", "config=/configDigest", "/empty", "/none", "/absent"];
    let learned = json(
        manifest,
        &[("defines", &["/pk"]), ("refers", &refers), ("refers-size", &["/size"]), ("unless", &["/urls"])],
    );
    assert_eq!(codes(&learned), [""; 0]);
    let expected = ["team/app@sha256:aa -", "layer -> sha256:01 7", "layer -> sha256:02 1000", "config -> sha256:cc -"];
    assert_eq!(evidence(&learned), expected);
    // Every member of an object; stars within stars; a number for a name.
    let learned = json(br#"{"a":{"x":[1,"p"],"y":["q"]}}"#, &[("refers", &["/a/*/*"])]);
    assert_eq!(evidence(&learned), ["reference -> 1 -", "reference -> p -", "reference -> q -"]);
    let learned = json(br#"{"id":"b","n":{"size":12.0}}"#, &[("defines", &["/id"]), ("size", &["/n/size"])]);
    assert_eq!(evidence(&learned), ["b 12"]);
    // What cannot be a name or a size says so once.
    let learned =
        json(br#"{"a":[{"d":[]},{"d":{}},{"d":"x","s":-1}]}"#, &[("refers", &["/a/*/d"]), ("refers-size", &["/s"])]);
    assert_eq!(codes(&learned), ["json/unfit-value"; 2]);
    assert_eq!(evidence(&learned), ["reference -> x -"]);
    // Nothing is learned of what is no document.
    let learned = json(&manifest[..manifest.len() - 1], &[("defines", &["/pk"]), ("required", &["/gone"])]);
    assert_eq!((codes(&learned), evidence(&learned)), (vec!["json/malformed"], Vec::new()));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let check = |of: &[(&str, &[&str])]| (probe::find("json").unwrap().check)(&settings(of));
    assert_eq!(check(&[("required", &["", "/a/~0~1"]), ("facts", &["version=/a/*"]), ("refers", &["/a/*/b"])]), Ok(()));
    for (of, says) in [
        (&[("required", &["a"][..])][..], "slash"),
        (&[("required", &["/~2"])], "tilde"),
        (&[("required", &["/a/*"])], "no meaning here"),
        (&[("defines", &["/*"])], "no meaning here"),
        (&[("facts", &["/a"])], "NAME=POINTER"),
        (&[("facts", &["=/a"])], "NAME=POINTER"),
        (&[("defines", &["/a"]), ("size", &["/b", "/c"])], "one pointer"),
        (&[("size", &["/b"])], "without `defines`"),
        (&[("unless", &["/b"])], "without `refers`"),
        (&[("refers-size", &["/b"])], "without `refers`"),
    ] {
        let refused = check(of).unwrap_err();
        assert!(refused.contains(says), "{of:?}: {refused}");
    }
}

#[test]
fn a_document_past_the_limits_is_not_judged() {
    let mut limits = Limits::default();
    limits.set("probe-bytes", 100).unwrap();
    limits.set("references", 3).unwrap();
    let of = |content: &[u8]| {
        let settings = settings(&[("refers", &["/*"])]);
        let subject =
            Subject { path: b"a", size: content.len() as u64, settings: &settings, limits: &limits, at: None };
        let mut probe = (probe::find("json").unwrap().start)(&subject);
        content.chunks(7).for_each(|piece| probe.feed(piece));
        probe.finish()
    };
    let learned = of(format!("\"{}\"", "x".repeat(99)).as_bytes());
    assert_eq!(codes(&learned), ["probe/too-large"]);
    assert_eq!(codes(&of(format!("\"{}\"", "x".repeat(98)).as_bytes())), [""; 0]);
    assert_eq!(codes(&of(b"[1,2,3]")), [""; 0]);
    let learned = of(b"[1,2,3,4]");
    assert_eq!((codes(&learned), learned.evidence.len()), (vec!["limit/reached"], 3));
}
