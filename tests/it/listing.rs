//! The formats of `veritar list`, each held against the programs that read it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::build::tarball::{Header, Tarball, octal};
use crate::support::{corpus, program};

/// Archives that extract without a complaint.
const ARCHIVES: &[&str] = &[
    "good/ucp-mke-3.4.5.tar",
    "good/ucp-2.2.tar.gz",
    "good/dtr-2.9.4-metadata.tar",
    "kept/swarm-20.10.24.tgz",
    "kept/registry-2.8.2.tar",
    "odd/gnu-long-name.tar",
    "odd/pax-long-name.tar",
    "odd/v7-member.tar",
    "bad/tar-padding.tar",
    "bad/type-unknown.tar",
];

/// Names that break a format which does not escape them.
const NAMES: &[&[u8]] = &[
    b"new\nline",
    b"return\rinside",
    b"return at the end\r",
    b"tab\there",
    b"a|pipe",
    b"\"quotes\" and 'more'",
    b"back\\slash",
    b"\\n is no newline",
    b"-leading-dash",
    b"-",
    b"=1+1",
    b"@SUM(1)",
    b"+a,b;c",
    b"\xff\xfe is no UTF-8",
    " caf\u{e9} \u{202e}dnuora".as_bytes(),
    b" spaces ",
    b"#hash",
    b"a=b",
    b"100%41%7c",
    // NetBSD's mtree takes it for a pattern: alone in its folder it is held against nothing else.
    b"patterns/*[a-z]?",
    b"\x1b[31mred\x7f",
    b"name -> target",
    b"~home $HOME `x` !",
    b"no/such/parent/file",
];

const MTIME: u64 = 1_600_000_000;

fn hostile() -> Vec<u8> {
    let mut tar = Tarball::default();
    for (number, name) in NAMES.iter().enumerate() {
        let content = vec![b'x'; number];
        let header = Header { name, size: octal(number as u64), mtime: MTIME + number as u64, ..Header::default() };
        tar = tar.header(&header).content(&content);
    }
    let link =
        |name, typeflag, link| Header { name, typeflag, link, mtime: MTIME, mode: b"0000777", ..Header::default() };
    tar.pax(&[("mtime", "1600000000.000000042")])
        .header(&Header { name: b"fifo", typeflag: b'6', ..Header::default() })
        .header(&link(b"sym link", b'2', b"tar get|#=\\\n"))
        .header(&Header { mode: b"0000600", mtime: MTIME + 4, ..link(b"hard", b'1', b"a|pipe") })
        .header(&Header { mode: b"0004750", owner: b"nobody-at.all", mtime: MTIME, ..folder(b"folder/") })
        .end()
}

fn folder(name: &[u8]) -> Header<'_> {
    Header { name, typeflag: b'5', ..Header::default() }
}

/// The archives, with the hostile one among them; the folder holds it.
fn archives() -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.tar");
    std::fs::write(&path, hostile()).unwrap();
    let mut all: Vec<PathBuf> = ARCHIVES.iter().map(|name| corpus().join(name)).collect();
    all.push(path);
    (folder, all)
}

fn veritar(archive: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_veritar"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("VERITAR_")) {
        command.env_remove(name);
    }
    command.arg("list").arg(archive).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn list(archive: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = veritar(archive, arguments);
    assert_eq!(output.status.code(), Some(0), "{}: {}", archive.display(), text(&output.stderr));
    output.stdout
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn rows(archive: &Path) -> Vec<Value> {
    let lines = list(archive, &["--format", "jsonl", "--hash", "sha256"]);
    text(&lines).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn extracted(archive: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("tar")
        .args(["--no-same-owner", "--same-permissions", "--delay-directory-restore", "-xf"])
        .arg(archive)
        .arg("-C")
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", archive.display(), text(&output.stderr));
    folder
}

/// What bsdtar makes of an archive or a specification: the keywords of each path.
fn by_bsdtar(path: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    // What lies in the current folder would be taken for the members' content.
    let empty = tempfile::tempdir().unwrap();
    let output = Command::new("bsdtar")
        .args(["-cf", "-", "--format=mtree"])
        .arg(format!("@{}", path.display()))
        .current_dir(empty.path())
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", path.display(), text(&output.stderr));
    let lines = text(&output.stdout);
    let entries = lines.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut words = line.split(' ');
        let name = words.next().unwrap().trim_start_matches("./").trim_matches('/').to_owned();
        let name = if name == "." { String::new() } else { name };
        let keywords = words.filter_map(|word| word.split_once('='));
        (name, keywords.map(|(keyword, value)| (keyword.to_owned(), value.to_owned())).collect())
    });
    entries.collect()
}

