//! What the programs of this machine make of sealed archives: gpg, gzip, zstd.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use veritar::produce::seal::{Compression, Format, Lock, Seal};
use veritar::secret::Secret;

use super::{COMPRESSIONS, Shared, assert_whole, by_certificates, is_whole, sealed};
use crate::openpgp::{Gpg, known, noise};
use crate::support::program;

/// The passphrase [`Gpg`] gives.
fn locked(compression: Compression) -> Seal {
    let passphrases = vec![Secret::new(b"secret".to_vec())];
    Seal { compression, lock: Some(Lock { passphrases, ..Lock::default() }) }
}

fn run(program: &str, arguments: &[&str], input: &Path) -> Output {
    let input = std::fs::File::open(input).unwrap();
    Command::new(program).args(arguments).stdin(Stdio::from(input)).stderr(Stdio::piped()).output().unwrap()
}

#[test]
fn gzip_and_zstd_read_what_is_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    let plain: Vec<u8> = noise(3_000_000).into_iter().map(|byte| byte & 0x1f).collect();
    let cases = [("gzip", Compression::Gzip(1)), ("gzip", Compression::Gzip(9)), ("zstd", Compression::Zstd(19))];
    for (name, compression) in cases.into_iter().chain([("zstd", Compression::Zstd(1))]) {
        if !program("gzip_and_zstd_read_what_is_compressed", name) {
            continue;
        }
        let seal = Seal { compression, lock: None };
        let bytes = sealed(&seal, &plain, 10_240);
        std::fs::write(&path, &bytes).unwrap();
        let test = run(name, &["-t"], &path);
        assert!(test.status.success(), "{}", String::from_utf8_lossy(&test.stderr));
        assert!(run(name, &["-d", "-c"], &path).stdout == plain, "{name}");
        // What a sealer leaves that was dropped, they do not read.
        let below = Shared::default();
        let mut sealer = seal.start(below.clone()).unwrap();
        sealer.write_all(&plain).unwrap();
        drop(sealer);
        assert!(!below.bytes().is_empty());
        std::fs::write(&path, below.bytes()).unwrap();
        assert!(!run(name, &["-t"], &path).status.success(), "{name}");
    }
}

