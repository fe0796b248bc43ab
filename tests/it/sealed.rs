//! OpenPGP content in every way it is encrypted: in sealed chunks, with a check value, with nothing.

use sequoia_openpgp::crypto::{Password, S2K, SessionKey};
use sequoia_openpgp::packet::SKESK;
use sequoia_openpgp::packet::skesk::SKESK4;
use sequoia_openpgp::serialize::Serialize as _;
use sequoia_openpgp::serialize::stream::{Encryptor, LiteralWriter, Message};
use sequoia_openpgp::types::{AEADAlgorithm, SymmetricAlgorithm};
use veritar::code;
use veritar::envelope::{Integrity, Trust};
use veritar::finding::Severity;
use veritar::limits::Limits;
use veritar::secret::Known;
use veritar::source::{MemorySource, SplitSource};

use crate::build::sealed::{Form, Sealed, bare, literal, openpgp_cfb, packet};
use crate::openpgp::{Gpg, Read, assert_whole, bytes, corpora, known, noise, read, read_from, read_trusting, secret};

/// Reads although nothing authenticates the content.
fn read_anyway(message: &[u8], unlock: &Known) -> Read {
    let trust = Trust { allow_unauthenticated: true, ..Trust::default() };
    let limits = Limits::default();
    let whole = read_trusting(MemorySource::new(message.to_vec()), &mut unlock.clone(), &limits, &trust);
    let split = read_trusting(SplitSource::split(message.to_vec(), &[7, 1, 511]), &mut unlock.clone(), &limits, &trust);
    assert_eq!(whole, split);
    whole
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// RFC 4880bis, appendix A.10 and A.11: "Hello, world!" in packet 20, passphrase "password".
const EAX: &str = "c33e0507010308cd5a9f70fbe0bc6590bc669e34e500dcaedc5b32aa2dab02359dee19d07c3446c4312a34ae1967a2fb\
     7e928ea5b4fa8012bd456d1738c63c36d44a0107010eb732379f73c4928de25facfe6517ec105dc11a81dc0cb8a2f6f3\
     d90016384a56fc821ae11ae8dbcb49862655dea88d06a81486801b0ff387bd2eab013de1259586906eab2476";
const OCB: &str = "c33d05070203089f0b7da3e5ea64779099e326e5400a90936cefb4e8eba08c6773716d1f2714540a38fcac529949dac5\
     29d3de31e15b4aeb729e330033dbedd4490107020e5ed2bc1e470abe8f1d644c7a6c8a567b0f7701196611a154ba9c25\
     74cd056284a8ef68035c623d93cc708a43211bb6eaf2b27f7c18d571bcd83b20add3a08b73af15b9a098";

#[test]
fn published_messages_in_chunks_are_read() {
    for (message, mode) in [(EAX, "EAX"), (OCB, "OCB")] {
        let read = read(&hex(message), &known(&["password"], &[]));
        assert_whole(&read, b"Hello, world!\n", mode);
        assert_eq!(read.proof.integrity, Integrity::Verified);
        assert_eq!(read.detail("aead"), Some(&*format!("{mode}, chunks of 1048576 bytes")));
        assert_eq!(read.detail("session-keys"), Some("SKESK v5"));
        assert_eq!(read.detail("cipher"), Some("AES-128"));
    }
    let Some(folder) = corpora().map(|folder| folder.join("sequoia/crypto-refresh")) else { return };
    for mode in ["eax", "ocb", "gcm"] {
        let read = read(&bytes(&folder.join(format!("v6skesk-aes128-{mode}.pgp"))), &known(&["password"], &[]));
        assert_whole(&read, b"Hello, world!", mode);
        assert_eq!(read.proof.integrity, Integrity::Verified);
        assert_eq!(read.detail("aead"), Some(&*format!("{}, chunks of 4096 bytes", mode.to_uppercase())));
        assert_eq!((read.detail("packet"), read.detail("session-keys")), (Some("SEIPD v2"), Some("SKESK v6")));
    }
}

fn sealed(form: Form, mode: u8, exponent: u8) -> Sealed<'static> {
    Sealed { passphrase: b"secret", form, mode, cipher: 9, exponent }
}

