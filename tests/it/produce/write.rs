//! The tar writer: what it says is what our parser, GNU tar, bsdtar and Python read.

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use veritar::entry::{Attribute, EntryKind, Timestamp};
use veritar::limits::Limits;
use veritar::tar::write::{Draft, Unsayable, closing, head, padding};
use veritar::tar::{Anomaly, AnomalyKind, EndMarker, Frame, Parser, Region, Step};

use crate::support::program;

/// A member with everything it says, and its content with the holes as zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Full {
    pub path: Vec<u8>,
    pub kind: EntryKind,
    pub size: u64,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub uname: Vec<u8>,
    pub gname: Vec<u8>,
    pub mtime: Timestamp,
    pub link: Vec<u8>,
    pub device: Option<(u64, u64)>,
    pub attributes: Vec<Attribute>,
    pub content: Vec<u8>,
}

impl Full {
    fn file(path: &[u8], content: &[u8]) -> Self {
        Self { content: content.to_vec(), size: content.len() as u64, ..Self::new(path, EntryKind::File) }
    }

    fn new(path: &[u8], kind: EntryKind) -> Self {
        Self {
            path: path.to_vec(),
            kind,
            size: 0,
            mode: 0o644,
            uid: 0,
            gid: 0,
            uname: Vec::new(),
            gname: Vec::new(),
            mtime: Timestamp { seconds: 1_600_000_000, nanoseconds: 0 },
            link: Vec::new(),
            device: None,
            attributes: Vec::new(),
            content: Vec::new(),
        }
    }

    fn draft<'a>(&'a self, regions: &'a [Region]) -> Draft<'a> {
        Draft {
            size: self.size,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            uname: &self.uname,
            gname: &self.gname,
            mtime: self.mtime,
            link: &self.link,
            device: self.device,
            attributes: &self.attributes,
            regions,
            ..Draft::new(&self.path, self.kind)
        }
    }

    fn append(&self, regions: &[Region], out: &mut Vec<u8>) {
        let payload = head(&self.draft(regions), out).unwrap_or_else(|why| panic!("{self:?}: {why}"));
        let before = out.len();
        if self.kind == EntryKind::Sparse {
            for region in regions {
                out.extend(&self.content[region.offset as usize..(region.offset + region.bytes) as usize]);
            }
        } else {
            out.extend(&self.content);
        }
        assert_eq!((out.len() - before) as u64, payload);
        out.extend(vec![0; padding(payload)]);
    }
}

/// Reads an archive with the parser alone, at most `window` bytes at a time where it does not ask for more.
pub fn parsed(bytes: &[u8], window: usize) -> (Vec<Full>, Vec<Anomaly>) {
    let mut parser = Parser::new(&Limits::default());
    let (mut members, mut odd) = (Vec::<Full>::new(), Vec::new());
    let (mut at, mut wanted) = (0, window);
    loop {
        let end = bytes.len().min(at + wanted);
        match parser.step(&bytes[at..end], end == bytes.len()) {
            Step::Need(more) => {
                wanted = more;
                continue;
            }
            Step::End => break,
            Step::Frame { consumed, frame } => {
                at += consumed;
                match frame {
                    Frame::Member(member) => members.push(Full {
                        path: member.path.to_vec(),
                        kind: member.kind,
                        size: member.size,
                        mode: member.mode,
                        uid: member.uid,
                        gid: member.gid,
                        uname: member.uname.to_vec(),
                        gname: member.gname.to_vec(),
                        mtime: member.mtime,
                        link: member.link.to_vec(),
                        device: member.device,
                        attributes: member.attributes.to_vec(),
                        content: Vec::new(),
                    }),
                    Frame::Hole(bytes) => {
                        let content = &mut members.last_mut().unwrap().content;
                        content.resize(content.len() + bytes as usize, 0);
                    }
                    Frame::Payload(run) => {
                        let now = (run as usize).min(bytes.len() - at).min(window.max(1));
                        members.last_mut().unwrap().content.extend(&bytes[at..at + now]);
                        parser.advance(now as u64);
                        at += now;
                    }
                    _ => {}
                }
            }
        }
        wanted = window;
    }
    odd.extend(parser.anomalies());
    assert_eq!(parser.end_marker(), EndMarker::Whole);
    assert!(parser.is_whole());
    assert_eq!(parser.accounts().total_bytes(), bytes.len() as u64);
    assert_eq!(parser.accounts().lost_bytes, 0);
    (members, odd)
}

