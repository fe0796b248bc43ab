//! Every archive of `corpus/` that is made and not kept, with its path.

use super::compressed;
use super::depth;
use super::openpgp::{Chunks, Message};
use super::products::{self, Member, images, pack, swarm};
use super::tarball::{GNU, Header, Tarball, V7, octal, pax_records};
use super::{gzip, passphrase};

pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let mut cases = products_good();
    cases.extend(form_odd());
    cases.extend(rules_bad());
    cases.extend(wrappers_bad());
    cases.extend(streams_bad());
    cases.extend(tar_bad());
    cases.extend(depth::all());
    cases.extend(compressed::odd());
    cases.extend(compressed::bad());
    cases.extend(super::graph::cases());
    cases.extend(super::mangled::all());
    cases.extend(super::openpgp_cases::all());
    cases
}

pub(super) fn kept(name: &str) -> Vec<u8> {
    std::fs::read(crate::support::corpus().join("kept").join(name)).unwrap()
}

fn go_message(passphrase: &[u8]) -> Message<'_> {
    Message { passphrase, chunks: Chunks::Since2020, mode: b'b', without_check: false, tag: 18, literals: 1 }
}

fn products_good() -> Vec<(&'static str, Vec<u8>)> {
    let (mke, secret) = (pack(&products::mke()), passphrase());
    let pgp = go_message(&secret);
    vec![
        ("good/dtr-2.9.4-metadata.tar", pack(&products::dtr())),
        ("good/dtr-2.0.0-metadata.tar.gz", gzip(&pack(&products::dtr::dtr_2_0_0()))),
        ("good/dtr-2.0.3-metadata.tar.gz", gzip(&pack(&products::dtr::with_etcd("2.0.3")))),
        ("good/dtr-2.1.4-metadata.tar.gz", gzip(&pack(&products::dtr::with_etcd("2.1.4")))),
        ("good/dtr-2.5.3-metadata.tar.gz", gzip(&pack(&products::dtr::plain_root("2.5.3")))),
        ("good/msr-2.9.18-metadata.tar.gz", gzip(&pack(&products::dtr::full()))),
        ("good/msr-3.1.5-metadata.tar.gz", gzip(&pack(&products::dtr::plain_root("3.1.5")))),
        ("good/images-classic.tar.gz", gzip(&pack(&images::classic(images::VOLUME)))),
        ("good/images-by-id.tar.gz", gzip(&pack(&images::by_id(images::VOLUME)))),
        ("good/swarm.tgz", gzip(&pack(&swarm::manager()))),
        ("good/swarm-autolock.tgz", gzip(&pack(&swarm::locked()))),
        ("good/swarm-legacy.tgz", gzip(&pack(&swarm::legacy()))),
        ("good/ucp-1.1.tar.gz", gzip(&pack(&products::ucp::ucp_1_1()))),
        ("good/ucp-2.0.tar.gz", gzip(&pack(&products::ucp::ucp_2_0()))),
        ("good/ucp-2.2.tar.gz", gzip(&pack(&products::ucp_2_2()))),
        ("good/ucp-3.1.tar.gz", gzip(&pack(&products::ucp::ucp_3_1()))),
        ("good/ucp-mke-3.8.2.tar.gz", gzip(&pack(&products::ucp::mke_3_8()))),
        ("good/ucp-mke-3.4.5.tar.gz.pgp", pgp.of(&gzip(&mke))),
        ("good/ucp-mke-3.4.5.tar.pgp", pgp.of(&mke)),
        ("good/ucp-mke-3.4.5.tar", mke),
    ]
}

/// A DTR backup to which `more` is added before the end.
pub fn dtr_with(more: impl FnOnce(Tarball) -> Tarball) -> Tarball {
    let mut whole = pack(&products::dtr());
    whole.truncate(whole.len() - 1024);
    more(Tarball(whole))
}

pub(super) const ROW: &str = "dtr-backup-v2.9.4-online/rethink/properties/4";
/// A member that is no row, for content that is no JSON.
pub(super) const NO_ROW: &str = "dtr-backup-v2.9.4-online/notes";

