//! Archives whose members are harmless one by one, and not together.

use super::cases::dtr_with;
use super::tarball::{Header, Tarball, octal};

/// A member in a few letters: the kind (`d`, `f`, `l` symbolic link, `h` hard link, `p` pipe), the path, the target.
pub type Spec<'a> = (char, &'a str, &'a str);

/// A tar of such members, each file with a few bytes in it.
pub fn pack(members: &[Spec<'_>]) -> Vec<u8> {
    members.iter().fold(Tarball::default(), |tar, member| add(tar, "", *member)).end()
}

fn add(tar: Tarball, folder: &str, (kind, path, link): Spec<'_>) -> Tarball {
    let path = format!("{folder}{path}");
    let (typeflag, mode): (u8, &[u8]) = match kind {
        'd' => (b'5', b"0000755"),
        'f' => (b'0', b"0000644"),
        'l' => (b'2', b"0000777"),
        'h' => (b'1', b"0000644"),
        'p' => (b'6', b"0000644"),
        _ => panic!("no kind {kind}"),
    };
    let mut tar = tar;
    // Longer ones than the header has room for, as pax writes them.
    let mut records = Vec::new();
    let short = |text: &str| if text.len() > 100 { text[..100].to_owned() } else { text.to_owned() };
    if path.len() > 100 {
        records.push(("path", path.as_str()));
    }
    if link.len() > 100 {
        records.push(("linkpath", link));
    }
    if !records.is_empty() {
        tar = tar.pax(&records);
    }
    let content: &[u8] = if kind == 'f' { b"written" } else { b"" };
    let (name, link) = (short(&path), short(link));
    let header = Header {
        name: name.as_bytes(),
        mode,
        typeflag,
        link: link.as_bytes(),
        size: octal(content.len() as u64),
        ..Header::default()
    };
    tar.header(&header).content(content)
}

/// CVE-2025-4517: folders with names so long that the path of the last passes PATH_MAX, a short link beside each, and
/// one link at the end of them that goes up again as often. Who resolves paths and gives up at PATH_MAX stops before it.
pub fn long_chain(levels: u8, target: &str) -> Vec<(char, String, String)> {
    let name = "d".repeat(247);
    let (mut long, mut short, mut members) = (String::new(), String::new(), Vec::new());
    for letter in (b'a'..).take(usize::from(levels)).map(char::from) {
        members.push(('d', format!("{long}{name}"), String::new()));
        members.push(('l', format!("{long}{letter}"), name.clone()));
        long.push_str(&name);
        long.push('/');
        short.push(letter);
        short.push('/');
    }
    let up = format!("{short}{}", "l".repeat(254));
    members.push(('l', up.clone(), "../".repeat(usize::from(levels))));
    members.push(('l', "escape".to_owned(), format!("{up}/../{target}")));
    members.push(('f', "escape/victim".to_owned(), String::new()));
    members
}

const ROOT: &str = "dtr-backup-v2.9.4-online/";

/// A DTR backup with these members in a folder of it.
fn backup(members: &[Spec<'_>]) -> Vec<u8> {
    dtr_with(|tar| members.iter().fold(tar, |tar, member| add(tar, &format!("{ROOT}extra/"), *member))).end()
}

pub fn cases() -> Vec<(&'static str, Vec<u8>)> {
    let extra = |path: &str| format!("{ROOT}extra/{path}");
    let odd = |header: Header<'_>, name: &str| {
        dtr_with(|tar| tar.header(&Header { name: extra(name).as_bytes(), ..header })).end()
    };
    let chain = long_chain(16, "../../../../outside");
    let chain: Vec<Spec<'_>> = chain.iter().map(|(kind, path, link)| (*kind, path.as_str(), link.as_str())).collect();
    vec![
        (
            "bad/symlink-written-outside.tar",
            backup(&[('l', "keys", "../../../.ssh"), ('f', "keys/authorized_keys", "")]),
        ),
        ("bad/symlink-outside.tar", backup(&[('l', "keys", "../../../.ssh"), ('l', "passwd", "/etc/passwd")])),
        ("bad/symlink-long-chain.tar.gz", super::gzip(&backup(&chain))),
        (
            "bad/symlink-chain-outside.tar",
            backup(&[
                ('d', "a", ""),
                ('l', "a/up", "../.."),
                ('l', "up", "a/up"),
                ('l', "out", "up/../../elsewhere"),
                ('d', "out", ""),
            ]),
        ),
        (
            "bad/symlink-written-through.tar",
            backup(&[('d', "usr-lib", ""), ('l', "lib", "usr-lib"), ('f', "lib/libc.so", "")]),
        ),
        ("bad/symlink-loop.tar", backup(&[('l', "a", "b"), ('l', "b", "a"), ('f', "a/file", "")])),
        (
            "bad/hardlink-to-symlink-outside.tar",
            backup(&[('l', "shadow", "/etc/shadow"), ('h', "copy", &extra("shadow"))]),
        ),
        (
            "bad/hardlink-to-symlink.tar",
            backup(&[('f', "file", ""), ('l', "link", "file"), ('h', "other", &extra("link"))]),
        ),
        (
            "bad/hardlink-through-symlink.tar",
            backup(&[('l', "up", "../../.."), ('h', "copy", &extra("up/secret")), ('f', "copy", "")]),
        ),
        (
            "bad/hardlink-without-target.tar",
            backup(&[('h', "one", &extra("nowhere")), ('h', "two", &extra("later")), ('f', "later", "")]),
        ),
        (
            "bad/drive-relative.tar",
            backup(&[('l', "link", "C:../../../../target"), ('f', "link", ""), ('h', "copy", "C:../target")]),
        ),
        ("bad/file-over-directory.tar", backup(&[('d', "place", ""), ('f', "place/row", ""), ('f', "place", "")])),
        (
            "bad/names-collide.tar",
            backup(&[('f', "stra\u{df}e", ""), ('f', "STRASSE", ""), ('f', "caf\u{e9}", ""), ('f', "cafe\u{301}", "")]),
        ),
        ("odd/names-elsewhere.tar", backup(&[('f', "aux.c", ""), ('f', "-rf", ""), ('p', "queue", "")])),
        ("bad/device.tar", odd(Header { typeflag: b'4', ..Header::default() }, "disk")),
        ("bad/set-id.tar", odd(Header { mode: b"0004755", ..Header::default() }, "shell")),
        ("bad/world-writable.tar", odd(Header { mode: b"0000666", ..Header::default() }, "open")),
        ("bad/time-ahead.tar", odd(Header { mtime: 4_102_444_800, ..Header::default() }, "tomorrow")),
    ]
}