#[test]
fn chunks_of_every_form_mode_and_size_are_read() {
    for form in [Form::Seipd2, Form::Packet20] {
        for mode in [1, 2, 3] {
            for exponent in [0, 3, 13] {
                let chunk = 64 << exponent;
                // The literal's header has 12 bytes.
                for size in [0, 1, chunk - 13, chunk - 12, chunk - 11, 2 * chunk - 12, 3 * chunk + 5] {
                    if size > 600_000 && mode > 1 {
                        continue;
                    }
                    let plain = noise(size);
                    let message = sealed(form, mode, exponent).of(&literal(&plain));
                    let read = read(&message, &secret());
                    assert_whole(&read, &plain, &format!("{form:?}, mode {mode}, 2^{exponent}, {size} bytes"));
                    assert_eq!(read.proof.integrity, Integrity::Verified);
                }
            }
        }
        for cipher in [7, 9, 10, 11, 13] {
            let message = Sealed { cipher, ..sealed(form, 2, 0) }.of(&literal(b"content"));
            assert_whole(&read(&message, &secret()), b"content", &format!("{form:?}, cipher {cipher}"));
        }
    }
}

#[test]
fn a_changed_or_missing_byte_of_a_sealed_message_is_never_passed() {
    let limits = Limits::default();
    for form in [Form::Seipd2, Form::Packet20] {
        let message = sealed(form, 2, 0).of(&literal(&noise(200)));
        for at in 0..message.len() {
            for change in [1, 0x80, 0xff] {
                let mut damaged = message.clone();
                damaged[at] ^= change;
                let read = read_from(MemorySource::new(damaged), &mut secret(), &limits);
                assert!(!read.errors().is_empty(), "{form:?}, byte {at}: {:?}", read.proof);
                assert_ne!(read.proof.integrity, Integrity::Verified, "{form:?}, byte {at}: {:?}", read.proof);
            }
            let cut = message[..at].to_vec();
            let whole = read_from(MemorySource::new(cut.clone()), &mut secret(), &limits);
            let split = read_from(SplitSource::split(cut, &[1]), &mut secret(), &limits);
            assert_eq!(whole, split, "{form:?} cut at {at}");
            assert_eq!(whole.errors(), ["openpgp/truncated"], "{form:?} cut at {at}: {:?}", whole.proof);
            assert_ne!(whole.proof.integrity, Integrity::Verified);
        }
    }
}

/// The body of the sealed packet, put together anew, with a length that fits.
fn resealed(message: &[u8], form: Form, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let tag = if form == Form::Seipd2 { 18 } else { 20 };
    let skesk = 6 + usize::from(message[5]);
    assert_eq!(message[skesk], 0xC0 | tag);
    let mut body = message[skesk + 6..].to_vec();
    change(&mut body);
    [&message[..skesk], &packet(tag, &body)].concat()
}

type Change = Box<dyn FnOnce(&mut Vec<u8>)>;

