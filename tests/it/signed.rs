//! Signatures around the content, checked against certificates.

use std::time::{Duration, SystemTime};

use sequoia_openpgp::Cert;
use sequoia_openpgp::Packet;
use sequoia_openpgp::cert::{CertBuilder, CipherSuite};
use sequoia_openpgp::crypto::KeyPair;
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::packet::{Literal, Signature};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::stream::{Encryptor, LiteralWriter, Message, Signer};
use sequoia_openpgp::serialize::{Serialize as _, SerializeInto as _};
use sequoia_openpgp::types::{DataFormat, HashAlgorithm, ReasonForRevocation, SignatureType};
use veritar::envelope::{Integrity, Trust};
use veritar::finding::Severity;
use veritar::limits::Limits;
use veritar::secret::Known;
use veritar::source::{MemorySource, SplitSource};

use crate::openpgp::{Gpg, Read, assert_whole, bytes, corpora, known, noise, read, read_trusting, secret};

/// Reads, expecting signatures by `certificates`.
fn read_expecting(message: &[u8], unlock: &Known, certificates: &[Vec<u8>]) -> Read {
    let trust = Trust { certificates: certificates.into(), ..Trust::default() };
    let limits = Limits::default();
    let whole = read_trusting(MemorySource::new(message.to_vec()), &mut unlock.clone(), &limits, &trust);
    for sizes in [&[1][..], &[7, 1, 511]] {
        let split = read_trusting(SplitSource::split(message.to_vec(), sizes), &mut unlock.clone(), &limits, &trust);
        assert_eq!(whole, split);
    }
    whole
}

/// The codes about signatures, with their severity.
fn signatures(read: &Read) -> Vec<(&'static str, Severity)> {
    let findings = read.proof.findings.iter().map(|finding| (finding.code.id, finding.severity));
    findings.filter(|(id, _)| id.contains("sign")).collect()
}

fn told(read: &Read, id: &str) -> String {
    let told = told_or_nothing(read, id);
    assert!(!told.is_empty(), "no {id}: {:?}", read.proof);
    told
}

fn told_or_nothing(read: &Read, id: &str) -> String {
    let finding = read.proof.findings.iter().find(|finding| finding.code.id == id);
    finding.map(|finding| finding.message.clone()).unwrap_or_default()
}

const GOOD: (&str, Severity) = ("openpgp/signature-good", Severity::Info);
const BAD: (&str, Severity) = ("openpgp/signature-bad", Severity::Error);
const DOUBTFUL: (&str, Severity) = ("openpgp/signature-doubtful", Severity::Error);
const UNKNOWN: (&str, Severity) = ("openpgp/signature-unknown", Severity::Warning);
const UNCHECKED: (&str, Severity) = ("openpgp/signature", Severity::Warning);

fn ago(days: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(days * 86_400)
}

pub fn cert(user: &str) -> CertBuilder<'_> {
    CertBuilder::general_purpose(Some(user)).set_creation_time(ago(100))
}

pub fn made(builder: CertBuilder<'_>) -> Cert {
    builder.generate().unwrap().0
}

pub fn public(cert: &Cert) -> Vec<u8> {
    cert.to_vec().unwrap()
}

fn signing_key(cert: &Cert) -> KeyPair {
    let policy = StandardPolicy::new();
    let valid = cert.keys().unencrypted_secret().with_policy(&policy, ago(50)).for_signing().next().unwrap();
    valid.key().clone().into_keypair().unwrap()
}