fn form_odd() -> Vec<(&'static str, Vec<u8>)> {
    let (dtr, secret) = (pack(&products::dtr()), passphrase());
    let long = format!("dtr-backup-v2.9.4-online/rethink/{}/0", "t".repeat(120));
    let (first, second) = dtr.split_at(dtr.len() / 2);
    let old = Message { chunks: Chunks::OneByteFirst, mode: b't', ..go_message(&secret) };
    let row = |header: Header<'_>| {
        let content = b"{\"id\":\"odd\"}";
        let header = Header { name: ROW.as_bytes(), size: octal(content.len() as u64), ..header };
        dtr_with(|tar| tar.header(&header).content(content)).end()
    };
    let mut padded = gzip(&dtr);
    padded.resize(padded.len() + 300, 0);
    vec![
        ("odd/dtr-2.6.2-metadata.tar.gz", gzip(&pack(&products::dtr::plain_root("2.6.2")))),
        ("odd/images-full-path.tar.gz", {
            let root = format!("var/lib/docker/volumes/{}", images::VOLUME);
            gzip(&pack(&images::classic(&root)))
        }),
        ("odd/k0s-backup.tar", {
            let tar = Tarball::default().directory("manifests/").file("manifests/app.yaml", b"kind: ConfigMap\n");
            tar.file("pki/ca.crt", products::ucp::OTHER.1).file("k0s.yaml", b"kind: ClusterConfig\n").end()
        }),
        ("odd/harbor-by-velero.tar", {
            let deployment = "resources/deployments.apps/namespaces/registry/msr-harbor-core.json";
            Tarball::default().file("metadata/version", b"1").file(deployment, b"{\"kind\":\"Deployment\"}").end()
        }),
        ("odd/ucp-go-before-2020.tar.pgp", old.of(&pack(&products::mke()))),
        ("odd/gzip-two-members.tar.gz", [gzip(first), gzip(second)].concat()),
        ("odd/gzip-padded.tar.gz", padded),
        ("odd/pgp-of-zstd.tar.zst.pgp", go_message(&secret).of(&compressed::kept(".tar.zst"))),
        ("odd/gzip-of-pgp.gz", gzip(&go_message(&secret).of(&dtr))),
        ("odd/gzip-in-gzip.tar.gz.gz", gzip(&gzip(&dtr))),
        ("odd/plain-named.tar.gz", dtr.clone()),
        (
            "odd/pax-long-name.tar",
            dtr_with(|tar| tar.pax(&[("path", &long), ("mtime", "1631549510.5")]).file("short", b"{}")).end(),
        ),
        ("odd/gnu-long-name.tar", {
            let header = Header { name: b"short", size: octal(2), magic: GNU, ..Header::default() };
            dtr_with(|tar| tar.extension(b'L', format!("{long}\0").as_bytes()).header(&header).content(b"{}")).end()
        }),
        (
            "odd/pax-global-comment.tar",
            Tarball::default()
                .extension(b'g', &pax_records(&[("comment", "a")]))
                .0
                .into_iter()
                .chain(dtr.clone())
                .collect(),
        ),
        ("odd/v7-member.tar", row(Header { magic: V7, typeflag: 0, ..Header::default() })),
        ("odd/base-256-size.tar", base_256(row(Header::default()))),
        ("odd/signed-checksum.tar", row(Header { owner: b"J\xf6rg", signed_checksum: true, ..Header::default() })),
        (
            "odd/blank-size.tar",
            dtr_with(|tar| {
                tar.header(&Header {
                    name: b"dtr-backup-v2.9.4-online/rethink/crons/",
                    typeflag: b'5',
                    size: vec![0; 11],
                    ..Header::default()
                })
            })
            .end(),
        ),
        ("odd/sparse.tar", {
            // One region of 2 bytes in a file of 4 KiB: offset and size of the region, the end, then the size of the file.
            let mut block =
                Header { name: NO_ROW.as_bytes(), size: octal(2), typeflag: b'S', magic: GNU, ..Header::default() }
                    .block();
            block[386..397].copy_from_slice(&octal(0));
            block[398..409].copy_from_slice(&octal(2));
            block[410..421].copy_from_slice(&octal(4096));
            block[422..433].copy_from_slice(&octal(0));
            block[483..494].copy_from_slice(&octal(4096));
            dtr_with(|mut tar| {
                tar.0.extend_from_slice(&with_checksum(block));
                tar.content(b"{}")
            })
            .end()
        }),
    ]
}

