//! `certificate`, and keys and certificates beside each other, against what openssl says of the same files.

use std::io::Read as _;

use veritar::code::Severity;
use veritar::probe::pki::{Answer, fits, issued};
use veritar::probe::{Learned, Settings};

use super::openssl::{Openssl, certificate, chain, decoded, fact, facts, flips, half, key, part, sha256};
use super::{codes, learn};
use crate::support::corpus;

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";

fn at(content: &[u8], seconds: i64, settings: &[(&str, &str)]) -> Learned {
    let settings: Settings =
        settings.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
    learn("certificate", "cert.pem", content, &settings, Some(seconds))
}

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// What it is about, the content, the codes it raises, and where the first is.
type Case = (&'static str, Vec<u8>, &'static [&'static str], Option<u64>);

#[test]
fn what_a_certificate_says_is_what_openssl_says() {
    let Some(openssl) = Openssl::new("what_a_certificate_says_is_what_openssl_says") else { return };
    let names = "subjectAltName=DNS:example.org,DNS:*.example.org,IP:10.1.2.3,IP:2001:db8::1,email:a@example.org,\
                 URI:https://example.org/x\n";
    for (kind, how, sign, algorithm, signature, expected) in [
        ("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha256", "RSA", "RSA with SHA-256", &[][..]),
        ("rsa384", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha384", "RSA", "RSA with SHA-384", &[]),
        ("rsa224", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha224", "RSA", "RSA with SHA-224", &[]),
        ("rsa512", "-algorithm RSA -pkeyopt rsa_keygen_bits:4096", "-sha512", "RSA", "RSA with SHA-512", &[]),
        (
            "small",
            "-algorithm RSA -pkeyopt rsa_keygen_bits:1024",
            "-sha256",
            "RSA",
            "RSA with SHA-256",
            &["certificate/weak"],
        ),
        (
            "sha1",
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
            "-sha1",
            "RSA",
            "RSA with SHA-1",
            &["certificate/weak"],
        ),
        (
            "md5",
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
            "-md5",
            "RSA",
            "RSA with MD5",
            &["certificate/unknown-algorithm", "certificate/weak"],
        ),
        (
            "pss",
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
            "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:17",
            "RSA",
            "RSASSA-PSS with SHA-256",
            &[],
        ),
        (
            "pss512",
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
            "-sha512 -sigopt rsa_padding_mode:pss",
            "RSA",
            "RSASSA-PSS with SHA-512",
            &[],
        ),
        (
            "psskey",
            "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048",
            "-sha256",
            "RSA",
            "RSASSA-PSS with SHA-256",
            &[],
        ),
        ("p256", P256, "-sha256", "P-256", "ECDSA with SHA-256", &[]),
        ("p256-512", P256, "-sha512", "P-256", "ECDSA with SHA-512", &[]),
        ("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-sha384", "P-384", "ECDSA with SHA-384", &[]),
        (
            "p384-1",
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
            "-sha1",
            "P-384",
            "ECDSA with SHA-1",
            &["certificate/weak"],
        ),
        ("p521", "-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "-sha512", "P-521", "ECDSA with SHA-512", &[]),
        ("p521-256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "-sha256", "P-521", "ECDSA with SHA-256", &[]),
        (
            "k256",
            "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
            "-sha256",
            "EC secp256k1",
            "ECDSA with SHA-256",
            &["certificate/unknown-algorithm"],
        ),
        ("ed25519", "-algorithm ED25519", "", "Ed25519", "Ed25519", &[]),
        ("ed448", "-algorithm ED448", "", "Ed448", "Ed448", &["certificate/unknown-algorithm"]),
    ] {
        let extensions = format!("{names}basicConstraints=CA:FALSE\n");
        let subject = "/C=DE/O=Example~\u{e4}\u{f6}/CN=host.example.org";
        openssl.certificate_signed(kind, how, subject, &extensions, None, sign);
        let pem = openssl.read(&format!("{kind}.crt"));
        let learned = certificate(&pem);
        let told = |what: &str| {
            let arguments = format!("x509 -in {kind}.crt -noout {what} -nameopt sname,utf8,sep_comma_plus_space");
            String::from_utf8(openssl.run(&arguments)).unwrap().trim_end().to_owned()
        };
        assert_eq!(codes(&learned), expected, "{kind}: {:?}", learned.faults());
        assert_eq!(format!("subject={}", fact(&learned, "subject")), told("-subject"), "{kind}");
        assert_eq!(format!("issuer={}", fact(&learned, "issuer")), told("-issuer"), "{kind}");
        assert_eq!(format!("serial={}", fact(&learned, "serial").to_uppercase()), told("-serial"), "{kind}");
        let days = told("-startdate -enddate -dateopt iso_8601");
        let day = |name: &str| fact(&learned, name).replace('T', " ");
        assert_eq!(days, format!("notBefore={}\nnotAfter={}", day("not-before"), day("not-after")), "{kind}");
        let print = told("-fingerprint -sha256").replace(':', "").to_lowercase();
        assert_eq!(print, format!("sha256 fingerprint={}", fact(&learned, "sha256")), "{kind}");
        let shown =
            told("-ext subjectAltName").replace("IP Address:", "IP:").replace("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
        assert_eq!(facts(&learned, "name").join(", "), shown.lines().last().unwrap().trim(), "{kind}");
        assert_eq!(fact(&learned, "authority"), "no", "{kind}");
        assert_eq!(fact(&learned, "key-algorithm"), algorithm, "{kind}");
        assert_eq!(fact(&learned, "signature-algorithm"), signature, "{kind}");
        if kind != "psskey" {
            let public = sha256(&openssl.run(&format!("pkey -in {kind}.key -pubout -outform DER")));
            assert_eq!(fact(&learned, "public-key"), public, "{kind}");
        }
        let in_der = certificate(&openssl.run(&format!("x509 -in {kind}.crt -outform DER")));
        assert_eq!(in_der.facts()[1..], learned.facts()[1..], "{kind}");
        assert_eq!(fact(&in_der, "encoding"), "DER");

        // The pair.
        let own = key(&openssl.read(&format!("{kind}.key")));
        let answer = fits(half(&own), chain(&learned));
        match kind {
            "k256" | "ed448" => assert!(matches!(answer, Answer::CannotTell(_)), "{kind}: {answer:?}"),
            _ => assert_eq!(answer, Answer::Yes, "{kind}"),
        }
        if expected.contains(&"certificate/unknown-algorithm") {
            assert!(matches!(issued(chain(&learned), chain(&learned)), Answer::CannotTell(_)), "{kind}");
            continue;
        }
        assert_eq!(issued(chain(&learned), chain(&learned)), Answer::Yes, "{kind}");

        // The last byte of the signature, and one of the subject.
        let der = decoded(&pem);
        let name = der.windows(4).position(|window| window == b"host").unwrap();
        for place in [der.len() - 1, name] {
            let mut flipped = der.clone();
            flipped[place] ^= 1;
            openssl.write("flipped.der", &flipped);
            let theirs = openssl.ask("verify -check_ss_sig -CAfile flipped.der flipped.der");
            assert!(!theirs.good, "{kind}");
            let learned = certificate(&flipped);
            let loud = learned.faults().iter().any(|fault| fault.code.severity == Severity::Error);
            // A name that is no longer its issuer's: then the pair tells.
            let alone = issued(chain(&learned), chain(&certificate(&pem)));
            assert!(loud || matches!(alone, Answer::No(_)), "{kind}, byte {place}: {:?}", learned.faults());
        }
    }
}

#[test]
fn the_day_of_the_restore_is_judged_as_openssl_judges_it() {
    let Some(openssl) = Openssl::new("the_day_of_the_restore_is_judged_as_openssl_judges_it") else { return };
    openssl.certificate("a", P256, "/CN=a", CA, None);
    let pem = openssl.read("a.crt");
    let (day, now) = (86_400, now());
    for seconds in [now - 3 * 365 * day, now - day, now + day, now + 399 * day, now + 401 * day, now + 9000 * day] {
        let theirs = openssl.ask(&format!("verify -attime {seconds} -CAfile a.crt a.crt"));
        let learned = at(&pem, seconds, &[]);
        let expected: &[&str] = if theirs.good {
            &[]
        } else if theirs.out.contains("not yet valid") {
            &["certificate/not-yet-valid"]
        } else {
            assert!(theirs.out.contains("expired"), "{}", theirs.out);
            &["certificate/expired"]
        };
        assert_eq!(codes(&learned), expected, "{seconds}");
        assert!(learned.faults().iter().all(|fault| fault.severity.is_none()));
    }
    // To the second.
    let until: i64 = chain(&certificate(&pem))[0].not_after();
    assert_eq!(codes(&at(&pem, until, &[])), [""; 0]);
    assert_eq!(codes(&at(&pem, until + 1, &[])), ["certificate/expired"]);
    assert_eq!(codes(&at(&pem, until - 30 * day, &[("min-days", "30")])), [""; 0]);
    assert_eq!(codes(&at(&pem, until - 30 * day + 1, &[("min-days", "30")])), ["certificate/expires-soon"]);
    assert_eq!(codes(&at(&pem, until + 1, &[("min-days", "30")])), ["certificate/expired"]);

    // Of several to choose from, one that is valid is enough to only warn; of a server's own, the first must be.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    openssl.certificate("b", P256, "/CN=b", CA, None);
    openssl.certificate("leaf", P256, "/CN=leaf", "", Some("b"));
    let bundle = [&pem[..], &openssl.read("b.crt")].concat();
    let learned = at(&bundle, until + 1, &[]);
    assert_eq!(codes(&learned), ["certificate/expired"]);
    assert_eq!(learned.faults()[0].severity, Some(Severity::Warning));
    let learned = at(&bundle, until + 100, &[]);
    assert!(learned.faults().iter().all(|fault| fault.severity.is_none()) && codes(&learned).len() == 2);
    let server = [&openssl.read("leaf.crt")[..], &pem].concat();
    let learned = at(&server, until - 390 * day, &[]);
    assert_eq!(codes(&learned), [""; 0]);
}

#[test]
fn settings_are_checked() {
    let kind = veritar::probe::find("certificate").unwrap();
    let check = |name: &str, values: &[&str]| {
        (kind.check)(&Settings::from([(name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect())]))
    };
    assert!(check("empty", &["allowed"]).is_ok() && check("min-days", &["30"]).is_ok());
    for (name, values) in [
        ("empty", &["yes"][..]),
        ("empty", &[]),
        ("min-days", &["soon"]),
        ("min-days", &["-1"]),
        ("min-days", &["1", "2"]),
    ] {
        assert!(check(name, values).is_err(), "{name} = {values:?}");
    }
    assert_eq!(codes(&at(b"", 0, &[("empty", "allowed")])), [""; 0]);
    assert_eq!(codes(&at(b"\n", 0, &[("empty", "allowed")])), ["certificate/none"]);
}

#[test]
fn chains_hold_where_openssl_says_they_hold() {
    let Some(openssl) = Openssl::new("chains_hold_where_openssl_says_they_hold") else { return };
    let id = "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n";
    openssl.certificate("root", P256, "/CN=root", &format!("{CA}{id}"), None);
    openssl.certificate("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "/CN=rsa", CA, None);
    openssl.certificate("edroot", "-algorithm ED25519", "/CN=ed", CA, None);
    openssl.certificate("middle", P256, "/CN=middle", CA, Some("root"));
    openssl.certificate("lower", P256, "/CN=lower", CA, Some("middle"));
    openssl.certificate("short", P256, "/CN=short", "basicConstraints=critical,CA:TRUE,pathlen:0\n", Some("root"));
    openssl.certificate("below", P256, "/CN=below", CA, Some("short"));
    openssl.certificate("noca", P256, "/CN=noca", "basicConstraints=CA:FALSE\n", Some("root"));
    openssl.certificate(
        "nosign",
        P256,
        "/CN=nosign",
        "basicConstraints=CA:TRUE\nkeyUsage=digitalSignature\n",
        Some("root"),
    );
    for (leaf, issuer) in [
        ("direct", "root"),
        ("byrsa", "rsa"),
        ("byed", "edroot"),
        ("through", "middle"),
        ("deep", "lower"),
        ("byshort", "short"),
        ("bybelow", "below"),
        ("bynoca", "noca"),
        ("bynosign", "nosign"),
    ] {
        openssl.certificate(leaf, P256, &format!("/CN={leaf}"), "subjectAltName=DNS:x\n", Some(issuer));
    }
    // The same name, another key.
    openssl.certificate("false", P256, "/CN=root", CA, None);
    let read = |name: &str| openssl.read(&format!("{name}.crt"));
    for (leaf, through, issuer, expected) in [
        ("direct", &[][..], "root", true),
        ("direct", &[], "false", false),
        ("direct", &[], "rsa", false),
        ("byrsa", &[], "rsa", true),
        ("byed", &[], "edroot", true),
        ("through", &["middle"], "root", true),
        ("through", &[], "root", false),
        ("through", &[], "middle", true),
        ("through", &["middle"], "false", false),
        ("deep", &["lower", "middle"], "root", true),
        ("deep", &["middle", "lower"], "root", true),
        ("deep", &["lower"], "root", false),
        ("byshort", &["short"], "root", true),
        ("bybelow", &["below", "short"], "root", false),
        ("bynoca", &["noca"], "root", false),
        ("bynosign", &["nosign"], "root", false),
        ("root", &[], "root", true),
        ("root", &[], "false", false),
        ("direct", &["root"], "root", true),
    ] {
        let mut own = read(leaf);
        openssl.write("through.pem", through.iter().flat_map(|name| read(name)).collect::<Vec<u8>>());
        through.iter().for_each(|name| own.extend_from_slice(&read(name)));
        let untrusted = if through.is_empty() { String::new() } else { "-untrusted through.pem ".into() };
        let theirs = openssl.ask(&format!("verify -partial_chain {untrusted}-CAfile {issuer}.crt {leaf}.crt"));
        assert_eq!(theirs.good, expected, "{leaf} through {through:?} by {issuer}: {}", theirs.out);
        let (own, issuers) = (certificate(&own), certificate(&read(issuer)));
        let answer = issued(chain(&own), chain(&issuers));
        assert_eq!(answer == Answer::Yes, expected, "{leaf} through {through:?} by {issuer}: {answer:?}");
        assert!(!matches!(answer, Answer::CannotTell(_)), "{answer:?}");
    }
    assert!(matches!(issued(&[], &[]), Answer::CannotTell(_)));
    let root = certificate(&read("root"));
    assert!(matches!(issued(chain(&root), &[]), Answer::CannotTell(_)));

    // Several issuers in one file: the right one is found among those of the same name.
    let issuers = certificate(&[read("false"), read("rsa"), read("root")].concat());
    assert_eq!(issued(chain(&certificate(&read("direct"))), chain(&issuers)), Answer::Yes);

    // Keys.
    let own = key(&openssl.read("through.key"));
    let file = |names: &[&str]| certificate(&names.iter().flat_map(|name| read(name)).collect::<Vec<u8>>());
    assert_eq!(fits(half(&own), chain(&file(&["through", "middle"]))), Answer::Yes);
    let swapped = fits(half(&own), chain(&file(&["middle", "through"])));
    assert!(matches!(&swapped, Answer::No(why) if why.contains("certificate 2")), "{swapped:?}");
    assert!(matches!(fits(half(&own), chain(&file(&["direct"]))), Answer::No(_)));
    assert!(matches!(fits(half(&own), &[]), Answer::CannotTell(_)));
}

#[test]
fn a_ca_that_changed_its_key_is_no_damage() {
    let Some(openssl) = Openssl::new("a_ca_that_changed_its_key_is_no_damage") else { return };
    openssl.certificate("old", P256, "/CN=swarm-ca", CA, None);
    openssl.certificate("new", P256, "/CN=swarm-ca", CA, None);
    openssl.certificate("node", P256, "/CN=node", "", Some("new"));
    // The new key under its old name, signed by the old one; whether its fields tell so or not.
    openssl.write("cross.key", openssl.read("new.key"));
    let mut nodes = Vec::new();
    for (fields, expected) in [
        ("subjectKeyIdentifier=none\nauthorityKeyIdentifier=none\n", &["certificate/signature"][..]),
        ("subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n", &[]),
    ] {
        openssl.certify("cross", "/CN=swarm-ca", &format!("{CA}{fields}"), Some("old"), "-sha256");
        let node = certificate(&[openssl.read("node.crt"), openssl.read("cross.crt")].concat());
        assert_eq!(codes(&node), expected, "{:?}", node.faults());
        assert!(node.faults().iter().all(|fault| fault.severity == Some(Severity::Warning)));
        nodes.push(node);
    }
    for issuer in ["old", "new"] {
        let issuers = certificate(&openssl.read(&format!("{issuer}.crt")));
        for node in &nodes {
            assert_eq!(issued(chain(node), chain(&issuers)), Answer::Yes, "{issuer}");
        }
    }
}

#[test]
fn damage_is_named_with_its_place() {
    let text = String::from_utf8(part("ucp-cluster-root-ca/cert.pem")).unwrap();
    let other = String::from_utf8(part("ucp-controller-server-certs/cert.pem")).unwrap();
    let der = decoded(text.as_bytes());
    let cut_der = &der[..der.len() - 5];
    let first = text.lines().nth(1).unwrap();
    let cases: Vec<Case> = vec![
        ("whole", text.clone().into(), &[], None),
        ("CRLF", text.replace('\n', "\r\n").into(), &[], None),
        ("comments", format!("# root\n=====\n{text}\n# end\n").into(), &[], None),
        ("empty", Vec::new(), &["certificate/empty"], None),
        ("zeros", vec![0; 4096], &["certificate/none"], None),
        ("a message", b"Error response from daemon\n".to_vec(), &["certificate/none"], None),
        ("cut", text[..300].into(), &["certificate/damaged"], Some(0)),
        ("no END", text.replace("-----END CERTIFICATE-----\n", "").into(), &["certificate/damaged"], Some(0)),
        (
            "the second is cut",
            format!("{text}{}", &other[..300]).into(),
            &["certificate/damaged"],
            Some(text.len() as u64),
        ),
        ("the first is cut", format!("{}\n{other}", &text[..300]).into(), &["certificate/damaged"], Some(0)),
        (
            "on one line",
            format!("{}{other}", text.trim_end()).into(),
            &["certificate/damaged", "certificate/damaged"],
            None,
        ),
        ("a byte in the base64", text.replacen(&first[10..11], "*", 1).into(), &["certificate/damaged"], None),
        ("zeros behind", [text.as_bytes(), &[0; 512]].concat(), &["certificate/irregular"], Some(text.len() as u64)),
        (
            "openssl's label",
            text.replace("CERTIFICATE", "X509 CERTIFICATE").into(),
            &["certificate/irregular"],
            Some(0),
        ),
        (
            "a key's label",
            text.replace("CERTIFICATE", "PRIVATE KEY").into(),
            &["certificate/irregular", "certificate/none"],
            None,
        ),
        ("DER", der.clone(), &[], None),
        ("DER cut", cut_der.into(), &["certificate/damaged"], Some(0)),
        ("DER and more", [&der[..], b"\n"].concat(), &["certificate/damaged"], Some(der.len() as u64)),
        ("twice", format!("{text}{text}").into(), &[], None),
    ];
    for (what, content, expected, place) in cases {
        let learned = certificate(&content);
        assert_eq!(codes(&learned), expected, "{what}: {:?}", learned.faults());
        if let Some(place) = place {
            assert_eq!(learned.faults()[0].offset, Some(place), "{what}: {:?}", learned.faults());
        }
    }
    // Where the first is lost, the second does not stand for it.
    let headless = certificate(format!("{}\n{other}", &text[..300]).as_bytes());
    assert!(facts(&headless, "subject").len() == 1 && headless.evidence.is_empty());
    // Places inside the DER are places in the PEM file too: the tag of the serial number is the 14th byte.
    let mut wrong = der;
    let serial = wrong.windows(5).position(|window| window == [0xA0, 3, 2, 1, 2]).unwrap() + 5;
    wrong[serial] = 4;
    assert_eq!(certificate(&wrong).faults()[0].offset, Some(serial as u64));
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(&wrong);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
    assert_eq!(certificate(pem.as_bytes()).faults()[0].offset, Some(28 + serial as u64 * 4 / 3));
}

#[test]
fn the_committed_material_holds_together() {
    let server = certificate(&part("ucp-controller-server-certs/cert.pem"));
    let ca = certificate(&part("ucp-controller-server-certs/ca.pem"));
    let roots: Vec<Learned> =
        ["client", "cluster"].iter().map(|name| certificate(&part(&format!("ucp-{name}-root-ca/cert.pem")))).collect();
    for learned in roots.iter().chain([&server, &ca]) {
        assert_eq!(codes(learned), [""; 0]);
    }
    assert_eq!(issued(chain(&server), chain(&ca)), Answer::Yes);
    let by: Vec<bool> = roots.iter().map(|root| issued(chain(&server), chain(root)) == Answer::Yes).collect();
    assert_eq!(by.iter().filter(|good| **good).count(), 1, "one root issued it");
    let own = key(&part("ucp-controller-server-certs/key.pem"));
    assert_eq!(fits(half(&own), chain(&server)), Answer::Yes);
    for (index, name) in ["client", "cluster"].iter().enumerate() {
        let root = key(&part(&format!("ucp-{name}-root-ca/key.pem")));
        assert_eq!(codes(&root), [""; 0]);
        assert_eq!(fits(half(&root), chain(&roots[index])), Answer::Yes);
        assert!(matches!(fits(half(&root), chain(&roots[1 - index])), Answer::No(_)));
        assert!(matches!(fits(half(&root), chain(&server)), Answer::No(_)));
    }
    assert_eq!(codes(&certificate(&part("ucp-controller-server-certs/client_ca.pem"))), ["certificate/empty"]);
    let allowed = at(&part("ucp-controller-server-certs/client_ca.pem"), 0, &[("empty", "allowed")]);
    assert_eq!(codes(&allowed), [""; 0]);
}

/// A member of an archive of the corpus.
fn member(archive: &str, suffix: &str) -> Vec<u8> {
    let file = std::fs::File::open(corpus().join(archive)).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut entries = archive.entries().unwrap().map(Result::unwrap);
    let mut found = entries.find(|entry| entry.path().unwrap().ends_with(suffix)).expect(suffix);
    let mut content = Vec::new();
    found.read_to_end(&mut content).unwrap();
    content
}

#[test]
fn a_real_swarm_holds_together() {
    for (archive, encrypted) in [("kept/swarm-20.10.24.tgz", false), ("kept/swarm-20.10.24-autolock.tgz", true)] {
        let root = certificate(&member(archive, "swarm-root-ca.crt"));
        let node = certificate(&member(archive, "swarm-node.crt"));
        let own = key(&member(archive, "swarm-node.key"));
        assert_eq!(codes(&root), [""; 0], "{archive}");
        assert_eq!(fact(&root, "authority"), "yes");
        let errors =
            node.faults().iter().filter(|fault| fault.severity.unwrap_or(fault.code.severity) == Severity::Error);
        assert_eq!(errors.count(), 0, "{archive}: {:?}", node.faults());
        assert!(matches!(issued(chain(&node), chain(&root)), Answer::Yes), "{archive}");
        assert!(facts(&own, "header").contains(&"kek-version"), "{archive}");
        if encrypted {
            assert_eq!(codes(&own), ["key/encrypted"], "{archive}");
            assert!(matches!(fits(half(&own), chain(&node)), Answer::CannotTell(_)), "{archive}");
        } else {
            assert_eq!(codes(&own), [""; 0], "{archive}");
            assert_eq!(fits(half(&own), chain(&node)), Answer::Yes, "{archive}");
        }
    }
}

#[test]
fn the_public_cas_are_read() {
    let path = std::path::Path::new("/etc/ssl/certs/ca-certificates.crt");
    let Ok(content) = std::fs::read(path) else {
        println!("skipped the_public_cas_are_read: {} is not there", path.display());
        return;
    };
    let learned = learn_once(&content);
    let loud = |fault: &&veritar::probe::Fault| fault.severity.unwrap_or(fault.code.severity) >= Severity::Warning;
    let faults: Vec<_> = learned.faults().iter().filter(loud).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let count = String::from_utf8_lossy(&content).matches("BEGIN CERTIFICATE").count();
    assert!(count > 100 && chain(&learned).len() == count, "{count}");
    for certificate in chain(&learned) {
        assert_eq!(
            issued(std::slice::from_ref(certificate), chain(&learned)),
            Answer::Yes,
            "{}",
            certificate.subject()
        );
    }
}

fn learn_once(content: &[u8]) -> Learned {
    let (limits, settings) = (veritar::limits::Limits::default(), Settings::new());
    let kind = veritar::probe::find("certificate").unwrap();
    let size = content.len() as u64;
    let subject = veritar::probe::Subject { path: b"cert", size, settings: &settings, limits: &limits, at: None };
    let mut probe = (kind.start)(&subject);
    probe.feed(content);
    probe.finish()
}

fn is_loud(learned: &Learned) -> bool {
    learned.faults().iter().any(|fault| fault.severity.unwrap_or(fault.code.severity) >= Severity::Warning)
}

/// A root tells every flip by itself, but for one that makes another name of its issuer or subject: then nothing in the
/// file says who signed it, and the pair does. A certificate that others issued tells it beside them.
#[test]
fn every_flipped_bit_of_a_certificate_is_found() {
    let root = part("ucp-cluster-root-ca/cert.pem");
    let issuers = learn_once(&part("ucp-controller-server-certs/ca.pem"));
    for (name, issuers) in
        [("ucp-cluster-root-ca/cert.pem", &learn_once(&root)), ("ucp-controller-server-certs/cert.pem", &issuers)]
    {
        let pem = part(name);
        let der = decoded(&pem);
        assert_eq!(issued(chain(&learn_once(&pem)), chain(issuers)), Answer::Yes, "{name}");
        let mut alone = 0;
        for content in [pem.trim_ascii_end(), &der] {
            for (at, bit, flipped) in flips(content) {
                let learned = learn_once(&flipped);
                alone += usize::from(is_loud(&learned));
                let told = is_loud(&learned) || matches!(issued(chain(&learned), chain(issuers)), Answer::No(_));
                assert!(told, "bit {bit} of byte {at} of {name}: {:?}", learned.facts());
            }
        }
        println!(
            "{name}: {alone} of {} flips are found in the file alone",
            (pem.trim_ascii_end().len() + der.len()) * 8
        );
    }
}

#[test]
fn more_certificates_than_may_be_held() {
    let pem = part("ucp-cluster-root-ca/cert.pem");
    let mut limits = veritar::limits::Limits::default();
    limits.set("certificates", 2).unwrap();
    let settings = Settings::new();
    for (count, expected) in [(2, &[][..]), (3, &["certificate/too-many"]), (9, &["certificate/too-many"])] {
        let content = pem.repeat(count);
        let size = content.len() as u64;
        let subject = veritar::probe::Subject { path: b"c", size, settings: &settings, limits: &limits, at: None };
        let mut probe = (veritar::probe::find("certificate").unwrap().start)(&subject);
        probe.feed(&content);
        let learned = probe.finish();
        assert_eq!(codes(&learned), expected);
        assert_eq!(chain(&learned).len(), 2);
    }
}

/// Each of these took hours, or ended the program, while it was naively read.
#[test]
fn hostile_files_cost_no_more_than_their_bytes() {
    let begun = std::time::Instant::now();
    let lines = 200_000;
    let cases = [
        [" -----BEGIN X-----\n".repeat(lines), "-----BEGIN A\n".into()].concat(),
        [" -----BEGIN X-----\n".repeat(lines), "-----END A-----\n".into()].concat(),
        "-----BEGIN X-----\n".repeat(lines),
        "-----BEGIN X-----\na:b\nc\n".repeat(lines),
        format!("-----BEGIN X-----\n{}", "a:b\n".repeat(lines)),
        "-----END X-----\n".repeat(lines),
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".repeat(lines / 10),
    ];
    for case in cases {
        for learned in [learn_once(case.as_bytes()), super::private_key::once(case.as_bytes())] {
            assert!(is_loud(&learned) && learned.faults().len() <= 16, "{:?}", learned.faults());
        }
    }
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());

    // A root whose RSA key and signature are nothing at all.
    let none = [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 11, 5, 0];
    let der = |tag: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        let length = u8::try_from(content.len()).unwrap();
        let head = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [head, content].concat()
    };
    let rsa = [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0];
    let days = der(0x30, &[b"\x17\x0D300101000000Z", b"\x17\x0D310101000000Z"]);
    let nothing = der(0x30, &[&[2, 1, 0], &[2, 1, 3]]);
    let key = der(0x30, &[&rsa, &der(3, &[&[0], &nothing])]);
    let signed = der(0x30, &[&[2, 1, 1], &none, &[0x30, 0], &days, &[0x30, 0], &key]);
    let root = der(0x30, &[&signed, &none, &[3, 1, 0]]);
    let learned = certificate(&root);
    assert_eq!(codes(&learned), ["certificate/unknown-algorithm", "certificate/weak"], "{:?}", learned.faults());
}