#[test]
fn chunks_that_are_missing_moved_or_too_many_fail_alike() {
    for form in [Form::Seipd2, Form::Packet20] {
        // Four whole chunks of 64 bytes, each with its tag of 16.
        let message = sealed(form, 2, 0).of(&literal(&noise(4 * 64 - 12)));
        let head = if form == Form::Seipd2 { 4 + 32 } else { 4 + 15 };
        let changes: [(&str, Change); 6] = [
            ("the final tag is missing", Box::new(|body| body.truncate(body.len() - 16))),
            ("the last chunk is missing", Box::new(|body| drop(body.drain(body.len() - 96..body.len() - 16)))),
            ("the last chunk and the final tag are missing", Box::new(|body| body.truncate(body.len() - 96))),
            ("two chunks are exchanged", Box::new(move |body| body[head..head + 160].rotate_left(80))),
            (
                "a chunk stands twice",
                Box::new(move |body| body.splice(head..head, body[head..head + 80].to_vec()).for_each(drop)),
            ),
            ("something follows the final tag", Box::new(|body| body.extend_from_slice(&[0; 20]))),
        ];
        let mut told = Vec::new();
        for (name, change) in changes {
            let read = read(&resealed(&message, form, change), &secret());
            assert_eq!(read.errors(), ["openpgp/integrity"], "{name}: {:?}", read.proof);
            assert_eq!(read.proof.integrity, Integrity::Failed, "{name}");
            told.push((read.message_of_error(), read.proof.details));
        }
        assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    }
}

#[test]
fn what_stands_inside_a_message_that_fails_shows_in_nothing() {
    let tar = noise(700);
    let insides = [
        literal(&tar),
        packet(8, &[&[2][..], &[0xff; 700]].concat()),
        packet(8, &[&[9][..], &[0; 700]].concat()),
        packet(60, &[0; 700]),
        noise(712),
        [literal(b"a"), literal(&[0; 699])].concat(),
    ];
    for form in [Form::Seipd2, Form::Packet20] {
        let mut told = Vec::new();
        for packets in &insides {
            let packets = &packets[..700];
            let message = sealed(form, 1, 2).of(packets);
            let damaged = resealed(&message, form, |body| *body.last_mut().unwrap() ^= 1);
            let read = read(&damaged, &secret());
            assert_eq!(read.errors(), ["openpgp/integrity"], "{:?}", read.proof);
            told.push((read.proof.details.clone(), read.proof.findings.clone()));
        }
        assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    }
}

#[test]
fn a_wrong_passphrase_for_sealed_chunks_is_not_damage() {
    for form in [Form::Seipd2, Form::Packet20] {
        let message = sealed(form, 2, 0).of(&literal(b"content"));
        let wrong = read(&message, &known(&["wrong", ""], &[]));
        assert_eq!(wrong.errors(), ["openpgp/passphrase-wrong"], "{:?}", wrong.proof);
        assert_eq!(wrong.proof.integrity, Integrity::Unchecked);
        assert_eq!(read(&message, &Known::default()).errors(), ["openpgp/passphrase-missing"]);
        assert_whole(&read(&message, &known(&["wrong", "secret"], &[])), b"content", "the second one");
    }
}

#[test]
fn parameters_that_cannot_be_are_told_apart() {
    let message = sealed(Form::Seipd2, 2, 0).of(&literal(b"content"));
    let with = |form, at: usize, value: u8| {
        let message = sealed(form, 2, 0).of(&literal(b"content"));
        read(&resealed(&message, form, |body| body[at] = value), &secret())
    };
    let errors = |read: &Read| read.errors().join(" ");
    assert_eq!(errors(&with(Form::Seipd2, 1, 99)), "openpgp/unsupported");
    assert_eq!(errors(&with(Form::Seipd2, 2, 4)), "openpgp/unsupported");
    assert_eq!(errors(&with(Form::Seipd2, 0, 3)), "openpgp/unsupported");
    assert_eq!(errors(&with(Form::Seipd2, 3, 17)), "openpgp/malformed");
    assert_eq!(errors(&with(Form::Packet20, 3, 56)), "limit/reached");
    assert_eq!(errors(&with(Form::Packet20, 3, 255)), "limit/reached");
    // 64 MiB is the limit: at it, the message fails for what it is.
    assert_eq!(errors(&with(Form::Packet20, 3, 20)), "openpgp/integrity");
    assert_eq!(errors(&with(Form::Packet20, 3, 21)), "limit/reached");
    // A SKESK of version 4 does not belong to SEIPD v2, one of version 6 not to SEIPD v1.
    let skesk = 6 + usize::from(message[5]);
    let mixed = [&packet(3, &[4, 9, 0, 8]), &message[skesk..]].concat();
    assert_eq!(errors(&read(&mixed, &secret())), "openpgp/malformed");
    // Both together are fine: the one that does not belong is passed over.
    let both = [packet(3, &[4, 9, 0, 8]), message].concat();
    assert_whole(&read(&both, &secret()), b"content", "with a stray session-key packet");
}