/// The archive with the size of its last member, whose content is one block, written again as base-256.
fn base_256(mut archive: Vec<u8>) -> Vec<u8> {
    let at = archive.len() - 1024 - 1024;
    let mut block: [u8; 512] = archive[at..at + 512].try_into().unwrap();
    let size = u8::from_str_radix(std::str::from_utf8(&block[124..135]).unwrap(), 8).unwrap();
    block[124..136].fill(0);
    (block[124], block[135]) = (0x80, size);
    archive[at..at + 512].copy_from_slice(&with_checksum(block));
    archive
}

/// The block with a checksum that holds.
pub fn with_checksum(mut block: [u8; 512]) -> [u8; 512] {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// An MKE backup with its members changed.
fn mke(change: impl FnOnce(&mut Vec<Member>)) -> Vec<u8> {
    let mut members = products::mke();
    change(&mut members);
    gzip(&pack(&members))
}

const KEY: &str = "./ucp-controller-server-certs/key.pem";

fn rules_bad() -> Vec<(&'static str, Vec<u8>)> {
    let dtr = products::dtr();
    let plain = pack(&products::mke());
    let mut cut_between = plain.clone();
    cut_between.truncate(plain.len() - 1024);
    vec![
        (
            "bad/ucp-26-entries.tar.gz",
            mke(|members| members.retain(|member| !member.name.ends_with("kube-proxy.json"))),
        ),
        (
            "odd/ucp-without-client-ca.tar.gz",
            mke(|members| {
                let dump = members[0].content.clone();
                let member = members.iter_mut().find(|member| member.name.ends_with("client_ca.pem")).unwrap();
                let dump = String::from_utf8(dump.unwrap()).unwrap().replace("ucp-auth-store", "ucp-interlock");
                (member.name, member.content) = ("./ucp-interlock.json".to_owned(), Some(dump.into_bytes()));
            }),
        ),
        ("bad/ucp-without-key.tar.gz", mke(|members| members.retain(|member| member.name != KEY))),
        (
            "bad/ucp-empty-key.tar.gz",
            mke(|members| {
                members
                    .iter_mut()
                    .filter(|member| member.name == KEY)
                    .for_each(|member| member.content = Some(Vec::new()));
            }),
        ),
        (
            "bad/ucp-key-is-directory.tar.gz",
            mke(|members| {
                members.iter_mut().filter(|member| member.name == KEY).for_each(|member| member.content = None);
            }),
        ),
        (
            "bad/ucp-open-key.tar.gz",
            mke(|members| {
                members.iter_mut().filter(|member| member.name == KEY).for_each(|member| member.mode = 0o644);
            }),
        ),
        ("bad/ucp-cut-between-members.tar.gz", gzip(&cut_between)),
        ("bad/ucp-cut-in-end-marker.tar.gz", gzip(&plain[..plain.len() - 512])),
        ("bad/ucp-twice.tar.gz", gzip(&[plain.clone(), plain].concat())),
        ("bad/dtr-two-versions.tar", {
            let mut members = dtr.clone();
            let mut other = dtr.last().unwrap().clone();
            other.name = other.name.replace("2.9.4", "2.9.5");
            members.push(other);
            pack(&members)
        }),
        ("bad/dtr-two-roots.tar", {
            let mut members = dtr.clone();
            members.extend(dtr.iter().map(|member| {
                let mut other = member.clone();
                other.name = other.name.replace("-online", "-offline");
                other
            }));
            pack(&members)
        }),
        ("bad/dtr-and-ucp.tar.gz", gzip(&pack(&[products::dtr(), products::mke()].concat()))),
        (
            "bad/duplicate-member.tar.gz",
            mke(|members| {
                let again = members.last().unwrap().clone();
                members.push(again);
            }),
        ),
        ("bad/unsafe-path.tar", dtr_with(|tar| tar.file("dtr-backup-v2.9.4-online/../../etc/cron.d/x", b"x")).end()),
        ("bad/unknown-layout.tar", Tarball::default().directory("home/").file("home/notes.txt", b"notes").end()),
        ("bad/swarm-without-node-certificate.tgz", {
            let mut members = swarm::manager();
            members.retain(|member| !member.name.ends_with("swarm-node.crt"));
            gzip(&pack(&members))
        }),
        ("bad/dtr-row-missing.tar.gz", {
            let mut members = products::dtr::full();
            members.retain(|member| !member.name.ends_with("rethink/properties/3"));
            gzip(&pack(&members))
        }),
        ("bad/dtr-blobs-missing.tar.gz", {
            let mut members = products::dtr::full();
            members.retain(|member| !member.name.contains("rethink/blobs/"));
            gzip(&pack(&members))
        }),
        ("bad/images-tag-without-manifest.tar.gz", {
            let mut members = images::classic(images::VOLUME);
            let manifest = &images::all()[0].manifest.hex;
            members.retain(|member| !member.name.contains(&format!("/blobs/sha256/{}/{manifest}", &manifest[..2])));
            gzip(&pack(&members))
        }),
        ("bad/ucp-3.0.2-crashed.tar.gz", {
            let mut members = products::mke();
            members.truncate(13);
            for dump in &mut members {
                let text = String::from_utf8(dump.content.take().unwrap()).unwrap();
                dump.content = Some(text.replace("3.4.5", "3.0.2").into_bytes());
            }
            gzip(&pack(&members))
        }),
        ("bad/ucp-key-of-another.tar.gz", {
            let mut members = products::ucp::ucp_3_1();
            let key = members.iter_mut().find(|member| member.name == "./ucp-node-certs/key.pem").unwrap();
            key.content = Some(products::ucp::OTHER.2.to_vec());
            gzip(&pack(&members))
        }),
        ("bad/swarm-worker.tgz", gzip(&pack(&swarm::worker()))),
        ("bad/swarm-broken-snapshot.tgz", {
            let mut members = swarm::locked();
            let mut broken = members.iter().find(|member| member.name.ends_with(".snap")).unwrap().clone();
            broken.name = broken.name.replace("0000000000000010.snap", "0000000000000008.snap.broken");
            broken.content.as_mut().unwrap().truncate(1000);
            members.push(broken);
            gzip(&pack(&members))
        }),
    ]
}

fn wrappers_bad() -> Vec<(&'static str, Vec<u8>)> {
    let (dtr, secret) = (pack(&products::dtr()), passphrase());
    let zipped = gzip(&dtr);
    let end = zipped.len();
    let with = |at: usize, change: fn(u8) -> u8| {
        let mut bytes = zipped.clone();
        bytes[at] = change(bytes[at]);
        bytes
    };
    let sealed = go_message(&secret).of(&dtr);
    // The corpus keeps one message that gpg itself wrote.
    let gpg = kept("ucp-mke-3.4.5.tar.gpg");
    let flipped = |at: usize| {
        let mut bytes = gpg.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let armored = kept("dtr-2.9.4-metadata.tar.asc");
    vec![
        ("bad/gzip-truncated.tar.gz", zipped[..end * 2 / 3].to_vec()),
        ("bad/gzip-corrupt.tar.gz", {
            let mut bytes = zipped.clone();
            bytes[end / 2..end / 2 + 8].fill(0xFF);
            bytes
        }),
        ("bad/gzip-checksum.tar.gz", with(end - 8, |byte| byte ^ 1)),
        ("bad/gzip-length.tar.gz", with(end - 4, |byte| byte ^ 1)),
        ("bad/gzip-reserved-flag.tar.gz", with(3, |byte| byte | 0x20)),
        ("bad/gzip-many-bad-members.tar.gz", {
            // An empty member whose CRC-32 should be 0 and is 1, two hundred times.
            let empty = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0];
            [&zipped[..], &empty.repeat(200)].concat()
        }),
        ("bad/gzip-trailing.tar.gz", [&zipped[..], b"INFO[0003] Operation completed\n"].concat()),
        ("bad/gpg-flipped-middle.tar.gpg", flipped(gpg.len() / 2)),
        // Behind the 15 bytes of the session-key packet and 4 of the next packet's header stands the random prefix.
        ("bad/gpg-flipped-first-block.tar.gpg", flipped(24)),
        ("bad/gpg-flipped-check.tar.gpg", flipped(gpg.len() - 3)),
        ("bad/gpg-truncated.tar.gpg", gpg[..gpg.len() * 2 / 3].to_vec()),
        ("bad/gpg-twice.tar.gpg", [&gpg[..], &gpg[..]].concat()),
        ("bad/pgp-without-check.tar.pgp", Message { without_check: true, ..go_message(&secret) }.of(&dtr)),
        ("bad/pgp-tag-9.tar.pgp", Message { tag: 9, ..go_message(&secret) }.of(&dtr)),
        ("bad/pgp-tag-20.tar.pgp", Message { tag: 20, ..go_message(&secret) }.of(&dtr)),
        ("bad/pgp-two-literals.tar.pgp", Message { literals: 2, ..go_message(&secret) }.of(&dtr)),
        ("bad/pgp-private-packet.tar.pgp", {
            // Between the session-key packet and the encrypted one stands a packet for private use.
            let (key, rest) = sealed.split_at(2 + usize::from(sealed[1]));
            [key, b"\xfc\x05hello", rest].concat()
        }),
        ("bad/pgp-garbage-after.tar.pgp", [&sealed[..], b"INFO[0003] Operation completed\n"].concat()),
        (
            "bad/pgp-no-message.tar.pgp",
            go_message(&secret).of(&dtr)[..2].iter().copied().chain(*b"\x04\x07\x03\x08saltsalt").collect(),
        ),
        ("bad/pgp-other-passphrase.tar.pgp", go_message(b"not the one that is given").of(&dtr)),
        ("bad/armor-after-text.tar.asc", [&b"level=error msg=\"backup failed\"\n"[..], &armored[..]].concat()),
        ("bad/armor-checksum.tar.asc", {
            let text = std::str::from_utf8(&armored).unwrap();
            let at = text.rfind("\n=").unwrap() + 2;
            let mut bytes = armored.clone();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            bytes
        }),
        ("bad/zstd-wrapped.tar.zst", {
            // A frame that holds one raw block of 4 bytes, without a checksum.
            b"\x28\xb5\x2f\xfd\x20\x04\x21\x00\x00rest".to_vec()
        }),
        ("bad/five-wrappers.tar.gz", (0..5).fold(dtr, |bytes, _| gzip(&bytes))),
    ]
}

fn streams_bad() -> Vec<(&'static str, Vec<u8>)> {
    let dtr = pack(&products::dtr());
    let frames = dtr.chunks(4096).flat_map(|chunk| {
        let mut frame = vec![1, 0, 0, 0];
        frame.extend_from_slice(&u32::try_from(chunk.len()).unwrap().to_be_bytes());
        frame.extend_from_slice(chunk);
        frame
    });
    let lines = Tarball::default().file("notes", b"one\ntwo\n").file("more", b"three").end();
    let crlf = lines.iter().flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] });
    // The name itself holds a line feed, so that the first header is hit.
    let named = Tarball::default().file("no\ntes", b"one\n").end();
    let named = named.iter().flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] });
    let log = b"time=\"2021-09-13T16:11:50Z\" level=info msg=\"Your engine version is compatible\"\n";
    vec![
        ("bad/empty.tar", Vec::new()),
        (
            "bad/error-page.tar.gz",
            b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head></html>\n".to_vec(),
        ),
        ("bad/json-message.tar", b"{\"message\":\"page not found\"}\n".to_vec()),
        ("bad/log-before.tar", [&log[..], &dtr[..]].concat()),
        ("bad/docker-stream.tar", frames.collect()),
        ("bad/newlines-in-header.tar", named.collect()),
        ("bad/newlines-in-content.tar", crlf.collect()),
        ("bad/openssl-enc.tar.enc", [&b"Salted__\x01\x02\x03\x04\x05\x06\x07\x08"[..], &[0xA5; 64]].concat()),
        ("bad/unrecognised.bin", (0..600_u32).map(|index| (index * 37 % 251) as u8 | 1).collect()),
        ("bad/short-text.tar", b"permission denied\n".to_vec()),
    ]
}