/// RFC 1952, section 2.3: no flags, no time; RFC 8878, section 3.1.1.1.1: bit 2 announces the checksum.
#[test]
fn headers_tell_nothing_but_the_format() {
    let gzip = sealed(&Seal { compression: Compression::Gzip(6), lock: None }, b"content", 7);
    assert_eq!(gzip[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    let zstd = sealed(&Seal { compression: Compression::Zstd(3), lock: None }, b"content", 7);
    assert_eq!((&zstd[..4], zstd[4] & 4), (&[0x28, 0xb5, 0x2f, 0xfd][..], 4));
}

#[test]
fn gpg_reads_what_a_passphrase_locks() {
    let Some(gpg) = Gpg::start() else { return };
    for size in [0, 600, 9_500_000] {
        let plain = noise(size);
        for compression in COMPRESSIONS {
            let inner = sealed(&Seal { compression, lock: None }, &plain, 10_240);
            let bytes = sealed(&locked(compression), &plain, 10_240);
            assert!(gpg.on(&bytes, &["--decrypt"]) == inner, "{size} bytes, {compression:?}");
        }
    }
    let bytes = sealed(&locked(Compression::None), &noise(600), 600);
    let listing = String::from_utf8(gpg.on(&bytes, &["--list-packets"])).unwrap();
    let skesk = [":symkey enc packet: version 4, cipher 9,", "s2k 3, hash 8, seskey 256 bits", "count 65011712 (255)"];
    for expected in skesk.into_iter().chain(["mdc_method: 2", "mode b (62), created 0, name=\"\""]) {
        assert!(listing.contains(expected), "{expected} is not in {listing}");
    }
    assert!(!listing.contains("compressed"), "{listing}");
}

/// Where a length grows by an octet (RFC 4880, section 4.2.2), and where a part of 2^18 bytes is full: of the literal
/// packet, which has 6 bytes before the content, and of the encrypted one, which has a prefix of 18 and two headers before.
#[test]
fn gpg_reads_messages_that_end_where_a_part_does() {
    let Some(gpg) = Gpg::start() else { return };
    gpg.run(&["--quick-generate-key", "edges@example.org", "ed25519", "sign", "never"]);
    gpg.run(&["--quick-add-key", &gpg.fingerprint("edges@example.org"), "cv25519", "encr", "never"]);
    let seal = by_certificates(Compression::None, Format::SeipdV1, vec![gpg.run(&["--export"])]);
    let unlock = known(&["secret"], &[gpg.run(&["--export-secret-keys"])]);
    let part = 1 << 18;
    let literal = [192 - 6, 8_384 - 6, part - 6, 2 * part - 6];
    let sealed_ends = [192 - 49, 8_384 - 50, part - 30, part - 31, part - 52, part - 53, 2 * part - 31, 2 * part - 53];
    for edge in literal.into_iter().chain(sealed_ends) {
        for size in edge - 1..=edge + 1 {
            let plain = noise(size);
            // In pieces that begin and end anywhere.
            let bytes = sealed(&seal, &plain, 100_003);
            assert_whole(&bytes, &unlock, &plain, &format!("{size} bytes"));
            // It takes its time to open a key.
            assert!(size != edge || gpg.on(&bytes, &["--decrypt"]) == plain, "{size} bytes");
        }
    }
}

#[test]
fn gpg_reads_what_its_certificates_lock() {
    let Some(gpg) = Gpg::start() else { return };
    let Some(other) = Gpg::start() else { return };
    let plain = noise(50_000);
    gpg.run(&["--quick-generate-key", "first@example.org", "rsa2048", "sign,encr", "never"]);
    gpg.run(&["--quick-generate-key", "second@example.org", "ed25519", "sign", "never"]);
    gpg.run(&["--quick-add-key", &gpg.fingerprint("second@example.org"), "cv25519", "encr", "never"]);
    gpg.run(&["--quick-generate-key", "third@example.org", "nistp256", "sign", "never"]);
    gpg.run(&["--quick-add-key", &gpg.fingerprint("third@example.org"), "nistp384", "encr", "never"]);
    let users = ["first@example.org", "second@example.org", "third@example.org"];
    for (user, armor) in users.into_iter().flat_map(|user| [(user, false), (user, true)]) {
        let arguments = [&["--export"][..], if armor { &["--armor"] } else { &[] }, &[user]].concat();
        let bytes =
            sealed(&by_certificates(Compression::None, Format::SeipdV1, vec![gpg.run(&arguments)]), &plain, 700);
        assert!(gpg.on(&bytes, &["--decrypt"]) == plain, "{user}");
        // Somebody else's gpg, with the same passphrase, does not.
        assert!(!is_whole(&bytes, &known(&["secret"], &[])));
        let secret = gpg.run(&["--export-secret-keys", user]);
        assert_whole(&bytes, &known(&["secret"], &[secret]), &plain, user);
    }
    // All of them, and a passphrase for who has no key.
    let mut seal = by_certificates(Compression::Gzip(6), Format::SeipdV1, vec![gpg.run(&["--export"])]);
    seal.lock.as_mut().unwrap().passphrases = vec![Secret::new(b"secret".to_vec())];
    let bytes = sealed(&seal, &plain, 700);
    let inner = sealed(&Seal { compression: Compression::Gzip(6), lock: None }, &plain, 700);
    assert!(gpg.on(&bytes, &["--decrypt"]) == inner);
    assert!(other.on(&bytes, &["--decrypt"]) == inner);
    let listing = String::from_utf8(gpg.on(&bytes, &["--list-packets"])).unwrap();
    assert_eq!((listing.matches(":pubkey enc").count(), listing.matches(":symkey enc").count()), (3, 1), "{listing}");
}