/// A message by sequoia-openpgp, in SEIPD v2 where `mode` says so.
fn by_sequoia(content: &[u8], cipher: SymmetricAlgorithm, mode: Option<AEADAlgorithm>) -> Vec<u8> {
    let mut message = Vec::new();
    let mut encryptor = Encryptor::with_passwords(Message::new(&mut message), Some("secret")).symmetric_algo(cipher);
    if let Some(mode) = mode {
        encryptor = encryptor.aead_algo(mode);
    }
    let mut writer = LiteralWriter::new(encryptor.build().unwrap()).build().unwrap();
    std::io::Write::write_all(&mut writer, content).unwrap();
    writer.finalize().unwrap();
    message
}

#[test]
fn sequoia_and_this_agree_on_sealed_messages() {
    let plain = noise(30_000);
    for mode in [AEADAlgorithm::EAX, AEADAlgorithm::OCB, AEADAlgorithm::GCM] {
        for cipher in [SymmetricAlgorithm::AES128, SymmetricAlgorithm::AES192, SymmetricAlgorithm::AES256] {
            let read = read(&by_sequoia(&plain, cipher, Some(mode)), &secret());
            assert_whole(&read, &plain, &format!("{cipher} {mode}"));
            assert_eq!((read.proof.integrity, read.detail("packet")), (Integrity::Verified, Some("SEIPD v2")));
        }
    }
    for size in [0, 1, 4083, 4084, 4085, 262_144, 1_000_000] {
        let plain = noise(size);
        let message = by_sequoia(&plain, SymmetricAlgorithm::AES128, Some(AEADAlgorithm::OCB));
        assert_whole(&read(&message, &secret()), &plain, &format!("{size} bytes"));
    }
}

#[test]
fn argon2_is_read_up_to_the_limit() {
    let (s2k, key) = (S2K::Argon2 { salt: [7; 16], t: 2, p: 2, m: 10 }, SessionKey::from(&[9; 32][..]));
    let aes = SymmetricAlgorithm::AES256;
    let skesk = SKESK4::with_password(aes, aes, s2k, &key, &Password::from("secret")).unwrap();
    let mut message = Vec::new();
    sequoia_openpgp::Packet::from(SKESK::from(skesk)).serialize(&mut message).unwrap();
    let encryptor = Encryptor::with_session_key(Message::new(&mut message), aes, key).unwrap();
    let mut writer = LiteralWriter::new(encryptor.build().unwrap()).build().unwrap();
    std::io::Write::write_all(&mut writer, b"content").unwrap();
    writer.finalize().unwrap();
    let at_limit = |limit: u64| {
        let mut limits = Limits::default();
        limits.set("argon2-bytes", limit).unwrap();
        read_from(MemorySource::new(message.clone()), &mut secret(), &limits)
    };
    // Two passes over 2^10 KiB.
    let whole = at_limit(2 << 20);
    assert_whole(&whole, b"content", "at the limit");
    assert_eq!(whole.detail("s2k"), Some("Argon2id, 2 passes, 2 lanes, 2^10 KiB"));
    assert!(!whole.codes().contains(&"openpgp/weak-s2k"));
    let over = at_limit((2 << 20) - 1);
    assert_eq!(over.errors(), ["limit/reached"], "{:?}", over.proof);
    assert!(over.message(&code::LIMIT_REACHED).contains("--limit argon2-bytes=2097151"));
    assert_eq!(read(&message, &known(&["wrong"], &[])).errors(), ["openpgp/passphrase-wrong"]);
    // No pass, no lane, less memory than lanes need, more than there is: none of it is a wrong passphrase.
    assert_eq!(message[21..24], [2, 2, 10]);
    for (at, value) in [(21, 0), (22, 0), (23, 3), (23, 32)] {
        let mut changed = message.clone();
        changed[at] = value;
        let read = read(&changed, &secret());
        assert_eq!(read.errors(), ["openpgp/malformed"], "octet {at} is {value}: {:?}", read.proof);
    }
}