/// Writes members, and holds what our parser reads against them, in three cuts.
fn round_trip(members: &[(Full, Vec<Region>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    members.iter().for_each(|(member, regions)| member.append(regions, &mut bytes));
    bytes.resize(bytes.len() + closing(bytes.len() as u64) as usize, 0);
    assert_eq!(bytes.len() % 10_240, 0);
    for window in [usize::MAX >> 1, 513, 1] {
        let (read, odd) = parsed(&bytes, window);
        let expected: Vec<_> = members.iter().map(|(member, _)| member.clone()).collect();
        assert_eq!(read, expected);
        let odd: Vec<_> = odd.iter().filter(|odd| !matches!(odd.kind, AnomalyKind::Sparse { .. })).collect();
        assert!(odd.is_empty(), "{odd:?}");
    }
    bytes
}

fn name(bytes: usize) -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => "[a-z.=\n ]{1,12}",
        1 => "[a-zäß€\u{1F4BE}]{1,40}",
        1 => "[x]{90,160}",
    ];
    prop::collection::vec(part, 1..6).prop_map(move |parts| {
        let mut path = parts.join("/").into_bytes();
        path.truncate(bytes);
        let whole = String::from_utf8_lossy(&path).replace('\u{FFFD}', "").trim_end_matches('/').to_owned();
        if whole.is_empty() { b"x".to_vec() } else { whole.into_bytes() }
    })
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..5000_u64, 2_097_150..2_097_154_u64, any::<u32>().prop_map(u64::from), any::<u64>()]
}

