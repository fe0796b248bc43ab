//! Certificates that nothing can be encrypted to: refused, with the reason.

use std::time::{Duration, SystemTime};

use sequoia_openpgp::cert::{CertBuilder, CertRevocationBuilder, CipherSuite};
use sequoia_openpgp::packet::Packet;
use sequoia_openpgp::parse::Parse as _;
use sequoia_openpgp::serialize::MarshalInto as _;
use sequoia_openpgp::types::{KeyFlags, ReasonForRevocation};
use sequoia_openpgp::{Cert, Profile};
use veritar::produce::seal::{Compression, Format, Trouble, Unfit};

use super::{Shared, assert_whole, by_certificates, sealed, somebody};
use crate::openpgp::{Gpg, known, noise};

/// What is wrong with a certificate, and that nothing was written to find out.
fn unfit(file: Vec<u8>, format: Format) -> (Unfit, String) {
    let below = Shared::default();
    let trouble = by_certificates(Compression::None, format, vec![file]).start(below.clone()).unwrap_err();
    assert_eq!(below.bytes(), b"");
    let said = trouble.to_string();
    assert!(said.starts_with("cannot encrypt to backup.pgp: "), "{said}");
    let Trouble::Certificate { why, .. } = trouble else { panic!("{said}") };
    (why, said)
}

fn fingerprint(file: &[u8]) -> String {
    Cert::from_bytes(file).unwrap().fingerprint().to_string()
}

#[test]
fn what_is_no_certificate_is_refused() {
    let (public, _) = somebody(|builder| builder);
    let armored = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n";
    let message = sealed(&by_certificates(Compression::None, Format::SeipdV1, vec![public.clone()]), b"content", 7);
    for file in [&b""[..], b"no certificate", armored.as_bytes(), &message, &public[..public.len() - 30]] {
        let (why, said) = unfit(file.to_vec(), Format::SeipdV1);
        // A certificate cut in its last subkey is read without it.
        let cut = matches!(why, Unfit::NoEncryptionKey { .. });
        assert!(matches!(why, Unfit::Unreadable(_)) || (cut && file.len() > 200), "{said}");
    }
}

#[test]
fn one_bad_certificate_among_good_ones_is_refused_by_name() {
    let (good, _) = somebody(|builder| builder);
    let past = SystemTime::now() - Duration::from_secs(1_000_000);
    let (bad, _) = somebody(|builder| builder.set_creation_time(past).set_validity_period(Duration::from_secs(1_000)));
    let (why, said) = unfit([&good[..], &bad].concat(), Format::SeipdV1);
    assert!(matches!(why, Unfit::Expired { .. }), "{said}");
    assert!(said.contains(&fingerprint(&bad)) && said.contains("(Backup <backup@example.org>)"), "{said}");
    assert!(!said.contains(&fingerprint(&good)), "{said}");
}

#[test]
fn a_certificate_of_tomorrow_is_refused() {
    let future = SystemTime::now() + Duration::from_secs(1_000_000);
    let (file, _) = somebody(|builder| builder.set_creation_time(future));
    let (why, said) = unfit(file, Format::SeipdV1);
    assert!(matches!(why, Unfit::Invalid { .. } | Unfit::Expired { .. }), "{said}");
}

#[test]
fn a_revoked_certificate_is_refused_with_its_reason() {
    for (code, word) in
        [(ReasonForRevocation::KeyCompromised, "compromised"), (ReasonForRevocation::KeyRetired, "retired")]
    {
        let (cert, _) = CertBuilder::general_purpose(Some("Backup <backup@example.org>")).generate().unwrap();
        let mut signer = cert.primary_key().key().clone().parts_into_secret().unwrap().into_keypair().unwrap();
        let signature = CertRevocationBuilder::new()
            .set_reason_for_revocation(code, b"lost \x1b[31mon a train")
            .unwrap()
            .build(&mut signer, &cert, None)
            .unwrap();
        let (cert, _) = cert.insert_packets(Packet::from(signature)).unwrap();
        let (why, said) = unfit(cert.to_vec().unwrap(), Format::SeipdV1);
        assert!(matches!(why, Unfit::Revoked { .. }), "{said}");
        assert!(said.contains(word) && said.contains("on a train") && !said.contains('\x1b'), "{said}");
    }
}

