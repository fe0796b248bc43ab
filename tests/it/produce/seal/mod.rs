//! Sealed archives, read by our own reader; with others' programs in `peers`, on writers that fail in `faults`.

mod faults;
mod peers;
mod recipients;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use sequoia_openpgp::Cert;
use sequoia_openpgp::cert::CertBuilder;
use sequoia_openpgp::serialize::MarshalInto as _;
use veritar::envelope::{self, Integrity, Proof, Trust, Unwrapped};
use veritar::limits::Limits;
use veritar::produce::seal::{Certificate, Compression, Format, Lock, Seal, Trouble};
use veritar::secret::{Known, Secret};
use veritar::verify::Verdict;

use crate::openpgp::{known, noise};
use crate::support::{corpus, verify_source, whole};

const PASSPHRASE: &str = "rank porcelain otter";

pub(super) const COMPRESSIONS: [Compression; 3] = [Compression::None, Compression::Gzip(6), Compression::Zstd(3)];

/// A writer whose bytes can be looked at while somebody else owns it.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn by_passphrase(compression: Compression, format: Format) -> Seal {
    let passphrases = vec![Secret::new(PASSPHRASE.into())];
    Seal { compression, lock: Some(Lock { passphrases, certificates: Vec::new(), format }) }
}

pub(super) fn by_certificates(compression: Compression, format: Format, files: Vec<Vec<u8>>) -> Seal {
    let certificates = files.into_iter().map(|bytes| Certificate { name: "backup.pgp".into(), bytes }).collect();
    Seal { compression, lock: Some(Lock { passphrases: Vec::new(), certificates, format }) }
}