// --- what nothing authenticates ---

#[test]
fn packet_nine_is_an_error_unless_it_is_allowed() {
    let Some(folder) = corpora().map(|folder| folder.join("gpg-2.2.40")) else { return };
    let (message, plain) = (bytes(&folder.join("sym-rfc2440-sed-nomdc.gpg")), bytes(&folder.join("plain.tar")));
    let refused = read(&message, &secret());
    assert_eq!((refused.errors(), refused.content), (vec!["openpgp/no-integrity"], None));
    let allowed = read_anyway(&message, &secret());
    assert_whole(&allowed, &plain, "allowed");
    assert_eq!((allowed.codes(), allowed.proof.integrity), (vec!["openpgp/no-integrity"], Integrity::Absent));
    assert!(allowed.proof.encrypted && !allowed.proof.authenticated);
    let finding = &allowed.proof.findings[0];
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.message.ends_with("readable, not authenticated"), "{}", finding.message);
    let wrong = read_anyway(&message, &known(&["wrong"], &[]));
    assert_eq!(wrong.errors(), ["openpgp/passphrase-wrong"], "{:?}", wrong.proof);
    let cut = read_anyway(&message[..message.len() - 1], &secret());
    assert!(cut.errors().contains(&"openpgp/truncated"), "{:?}", cut.proof);
}

#[test]
fn packet_nine_of_gpg_is_read_with_every_cipher() {
    let Some(gpg) = Gpg::start() else { return };
    let plain = noise(5_000);
    for cipher in ["IDEA", "3DES", "CAST5", "BLOWFISH", "AES", "AES256", "TWOFISH", "CAMELLIA128", "CAMELLIA256"] {
        let options = ["--rfc2440", "--symmetric", "--s2k-count", "1024", "--cipher-algo", cipher];
        let message = gpg.on(&plain, &options);
        let read = read_anyway(&message, &secret());
        assert_whole(&read, &plain, cipher);
        // From 128-bit blocks on, gpg writes a check value whatever it is told.
        let bare = read.detail("packet") == Some("SED");
        assert_eq!(read.proof.integrity, if bare { Integrity::Absent } else { Integrity::Verified }, "{cipher}");
        assert_eq!(read.codes().contains(&"openpgp/no-integrity"), bare, "{cipher}");
    }
}

#[test]
fn packet_nine_without_a_session_key_packet_is_idea_under_md5() {
    let plain = noise(1_000);
    // MD5 of "secret".
    let key = hex("5ebe2294ecd0e0f08eab7690d2a6ee69");
    let sealed = openpgp_cfb::<idea::Idea>(&key, &literal(&plain));
    // Only a chain of chunks is recognised without a session-key packet before it.
    let (first, rest) = sealed.split_at(512);
    let rest_length = u32::try_from(rest.len()).unwrap().to_be_bytes();
    let message = [&[0xC9, 224 + 9], first, &[255], &rest_length, rest].concat();
    let read = read_anyway(&message, &secret());
    assert_whole(&read, &plain, "IDEA");
    assert_eq!((read.detail("cipher"), read.detail("s2k")), (Some("IDEA"), Some("simple MD5")));
    assert_eq!(read_anyway(&bare(b"secret", &literal(&plain)), &secret()).content, Some(plain));
}