fn member() -> impl Strategy<Value = (Full, Vec<Region>)> {
    let attribute = ("(user|trusted|security)\\.[a-zä\n]{1,9}", prop::collection::vec(any::<u8>(), 1..80));
    let time = (
        prop_oneof![-3..3_i64, 8_589_934_590..8_589_934_594_i64, (i64::MIN + 1)..=i64::MAX],
        prop_oneof![Just(0), Just(999_999_999), Just(250_000_000), 0..1_000_000_000_u32],
    );
    let parts = prop::collection::vec((0..3000_usize, 1..3000_usize), 0..6);
    let facts = (name(600), 0..=7_usize, 0..=0o7777_u32, number(), number(), (name(60), name(20), name(300)), time);
    (facts, prop::collection::btree_map(attribute.0, attribute.1, 0..3), parts, 0..3000_usize).prop_map(
        |((path, kind, mode, uid, gid, (uname, gname, link), (seconds, nanoseconds)), attributes, parts, tail)| {
            use EntryKind::{Block, Character, Directory, Fifo, File, Hardlink, Sparse, Symlink};
            let kind = [File, Directory, Symlink, Hardlink, Character, Block, Fifo, Sparse][kind];
            let (mut content, mut regions) = (Vec::new(), Vec::new());
            if kind.is_file() {
                for (hole, bytes) in parts {
                    content.resize(content.len() + hole, 0);
                    regions.push(Region { offset: content.len() as u64, bytes: bytes as u64 });
                    content.resize(content.len() + bytes, b'd');
                }
                content.resize(content.len() + tail, 0);
            }
            let full = Full {
                mode,
                uid,
                gid,
                uname,
                gname,
                size: content.len() as u64,
                mtime: Timestamp { seconds, nanoseconds },
                link: if matches!(kind, Symlink | Hardlink) { link } else { Vec::new() },
                device: matches!(kind, Character | Block).then_some((uid % 2_097_152, gid % 2_097_152)),
                attributes: attributes
                    .into_iter()
                    .map(|(name, value)| Attribute { name: name.into_bytes(), value })
                    .collect(),
                content,
                ..Full::new(&path, kind)
            };
            (full, if kind == Sparse { regions } else { Vec::new() })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(members in prop::collection::vec(member(), 0..4)) {
        round_trip(&members);
    }
}

/// GNU tar 1.34 restores its time and lists another; bsdtar 3.6 restores another, and writes what it reads. The decimal
/// number is what POSIX, GNU tar's writer and Python agree on.
const FRACTION_BEFORE_1970: &[u8] = b"a fraction before 1970";

/// Members whose every number or text is at the edge of its field.
fn edges() -> Vec<(Full, Vec<Region>)> {
    let long = |letter: &str, bytes: usize| letter.repeat(bytes).into_bytes();
    let at = |seconds, nanoseconds| Timestamp { seconds, nanoseconds };
    let mut holes = vec![0; 300_001];
    holes[65_536..65_540].copy_from_slice(b"data");
    holes[300_000] = b'!';
    let regions = vec![Region { offset: 65_536, bytes: 4096 }, Region { offset: 299_008, bytes: 993 }];
    let hollow = |path: &[u8]| Full { kind: EntryKind::Sparse, ..Full::file(path, &holes) };
    let plain = [
        Full { mode: 0o755, ..Full::new(b"./", EntryKind::Directory) },
        Full::file(b"empty", b""),
        Full { mtime: at(1_600_000_000, 123_456_789), mode: 0o6755, ..Full::file(b"fraction", b"x") },
        Full { mtime: at(-2, 0), ..Full::file(b"before 1970", &[b'a'; 511]) },
        Full { mtime: at(-2, 250_000_000), ..Full::file(FRACTION_BEFORE_1970, b"") },
        Full { mtime: at(1 << 33, 0), ..Full::file(b"after the field", &[b'b'; 512]) },
        Full { mtime: at((1 << 33) - 1, 0), ..Full::file(b"end of the field", &[b'c'; 513]) },
        Full { uid: 2_097_151, gid: 2_097_152, ..Full::file(b"owners", b"") },
        Full { uid: 4_000_000_000, gid: 65_534, ..Full::file(b"large owner", b"") },
        Full { uname: long("u", 31), gname: long("g", 32), ..Full::file(b"names", b"") },
        Full { uname: "j\u{F6}rg".into(), gname: b"wheel".to_vec(), ..Full::file(b"letters", b"") },
        Full::file(&long("n", 100), b"100"),
        Full::file(&long("n", 101), b"101"),
        Full::file(&[long("p", 155), long("n", 100)].join(&b'/'), b"255"),
        Full::file(&[long("p", 156), long("n", 100)].join(&b'/'), b"256"),
        Full::file(&[long("d/", 100), long("n", 200)].concat(), b"deep"),
        Full {
            mode: 0o1777,
            ..Full::new(&[long("d/", 60), long("n", 90), b"/".to_vec()].concat(), EntryKind::Directory)
        },
        Full::file("gr\u{FC}n/\u{1F4BE}".as_bytes(), b"letters"),
        Full::file(b"no text \xff\xfe", b"bytes"),
        Full::file(b"line\nbreak\ttab\\", b"odd"),
        Full { link: long("t", 100), ..Full::new(b"symlink 100", EntryKind::Symlink) },
        Full { link: long("t", 101), ..Full::new(b"symlink 101", EntryKind::Symlink) },
        Full { link: "../\u{E4}".into(), ..Full::new(b"symlink letters", EntryKind::Symlink) },
        Full { link: b"fraction".to_vec(), mode: 0o6755, ..Full::new(b"hardlink", EntryKind::Hardlink) },
        Full { link: long("n", 101), ..Full::new(b"hardlink 101", EntryKind::Hardlink) },
        Full { device: Some((1, 3)), ..Full::new(b"null", EntryKind::Character) },
        Full { device: Some((4095, 1_048_575)), ..Full::new(b"disk", EntryKind::Block) },
        Full::new(b"pipe", EntryKind::Fifo),
    ];
    let mut members: Vec<_> = plain.into_iter().map(|member| (member, Vec::new())).collect();
    for path in [&b"sparse"[..], b"folder/sparse", &long("s", 150), "d\u{FC}nn".as_bytes(), b"sparse \xff"] {
        members.push((hollow(path), regions.clone()));
    }
    members.push((Full { mtime: at(5, 5), ..hollow(b"hole last") }, vec![Region { offset: 65_536, bytes: 4096 }]));
    members.last_mut().unwrap().0.content[300_000] = 0;
    let nothing = Full { kind: EntryKind::Sparse, ..Full::file(b"only a hole", &[0; 70_000]) };
    members.push((nothing, Vec::new()));
    members
}

#[test]
fn the_edges_of_every_field_are_read_back() {
    let bytes = round_trip(&edges());
    // Nothing is said twice: what fits has no pax header.
    let mut out = Vec::new();
    Full::file(b"plain", b"").append(&[], &mut out);
    assert_eq!(out.len(), 512);
    assert!(bytes.len() < 200_000, "{}: the holes are stored", bytes.len());
}

#[test]
fn content_beyond_eight_gigabytes_has_its_size_in_the_pax_header() {
    for (size, blocks) in [((1 << 33) - 1, 1), (1 << 33, 3), (1 << 50, 3)] {
        let mut out = Vec::new();
        let payload = head(&Draft { size, ..Draft::new(b"large", EntryKind::File) }, &mut out).unwrap();
        assert_eq!((payload, out.len()), (size, blocks * 512));
        let mut parser = Parser::new(&Limits::default());
        let mut at = 0;
        let read = loop {
            match parser.step(&out[at..], false) {
                Step::Frame { frame: Frame::Member(member), .. } => break member.size,
                Step::Frame { consumed, .. } => at += consumed,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(read, size);
        assert!(!parser.has_anomalies());
    }
}

#[test]
fn what_cannot_be_said_is_an_error() {
    use EntryKind::{Block, Contiguous, Directory, File, Hardlink, Other, Sparse, Symlink};
    let bytes = |bytes: usize| [&b"\xff"[..], &vec![b'n'; bytes]].concat();
    let (long, owner, deep) = (bytes(100), bytes(31), b"d/".repeat(1100));
    let far = vec![b'n'; 4097];
    let many = vec![Region { offset: 0, bytes: 0 }; 10_000];
    let attribute = |name: &[u8], value: &[u8]| Attribute { name: name.to_vec(), value: value.to_vec() };
    let empty = [attribute(b"user.a", b"")];
    let equals = [attribute(b"user.a=b", b"1")];
    let nameless = [attribute(b"", b"1")];
    let twice = [attribute(b"user.a", b"1"), attribute(b"user.a", b"2")];
    let huge = [attribute(b"user.a", &vec![1; 1 << 20])];
    let (order, beyond) =
        ([Region { offset: 10, bytes: 5 }, Region { offset: 0, bytes: 5 }], [Region { offset: 90, bytes: 11 }]);
    let overflow = [Region { offset: u64::MAX, bytes: 2 }];
    let file = Draft::new(b"a", File);
    let sparse = Draft { size: 100, ..Draft::new(b"a", Sparse) };
    let time = |seconds, nanoseconds| Draft { mtime: Timestamp { seconds, nanoseconds }, ..file };
    let cases = [
        (Draft::new(b"", File), Unsayable::NoName),
        (Draft::new(b"a/", File), Unsayable::Slash),
        (Draft::new(b"a\0b", File), Unsayable::Nul("name")),
        (Draft { uname: b"\0", ..file }, Unsayable::Nul("owner's name")),
        (Draft { link: b"b", ..file }, Unsayable::Target),
        (Draft::new(b"a", Symlink), Unsayable::Target),
        (Draft::new(b"a", Hardlink), Unsayable::Target),
        (Draft::new(&long, File), Unsayable::Charset("name")),
        (Draft { link: &long, ..Draft::new(b"a", Symlink) }, Unsayable::Charset("link target")),
        (Draft { gname: &owner, ..file }, Unsayable::Charset("group's name")),
        (Draft::new(b"a", Block), Unsayable::Device),
        (Draft { device: Some((1, 1)), ..file }, Unsayable::Device),
        (Draft { device: Some((1, 1 << 21)), ..Draft::new(b"a", Block) }, Unsayable::Number("device number")),
        (Draft { mode: 0o10_000, ..file }, Unsayable::Number("mode")),
        (Draft { size: u64::MAX, ..file }, Unsayable::Number("size")),
        (time(i64::MIN, 0), Unsayable::Number("time")),
        (time(0, 1_000_000_000), Unsayable::Number("time")),
        (Draft { size: 1, ..Draft::new(b"a", Directory) }, Unsayable::Content),
        (Draft { regions: &beyond, ..Draft::new(b"a", Contiguous) }, Unsayable::Content),
        (Draft::new(b"a", Other), Unsayable::Kind(Other)),
        (Draft { regions: &order, ..sparse }, Unsayable::Map),
        (Draft { regions: &beyond, ..sparse }, Unsayable::Map),
        (Draft { regions: &overflow, ..sparse }, Unsayable::Map),
        (Draft { regions: &many, ..sparse }, Unsayable::Limit("sparse-regions", 10_000, 10_001)),
        (Draft::new(&deep, Directory), Unsayable::Limit("path-depth", 1024, 1100)),
        (Draft::new(&far, File), Unsayable::Limit("path-bytes-warn", 4096, 4097)),
        (Draft { attributes: &empty, ..file }, Unsayable::Attribute(b"user.a".to_vec())),
        (Draft { attributes: &equals, ..file }, Unsayable::Attribute(b"user.a=b".to_vec())),
        (Draft { attributes: &nameless, ..file }, Unsayable::Attribute(Vec::new())),
        (Draft { attributes: &twice, ..file }, Unsayable::Attribute(b"user.a".to_vec())),
        (Draft { attributes: &huge, ..file }, Unsayable::Limit("extension-bytes", 1 << 20, (1 << 20) + 29)),
    ];
    for (draft, expected) in cases {
        let mut out = b"before".to_vec();
        assert_eq!(head(&draft, &mut out), Err(expected.clone()), "{expected}");
        assert_eq!(out, b"before", "{expected}");
    }
}

/// Prints a line of JSON a member: everything that Python's tarfile reads, bytes as Latin-1.
const PYTHON: &str = r#"
import hashlib, json, sys, tarfile
tar = tarfile.open(sys.argv[1], "r:", encoding="utf-8", errors="surrogateescape")
text = lambda value: value.encode("utf-8", "surrogateescape").decode("latin-1")
for m in tar:
    content = tar.extractfile(m).read() if m.isreg() else b""
    print(json.dumps([text(m.name), m.type.decode(), m.size, m.mode, m.uid, m.gid, text(m.uname), text(m.gname),
        repr(m.pax_headers["mtime"]) if "mtime" in m.pax_headers else m.mtime, text(m.linkname), m.devmajor, m.devminor,
        hashlib.sha256(content).hexdigest()]))
"#;

fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn seconds(time: Timestamp) -> serde_json::Value {
    let fraction = |nanoseconds: u32| format!("{nanoseconds:09}").trim_end_matches('0').to_owned();
    match (time.seconds, time.nanoseconds) {
        (0..0o100_000_000_000, 0) => time.seconds.into(),
        (_, 0) => format!("'{}'", time.seconds).into(),
        (0.., part) => format!("'{}.{}'", time.seconds, fraction(part)).into(),
        (_, part) => format!("'-{}.{}'", -(time.seconds + 1), fraction(1_000_000_000 - part)).into(),
    }
}

#[test]
fn python_reads_the_same_members() {
    if !program("python_reads_the_same_members", "python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let members = edges();
    let read = output(Command::new("python3").arg("-c").arg(PYTHON).arg(stored(folder.path(), &members)));
    let read: Vec<serde_json::Value> =
        String::from_utf8(read).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected: Vec<_> = members
        .iter()
        .map(|(member, _)| {
            let kind = match member.kind {
                EntryKind::Hardlink => "1",
                EntryKind::Symlink => "2",
                EntryKind::Character => "3",
                EntryKind::Block => "4",
                EntryKind::Directory => "5",
                EntryKind::Fifo => "6",
                _ => "0",
            };
            let (major, minor) = member.device.unwrap_or_default();
            let path = member.path.strip_suffix(b"/").unwrap_or(&member.path);
            // Python gives a hard link the size of what it leads to when it looks for content; the member's own is 0.
            serde_json::json!([
                latin(path),
                kind,
                member.size,
                member.mode,
                member.uid,
                member.gid,
                latin(&member.uname),
                latin(&member.gname),
                seconds(member.mtime),
                latin(&member.link),
                major,
                minor,
                sha256(&member.content)
            ])
        })
        .collect();
    for (read, expected) in read.iter().zip(&expected) {
        assert_eq!(read, expected);
    }
    assert_eq!(read.len(), expected.len());
}

#[test]
fn gnu_tar_lists_the_same_members() {
    if !program("gnu_tar_lists_the_same_members", "tar") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let members = edges();
    let mut command = Command::new("tar");
    command.args([
        "--list",
        "--verbose",
        "--full-time",
        "--numeric-owner",
        "--quoting-style=escape",
        "--utc",
        "--file",
    ]);
    let listed = output(command.arg(stored(folder.path(), &members)).env("LC_ALL", "C"));
    let listed = String::from_utf8(listed).unwrap();
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), members.len(), "{listed}");
    for (line, (member, _)) in lines.iter().zip(&members) {
        let kind = match member.kind {
            EntryKind::Hardlink => 'h',
            EntryKind::Symlink => 'l',
            EntryKind::Character => 'c',
            EntryKind::Block => 'b',
            EntryKind::Directory => 'd',
            EntryKind::Fifo => 'p',
            _ => '-',
        };
        let bits = |shift: u32, special: bool, letter: char| {
            let may = member.mode >> shift & 7;
            let x = match (may & 1, special) {
                (0, false) => '-',
                (_, false) => 'x',
                (0, true) => letter.to_ascii_uppercase(),
                (_, true) => letter,
            };
            [if may & 4 > 0 { 'r' } else { '-' }, if may & 2 > 0 { 'w' } else { '-' }, x]
        };
        let modes = [
            bits(6, member.mode & 0o4000 > 0, 's'),
            bits(3, member.mode & 0o2000 > 0, 's'),
            bits(0, member.mode & 0o1000 > 0, 't'),
        ];
        let modes: String = modes.iter().flatten().collect();
        let size = member.device.map_or(member.size.to_string(), |(major, minor)| format!("{major},{minor}"));
        let whole = jiff::Timestamp::from_second(member.mtime.seconds).unwrap().strftime("%F %T").to_string();
        let part = format!("{:09}", member.mtime.nanoseconds);
        if member.path == FRACTION_BEFORE_1970 {
            continue;
        }
        let time =
            if member.mtime.nanoseconds == 0 { whole } else { format!("{whole}.{}", part.trim_end_matches('0')) };
        let fields: Vec<&str> = line.split(' ').filter(|field| !field.is_empty()).take(5).collect();
        let owner = format!("{}/{}", member.uid, member.gid);
        let said = time.split(' ').collect::<Vec<_>>();
        assert_eq!(fields, [&format!("{kind}{modes}"), &owner, &size, said[0], said[1]], "{line}");
        let quoted = quoted(&member.path);
        let rest = match member.kind {
            EntryKind::Hardlink => format!("{quoted} link to {}", self::quoted(&member.link)),
            EntryKind::Symlink => format!("{quoted} -> {}", self::quoted(&member.link)),
            _ => quoted,
        };
        assert!(line.ends_with(&format!(" {rest}")), "{line}\n{rest}");
    }
}

/// As GNU's quoting style "escape" has it in the C locale.
fn quoted(text: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'\\' => "\\\\".to_owned(),
        0x20..=0x7E => char::from(*byte).to_string(),
        other => format!("\\{other:03o}"),
    };
    text.iter().map(one).collect()
}

#[test]
fn bsdtar_reads_the_same_members() {
    if !program("bsdtar_reads_the_same_members", "bsdtar") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // libarchive keeps whole bytes of a name only where the locale has a letter for them.
    let members: Vec<_> = edges().into_iter().filter(|(member, _)| std::str::from_utf8(&member.path).is_ok()).collect();
    let mut command = Command::new("bsdtar");
    command.args(["--create", "--file", "-", "--format=mtree", "--options=mtree:all,mtree:sha256,mtree:!indent"]);
    let mut archive = std::ffi::OsString::from("@");
    archive.push(stored(folder.path(), &members));
    let listed = String::from_utf8(output(command.arg(archive).env("LC_ALL", "C.UTF-8"))).unwrap();
    let mut read = std::collections::BTreeMap::new();
    for line in listed.lines().filter(|line| !line.starts_with('#') && !line.starts_with("/set")) {
        let (path, facts) = line.split_once(' ').unwrap_or((line, ""));
        let facts: Vec<&str> = facts.split(' ').collect();
        read.insert(unescaped(path), facts.join(" "));
    }
    for (member, regions) in &members {
        let path = member.path.strip_suffix(b"/").unwrap_or(&member.path);
        // The root comes out of its mtree that way.
        let path = if path == b"." { b"/.".to_vec() } else { [b"./", path].concat() };
        let Some(facts) = read.get(&path) else { panic!("no {} in {listed}", path.escape_ascii()) };
        let has = |fact: &str| {
            assert!(facts.split(' ').any(|said| said == fact), "{}: no {fact} in {facts}", path.escape_ascii());
        };
        if member.kind == EntryKind::Hardlink || member.path == FRACTION_BEFORE_1970 {
            continue;
        }
        has(&format!("mode={:o}", member.mode));
        has(&format!("uid={}", member.uid));
        has(&format!("gid={}", member.gid));
        has(&format!("time={}.{}", member.mtime.seconds, member.mtime.nanoseconds));
        match member.kind {
            EntryKind::File | EntryKind::Sparse => {
                has("type=file");
                has(&format!("size={}", member.size));
                // Of a hole at the end its mtree gives the size and hashes nothing; restoring makes it.
                let end = regions.last().map_or(0, |region| (region.offset + region.bytes) as usize);
                let given = if member.kind == EntryKind::Sparse { &member.content[..end] } else { &member.content[..] };
                has(&format!("sha256digest={}", sha256(given)));
            }
            EntryKind::Directory => has("type=dir"),
            EntryKind::Fifo => has("type=fifo"),
            EntryKind::Symlink => {
                has("type=link");
                let link = facts.split(' ').find_map(|fact| fact.strip_prefix("link=")).expect("a target");
                assert_eq!(unescaped(link), member.link);
            }
            EntryKind::Character => has("device=native,1,3"),
            _ => has("device=native,4095,1048575"),
        }
    }
}

/// mtree's octal escapes undone.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        if let ([b'\\', digits @ ..], Some(octal)) = (rest, rest.get(1..4)) {
            bytes.push(u8::from_str_radix(std::str::from_utf8(octal).unwrap(), 8).unwrap());
            rest = &digits[3..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    veritar::digest::hex(&<[u8; 32]>::from(sha2::Sha256::digest(bytes)))
}

fn stored(folder: &Path, members: &[(Full, Vec<Region>)]) -> std::path::PathBuf {
    let path = folder.join("archive.tar");
    std::fs::write(&path, round_trip(members)).unwrap();
    path
}

/// What a program prints; it must end well and complain of nothing.
fn output(command: &mut Command) -> Vec<u8> {
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && said.is_empty(), "{command:?}: {said}");
    done.stdout
}