/// A certificate that our library makes, as two files: the public one and the secret key.
pub(super) fn somebody(make: impl FnOnce(CertBuilder<'_>) -> CertBuilder<'_>) -> (Vec<u8>, Vec<u8>) {
    let builder = CertBuilder::general_purpose(Some("Backup <backup@example.org>"));
    let (cert, _): (Cert, _) = make(builder).generate().unwrap();
    (cert.to_vec().unwrap(), cert.as_tsk().to_vec().unwrap())
}

/// Seals `plain`, given in pieces of `size`.
pub(super) fn sealed(seal: &Seal, plain: &[u8], size: usize) -> Vec<u8> {
    let mut sealer = seal.start(Vec::new()).unwrap();
    for piece in plain.chunks(size) {
        sealer.write_all(piece).unwrap();
    }
    sealer.finish().unwrap()
}

/// What our reader makes of it: the content, where it was reached, and the proofs.
pub(super) fn unwrapped(bytes: &[u8], unlock: &Known) -> (Option<Vec<u8>>, Vec<Proof>) {
    let limits = Limits::default();
    match envelope::open(whole(bytes), &limits, &Trust::default(), &mut unlock.clone(), 1).unwrap() {
        Unwrapped::Closed(proofs) => (None, proofs),
        Unwrapped::Open(mut stack) => {
            let mut content = Vec::new();
            while let Some(chunk) = stack.layer.take(usize::MAX).unwrap() {
                content.extend_from_slice(&chunk.bytes);
            }
            (Some(content), stack.layer.close().unwrap())
        }
    }
}

/// Holds that our reader finds `plain`, every layer verified and nothing to say.
pub(super) fn assert_whole(bytes: &[u8], unlock: &Known, plain: &[u8], about: &str) -> Vec<Proof> {
    let (content, mut proofs) = unwrapped(bytes, unlock);
    assert!(content.as_deref() == Some(plain), "{about}: {proofs:?}");
    for proof in &proofs {
        assert_eq!((proof.integrity, proof.findings.len()), (Integrity::Verified, 0), "{about}: {proof:?}");
    }
    proofs.reverse();
    proofs
}

/// Whether our reader takes it for whole.
pub(super) fn is_whole(bytes: &[u8], unlock: &Known) -> bool {
    let (content, proofs) = unwrapped(bytes, unlock);
    let verified = proofs.iter().all(|proof| proof.integrity == Integrity::Verified && proof.findings.is_empty());
    content.is_some() && !proofs.is_empty() && verified
}

#[test]
fn what_is_sealed_is_read_to_the_byte() {
    let (public, secret) = somebody(|builder| builder);
    let unlock = known(&[PASSPHRASE], &[secret]);
    for (size, cut) in [(0, 1), (1, 1), (5_000, 7), (700_000, 512), (9_500_000, 262_144), (9_500_000, 9_500_000)] {
        let plain = noise(size);
        for compression in COMPRESSIONS {
            let mut seals = vec![by_certificates(compression, Format::SeipdV1, vec![public.clone()])];
            seals.push(by_certificates(compression, Format::SeipdV2, vec![public.clone()]));
            if compression != Compression::None {
                seals.push(Seal { compression, lock: None });
            }
            for seal in seals {
                let about = format!("{size} bytes in pieces of {cut}, {seal:?}");
                let proofs = assert_whole(&sealed(&seal, &plain, cut), &unlock, &plain, &about);
                let layers = usize::from(compression != Compression::None) + usize::from(seal.lock.is_some());
                assert_eq!(proofs.len(), layers, "{about}");
            }
        }
        let open = Seal::default();
        assert!(sealed(&open, &plain, cut) == plain);
    }
}

#[test]
fn every_level_is_read_back() {
    // Words of a small language: something to compress.
    let plain: Vec<u8> = noise(300_000)
        .iter()
        .flat_map(|byte| [b"tar ", b"file", b"mode", b"\0\0\0\0"][usize::from(byte & 3)])
        .copied()
        .collect();
    for level in 0..=9 {
        let seal = Seal { compression: Compression::Gzip(level), lock: None };
        assert_whole(&sealed(&seal, &plain, 10_240), &Known::default(), &plain, &format!("{seal:?}"));
    }
    for level in [-131_072, -5, 0, 1, 3, 9, 19, 22] {
        let seal = Seal { compression: Compression::Zstd(level), lock: None };
        assert_whole(&sealed(&seal, &plain, 10_240), &Known::default(), &plain, &format!("{seal:?}"));
    }
}

#[test]
fn a_passphrase_costs_what_gpg_makes_it_cost() {
    for (format, skesk, packet) in
        [(Format::SeipdV1, "SKESK v4", "SEIPD v1"), (Format::SeipdV2, "SKESK v6", "SEIPD v2")]
    {
        let bytes = sealed(&by_passphrase(Compression::None, format), b"content", 7);
        let proofs = assert_whole(&bytes, &known(&["wrong", PASSPHRASE], &[]), b"content", "by passphrase");
        let detail = |name: &str| {
            let found = proofs[0].details.iter().find(|(known, _)| *known == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        assert_eq!(detail("session-keys"), skesk, "{:?}", proofs[0]);
        assert_eq!(detail("s2k"), "iterated SHA-256, 65011712 octets");
        assert!(detail("packet").starts_with(packet), "{:?}", proofs[0]);
        assert!(detail("cipher").starts_with("AES-256"), "{:?}", proofs[0]);
        assert_eq!((detail("compression"), detail("name"), detail("mode")), ("", "", "b"), "{:?}", proofs[0]);
        assert!(!is_whole(&bytes, &known(&["wrong"], &[])));
        assert!(!is_whole(&bytes, &Known::default()));
        assert!(!bytes.windows(7).any(|window| window == b"content"));
    }
}

#[test]
fn each_key_opens_it_alone() {
    let (first, second) = (somebody(|builder| builder), somebody(|builder| builder));
    for format in [Format::SeipdV1, Format::SeipdV2] {
        // Both certificates in one file, and the first once more in another.
        let mut seal =
            by_certificates(Compression::Zstd(3), format, vec![[&first.0[..], &second.0].concat(), first.0.clone()]);
        let lock = seal.lock.as_mut().unwrap();
        lock.passphrases = vec![Secret::new(b"one".into()), Secret::new("zw\u{f6}lf \u{2713}".into())];
        let (plain, mut ways) = (noise(50_000), vec![]);
        let bytes = sealed(&seal, &plain, 50_000);
        for unlock in [
            known(&["one"], &[]),
            known(&["zw\u{f6}lf \u{2713}"], &[]),
            known(&[], std::slice::from_ref(&first.1)),
            known(&[], std::slice::from_ref(&second.1)),
        ] {
            let proofs = assert_whole(&bytes, &unlock, &plain, "one of four");
            let found = proofs.iter().flat_map(|proof| &proof.details).find(|(name, _)| *name == "session-keys");
            ways.push(found.unwrap().1.clone());
        }
        // Each was found among all four.
        let [recipient, passphrase] =
            if format == Format::SeipdV1 { ["PKESK v3", "SKESK v4"] } else { ["PKESK v6", "SKESK v6"] };
        assert_eq!(ways, vec![[recipient, recipient, passphrase, passphrase].join(", "); 4]);
    }
}

/// RFC 9580, section 4.2.1.4: the first partial length is 512 or more, and the last length is no partial one.
#[test]
fn parts_are_as_long_as_readers_want_them() {
    let (public, _) = somebody(|builder| builder);
    for format in [Format::SeipdV1, Format::SeipdV2] {
        for (size, cut) in [(0, 1), (100, 100), (600, 1), (12_000_000, 512), (12_000_000, 5_000_000)] {
            let bytes = sealed(&by_certificates(Compression::None, format, vec![public.clone()]), &noise(size), cut);
            let (mut at, mut packets) = (0, Vec::new());
            while at < bytes.len() {
                let tag = bytes[at] & 0x3f;
                assert_eq!(bytes[at] & 0xc0, 0xc0, "a new-style header");
                at += 1;
                let mut parts = Vec::new();
                loop {
                    let first = usize::from(bytes[at]);
                    let (header, length) = match first {
                        0..192 => (1, first),
                        192..224 => (2, ((first - 192) << 8) + usize::from(bytes[at + 1]) + 192),
                        255 => (5, u32::from_be_bytes(bytes[at + 1..at + 5].try_into().unwrap()) as usize),
                        partial => (1, 1 << (partial & 0x1f)),
                    };
                    at += header + length;
                    parts.push(length);
                    if !(224..255).contains(&first) {
                        break;
                    }
                }
                packets.push((tag, parts));
            }
            assert_eq!(at, bytes.len());
            let tags: Vec<u8> = packets.iter().map(|packet| packet.0).collect();
            assert_eq!(tags, [1, 18]);
            let (_, partial) = packets[1].1.split_last().unwrap();
            assert_eq!(partial.len() >= 2, size > 9_000_000, "{partial:?}");
            // Far more than readers ask for, so that a part is a system call and not a loop.
            assert!(partial.iter().all(|length| *length >= 1 << 18), "{partial:?}");
        }
    }
}

#[test]
fn what_is_sealed_passes_as_a_backup_does() {
    let path = corpus().join("good/dtr-2.9.4-metadata.tar");
    let plain = std::fs::read(&path).unwrap();
    for compression in COMPRESSIONS {
        for lock in [false, true] {
            let mut seal = by_passphrase(compression, Format::SeipdV1);
            seal.lock = seal
                .lock
                .filter(|_| lock)
                .map(|lock| Lock { passphrases: vec![Secret::new(crate::build::passphrase())], ..lock });
            let bytes = sealed(&seal, &plain, 10_240);
            let name = format!("dtr-2.9.4-metadata.{}", seal.extension());
            let outcome = verify_source(&name, whole(&bytes), 2);
            assert_eq!(outcome.verdict, Verdict::Pass, "{name}: {:?}", outcome.findings);
            // Half of it is no backup, wherever it came from.
            let outcome = verify_source(&name, whole(&bytes[..bytes.len() / 2]), 2);
            assert_eq!(outcome.verdict, Verdict::Fail, "{name}: {:?}", outcome.findings);
        }
    }
}

/// Our reader notes a name that does not say what the content is.
#[test]
fn the_extension_says_what_is_in_it() {
    let (public, _) = somebody(|builder| builder);
    let folder = tempfile::tempdir().unwrap();
    let plain = std::fs::read(corpus().join("good/dtr-2.9.4-metadata.tar")).unwrap();
    for compression in COMPRESSIONS {
        for lock in [None, by_certificates(compression, Format::SeipdV1, vec![public.clone()]).lock] {
            let seal = Seal { compression, lock };
            let bytes = sealed(&seal, &plain, 65_536);
            let says = |extension: &str| {
                let path = folder.path().join(format!("backup.{extension}"));
                std::fs::write(&path, &bytes).unwrap();
                let outcome = crate::support::verify_file(&path, 1);
                outcome.findings.iter().any(|finding| finding.code.id == "wrapper/suffix")
            };
            assert_eq!((says(seal.extension()), says("tar.xz")), (false, true), "{seal:?}");
        }
    }
}

#[test]
fn what_cannot_be_sealed_is_said_before_a_byte_is_written() {
    let lock = |passphrases: &[&str]| {
        let passphrases = passphrases.iter().map(|text| Secret::new((*text).into())).collect();
        Some(Lock { passphrases, ..Lock::default() })
    };
    let many: Vec<String> = (0..65).map(|number| format!("number {number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let cases = [
        (
            Seal { compression: Compression::Gzip(10), lock: None },
            "gzip has no compression level 10: give one from 0 to 9",
        ),
        (Seal { compression: Compression::Zstd(23), lock: None }, "level 23: give one from -131072 to 22"),
        (Seal { compression: Compression::Zstd(i32::MIN), lock: None }, "give one from -131072 to 22"),
        (Seal { compression: Compression::None, lock: lock(&[]) }, "give a passphrase or a certificate"),
        (Seal { compression: Compression::None, lock: lock(&["fine", ""]) }, "a passphrase is empty"),
        (Seal { compression: Compression::None, lock: lock(&["first\nsecond"]) }, "give one line"),
        (Seal { compression: Compression::None, lock: lock(&["first\r"]) }, "give one line"),
        (Seal { compression: Compression::None, lock: lock(&["first\0"]) }, "give one line"),
        (Seal { compression: Compression::None, lock: lock(&many) }, "65 passphrases and keys"),
    ];
    for (seal, said) in cases {
        let below = Shared::default();
        let trouble = seal.start(below.clone()).unwrap_err();
        assert!(trouble.to_string().contains(said), "{trouble}");
        assert!(!format!("{trouble} {trouble:?}").contains("first"), "{trouble:?}");
        assert_eq!(seal.check().unwrap_err().to_string(), trouble.to_string());
        assert_eq!(below.bytes(), b"");
    }
    assert!(by_passphrase(Compression::Gzip(9), Format::SeipdV1).check().is_ok());
    assert!(matches!(Seal { compression: Compression::Gzip(11), lock: None }.check(), Err(Trouble::Level { .. })));
}

#[test]
fn no_passphrase_is_shown() {
    for format in [Format::SeipdV1, Format::SeipdV2] {
        for compression in COMPRESSIONS {
            let seal = by_passphrase(compression, format);
            let below = Shared::default();
            let mut sealer = seal.start(below.clone()).unwrap();
            sealer.write_all(b"content").unwrap();
            let shown = format!("{seal:?} {seal:#?} {sealer:?} {sealer:#?}");
            let bytes: Vec<String> = PASSPHRASE.bytes().map(|byte| byte.to_string()).collect();
            for secret in [PASSPHRASE, "porcelain", &bytes.join(", ")] {
                assert!(!shown.contains(secret), "{shown}");
            }
            sealer.finish().unwrap();
            assert!(!below.bytes().windows(4).any(|window| window == &PASSPHRASE.as_bytes()[..4]));
        }
    }
}

/// Pushing what a writer holds back would make the archive larger, and another one each time.
#[test]
fn a_flush_changes_nothing_but_reaches_the_writer() {
    struct Flushed(Vec<u8>, usize);
    impl Write for Flushed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            self.1 += 1;
            Ok(())
        }
    }
    let plain = noise(100_000);
    for compression in COMPRESSIONS {
        let seal = Seal { compression, lock: None };
        let mut sealer = seal.start(Flushed(Vec::new(), 0)).unwrap();
        for piece in plain.chunks(1_000) {
            sealer.write_all(piece).unwrap();
            sealer.flush().unwrap();
        }
        let Flushed(bytes, flushes) = sealer.finish().unwrap();
        assert_eq!((bytes == sealed(&seal, &plain, 1_000), flushes), (true, 101), "{seal:?}");
    }
}