/// A signed message; in a passphrase's SEIPD where `sealed`.
pub fn message(content: &[u8], cert: &Cert, sealed: bool, change: impl FnOnce(Signer<'_>) -> Signer<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    let mut writer = Message::new(&mut message);
    if sealed {
        writer = Encryptor::with_passwords(writer, Some("secret")).build().unwrap();
    }
    let signer = Signer::new(writer, signing_key(cert)).unwrap().creation_time(ago(50));
    let writer = change(signer).build().unwrap();
    let mut writer = LiteralWriter::new(writer).build().unwrap();
    std::io::Write::write_all(&mut writer, content).unwrap();
    writer.finalize().unwrap();
    message
}

#[test]
fn a_signature_is_good_bad_or_by_somebody_else() {
    let (alice, bob) = (made(cert("Alice \u{1b}[2J <alice@example.org>")), made(cert("Bob")));
    let plain = noise(3_000);
    for sealed in [false, true] {
        let signed = message(&plain, &alice, sealed, |signer| signer);
        // Without a certificate nothing is claimed.
        let unchecked = read(&signed, &secret());
        assert_eq!(signatures(&unchecked), [("openpgp/signature", Severity::Info)]);
        let good = read_expecting(&signed, &secret(), &[public(&bob), public(&alice)]);
        assert_whole(&good, &plain, "good");
        assert_eq!(signatures(&good), [GOOD], "{:?}", good.proof);
        let text = told(&good, GOOD.0);
        assert!(text.contains(&alice.fingerprint().to_hex()), "{text}");
        assert!(text.contains("Alice \\u{1b}[2J <alice@example.org>"), "{text}");
        // That it is signed does not make it encrypted, nor the reverse.
        assert_eq!(good.proof.integrity, if sealed { Integrity::Verified } else { Integrity::Absent });
        let other = read_expecting(&signed, &secret(), &[public(&bob)]);
        assert_eq!(signatures(&other), [UNKNOWN], "{:?}", other.proof);
        assert_eq!(other.errors(), [""; 0]);
        assert!(good.detail("signers").is_some());
    }
    // A changed content, where nothing else notices.
    let mut changed = message(&plain, &alice, false, |signer| signer);
    let at = changed.windows(8).position(|window| *window == plain[..8]).unwrap();
    changed[at + 5] ^= 1;
    let bad = read_expecting(&changed, &secret(), &[public(&alice)]);
    assert_eq!(signatures(&bad), [BAD], "{:?}", bad.proof);
    assert!(told(&bad, BAD.0).contains("not over this content"));
    // None at all.
    let unsigned = bytes_of_literal(&plain);
    let none = read_expecting(&unsigned, &secret(), &[public(&alice)]);
    assert_eq!(signatures(&none), [("openpgp/unsigned", Severity::Warning)]);
    assert_eq!(read(&unsigned, &secret()).codes(), [""; 0]);
}

fn bytes_of_literal(content: &[u8]) -> Vec<u8> {
    crate::build::sealed::literal(content)
}

#[test]
fn several_signatures_are_judged_each_by_itself() {
    let (alice, bob) = (made(cert("Alice")), made(cert("Bob")));
    let plain = noise(1_000);
    let signed = message(&plain, &alice, false, |signer| signer.add_signer(signing_key(&bob)).unwrap());
    let both = read_expecting(&signed, &secret(), &[public(&alice), public(&bob)]);
    assert_eq!(signatures(&both), [GOOD, GOOD], "{:?}", both.proof);
    let one = read_expecting(&signed, &secret(), &[public(&bob)]);
    let mut told = signatures(&one);
    told.sort_unstable();
    assert_eq!(told, [GOOD, UNKNOWN], "{:?}", one.proof);
}

#[test]
fn a_key_that_was_expired_or_revoked_is_not_relied_on() {
    let plain = b"content";
    let expired = made(cert("Expired").set_validity_period(Duration::from_secs(60 * 86_400)));
    let at = |days: u64| message(plain, &expired, false, |signer| signer.creation_time(ago(days)));
    let judged = |message: &[u8], cert: &Cert| read_expecting(message, &secret(), &[public(cert)]);
    assert_eq!(signatures(&judged(&at(50), &expired)), [GOOD], "it was alive then");
    let late = judged(&at(10), &expired);
    assert_eq!(signatures(&late), [DOUBTFUL], "{:?}", late.proof);
    assert!(told(&late, DOUBTFUL.0).contains("Expired on"), "{:?}", late.proof);
    // Retired 30 days ago: what was signed before stands. Compromised: nothing does.
    for (reason, before, after) in
        [(ReasonForRevocation::KeyRetired, GOOD, DOUBTFUL), (ReasonForRevocation::KeyCompromised, DOUBTFUL, DOUBTFUL)]
    {
        let alive = made(cert("Revoked"));
        let mut primary = alive.primary_key().key().clone().parts_into_secret().unwrap().into_keypair().unwrap();
        let revocation = sequoia_openpgp::cert::CertRevocationBuilder::new()
            .set_signature_creation_time(ago(30))
            .unwrap()
            .set_reason_for_revocation(reason, b"")
            .unwrap()
            .build(&mut primary, &alive, None)
            .unwrap();
        let early = message(plain, &alive, false, |signer| signer);
        let late = message(plain, &alive, false, |signer| signer.creation_time(ago(10)));
        let revoked = alive.insert_packets(Packet::from(revocation)).unwrap().0;
        assert_eq!(signatures(&judged(&early, &revoked)), [before], "{reason}");
        assert_eq!(signatures(&judged(&late, &revoked)), [after], "{reason}");
    }
}

#[test]
fn a_weak_hash_is_not_relied_on() {
    let alice = made(cert("Alice"));
    let signed = message(b"content", &alice, false, |signer| signer.hash_algo(HashAlgorithm::SHA1).unwrap());
    let weak = read_expecting(&signed, &secret(), &[public(&alice)]);
    assert_eq!(signatures(&weak), [DOUBTFUL], "{:?}", weak.proof);
}

/// A signature by `cert` over `content`, by itself.
fn signature(cert: &Cert, kind: SignatureType, content: &[u8]) -> Signature {
    let mut builder = SignatureBuilder::new(kind);
    builder = builder.set_signature_creation_time(ago(50)).unwrap();
    builder.sign_message(&mut signing_key(cert), content).unwrap()
}

#[test]
fn old_style_and_text_signatures_are_checked() {
    let alice = made(cert("Alice"));
    let content = b"one\ntwo\r\nthree\n\n";
    let old = |signature: Signature, content: &[u8]| {
        let mut message = Vec::new();
        Packet::from(signature).serialize(&mut message).unwrap();
        let mut literal = Literal::new(DataFormat::Binary);
        literal.set_body(content.to_vec());
        Packet::from(literal).serialize(&mut message).unwrap();
        message
    };
    let judged = |message: &[u8]| signatures(&read_expecting(message, &secret(), &[public(&alice)]));
    let binary = signature(&alice, SignatureType::Binary, content);
    assert_eq!(judged(&old(binary.clone(), content)), [GOOD]);
    assert_eq!(judged(&old(binary, b"one\r\ntwo\r\nthree\r\n\r\n")), [BAD]);
    // A text signature is over lines that end in CR LF, however they end.
    let text = signature(&alice, SignatureType::Text, b"one\r\ntwo\r\nthree\r\n\r\n");
    for same in [&content[..], b"one\r\ntwo\r\nthree\r\n\r\n", b"one\ntwo\nthree\n\n"] {
        assert_eq!(judged(&old(text.clone(), same)), [GOOD], "{same:?}");
    }
    assert_eq!(judged(&old(text, b"one\ntwo\nthree\n")), [BAD]);
    // A signature over something else than content says nothing about it.
    let builder = SignatureBuilder::new(SignatureType::Standalone).set_signature_creation_time(ago(50)).unwrap();
    let other = builder.sign_standalone(&mut signing_key(&alice)).unwrap();
    assert_eq!(judged(&old(other, content)), [UNCHECKED]);
}

#[test]
fn newer_signatures_are_checked_too() {
    let alice = made(cert("Alice").set_profile(sequoia_openpgp::Profile::RFC9580).unwrap());
    let plain = noise(2_000);
    let signed = message(&plain, &alice, false, |signer| signer);
    assert_eq!(signatures(&read_expecting(&signed, &secret(), &[public(&alice)])), [GOOD]);
    for suite in [CipherSuite::RSA2k, CipherSuite::P256] {
        let bob = made(cert("Bob").set_cipher_suite(suite));
        let signed = message(&plain, &bob, true, |signer| signer);
        assert_eq!(signatures(&read_expecting(&signed, &secret(), &[public(&bob)])), [GOOD], "{suite:?}");
    }
}

#[test]
fn too_many_signatures_are_not_checked() {
    let alice = made(cert("Alice"));
    let plain = noise(100);
    let signed = message(&plain, &alice, false, |signer| {
        (0..16).fold(signer, |signer, _| signer.add_signer(signing_key(&alice)).unwrap())
    });
    let read = read_expecting(&signed, &secret(), &[public(&alice)]);
    assert_eq!(signatures(&read), [UNCHECKED], "{:?}", read.proof);
}

#[test]
fn nothing_is_said_of_signatures_in_a_message_that_fails() {
    let alice = made(cert("Alice"));
    let mut signed = message(&noise(500), &alice, true, |signer| signer);
    *signed.last_mut().unwrap() ^= 1;
    let read = read_expecting(&signed, &secret(), &[public(&alice)]);
    assert_eq!(read.errors(), ["openpgp/integrity"]);
    assert_eq!((signatures(&read), read.detail("signers")), (vec![], None));
}

#[test]
fn signatures_that_others_made_are_good() {
    let Some(folder) = corpora() else { return };
    let gpg = folder.join("gpg-2.2.40");
    let certificates = [bytes(&gpg.join("public-keys.asc"))];
    let keys = known(&["secret"], &[bytes(&gpg.join("secret-keys.asc"))]);
    for name in ["pk-A-signed.gpg", "signed-only.gpg"] {
        let read = read_expecting(&bytes(&gpg.join(name)), &keys, &certificates);
        assert_eq!(signatures(&read), [GOOD], "{name}: {:?}", read.proof);
    }
    let mut seen = 0;
    for name in ["v1.json", "v2.json"] {
        let vectors = bytes(&folder.join("go-crypto").join(name));
        let vectors: serde_json::Value = serde_json::from_slice(&vectors).unwrap();
        for vector in vectors.as_array().unwrap() {
            let text = |field: &str| vector[field].as_str().unwrap_or("").to_owned();
            let unlock = known(&[&text("password")], &[text("privateKey").into_bytes()]);
            let certificate = text("publicKey").into_bytes();
            let read = read_expecting(text("encryptedSignedMessage").as_bytes(), &unlock, &[certificate]);
            if read.content.is_some() {
                // Keys of 1,024 bits can be broken: the signature matches all the same.
                let weak = told_or_nothing(&read, DOUBTFUL.0).contains("RSA1024");
                assert_eq!(
                    signatures(&read),
                    [if weak { DOUBTFUL } else { GOOD }],
                    "{name} {}: {:?}",
                    text("name"),
                    read.proof
                );
                seen += usize::from(!weak);
            }
        }
    }
    assert!(seen >= 4, "{seen}");
}

#[test]
fn text_mode_of_gpg_is_good() {
    let Some(gpg) = Gpg::start() else { return };
    gpg.run(&["--quick-generate-key", "somebody@example.org", "ed25519", "default", "never"]);
    let certificate = gpg.run(&["--export", "somebody@example.org"]);
    for arguments in [&["--sign", "--textmode"][..], &["--sign"], &["--sign", "--armor"]] {
        let message = gpg.on(b"one\ntwo\nthree", arguments);
        let read = read_expecting(&message, &secret(), std::slice::from_ref(&certificate));
        assert_eq!(signatures(&read), [GOOD], "{arguments:?}: {:?}", read.proof);
    }
}

#[test]
fn nothing_secret_is_kept_of_a_certificate_file() {
    let alice = made(cert("Alice"));
    let kept = veritar::envelope::openpgp::public_certificates(&alice.as_tsk().to_vec().unwrap());
    let again = <Cert as sequoia_openpgp::parse::Parse<Cert>>::from_bytes(&kept).unwrap();
    assert!(!again.is_tsk());
    assert_eq!(again.fingerprint(), alice.fingerprint());
    assert!(veritar::envelope::openpgp::public_certificates(b"no certificate").is_empty());
    let trust = Trust { certificates: [kept].into(), ..Trust::default() };
    assert_eq!(format!("{trust:?}"), "Trust { allow_unauthenticated: false, 1 certificate files }");
}