#[test]
fn bsdtar_reads_in_the_mtree_what_it_reads_in_the_archive() {
    if !program("bsdtar_reads_in_the_mtree_what_it_reads_in_the_archive", "bsdtar") {
        return;
    }
    let (folder, archives) = archives();
    let mut compared = 0;
    for archive in &archives {
        let spec = folder.path().join("spec.mtree");
        std::fs::write(&spec, list(archive, &["--format", "mtree"])).unwrap();
        let (ours, theirs) = (by_bsdtar(&spec), by_bsdtar(archive));
        let links: BTreeSet<String> = rows(archive)
            .iter()
            .filter(|row| row["kind"] == "hardlink")
            .map(|row| row["path"].as_str().unwrap().to_owned())
            .collect();
        for (path, keywords) in &theirs {
            let read = ours.get(path).unwrap_or_else(|| panic!("{}: {path} is missing", archive.display()));
            for keyword in ["type", "mode", "uid", "gid", "uname", "gname", "link", "time", "size", "device"] {
                // A second name has no size of its own in a tar.
                if keyword != "size" || !links.contains(path) {
                    compared += 1;
                    let (read, expected) = (read.get(keyword), keywords.get(keyword));
                    assert_eq!(read, expected, "{}: {keyword} of {path}", archive.display());
                }
            }
        }
        // What is not in the archive is a folder that something in the archive lies in.
        for path in ours.keys().filter(|path| !theirs.contains_key(*path)) {
            assert_eq!(ours[path]["type"], "dir", "{path}");
            let inside = if path.is_empty() { String::new() } else { format!("{path}/") };
            assert!(theirs.keys().any(|member| member.starts_with(&inside)), "{path}");
        }
    }
    assert!(compared > 1000, "only {compared} values compared");
}

/// Runs NetBSD's mtree: whether it is content, and what it says.
fn mtree(spec: &[u8], folder: &Path) -> (bool, String) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("spec");
    std::fs::write(&path, spec).unwrap();
    let output = Command::new("mtree").arg("-f").arg(path).arg("-p").arg(folder).output().unwrap();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    (output.status.success() && said.is_empty(), said)
}

#[test]
fn netbsd_mtree_finds_no_difference_after_an_extraction() {
    let test = "netbsd_mtree_finds_no_difference_after_an_extraction";
    if !program(test, "mtree") || !program(test, "tar") {
        return;
    }
    let (_folder, archives) = archives();
    for archive in &archives {
        let spec = text(&list(archive, &["--format", "mtree", "--hash", "sha256"]));
        // Whoever extracts is the owner, and mtree refuses names of users that this machine does not know.
        let owned = |word: &str| ["uid=", "gid=", "uname=", "gname="].iter().any(|keyword| word.starts_with(keyword));
        let spec: Vec<String> = spec
            .lines()
            .map(|line| line.split(' ').filter(|word| !owned(word)).collect::<Vec<_>>().join(" ") + "\n")
            .collect();
        let spec = spec.concat();
        let folder = extracted(archive);
        let (content, said) = mtree(spec.as_bytes(), folder.path());
        assert!(content, "{}: {said}", archive.display());
        // One byte of one file is enough.
        let file =
            rows(archive).into_iter().find(|row| row["kind"] == "file" && row["size"] != 0 && row["path"].is_string());
        let path = folder.path().join(file.unwrap()["path"].as_str().unwrap());
        let before = std::fs::metadata(&path).unwrap().modified().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[0] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        std::fs::File::options().append(true).open(&path).unwrap().set_modified(before).unwrap();
        let (content, said) = mtree(spec.as_bytes(), folder.path());
        assert!(!content && said.contains("sha256"), "{}: {said}", archive.display());
    }
}