#[test]
fn a_certificate_without_a_key_for_encryption_is_refused() {
    let (cert, _) = CertBuilder::new().add_userid("Signer").add_signing_subkey().generate().unwrap();
    let (why, said) = unfit(cert.to_vec().unwrap(), Format::SeipdV1);
    assert!(matches!(&why, Unfit::NoEncryptionKey { passed_over, .. } if passed_over.is_empty()), "{said}");
    // There is one, which expired while the certificate did not.
    let flags = KeyFlags::empty().set_storage_encryption();
    let past = SystemTime::now() - Duration::from_secs(1_000_000);
    let (cert, _) = CertBuilder::new()
        .set_creation_time(past)
        .add_subkey(flags, Duration::from_secs(1_000), None)
        .generate()
        .unwrap();
    let subkey = cert.keys().subkeys().next().unwrap().key().keyid().to_string();
    let (why, said) = unfit(cert.to_vec().unwrap(), Format::SeipdV1);
    assert!(matches!(&why, Unfit::NoEncryptionKey { passed_over, .. } if passed_over.len() == 1), "{said}");
    assert!(said.contains(&subkey) && said.to_lowercase().contains("expired"), "{said}");
}

#[test]
fn certificates_that_gpg_revoked_or_let_expire_are_refused() {
    let Some(gpg) = Gpg::start() else { return };
    let export = |user: &str| gpg.run(&["--export", "--armor", user]);
    gpg.run(&[
        "--faked-system-time",
        "20230101T000000",
        "--quick-generate-key",
        "old@example.org",
        "rsa2048",
        "sign,encr",
        "1d",
    ]);
    let (why, said) = unfit(export("old@example.org"), Format::SeipdV1);
    assert!(matches!(why, Unfit::Expired { .. }), "{said}");
    gpg.run(&["--quick-generate-key", "gone@example.org", "ed25519", "sign", "never"]);
    let print = gpg.fingerprint("gone@example.org");
    gpg.run(&["--quick-add-key", &print, "cv25519", "encr", "never"]);
    // gpg writes a revocation beside each key it makes, with a colon that keeps it from being used by mistake.
    let path = gpg.home.path().join("openpgp-revocs.d").join(format!("{print}.rev"));
    let revocation = std::fs::read_to_string(&path).unwrap().replace(":-----BEGIN", "-----BEGIN");
    std::fs::write(&path, revocation).unwrap();
    gpg.run(&["--import", path.to_str().unwrap()]);
    let (why, said) = unfit(export("gone@example.org"), Format::SeipdV1);
    assert!(matches!(why, Unfit::Revoked { .. }), "{said}");
    assert!(said.contains(&print), "{said}");
    gpg.run(&["--quick-generate-key", "signer@example.org", "ed25519", "sign", "never"]);
    let (why, said) = unfit(export("signer@example.org"), Format::SeipdV1);
    assert!(matches!(why, Unfit::NoEncryptionKey { .. }), "{said}");
}

/// RFC 9580, section 5.13: version 2 only for who says that he reads it; version 1 for everybody, whatever else he reads.
#[test]
fn the_format_is_the_one_asked_for() {
    let suites = [CipherSuite::Cv25519, CipherSuite::RSA3k, CipherSuite::P256];
    for (profile, suite) in
        [Profile::RFC4880, Profile::RFC9580].into_iter().flat_map(|profile| suites.map(|suite| (profile, suite)))
    {
        let (public, secret) = somebody(|builder| builder.set_profile(profile).unwrap().set_cipher_suite(suite));
        let plain = noise(1_000);
        for (format, packet) in [(Format::SeipdV1, "SEIPD v1"), (Format::SeipdV2, "SEIPD v2")] {
            let bytes = sealed(&by_certificates(Compression::None, format, vec![public.clone()]), &plain, 100);
            let proofs = assert_whole(&bytes, &known(&[], std::slice::from_ref(&secret)), &plain, packet);
            let said = proofs[0].details.iter().any(|(name, value)| *name == "packet" && value.starts_with(packet));
            assert!(said, "{profile:?} {suite:?}: {:?}", proofs[0]);
        }
    }
    let Some(gpg) = Gpg::start() else { return };
    gpg.run(&["--quick-generate-key", "somebody@example.org", "rsa2048", "sign,encr", "never"]);
    let (why, said) = unfit(gpg.run(&["--export"]), Format::SeipdV2);
    assert!(matches!(why, Unfit::NoSeipdV2 { .. }), "{said}");
}