#[test]
fn a_check_value_that_was_taken_off_is_an_error_unless_it_is_allowed() {
    let Some(folder) = corpora().map(|folder| folder.join("go-writer")) else { return };
    let message = bytes(&folder.join("go-post2020-nomdc-in-tag18.pgp"));
    let plain = bytes(&folder.join("plain.tar"));
    let refused = read(&message, &secret());
    assert_eq!((refused.errors(), refused.proof.integrity), (vec!["openpgp/integrity"], Integrity::Failed));
    let allowed = read_anyway(&message, &secret());
    assert_whole(&allowed, &plain, "allowed");
    assert_eq!(allowed.proof.integrity, Integrity::Absent);
    assert!(allowed.codes().contains(&"openpgp/no-integrity"), "{:?}", allowed.proof);
    assert!(!allowed.proof.authenticated);
    // A check value that is there and does not match stays an error.
    let flipped = read_anyway(&bytes(&folder.join("go-post2020-bitflip.pgp")), &secret());
    assert_eq!((flipped.errors(), flipped.proof.integrity), (vec!["openpgp/integrity"], Integrity::Failed));
    let whole = read_anyway(&bytes(&folder.join("go-post2020.pgp")), &secret());
    assert_eq!(whole.proof.integrity, Integrity::Verified);
}

// --- what a wrong passphrase may look like ---

#[test]
fn a_wrong_passphrase_that_looks_right_is_told_as_one_of_two() {
    use cfb_mode::cipher::KeyIvInit as _;
    use sha2::Digest as _;
    // SEIPD v1 under the SHA-256 of the passphrase itself, in CFB that runs through, as packet 9's does not.
    let mut body: Vec<u8> = (0..16).map(|index| index * 11 + 5).collect();
    body.extend_from_within(14..);
    body.extend_from_slice(&literal(&noise(300)));
    body.extend_from_slice(&[0xD3, 0x14]);
    let check = sha1::Sha1::digest(&body);
    body.extend_from_slice(&check);
    let key = |passphrase: &str| sha2::Sha256::digest(passphrase)[..16].to_vec();
    cfb_mode::BufEncryptor::<aes::Aes128>::new_from_slices(&key("secret"), &[0; 16]).unwrap().encrypt(&mut body);
    let repeats = |passphrase: &str| {
        let mut prefix = body[..18].to_vec();
        let decryptor = cfb_mode::BufDecryptor::<aes::Aes128>::new_from_slices(&key(passphrase), &[0; 16]);
        decryptor.unwrap().decrypt(&mut prefix);
        prefix[14..16] == prefix[16..]
    };
    let wrong = (0..1_000_000).map(|number| number.to_string()).find(|number| repeats(number)).expect("one in 65,536");
    let message = [packet(3, &[4, 7, 0, 8]), packet(18, &[&[1], &body[..]].concat())].concat();
    let read_wrong = read(&message, &known(&[&wrong], &[]));
    assert_eq!(read_wrong.errors(), ["openpgp/integrity"], "{:?}", read_wrong.proof);
    assert!(read_wrong.message_of_error().contains("one wrong passphrase in 65,536"), "{:?}", read_wrong.proof);
    // Where the right one is given too, it is found, in whatever order.
    assert_whole(&read(&message, &known(&[&wrong, "secret"], &[])), &noise(300), "the right one behind it");
    // Who holds the key itself is told of damage and nothing else.
    let mut damaged = sealed(Form::Seipd2, 2, 0).of(&literal(b"content"));
    *damaged.last_mut().unwrap() ^= 1;
    assert!(!read(&damaged, &secret()).message_of_error().contains("passphrase"));
}