#[test]
fn what_no_program_extracts_is_a_comment_in_an_mtree_and_in_sums() {
    let tar = Tarball::default()
        .file("../up", b"x")
        .file("a/../../up", b"x")
        .file("/etc/passwd", b"x")
        .file("./a//b", b"x")
        .pax(&[("path", &"d/".repeat(600))])
        .directory("deep")
        .end();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("up.tar");
    std::fs::write(&path, tar).unwrap();
    let spec = text(&veritar(&path, &["--format", "mtree"]).stdout);
    let lines: Vec<&str> = spec.lines().collect();
    assert_eq!(lines[..4], ["#mtree", ". type=dir", "# not extracted: ../up", "# not extracted: a/../../up"]);
    let names: Vec<&str> = lines[4..].iter().map(|line| line.split(" mode").next().unwrap()).collect();
    assert_eq!(names[..4], ["./etc type=dir", "./etc/passwd type=file", "./a type=dir", "./a/b type=file"]);
    assert!(names[4].starts_with("# not extracted: d/d/d/") && names.len() == 5, "{names:?}");
    let sums = text(&veritar(&path, &["--format", "sha256sum"]).stdout);
    let names: Vec<(&str, &str)> = sums.lines().map(|line| (&line[..1], line.rsplit("  ").next().unwrap())).collect();
    assert_eq!(names[..4], [("#", "../up"), ("#", "a/../../up"), ("2", "etc/passwd"), ("2", "a/b")]);
}

#[test]
fn devices_are_in_the_mtree_as_both_readers_take_them() {
    let mut block = Header { name: b"dev", typeflag: b'4', mtime: MTIME, ..Header::default() }.block();
    block[329..336].copy_from_slice(b"0000010");
    block[337..344].copy_from_slice(b"0000021");
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let folder = tempfile::tempdir().unwrap();
    let (path, spec) = (folder.path().join("device.tar"), folder.path().join("spec"));
    std::fs::write(&path, [&block[..], &[0; 1024]].concat()).unwrap();
    let lines = list(&path, &["--format", "mtree"]);
    assert!(text(&lines).contains("./dev type=block mode=0600 uid=0 gid=0 device=native,8,17 "), "{}", text(&lines));
    std::fs::write(&spec, &lines).unwrap();
    if program("devices_are_in_the_mtree_as_both_readers_take_them", "bsdtar") {
        assert_eq!(by_bsdtar(&spec)["dev"], by_bsdtar(&path)["dev"]);
    }
    if program("devices_are_in_the_mtree_as_both_readers_take_them", "mtree") {
        let empty = tempfile::tempdir().unwrap();
        let (_, said) = mtree(&lines, empty.path());
        assert_eq!(said.trim(), "missing: ./dev");
    }
}

