//! `private-key`: forms, strength and damage, against what openssl says of the same files.

use veritar::code::Severity;
use veritar::probe::Settings;
use veritar::probe::pki::{Answer, PublicHalf, fits};

use super::openssl::{Openssl, certificate, chain, decoded, fact, facts, flips, half, key, part, sha256};
use super::{codes, learn};

/// How openssl makes each kind, what it is called here, and whether it is reckoned with.
const KINDS: &[(&str, &str, &str, bool)] = &[
    ("rsa1024", "-algorithm RSA -pkeyopt rsa_keygen_bits:1024", "RSA", true),
    ("rsa2048", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "RSA", true),
    ("rsa4096", "-algorithm RSA -pkeyopt rsa_keygen_bits:4096", "RSA", true),
    ("p256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "P-256", true),
    ("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "P-384", true),
    ("p521", "-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "P-521", true),
    ("p224", "-algorithm EC -pkeyopt ec_paramgen_curve:P-224", "EC P-224", false),
    ("p192", "-algorithm EC -pkeyopt ec_paramgen_curve:P-192", "EC P-192", false),
    ("k256", "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", "EC secp256k1", false),
    ("bp256", "-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1", "EC brainpoolP256r1", false),
    ("bp512", "-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP512r1", "EC brainpoolP512r1", false),
    ("sm2", "-algorithm EC -pkeyopt ec_paramgen_curve:SM2", "EC SM2", false),
    ("ed25519", "-algorithm ED25519", "Ed25519", true),
    ("ed448", "-algorithm ED448", "Ed448", false),
    ("x25519", "-algorithm X25519", "X25519", false),
];

/// What it is about, the content, the codes it raises, and where the first is.
type Case = (&'static str, Vec<u8>, &'static [&'static str], Option<u64>);

#[test]
fn every_form_of_every_kind_is_what_openssl_says_it_is() {
    let Some(openssl) = Openssl::new("every_form_of_every_kind_is_what_openssl_says_it_is") else { return };
    for (name, how, called, reckoned) in KINDS {
        openssl.run(&format!("genpkey {how} -out {name}.pem"));
        let public = sha256(&openssl.run(&format!("pkey -in {name}.pem -pubout -outform DER")));
        let text = String::from_utf8(openssl.run(&format!("pkey -in {name}.pem -noout -text"))).unwrap();
        let has_public = text.contains("pub:") || text.contains("modulus:");
        let mut forms = vec![
            ("PKCS#8", "PEM", format!("pkey -in {name}.pem")),
            ("PKCS#8", "DER", format!("pkcs8 -topk8 -nocrypt -in {name}.pem -outform DER")),
        ];
        if let Some(old) = name
            .starts_with("rsa")
            .then_some("PKCS#1")
            .or((text.contains("ASN1 OID") && *name != "sm2").then_some("SEC 1"))
        {
            forms.push((old, "PEM", format!("pkey -in {name}.pem -traditional")));
            forms.push((old, "DER", format!("pkey -in {name}.pem -traditional -outform DER")));
        }
        for (format, encoding, arguments) in forms {
            let learned = key(&openssl.run(&arguments));
            let what = format!("{name} as {format} in {encoding}: {:?}", learned.faults());
            assert_eq!(fact(&learned, "format"), format, "{what}");
            assert_eq!(fact(&learned, "encoding"), encoding, "{what}");
            assert_eq!(fact(&learned, "algorithm"), *called, "{what}");
            assert_eq!(fact(&learned, "encrypted"), "no", "{what}");
            let mut expected = Vec::new();
            if *reckoned {
                assert!(matches!(half(&learned), PublicHalf::Derived(_)), "{what}");
            } else {
                expected.push("key/unknown-algorithm");
            }
            if has_public && *called != "Ed448" && *called != "X25519" {
                assert_eq!(fact(&learned, "public-key"), public, "{what}");
                let bits = fact(&learned, "bits");
                assert!(text.contains(&format!("({bits} bit")) || called.starts_with("Ed"), "{what}, {bits}: {text}");
            }
            if ["rsa1024", "p192"].contains(name) {
                expected.push("key/weak");
            }
            assert_eq!(codes(&learned), expected, "{what}");
        }
    }
}

#[test]
fn encrypted_keys_are_named_and_hide_their_public_half() {
    let Some(openssl) = Openssl::new("encrypted_keys_are_named_and_hide_their_public_half") else { return };
    openssl.run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.pem");
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem");
    openssl.run("genpkey -algorithm ED25519 -out ed.pem");
    for (arguments, format, encryption) in [
        ("pkey -in rsa.pem -aes256 -passout pass:x", "PKCS#8", "PBES2, PBKDF2, AES-256-CBC"),
        ("pkey -in ed.pem -aes128 -passout pass:x", "PKCS#8", "PBES2, PBKDF2, AES-128-CBC"),
        ("pkey -in ec.pem -des3 -passout pass:x", "PKCS#8", "PBES2, PBKDF2, 3DES-CBC"),
        ("pkcs8 -topk8 -in ec.pem -v2 des3 -passout pass:x -outform DER", "PKCS#8", "PBES2, PBKDF2, 3DES-CBC"),
        ("pkcs8 -topk8 -in ec.pem -scrypt -passout pass:x", "PKCS#8", "PBES2, scrypt, AES-256-CBC"),
        ("pkcs8 -topk8 -in ec.pem -v1 PBE-SHA1-3DES -passout pass:x", "PKCS#8", "PKCS#12 with SHA-1 and 3DES"),
        ("pkey -in rsa.pem -traditional -aes256 -passout pass:x", "PKCS#1", "AES-256-CBC"),
        ("pkey -in ec.pem -traditional -des3 -passout pass:x", "SEC 1", "DES-EDE3-CBC"),
    ] {
        let content = openssl.run(arguments);
        let learned = key(&content);
        assert_eq!(codes(&learned), ["key/encrypted"], "{arguments}: {:?}", learned.faults());
        assert_eq!(fact(&learned, "format"), format, "{arguments}");
        assert_eq!(fact(&learned, "encrypted"), "yes", "{arguments}");
        assert_eq!(fact(&learned, "encryption"), encryption, "{arguments}");
        assert!(matches!(half(&learned), PublicHalf::Hidden(_)), "{arguments}");
        let beside = certificate(&part("ucp-cluster-root-ca/cert.pem"));
        assert!(matches!(fits(half(&learned), chain(&beside)), Answer::CannotTell(_)));

        // Cut by a few digits, the blocks of the cipher are not whole.
        if content.starts_with(b"-----") && !arguments.contains("-v1") {
            let text = String::from_utf8(content).unwrap();
            let end = text.find("\n-----END").unwrap();
            let cut = [&text[..(end - 8) & !3], &text[end..]].concat();
            assert_eq!(codes(&key(cut.as_bytes())), ["key/damaged"], "{arguments}: {cut}");
        }
    }
}

#[test]
fn a_key_of_openssh_is_named() {
    if !crate::support::program("a_key_of_openssh_is_named", "ssh-keygen") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (kind, called, passphrase) in
        [("ed25519", "ssh-ed25519", ""), ("ecdsa", "ecdsa-sha2-nistp256", "secret"), ("rsa", "ssh-rsa", "")]
    {
        let path = folder.path().join(kind);
        let mut command = std::process::Command::new("ssh-keygen");
        command.args(["-q", "-t", kind, "-N", passphrase, "-f"]).arg(&path);
        assert!(command.status().unwrap().success());
        let learned = key(&std::fs::read(&path).unwrap());
        let expected = if passphrase.is_empty() { "key/unknown-algorithm" } else { "key/encrypted" };
        assert_eq!(codes(&learned), [expected], "{:?}", learned.faults());
        assert_eq!(fact(&learned, "format"), "OpenSSH");
        assert_eq!(fact(&learned, "algorithm"), called);
    }
}

/// A text with one thing changed.
fn with(text: &str, from: &str, to: &str) -> Vec<u8> {
    assert!(text.contains(from), "{from:?}");
    text.replacen(from, to, 1).into_bytes()
}

#[test]
fn damage_is_named_with_its_place() {
    let pem = String::from_utf8(part("ucp-cluster-root-ca/key.pem")).unwrap();
    let certificate = String::from_utf8(part("ucp-cluster-root-ca/cert.pem")).unwrap();
    let der = decoded(pem.as_bytes());
    let label = pem.lines().next().unwrap().trim_matches('-').strip_prefix("BEGIN ").unwrap();
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let first = &pem[begin.len() + 1..begin.len() + 65];
    let cases: Vec<Case> = vec![
        ("whole", pem.clone().into(), &[], None),
        ("CRLF", pem.replace('\n', "\r\n").into(), &[], None),
        ("no last line feed", pem.trim_end().into(), &[], None),
        ("text before", format!("Bag Attributes: ü\n{pem}").into(), &[], None),
        ("whole in DER", der.clone(), &[], None),
        ("empty", Vec::new(), &["key/empty"], None),
        ("spaces", b" \n\n".to_vec(), &["key/none"], None),
        ("zeros", vec![0; 227], &["key/none"], None),
        ("a page", b"<html>not found</html>\n".to_vec(), &["key/none"], None),
        (
            "UTF-16",
            pem.encode_utf16().fold(vec![0xFF, 0xFE], |mut all, unit| {
                all.extend_from_slice(&unit.to_le_bytes());
                all
            }),
            &["key/none"],
            None,
        ),
        ("a certificate", certificate.clone().into(), &["key/none"], None),
        ("a certificate in DER", decoded(certificate.as_bytes()), &["key/none"], None),
        ("the base64 alone", decoded_text(&pem).into(), &["key/none"], None),
        ("byte order mark", format!("\u{FEFF}{pem}").into(), &["key/damaged"], Some(0)),
        ("indented", format!("  {}", pem.replace('\n', "\n  ")).into(), &["key/damaged"], Some(0)),
        ("no END", with(&pem, &end, ""), &["key/damaged"], Some(0)),
        ("no BEGIN", with(&pem, &begin, ""), &["key/damaged"], None),
        ("half of END", pem[..pem.len() - 6].into(), &["key/damaged"], Some(pem.find("-----END").unwrap() as u64)),
        ("cut", pem[..100].into(), &["key/damaged"], Some(0)),
        ("another END", with(&pem, &end, "-----END CERTIFICATE-----"), &["key/damaged"], None),
        ("a word in the base64", with(&pem, first, "not~base64"), &["key/damaged"], Some(begin.len() as u64 + 4)),
        ("a digit less", with(&pem, first, &first[1..]), &["key/damaged"], None),
        ("a line less", with(&pem, &format!("{first}\n"), ""), &["key/damaged"], None),
        ("nothing inside", format!("{begin}\n{end}\n").into(), &["key/damaged"], None),
        ("labelled as another", pem.replace(label, "RSA PRIVATE KEY").into(), &["key/irregular"], Some(0)),
        ("labelled by another word", pem.replace(label, "PRIVATE KEX").into(), &["key/none"], None),
        ("a certificate labelled as a key", certificate.replace("CERTIFICATE", label).into(), &["key/damaged"], None),
        ("zeros behind", [pem.as_bytes(), &[0; 100]].concat(), &["key/irregular"], Some(pem.len() as u64)),
        ("twice", format!("{pem}{pem}").into(), &["key/several"], None),
        ("twice on one line", format!("{}{pem}", pem.trim_end()).into(), &["key/damaged", "key/damaged"], None),
        ("DER cut", der[..der.len() - 1].into(), &["key/damaged"], Some(0)),
        ("DER and more", [&der[..], &[0]].concat(), &["key/damaged"], Some(der.len() as u64)),
    ];
    for (what, content, expected, place) in cases {
        let learned = key(&content);
        assert_eq!(codes(&learned), expected, "{what}: {:?}", learned.faults());
        if let Some(place) = place {
            assert_eq!(learned.faults()[0].offset, Some(place), "{what}: {:?}", learned.faults());
        }
    }
}

fn decoded_text(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_stands_in_the_place_of_a_key_is_called_by_its_name() {
    let Some(openssl) = Openssl::new("what_stands_in_the_place_of_a_key_is_called_by_its_name") else { return };
    openssl.certificate("a", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "/CN=a", "", None);
    openssl.run("crl2pkcs7 -nocrl -certfile a.crt -out a.p7");
    openssl.run("pkcs12 -export -in a.crt -inkey a.key -passout pass:x -out a.p12");
    let der = |kind: &str| openssl.run(&format!("{kind} -outform DER"));
    for (content, says) in [
        (openssl.read("a.csr"), "a certificate signing request"),
        (openssl.read("a.p7"), "a PKCS#7 bundle"),
        (openssl.read("a.p12"), "a PKCS#12 store"),
        (openssl.run("pkey -in a.key -pubout"), "a public key"),
        (openssl.run("ecparam -name prime256v1"), "parameters without a key"),
        (der("req -in a.csr"), "a certificate signing request"),
        (der("pkey -in a.key -pubout"), "a public key"),
        (der("x509 -in a.crt"), "a certificate"),
    ] {
        for name in ["private-key", "certificate"] {
            let learned = learn(name, "x", &content, &Settings::new(), None);
            if name == "certificate" && says == "a certificate" {
                assert_eq!(codes(&learned), [""; 0]);
                continue;
            }
            let expected = if name == "certificate" { "certificate/none" } else { "key/none" };
            assert_eq!(codes(&learned), [expected], "{says}: {:?}", learned.faults());
            assert!(learned.faults()[0].message.contains(says), "{says}: {:?}", learned.faults());
        }
    }
    let swapped = learn("certificate", "x", &openssl.read("a.key"), &Settings::new(), None);
    assert!(codes(&swapped).contains(&"certificate/none"), "{:?}", swapped.faults());
}

#[test]
fn parameters_and_certificates_may_stand_beside_a_key() {
    let Some(openssl) = Openssl::new("parameters_and_certificates_may_stand_beside_a_key") else { return };
    let both = openssl.run("ecparam -name prime256v1 -genkey");
    assert!(both.starts_with(b"-----BEGIN EC PARAMETERS-----"));
    assert_eq!(codes(&key(&both)), [""; 0]);
    let together = [&part("ucp-cluster-root-ca/cert.pem")[..], &both].concat();
    assert_eq!(codes(&key(&together)), [""; 0]);
    assert_eq!(codes(&certificate(&together)), ["certificate/irregular"]);
}

#[test]
fn the_header_fields_of_a_swarm_are_read_and_their_values_kept_to_themselves() {
    let Some(openssl) = Openssl::new("the_header_fields_of_a_swarm_are_read_and_their_values_kept_to_themselves")
    else {
        return;
    };
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out a.key");
    let pem = String::from_utf8(openssl.read("a.key")).unwrap();
    let fields = "kek-version: 0\nraft-dek: EgSECRETSECRETSECRETSECRET==\n\n";
    let swarm = with(&pem, "KEY-----\n", &format!("KEY-----\n{fields}"));
    openssl.write("swarm.key", &swarm);
    let learned = key(&swarm);
    assert_eq!(codes(&learned), [""; 0], "{:?}", learned.faults());
    assert_eq!(facts(&learned, "header"), ["kek-version", "raft-dek"]);
    assert_eq!(fact(&learned, "public-key"), sha256(&openssl.run("pkey -in a.key -pubout -outform DER")));
    assert!(!format!("{learned:?}").contains("SECRET"), "{learned:?}");
    let bare = with(&pem, "KEY-----\n", &format!("KEY-----\n{}", fields.trim_end_matches('\n').to_owned() + "\n"));
    assert_eq!(codes(&key(&bare)), ["key/damaged"]);
}

#[test]
fn nothing_of_a_private_half_is_told() {
    let Some(openssl) = Openssl::new("nothing_of_a_private_half_is_told") else { return };
    for (name, how, ..) in KINDS.iter().filter(|(name, ..)| *name != "rsa4096") {
        openssl.run(&format!("genpkey {how} -out {name}.pem"));
        let text = String::from_utf8(openssl.run(&format!("pkey -in {name}.pem -noout -text"))).unwrap();
        let secret = text.split_once("priv:").or_else(|| text.split_once("privateExponent:")).unwrap().1;
        let secret: String =
            secret.lines().skip(1).take(2).flat_map(str::chars).filter(char::is_ascii_hexdigit).collect();
        let bytes: Vec<u8> =
            (2..secret.len() / 2).map(|at| u8::from_str_radix(&secret[at * 2..at * 2 + 2], 16).unwrap()).collect();
        let list = format!("{:?}", &bytes[..12]);
        let mut contents = vec![openssl.read(&format!("{name}.pem"))];
        contents.push(decoded(&contents[0]));
        // Where something breaks, the complaint must not quote the key either.
        contents.push(contents[1][..contents[1].len() - 1].to_vec());
        for content in contents {
            let learned = key(&content);
            let told = format!("{learned:?}");
            assert!(!told.contains(list.trim_matches(['[', ']'])), "{name}: {told}");
            assert!(!told.to_lowercase().contains(&secret[4..28]), "{name}: {told}");
        }
    }
}

/// Whether a probe alone complains aloud.
fn is_loud(learned: &veritar::probe::Learned) -> bool {
    let severity = |fault: &veritar::probe::Fault| fault.severity.unwrap_or(fault.code.severity);
    learned.faults().iter().any(|fault| severity(fault) >= Severity::Warning)
}

pub fn once(content: &[u8]) -> veritar::probe::Learned {
    let limits = veritar::limits::Limits::default();
    let kind = veritar::probe::find("private-key").unwrap();
    let settings = Settings::new();
    let size = content.len() as u64;
    let mut probe =
        (kind.start)(&veritar::probe::Subject { path: b"key", size, settings: &settings, limits: &limits, at: None });
    probe.feed(content);
    probe.finish()
}

#[test]
fn every_flipped_bit_of_a_key_is_found() {
    let pem = part("ucp-cluster-root-ca/key.pem");
    let der = decoded(&pem);
    // The last line feed is no part of the block.
    for content in [pem.trim_ascii_end(), &der] {
        for (at, bit, flipped) in flips(content) {
            let learned = once(&flipped);
            assert!(is_loud(&learned), "bit {bit} of byte {at}: {:?}", String::from_utf8_lossy(&flipped));
        }
    }
    let Some(openssl) = Openssl::new("every_flipped_bit_of_a_key_is_found") else { return };
    openssl.run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:512 -out rsa.pem");
    for arguments in ["pkcs8 -topk8 -nocrypt -in rsa.pem -outform DER", "pkey -in rsa.pem -outform DER -traditional"] {
        for (at, bit, flipped) in flips(&openssl.run(arguments)) {
            let learned = once(&flipped);
            let told = codes(&learned);
            assert!(told.iter().any(|code| *code != "key/weak"), "bit {bit} of byte {at} of {arguments}: {told:?}");
        }
    }
}

/// An Ed25519 key has no public half beside it: what has flipped in it shows beside its certificate. Of an encrypted key,
/// only what stands around the encrypted bytes can be told without the passphrase.
#[test]
fn what_a_key_cannot_tell_by_itself() {
    let Some(openssl) = Openssl::new("what_a_key_cannot_tell_by_itself") else { return };
    openssl.certificate("ed", "-algorithm ED25519", "/CN=ed", "", None);
    let beside = certificate(&openssl.read("ed.crt"));
    let der = openssl.run("pkcs8 -topk8 -nocrypt -in ed.key -outform DER");
    assert_eq!(fits(half(&once(&der)), chain(&beside)), Answer::Yes);
    let mut silent = 0;
    for (at, bit, flipped) in flips(&der) {
        let learned = once(&flipped);
        if !is_loud(&learned) {
            silent += 1;
            assert!(!matches!(fits(half(&learned), chain(&beside)), Answer::Yes), "bit {bit} of byte {at}");
        }
    }
    // Its 32 bytes, and in the algorithm's name what makes another of it.
    assert!((256..300).contains(&silent), "{silent}");

    let sealed = openssl.run("pkcs8 -topk8 -in ed.key -v2 aes256 -passout pass:x -outform DER");
    let data = sealed.len() - 64..sealed.len();
    for (at, bit, flipped) in flips(&sealed).filter(|(at, ..)| data.contains(at)) {
        assert_eq!(codes(&once(&flipped)), ["key/encrypted"], "bit {bit} of byte {at}");
    }
}

#[test]
fn parts_of_two_keys_do_not_fit() {
    let Some(openssl) = Openssl::new("parts_of_two_keys_do_not_fit") else { return };
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out a.pem");
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out b.pem");
    let (a, b) = (
        openssl.run("pkcs8 -topk8 -nocrypt -in a.pem -outform DER"),
        openssl.run("pkcs8 -topk8 -nocrypt -in b.pem -outform DER"),
    );
    assert_eq!(a.len(), b.len());
    // The public half is the last 65 bytes of the file.
    let mixed = [&a[..a.len() - 65], &b[b.len() - 65..]].concat();
    openssl.write("mixed.der", &mixed);
    assert!(!openssl.ask("pkey -in mixed.der -inform DER -check -noout").good);
    assert_eq!(codes(&key(&mixed)), ["key/inconsistent"]);
}

#[test]
fn of_keys_without_end_only_so_many_are_reckoned_with() {
    let key = part("ucp-controller-server-certs/key.pem");
    let begin = std::time::Instant::now();
    let learned = learn("private-key", "k", &key.repeat(20_000), &Settings::default(), None);
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
    assert_eq!(codes(&learned), ["limit/reached", "key/several"]);
    assert_eq!(fact(&learned, "keys"), "64");
}