fn tar_bad() -> Vec<(&'static str, Vec<u8>)> {
    let dtr = pack(&products::dtr());
    let file = |name: &'static str| Header { name: name.as_bytes(), ..Header::default() };
    let one = |header: Header<'_>| dtr_with(|tar| tar.header(&header)).end();
    let twice = |first: &[(&str, &str)], second: &[(&str, &str)]| {
        dtr_with(|tar| tar.pax(first).pax(second).file(ROW, b"{}")).end()
    };
    vec![
        ("bad/tar-cut-in-content.tar", dtr[..512 * 6 + 20].to_vec()),
        ("bad/tar-cut-in-header.tar", dtr[..512 * 9 + 100].to_vec()),
        ("bad/tar-header-damaged.tar", {
            let mut bytes = dtr.clone();
            bytes[512 * 9 + 3] ^= 0x20;
            bytes
        }),
        ("bad/tar-first-header-damaged.tar", {
            let mut bytes = dtr.clone();
            bytes[3] ^= 0x20;
            bytes
        }),
        ("bad/tar-no-end.tar", dtr[..dtr.len() - 1024].to_vec()),
        ("bad/tar-lone-zero-block.tar", dtr_with(|tar| tar.zeros(1).file(ROW, b"{}")).end()),
        ("bad/tar-twice.tar", [&dtr[..], &dtr[..]].concat()),
        ("bad/tar-trailing.tar", [&dtr[..], b"INFO[0003] Operation completed\n"].concat()),
        ("bad/tar-partial-block.tar", [&dtr[..], &[0; 7]].concat()),
        ("bad/tar-padding.tar", {
            let mut bytes = dtr_with(|tar| tar.file(ROW, b"{}")).end();
            let at = bytes.len() - 1024 - 100;
            bytes[at] = b'!';
            bytes
        }),
        ("bad/tar-no-members.tar", vec![0; 1024]),
        ("bad/pax-malformed.tar", dtr_with(|tar| tar.extension(b'x', b"99 path=elsewhere\n").file(ROW, b"{}")).end()),
        ("bad/pax-bad-size.tar", dtr_with(|tar| tar.pax(&[("size", "+2")]).file(ROW, b"{}")).end()),
        (
            "bad/pax-duplicate-key.tar",
            dtr_with(|tar| tar.pax(&[("path", "first"), ("path", ROW)]).file("x", b"{}")).end(),
        ),
        ("bad/pax-empty-path.tar", dtr_with(|tar| tar.pax(&[("path", "")]).file(ROW, b"{}")).end()),
        ("bad/pax-empty-comment.tar", dtr_with(|tar| tar.pax(&[("comment", "")]).file(ROW, b"{}")).end()),
        (
            "bad/pax-global-path.tar",
            dtr_with(|tar| tar.extension(b'g', &pax_records(&[("path", "everywhere")])).file(ROW, b"{}")).end(),
        ),
        (
            "bad/pax-size-differs.tar",
            dtr_with(|tar| {
                let header = Header { name: ROW.as_bytes(), size: octal(0), ..Header::default() };
                tar.pax(&[("size", "2")]).header(&header).content(b"{}")
            })
            .end(),
        ),
        (
            "bad/pax-size-smuggles.tar",
            dtr_with(|tar| {
                let header = Header { name: ROW.as_bytes(), size: octal(0), ..Header::default() };
                let hidden = Header { name: b"hidden", ..Header::default() }.block();
                tar.pax(&[("size", "512")]).header(&header).content(&hidden)
            })
            .end(),
        ),
        (
            "bad/pax-nul-in-path.tar",
            dtr_with(|tar| tar.pax(&[("path", "dtr-backup-v2.9.4-online/rethink/tags/0\0hidden")]).file(ROW, b"{}"))
                .end(),
        ),
        ("bad/pax-twice.tar", twice(&[("path", "first")], &[("path", ROW)])),
        (
            "bad/pax-then-gnu-name.tar",
            dtr_with(|tar| {
                tar.pax(&[("path", "first")]).extension(b'L', format!("{ROW}\0").as_bytes()).file("x", b"{}")
            })
            .end(),
        ),
        ("bad/pax-orphan.tar", dtr_with(|tar| tar.pax(&[("path", "nothing follows")])).end()),
        (
            "bad/pax-huge.tar.gz",
            gzip(
                &dtr_with(|tar| {
                    let comment = "a".repeat(1 << 21);
                    tar.pax(&[("comment", &comment)]).file(ROW, b"{}")
                })
                .end(),
            ),
        ),
        ("bad/sparse-map-cut.tar", {
            // The map goes on in a block that is not there.
            let mut block =
                Header { name: ROW.as_bytes(), size: octal(2), typeflag: b'S', magic: GNU, ..Header::default() }
                    .block();
            block[482] = 1;
            block[483..494].copy_from_slice(&octal(4096));
            dtr_with(|mut tar| {
                tar.0.extend_from_slice(&with_checksum(block));
                tar
            })
            .0
        }),
        ("bad/ucp-sparse-key.tar.gz", {
            let plain = pack(&products::mke());
            let at = plain.chunks(512).position(|block| block.starts_with(KEY.as_bytes())).unwrap() * 512;
            let mut bytes = plain[..at].to_vec();
            let mut block: [u8; 512] = plain[at..at + 512].try_into().unwrap();
            block[124..135].copy_from_slice(&octal(0));
            block[156] = b'S';
            block[257..265].copy_from_slice(GNU);
            block[345..].fill(0);
            block[483..494].copy_from_slice(&octal(227));
            bytes.extend_from_slice(&with_checksum(block));
            bytes.resize(bytes.len() + 1024, 0);
            gzip(&bytes)
        }),
        (
            "bad/hardlink-outside.tar",
            one(Header { typeflag: b'1', link: b"../../etc/shadow", ..file("dtr-backup-v2.9.4-online/shadow") }),
        ),
        ("bad/number-garbage.tar", one(Header { size: b"0000000009x".to_vec(), ..file(ROW) })),
        ("bad/number-negative.tar", one(Header { size: vec![0xFF; 12], ..file(ROW) })),
        ("bad/mode-garbage.tar", one(Header { mode: b"rw-----", ..file(ROW) })),
        (
            "bad/type-unknown.tar",
            dtr_with(|tar| tar.header(&Header { typeflag: b'Q', size: octal(2), ..file(ROW) }).content(b"{}")).end(),
        ),
        (
            "bad/type-continuation.tar",
            dtr_with(|tar| {
                tar.header(&Header { typeflag: b'M', size: octal(2), magic: GNU, ..file(ROW) }).content(b"{}")
            })
            .end(),
        ),
        ("bad/link-with-size.tar", one(Header { typeflag: b'2', link: b"0", size: octal(512), ..file(ROW) })),
        (
            "bad/directory-with-size.tar",
            one(Header { typeflag: b'5', size: octal(255), ..file("dtr-backup-v2.9.4-online/rethink/events/") }),
        ),
        ("bad/file-with-slash.tar", one(Header { typeflag: b'0', ..file("dtr-backup-v2.9.4-online/rethink/events/") })),
        ("bad/no-name.tar", one(file(""))),
        (
            "bad/gnu-with-prefix.tar",
            dtr_with(|tar| {
                tar.header(&Header { magic: GNU, prefix: b"prefix", size: octal(2), ..file(ROW) }).content(b"{}")
            })
            .end(),
        ),
        ("bad/prefix-with-odd-version.tar", {
            let magic = b"ustar\x0001";
            dtr_with(|tar| tar.header(&Header { magic, prefix: b"prefix", size: octal(2), ..file("0") }).content(b"{}"))
                .end()
        }),
        (
            "bad/long-path.tar",
            dtr_with(|tar| {
                let path = format!("dtr-backup-v2.9.4-online/rethink/{}0", "deep/".repeat(900));
                tar.pax(&[("path", &path)]).file("short", b"{}")
            })
            .end(),
        ),
        (
            "bad/too-long-path.tar.gz",
            gzip(
                &dtr_with(|tar| {
                    let path = format!("dtr-backup-v2.9.4-online/rethink/{}0", "deep/".repeat(20_000));
                    tar.pax(&[("path", &path)]).file("short", b"{}")
                })
                .end(),
            ),
        ),
        (
            "bad/control-characters.tar",
            dtr_with(|tar| tar.header(&Header { typeflag: b'Q', ..file("dtr-backup-v2.9.4-online/\x1b[2Jgone\n") }))
                .end(),
        ),
    ]
}