#[test]
fn mactime_shows_every_path_of_the_body_file() {
    if !program("mactime_shows_every_path_of_the_body_file", "mactime") {
        return;
    }
    let (folder, archives) = archives();
    let mut shown = 0;
    for archive in &archives {
        let body = folder.path().join("body");
        let lines = list(archive, &["--format", "bodyfile"]);
        std::fs::write(&body, &lines).unwrap();
        let output = Command::new("mactime").args(["-d", "-y", "-z", "UTC", "-b"]).arg(&body).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
        let timeline = text(&output.stdout);
        let names = text(&list(archive, &["--format", "names"]));
        let rows = rows(archive);
        assert_eq!(text(&lines).lines().count(), rows.len());
        for (row, name) in rows.iter().zip(names.lines()) {
            if row["mtime"] == "1970-01-01T00:00:00Z" {
                // mactime leaves out what has no time at all.
                continue;
            }
            shown += 1;
            let (offset, time) = (&row["offset"], row["mtime"].as_str().unwrap().get(..19).unwrap());
            let line = timeline
                .lines()
                .find(|line| line.starts_with(time) && line.contains(&format!(",{offset},")) && line.contains("m..."));
            let line = line.unwrap_or_else(|| panic!("{}: {name} is not in {timeline}", archive.display()));
            // It doubles no quotes, or does: the name stands there either way.
            assert!(line.replace("\"\"", "\"").contains(name), "{name} is not in {line}");
        }
    }
    assert!(shown > NAMES.len() + 20, "only {shown} names shown");
}