#[test]
fn no_report_tells_what_a_forged_message_holds() {
    let dtr = std::fs::read(crate::support::corpus().join("good/dtr-2.9.4-metadata.tar")).unwrap();
    let bytes = 2_000;
    let filled = |mut packets: Vec<u8>| {
        // Private packets make them all equally long.
        packets.truncate(bytes - 6);
        let rest = bytes - packets.len() - 6;
        [packets, packet(60, &vec![0; rest])].concat()
    };
    let insides = [
        filled(literal(&crate::build::gzip(&dtr))),
        filled(literal(&dtr[..1_000])),
        filled(literal(b"")),
        filled(packet(8, &[&[1][..], &[0x4B; 300]].concat())),
        filled(packet(11, &[0; 3])),
        noise(bytes),
    ];
    let passphrase = crate::build::passphrase();
    for (form, mode) in [(Form::Seipd2, 2), (Form::Packet20, 2), (Form::Seipd2, 3)] {
        for at in [60, 1_100, usize::MAX] {
            let mut told = Vec::new();
            for inside in &insides {
                let message = Sealed { passphrase: &passphrase, form, mode, cipher: 9, exponent: 0 }.of(inside);
                let forged = resealed(&message, form, |body| {
                    let at = at.min(body.len() - 1);
                    body[at] ^= 1;
                });
                for threads in [1, 2] {
                    let outcome = crate::support::verify_source("forged", crate::support::whole(&forged), threads);
                    assert_eq!(outcome.verdict, veritar::verify::Verdict::Fail);
                    told.push((outcome.findings, outcome.layers, outcome.inventory, outcome.totals, outcome.content));
                }
            }
            assert!(told.iter().all(|one| *one == told[0]), "{form:?}, byte {at}: {told:#?}");
        }
    }
}

#[test]
fn keys_of_both_generations_open_what_sequoia_encrypts_to_them() {
    use sequoia_openpgp::Profile;
    use sequoia_openpgp::cert::CertBuilder;
    use sequoia_openpgp::policy::StandardPolicy;
    use sequoia_openpgp::serialize::SerializeInto as _;
    use sequoia_openpgp::types::Features;
    let policy = StandardPolicy::new();
    let generations = [
        (Profile::RFC9580, Features::sequoia(), "SEIPD v2", "PKESK v6"),
        (Profile::RFC4880, Features::sequoia(), "SEIPD v2", "PKESK v6"),
        (Profile::RFC4880, Features::empty().set_seipdv1(), "SEIPD v1", "PKESK v3"),
    ];
    for (profile, features, packet, session_key) in generations {
        let builder = CertBuilder::general_purpose(Some("Alice")).set_profile(profile).unwrap();
        let (cert, _) = builder.set_features(features).unwrap().generate().unwrap();
        let valid = cert.keys().with_policy(&policy, None).supported().for_storage_encryption();
        let recipients: Vec<_> = valid.collect();
        let mut message = Vec::new();
        let encryptor = Encryptor::for_recipients(Message::new(&mut message), recipients.clone());
        let mut writer = LiteralWriter::new(encryptor.build().unwrap()).build().unwrap();
        std::io::Write::write_all(&mut writer, b"content").unwrap();
        writer.finalize().unwrap();
        let key = cert.as_tsk().to_vec().unwrap();
        let opened = read(&message, &known(&[], &[key]));
        assert_whole(&opened, b"content", packet);
        assert_eq!((opened.detail("packet"), opened.detail("session-keys")), (Some(packet), Some(session_key)));
        let named = opened.detail("recipients").unwrap().to_owned();
        let fingerprint = recipients[0].key().fingerprint().to_hex();
        assert!(fingerprint == named || fingerprint.ends_with(&named), "{named} is not of {fingerprint}");
        // Another's key is not taken for a damaged message.
        let (other, _) = CertBuilder::general_purpose(Some("Bob")).set_profile(profile).unwrap().generate().unwrap();
        let other = other.as_tsk().to_vec().unwrap();
        assert_eq!(read(&message, &known(&[], &[other])).errors(), ["openpgp/key-missing"]);
        assert_eq!(read(&message, &Known::default()).errors(), ["openpgp/key-missing"]);
        *message.last_mut().unwrap() ^= 1;
        let key = cert.as_tsk().to_vec().unwrap();
        assert_eq!(read(&message, &known(&[], &[key])).errors(), ["openpgp/integrity"]);
    }
}
