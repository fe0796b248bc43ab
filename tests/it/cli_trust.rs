//! The options that say what is trusted: `--allow-unauthenticated` and `--certificate`.

use sequoia_openpgp::serialize::SerializeInto as _;

use crate::cli::{at, passphrase, run, scratch};
use crate::signed::{cert, made, message, public};

#[test]
fn what_nothing_authenticates_is_read_where_that_is_allowed() {
    let archive = at("bad/packet-9.tar.gz.pgp");
    let secret = passphrase();
    let with = |command: &str, more: &[&str]| run(&[&[command, &archive, "--passphrase-file", &secret], more].concat());
    let (code, out, _) = with("verify", &[]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("openpgp/no-integrity") && out.contains("--allow-unauthenticated"), "{out}");
    let (code, out, _) = with("verify", &["--allow-unauthenticated"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("readable, not authenticated"), "{out}");
    assert_eq!(with("verify", &["--allow-unauthenticated", "--fail-on", "warning"]).0, 1);
    let (code, names, _) = with("list", &["--format", "names"]);
    assert_eq!((code, names.as_str()), (1, ""));
    let (code, names, error) = with("list", &["--format", "names", "--allow-unauthenticated"]);
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("readable, not authenticated"), "{error}");
    let member = names.lines().find(|name| !name.ends_with('/')).unwrap();
    let (code, content, error) = with("cat", &[member, "--allow-unauthenticated"]);
    assert_eq!(code, 0, "{error}");
    assert!(!content.is_empty());
    // Where there is a check and it does not hold, nothing is allowed.
    let forged = at("bad/aead-first-chunk-flipped.tar.gz.pgp");
    assert_eq!(run(&["verify", &forged, "--passphrase-file", &secret, "--allow-unauthenticated"]).0, 1);
}

/// In the place of the file with the passphrase.
const SECRET: &str = "SECRET";

#[test]
fn signatures_are_held_against_the_certificates_given() {
    let folder = scratch();
    let at = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (alice, bob) = (made(cert("Alice")), made(cert("Bob")));
    let tar = std::fs::read(crate::support::corpus().join("good/dtr-2.9.4-metadata.tar")).unwrap();
    let signed = at("backup.tar.pgp", &message(&tar, &alice, false, |signer| signer));
    let (alice_file, bob_file) = (at("alice.pgp", &public(&alice)), at("bob.pgp", &public(&bob)));
    let (code, out, _) =
        run(&["verify", "--verbose", &signed, "--certificate", &bob_file, "--certificate", &alice_file]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("openpgp/signature-good") && out.contains(&alice.fingerprint().to_hex()), "{out}");
    let (code, out, _) = run(&["verify", &signed, "--certificate", &bob_file]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("openpgp/signature-unknown"), "{out}");
    let mut changed = message(&tar, &alice, false, |signer| signer);
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let changed = at("changed.tar.pgp", &changed);
    let (code, out, _) = run(&["verify", &changed, "--certificate", &alice_file]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("openpgp/signature-bad"), "{out}");
    // A secret key is a certificate too.
    let secret_key = at("alice.key", &alice.as_tsk().to_vec().unwrap());
    assert!(run(&["verify", "--verbose", &signed, "--certificate", &secret_key]).1.contains("openpgp/signature-good"));
    // The message taken off with its signature, and a message without one.
    let plain = at("plain.tar", &tar);
    let sealed = crate::cli::at("good/ucp-mke-3.4.5.tar.gz.pgp");
    for (archive, more) in [(&plain, vec![]), (&sealed, vec!["--passphrase-file", SECRET])] {
        let secret = passphrase();
        let more: Vec<&str> =
            more.into_iter().map(|word| if word == SECRET { secret.as_str() } else { word }).collect();
        let (code, out, _) = run(&[&["verify", archive, "--certificate", &alice_file], &more[..]].concat());
        assert_eq!(code, 0, "{out}");
        assert!(out.contains("openpgp/unsigned"), "{out}");
        assert!(!run(&[&["verify", archive], &more[..]].concat()).1.contains("openpgp/unsigned"));
    }
    // What is no certificate is a usage error, before any archive is opened.
    for wrong in [&signed, "/nonexistent"] {
        let (code, out, error) = run(&["verify", &signed, "--certificate", wrong]);
        assert_eq!((code, out.as_str()), (2, ""), "{error}");
        assert!(error.contains("certificate"), "{error}");
    }
}