#[test]
fn sha256sum_checks_the_files_of_an_extraction() {
    let test = "sha256sum_checks_the_files_of_an_extraction";
    if !program(test, "sha256sum") || !program(test, "tar") {
        return;
    }
    let (folder, archives) = archives();
    let sums = folder.path().join("SHA256SUMS");
    for archive in &archives {
        std::fs::write(&sums, list(archive, &["--format", "sha256sum"])).unwrap();
        let place = extracted(archive);
        let check = || {
            let mut command = Command::new("sha256sum");
            command.args(["--strict", "--check"]).arg(&sums).current_dir(place.path()).env("LC_ALL", "C");
            command.stdin(Stdio::null()).output().unwrap()
        };
        let output = check();
        assert!(output.status.success(), "{}: {}", archive.display(), text(&output.stderr));
        let files: Vec<Value> = rows(archive).into_iter().filter(|row| row.get("digests").is_some()).collect();
        assert_eq!(text(&output.stdout).matches(": OK\n").count(), files.len());
        let file = files.iter().find(|row| row["size"] != 0 && row["path"].is_string()).unwrap();
        let path = place.path().join(file["path"].as_str().unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[0] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let output = check();
        assert_eq!(text(&output.stdout).matches(": FAILED\n").count(), 1, "{}", archive.display());
        assert!(!output.status.success());
    }
}

#[test]
fn no_sum_is_given_for_what_is_not_the_files_content() {
    for archive in ["bad/tar-cut-in-content.tar", "bad/link-with-size.tar"] {
        let archive = corpus().join(archive);
        let lines = text(&veritar(&archive, &["--format", "sha256sum"]).stdout);
        let spec = text(&veritar(&archive, &["--format", "mtree", "--hash", "sha256"]).stdout);
        let jsonl = text(&veritar(&archive, &["--format", "jsonl", "--hash", "sha256"]).stdout);
        let rows = jsonl.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let files = rows.filter(|row| row["kind"] == "file" && row.get("digests").is_some()).count();
        assert_eq!(lines.lines().count(), files, "{}: {lines}", archive.display());
        assert_eq!(spec.matches(" sha256digest=").count(), files, "{}: {spec}", archive.display());
    }
}

/// The bytes that an escaped name stands for.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let (escape, after) = rest[at + 1..].split_at(1);
        rest = after;
        match escape {
            "n" => bytes.push(b'\n'),
            "r" => bytes.push(b'\r'),
            "t" => bytes.push(b'\t'),
            "\\" => bytes.push(b'\\'),
            "x" => {
                bytes.push(u8::from_str_radix(&rest[..2], 16).unwrap());
                rest = &rest[2..];
            }
            _ => {
                let end = rest.find('}').unwrap();
                let character = char::from_u32(u32::from_str_radix(&rest[1..end], 16).unwrap()).unwrap();
                bytes.extend_from_slice(character.to_string().as_bytes());
                rest = &rest[end + 1..];
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[test]
fn python_reads_the_csv_back() {
    if !program("python_reads_the_csv_back", "python3") {
        return;
    }
    let script = "import csv,json,sys\n\
        rows = csv.DictReader(open(sys.argv[1], encoding='utf-8', newline=''), strict=True)\n\
        print(json.dumps(list(rows)))";
    let (folder, mut archives) = archives();
    archives.push(corpus().join("bad/tar-padding.tar"));
    let mut odd = 0;
    for archive in &archives {
        let path = folder.path().join("list.csv");
        std::fs::write(&path, list(archive, &["--format", "csv", "--hash", "sha256"])).unwrap();
        let output = Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let cells: Vec<BTreeMap<String, Option<String>>> = serde_json::from_slice(&output.stdout).unwrap();
        let rows = rows(archive);
        assert_eq!(cells.len(), rows.len());
        for (cells, row) in cells.iter().zip(&rows) {
            let cell = |name: &str| cells[name].as_deref().unwrap();
            for value in cells.values() {
                let value = value.as_deref().expect("a row is too short");
                assert!(!value.starts_with(['=', '+', '-', '@', '\t', '\r']), "{value} begins a formula");
            }
            for name in ["kind", "mode", "mtime"] {
                assert_eq!(cell(name), row[name].as_str().unwrap());
            }
            for name in ["size", "stored_size", "uid", "gid", "offset"] {
                assert_eq!(cell(name), row[name].to_string());
            }
            for name in ["path", "uname", "gname", "link"] {
                match &row[name] {
                    Value::String(text) => assert_eq!(unescaped(cell(name)), text.as_bytes()),
                    Value::Null => assert_eq!(cell(name), ""),
                    bytes => {
                        use base64::Engine as _;
                        let bytes = bytes["bytes"].as_str().unwrap();
                        let bytes = base64::prelude::BASE64_STANDARD.decode(bytes).unwrap();
                        assert_eq!(unescaped(cell(name)), bytes);
                    }
                }
            }
            assert_eq!(cell("sha256"), row["digests"]["sha256"].as_str().unwrap_or_default());
            let anomalies: Vec<&str> =
                row["anomalies"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            odd += anomalies.len();
            assert_eq!(cell("anomalies"), anomalies.join(" "));
        }
    }
    assert!(odd > 0, "no archive had an anomaly");
}

#[test]
fn the_hostile_names_come_through_every_format() {
    let (_folder, archives) = archives();
    let hostile = archives.last().unwrap();
    let jsonl = rows(hostile);
    assert_eq!(jsonl.len(), NAMES.len() + 4);
    for format in ["text", "names", "jsonl", "csv", "mtree", "bodyfile"] {
        let lines = list(hostile, &["--format", format]);
        let lines = String::from_utf8(lines).unwrap_or_else(|_| panic!("{format} is no UTF-8"));
        let control = lines.chars().find(|letter| letter.is_control() && !matches!(letter, '\n' | '\r'));
        assert_eq!(control, None, "{format}");
        assert!(!lines.contains('\u{202e}'), "{format}");
        assert_eq!(lines.matches('\r').count(), if format == "csv" { lines.lines().count() } else { 0 }, "{format}");
    }
    // The one that must hold names as they are.
    let sums = list(hostile, &["--format", "sha256sum"]);
    assert_eq!(sums.iter().filter(|byte| **byte == b'\n').count(), NAMES.len());
}

#[test]
fn what_members_are_to_each_other_is_listed_by_name() {
    let archive = corpus().join("bad/symlink-written-outside.tar");
    let output = veritar(&archive, &["--anomalies"]);
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output.stdout);
    let line = shown.lines().find(|line| line.contains("entry/written-outside")).unwrap();
    assert!(line.starts_with("error ") && line.contains(": dtr-backup-v2.9.4-online/"), "{shown}");
    let rows = text(&veritar(&archive, &["--anomalies", "--format", "jsonl"]).stdout);
    let found = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found: Vec<_> = found.filter(|row| row["finding"]["code"] == "entry/written-outside").collect();
    assert!(found.len() == 1 && found[0]["finding"]["entry"].is_string(), "{rows}");
}

#[test]
fn anomalies_are_listed_with_their_members_and_without() {
    for (archive, code, odd, member) in [
        ("bad/tar-padding.tar", 0, "tar/padding", true),
        ("odd/sparse.tar", 0, "tar/sparse", true),
        ("bad/tar-trailing.tar", 0, "tar/trailing-data", false),
        ("bad/tar-cut-in-header.tar", 1, "tar/truncated", false),
        ("bad/openssl-enc.tar.enc", 3, "mangled/openssl-enc", false),
    ] {
        for (threads, hash) in [("1", "none"), ("4", "sha256")] {
            let more = ["--anomalies", "--threads", threads, "--hash", hash];
            let output = veritar(&corpus().join(archive), &more);
            assert_eq!(output.status.code(), Some(code), "{archive}");
            assert!(output.stderr.is_empty(), "{archive}: said twice: {}", text(&output.stderr));
            let shown = text(&output.stdout);
            let lines: Vec<&str> = shown.lines().collect();
            assert_eq!(lines.len(), if member { 2 } else { 1 }, "{archive}: {shown}");
            let last = lines.last().unwrap();
            assert!(last.contains(odd) && last.contains(" at byte ") && last.contains(": "), "{archive}: {shown}");
            assert_eq!(last.starts_with("  "), member, "{archive}: {shown}");

            let output = veritar(&corpus().join(archive), &[&more[..], &["--format", "jsonl"]].concat());
            let rows: Vec<Value> =
                text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(rows.len(), lines.len(), "{archive}");
            let finding = &rows.last().unwrap()["finding"];
            assert_eq!(finding["code"], odd);
            assert!(finding["message"].is_string() && finding["offset"].is_u64(), "{finding}");
            assert_eq!(finding.get("entry").is_some(), member, "{finding}");
            if member {
                assert_eq!(finding["entry"], rows[0]["path"]);
                assert_eq!(rows[0]["anomalies"], serde_json::json!([odd]));
            }
        }
    }
    let output = veritar(&corpus().join("good/ucp-mke-3.4.5.tar"), &["--anomalies"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
}

#[test]
fn layers_are_shown_with_what_is_known_of_them() {
    let passphrase = corpus().join("passphrase");
    let passphrase = ["--passphrase-file", passphrase.to_str().unwrap()];
    let layers = |archive: &str, more: &[&str]| {
        let archive = corpus().join(archive);
        let output = veritar(&archive, &[&["--layers", "--format", "json"][..], more].concat());
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["schema"], 1);
        assert_eq!(document["bytes"], std::fs::metadata(&archive).unwrap().len());
        let shown = text(&veritar(&archive, &[&["--layers"][..], more].concat()).stdout);
        (output.status.code().unwrap(), document, shown)
    };
    let (code, document, shown) = layers("good/ucp-mke-3.4.5.tar.gz.pgp", &passphrase);
    assert_eq!(code, 0);
    let [outer, middle, inner] = document["layers"].as_array().unwrap().as_slice() else { panic!("{document}") };
    assert_eq!(
        (&outer["format"], &middle["format"], &inner["format"]),
        (&"openpgp".into(), &"gzip".into(), &"tar".into())
    );
    assert_eq!(outer["details"]["cipher"], "AES-128");
    assert_eq!((&outer["encrypted"], &outer["integrity"]), (&true.into(), &"verified".into()));
    // What one gives the next one takes, and each byte is booked.
    assert_eq!(outer["input_bytes"], document["bytes"]);
    assert_eq!(outer["output_bytes"], middle["input_bytes"]);
    assert_eq!(middle["output_bytes"], inner["input_bytes"]);
    let plain = std::fs::metadata(corpus().join("good/ucp-mke-3.4.5.tar")).unwrap().len();
    assert_eq!(inner["input_bytes"], plain);
    let booked: u64 = inner["accounts"].as_object().unwrap().values().map(|bytes| bytes.as_u64().unwrap()).sum();
    assert_eq!(booked, plain);
    assert_eq!((&inner["members"], &inner["end_marker"]), (&27.into(), &"whole".into()));
    let ratio = middle["output_bytes"].as_f64().unwrap() / middle["input_bytes"].as_f64().unwrap();
    assert!((middle["ratio"].as_f64().unwrap() - ratio).abs() < 0.01);
    for word in ["0 openpgp: verified, encrypted", "AES-128", "1 gzip: verified", "2 tar: 27 members", "1024, whole"] {
        assert!(shown.contains(word), "{word} is not in {shown}");
    }

    // No passphrase: what the packets say is known, and no more.
    let (code, document, shown) = layers("kept/ucp-mke-3.4.5.tar.gpg", &[]);
    assert_eq!(code, 3);
    assert_eq!(document["layers"].as_array().unwrap().len(), 1);
    assert_eq!(document["layers"][0]["integrity"], "unchecked");
    assert!(document["layers"][0]["details"]["s2k"].is_string() && document["layers"][0].get("output_bytes").is_none());
    assert_eq!(document["findings"][0]["code"], "openpgp/passphrase-missing");
    assert!(shown.contains("1 unknown: no archive was reached"), "{shown}");

    // What fails a check that needs the passphrase says nothing of what was inside.
    let (code, document, _) = layers("bad/gpg-flipped-middle.tar.gpg", &passphrase);
    assert_eq!((code, document["layers"].as_array().unwrap().len()), (1, 1));
    assert!(document["layers"][0].get("output_bytes").is_none(), "{document}");
    assert!(document["layers"][0]["details"].get("name").is_none(), "{document}");

    let (code, document, _) = layers("kept/registry-2.8.2.tar", &["--hash", "sha256"]);
    assert_eq!((code, document["layers"].as_array().unwrap().len()), (0, 1));
    assert_eq!(document["digests"]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn what_a_format_cannot_hold_is_a_usage_error() {
    let archive = corpus().join("good/ucp-mke-3.4.5.tar");
    for (arguments, word) in [
        (&["--format", "sha256sum", "--hash", "none"][..], "sha256"),
        (&["--format", "sha256sum", "--hash", "blake3"], "sha256"),
        (&["--format", "mtree", "--hash", "sha256,blake3"], "blake3"),
        (&["--format", "bodyfile", "--hash", "sha256"], "column"),
        (&["--format", "csv", "--anomalies"], "jsonl"),
        (&["--format", "jsonl", "--layers"], "json"),
        (&["--format", "json"], "--layers"),
        (&["--layers", "--anomalies"], "--anomalies"),
        (&["--format", "csv", "--hash", "nonsense"], "nonsense"),
    ] {
        let output = veritar(&archive, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(word) && output.stdout.is_empty(), "{arguments:?}");
    }
    assert!(!list(&archive, &["--format", "sha256sum", "--hash", "sha256,blake3"]).is_empty());
    assert!(!list(&archive, &["--format", "mtree", "--hash", "none"]).is_empty());
}

#[test]
fn an_owner_that_an_mtree_cannot_spell_is_left_to_the_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("owner.tar");
    let header = |name, owner| Header { name, owner, ..Header::default() };
    let tar = Tarball::default().header(&header(b"plain", b"www-data")).header(&header(b"odd", b"x type=dir\n")).end();
    std::fs::write(&path, tar).unwrap();
    let spec = text(&list(&path, &["--format", "mtree"]));
    assert!(spec.contains("./plain type=file mode=0600 uid=0 gid=0 uname=www-data gname=www-data size"), "{spec}");
    assert!(spec.contains("./odd type=file mode=0600 uid=0 gid=0 size=0"), "{spec}");
}
