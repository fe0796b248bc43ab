//! Every OpenPGP file of the corpora, read by sequoia-openpgp, by the `gpg` of this machine and here: what one of them reads
//! is read here to the same bytes, or stands in a list with the reason.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::crypto::SessionKey;
use sequoia_openpgp::packet::{PKESK, SKESK};
use sequoia_openpgp::parse::Parse as _;
use sequoia_openpgp::parse::stream::{
    DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper, VerifierBuilder,
};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::stream::{Encryptor, LiteralWriter, Message};
use sequoia_openpgp::types::SymmetricAlgorithm;
use sequoia_openpgp::{Cert, KeyHandle, Packet, Result};
use veritar::envelope::Trust;
use veritar::limits::Limits;
use veritar::secret::{Known, Secret};
use veritar::source::MemorySource;

use crate::openpgp::{Gpg, bytes, corpora, files, read_trusting};

const TRAILING: &str = "something follows the message, which is an error here";
const ONE_LINE: &str = "all of the armor on one line, as a web page folds it; gpg does not read it either";
const CLEARTEXT: &str = "a text with its signature below is no container";
const TEXT: &str = "text mode: gpg drops carriage returns, here the bytes are taken as they are";
const BACKEND: &str = "the backend in pure Rust has no such algorithm; it is named as unsupported";

/// What sequoia-openpgp reads and this does not, with the reason.
const ONLY_SEQUOIA: &[(&str, &str)] = &[
    ("go-writer/go-post2020-trailing.pgp", TRAILING),
    ("go-writer/go-post2020-twice.pgp", TRAILING),
    ("sequoia/armor/literal-0-no-newlines.asc", ONE_LINE),
    ("sequoia/armor/literal-1-no-newlines.asc", ONE_LINE),
    ("sequoia/armor/literal-2-no-newlines.asc", ONE_LINE),
    ("sequoia/armor/literal-3-no-newlines.asc", ONE_LINE),
    ("sequoia/armor/literal-47-no-newlines.asc", ONE_LINE),
    ("sequoia/armor/literal-48-no-newlines.asc", ONE_LINE),
    ("sequoia/armor/literal-49-no-newlines.asc", ONE_LINE),
    ("sequoia/armor/literal-50-no-newlines.asc", ONE_LINE),
    ("sequoia/armor/literal-51-no-newlines.asc", ONE_LINE),
    ("sequoia/crypto-refresh/cleartext-signed-message.txt", CLEARTEXT),
    ("sequoia/messages/InRelease.msft", CLEARTEXT),
    ("sequoia/messages/InRelease.v3", CLEARTEXT),
    ("sequoia/messages/a-cypherpunks-manifesto.txt.cleartext.sig", CLEARTEXT),
    ("sequoia/messages/a-problematic-poem.txt.cleartext.sig", CLEARTEXT),
];

/// What gpg reads, exit code 0, and this does not or not to the same bytes, with the reason.
const ONLY_GPG: &[(&str, &str)] = &[
    ("go-writer/go-post2020.pgp", TEXT),
    ("go-writer/go-pre2020.pgp", TEXT),
    ("sequoia/messages/InRelease.msft", CLEARTEXT),
    ("sequoia/messages/InRelease.v3", CLEARTEXT),
    ("sequoia/messages/a-cypherpunks-manifesto.txt.cleartext.sig", CLEARTEXT),
    ("sequoia/messages/a-problematic-poem.txt.cleartext.sig", CLEARTEXT),
    ("sequoia/messages/crlf-straddles-chunks.txt.sig", TEXT),
    ("sequoia/messages/encrypted/brainpoolP256r1.msg.pgp", BACKEND),
    ("sequoia/messages/encrypted/brainpoolP384r1.msg.pgp", BACKEND),
    ("sequoia/messages/encrypted/brainpoolP512r1.msg.pgp", BACKEND),
    ("sequoia/messages/encrypted/elg.msg.pgp", BACKEND),
    ("sequoia/messages/encrypted/secp256k1.msg.pgp", BACKEND),
    ("sequoia/messages/text-signature-notation-has-lf.txt.sig", TEXT),
];

/// Everything that may open one of the files.
struct Peer {
    certs: Vec<Cert>,
    passwords: Vec<String>,
}

impl VerificationHelper for &Peer {
    fn get_certs(&mut self, _: &[KeyHandle]) -> Result<Vec<Cert>> {
        Ok(Vec::new())
    }

    fn check(&mut self, _: MessageStructure<'_>) -> Result<()> {
        Ok(())
    }
}

impl DecryptionHelper for &Peer {
    fn decrypt(
        &mut self,
        pkesks: &[PKESK],
        skesks: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> Result<Option<Cert>> {
        for key in self.certs.iter().flat_map(|cert| cert.keys().unencrypted_secret()) {
            for pkesk in pkesks {
                let Ok(mut pair) = key.key().clone().into_keypair() else { continue };
                if let Some((algorithm, session)) = pkesk.decrypt(&mut pair, algorithm)
                    && decrypt(algorithm, &session)
                {
                    return Ok(None);
                }
            }
        }
        for skesk in skesks {
            for password in &self.passwords {
                if let Ok((algorithm, session)) = skesk.decrypt(&password.as_str().into())
                    && decrypt(algorithm, &session)
                {
                    return Ok(None);
                }
            }
        }
        Err(sequoia_openpgp::Error::MissingSessionKey("none".into()).into())
    }
}

fn by_sequoia(message: &[u8], peer: &Peer) -> Option<Vec<u8>> {
    // Whether a message can be read is asked here, not whether it should be: nothing was forbidden in 1970.
    let policy = &StandardPolicy::at(std::time::SystemTime::UNIX_EPOCH);
    let mut content = Vec::new();
    let read = || -> Result<Vec<u8>> {
        DecryptorBuilder::from_bytes(message)?.with_policy(policy, None, peer)?.read_to_end(&mut content)?;
        Ok(content)
    };
    if let Ok(content) = read() {
        return Some(content);
    }
    let mut content = Vec::new();
    VerifierBuilder::from_bytes(message).ok()?.with_policy(policy, None, peer).ok()?.read_to_end(&mut content).ok()?;
    Some(content)
}

/// The passwords a file name tells, or all that the other files have.
fn passwords(path: &Path) -> Vec<String> {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    match name.split_once("password-") {
        Some((_, password)) => vec![password.to_owned(), password.replace('-', " ")],
        None => vec!["secret".to_owned(), "password".to_owned()],
    }
}

fn secret_keys(folder: &Path) -> Vec<Vec<u8>> {
    let all = files(folder).into_iter().map(|path| bytes(&path));
    all.filter(|file| CertParser::from_bytes(file).into_iter().flatten().flatten().any(|cert| cert.is_tsk())).collect()
}

fn by_us(message: &[u8], passwords: &[String], keys: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut unlock = Known {
        passphrases: passwords.iter().map(|text| Secret::new(text.as_bytes().to_vec())).collect(),
        secret_keys: keys.iter().map(|key| Secret::new(key.clone())).collect(),
        ..Known::default()
    };
    let (source, limits) = (MemorySource::new(message.to_vec()), Limits::default());
    let trust = Trust { allow_unauthenticated: true, ..Trust::default() };
    let read = read_trusting(source, &mut unlock, &limits, &trust);
    if read.errors().is_empty() { read.content } else { None }
}

fn short(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()
}

/// Every file that is not a key, with its name.
fn messages(folder: &Path) -> Vec<(String, PathBuf, Vec<u8>)> {
    let all = files(folder).into_iter().map(|path| (short(&path, folder), path));
    all.map(|(name, path)| (name, bytes(&path), path)).map(|(name, bytes, path)| (name, path, bytes)).collect()
}

/// Holds the files that only the other one reads against the list, both ways.
fn hold(only: &BTreeSet<String>, list: &[(&str, &str)], read: usize) {
    let listed: BTreeSet<String> = list.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(only, &listed, "of {read} files");
}

#[test]
fn what_sequoia_reads_is_read_to_the_same_bytes() {
    let Some(folder) = corpora() else { return };
    let keys = secret_keys(&folder);
    let certs = keys.iter().flat_map(|key| CertParser::from_bytes(key).into_iter().flatten().flatten()).collect();
    let mut peer = Peer { certs, passwords: Vec::new() };
    let (mut only, mut both) = (BTreeSet::new(), 0);
    for (name, path, message) in messages(&folder) {
        peer.passwords = passwords(&path);
        let Some(theirs) = by_sequoia(&message, &peer) else { continue };
        if by_us(&message, &peer.passwords, &keys).as_ref() == Some(&theirs) {
            both += 1;
        } else {
            only.insert(name);
        }
    }
    hold(&only, ONLY_SEQUOIA, both);
    assert!(both > 60, "{both}");
}

#[test]
fn what_gpg_reads_is_read_to_the_same_bytes() {
    let Some(folder) = corpora() else { return };
    let Some(gpg) = Gpg::start() else { return };
    let keys = secret_keys(&folder);
    let run = |passphrase: &str, arguments: &[&str], input: &Path| {
        let mut gpg = {
            let mut command = Command::new("gpg");
            command.arg("--homedir").arg(gpg.home.path());
            command
        };
        gpg.args([
            "--batch",
            "--yes",
            "--quiet",
            "--no-options",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            passphrase,
        ]);
        gpg.args(arguments).arg(input).stderr(Stdio::null()).output().unwrap()
    };
    let file = gpg.home.path().join("key");
    for key in &keys {
        std::fs::write(&file, key).unwrap();
        run("", &["--import"], &file);
    }
    let (mut only, mut both) = (BTreeSet::new(), 0);
    for (name, path, message) in messages(&folder) {
        let passwords = passwords(&path);
        // gpg reads its exit code from signatures too, and unpacks what is no message at all: keys, detached signatures.
        let arguments = ["--skip-verify", "--max-output", "10000000", "--decrypt"];
        let theirs =
            passwords.iter().map(|password| run(password, &arguments, &path)).find(|output| output.status.success());
        let Some(theirs) = theirs.filter(|output| !output.stdout.is_empty()) else { continue };
        if by_us(&message, &passwords, &keys).as_ref() == Some(&theirs.stdout) {
            both += 1;
        } else {
            only.insert(name);
        }
    }
    hold(&only, ONLY_GPG, both);
    assert!(both > 60, "{both}");
}

/// Session-key packets without a message: sequoia-openpgp finds the key, a message is made for it, and it is read here.
#[test]
fn session_keys_of_sequoia_are_found() {
    let Some(folder) = corpora().map(|folder| folder.join("sequoia/messages/s2k")) else { return };
    let mut seen = 0;
    for (name, path, file) in messages(&folder) {
        let Some((_, password)) = name.trim_end_matches(".pgp").split_once("password-") else { continue };
        // "-1" and "-2" only number files; "13-times-0123456789" is what it says.
        let password = password.trim_end_matches("-1").trim_end_matches("-2");
        let password = match password.strip_prefix("13-times-") {
            Some(part) => part.repeat(13),
            None => password.to_owned(),
        };
        let Packet::SKESK(skesk) = Packet::from_bytes(&file).unwrap() else { panic!("{name}") };
        let (algorithm, key) = skesk.decrypt(&password.as_str().into()).unwrap();
        let algorithm = algorithm.unwrap();
        let mut sealed = Vec::new();
        let encryptor = Encryptor::with_session_key(Message::new(&mut sealed), algorithm, key).unwrap();
        let mut writer = LiteralWriter::new(encryptor.build().unwrap()).build().unwrap();
        std::io::Write::write_all(&mut writer, b"content").unwrap();
        writer.finalize().unwrap();
        let message = [&file[..], &sealed].concat();
        let read = by_us(&message, &[password], &[]);
        assert_eq!(read.as_deref(), Some(&b"content"[..]), "{}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 9);
}

#[test]
fn armor_in_the_wild_is_read_as_gpg_reads_it() {
    let plain = b"What is inside of the armor, long enough for more than one line of it, as most things are.";
    let armored = STANDARD.encode(crate::build::sealed::literal(plain));
    let lines: Vec<&str> = armored.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let crc = crc24(&crate::build::sealed::literal(plain)).to_be_bytes();
    let sum = STANDARD.encode(&crc[1..]);
    let (begin, end, data) = ("-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----", lines.join("\n"));
    let (first, rest) = data.split_at(10);
    let usual = format!("{begin}\n\n{data}\n={sum}\n{end}\n");
    let with = |between: &str| format!("{begin}\n\n{first}{between}{rest}\n={sum}\n{end}\n");
    let cases: Vec<(&str, String, &[&str], Gpgs)> = vec![
        ("as usual", usual.clone(), &[], Gpgs::Reads),
        ("without a checksum", usual.replace(&format!("={sum}\n"), ""), &[], Gpgs::Complains),
        ("a wrong checksum", usual.replace(&sum, "AAAA"), &["openpgp/armor-checksum"], Gpgs::Complains),
        ("CR LF", usual.replace('\n', "\r\n"), &[], Gpgs::Reads),
        ("one long line", format!("{begin}\n\n{armored}\n={sum}\n{end}\n"), &[], Gpgs::Reads),
        (
            "headers",
            usual.replacen("-----\n\n", "-----\nVersion: GnuPG v1\nComment: a: b\nCharset: UTF-8\n\n", 1),
            &[],
            Gpgs::Reads,
        ),
        ("blanks behind the lines", usual.replace('\n', " \t\n"), &[], Gpgs::Reads),
        ("blank lines in the data", with("\n\n\n"), &[], Gpgs::Reads),
        ("text before", format!("hello\n\n{usual}"), &["openpgp/leading-text"], Gpgs::Reads),
        ("no last line feed", usual.trim_end().to_owned(), &[], Gpgs::Reads),
        ("blanks behind the end", format!("{usual}\n \r\n"), &[], Gpgs::Reads),
        ("text behind", format!("{usual}bye\n"), &["openpgp/trailing-data"], Gpgs::Reads),
        ("a second message", format!("{usual}{usual}"), &["openpgp/trailing-data"], Gpgs::Complains),
        // gpg skips such bytes, complains and goes on.
        ("a form feed in the data", with("\u{c}\n"), &["openpgp/malformed"], Gpgs::Complains),
        ("an escape sequence in the data", with("\u{1b}[2K"), &["openpgp/malformed"], Gpgs::Complains),
        ("no empty line", usual.replacen("-----\n\n", "-----\n", 1), &["openpgp/malformed"], Gpgs::Complains),
        ("another end", usual.replace("END PGP MESSAGE", "END PGP SIGNATURE"), &["openpgp/malformed"], Gpgs::Reads),
        ("no end", usual.replace(end, ""), &["openpgp/truncated"], Gpgs::Reads),
        ("dash-escaped", format!("- {usual}"), NOT_CLAIMED, Gpgs::Complains),
        ("quoted", usual.lines().map(|line| format!("> {line}\n")).collect(), NOT_CLAIMED, Gpgs::Complains),
        ("a blank before the first line", format!(" {usual}"), &["openpgp/leading-text"], Gpgs::Complains),
        ("a form feed before the first line", format!("\u{c}{usual}"), &["openpgp/leading-text"], Gpgs::Complains),
        ("an escape sequence before", format!("\u{1b}[31m\n{usual}"), NOT_CLAIMED, Gpgs::Reads),
    ];
    let gpg = Gpg::start();
    let mut wrong = Vec::new();
    for (name, text, codes, gpgs) in cases {
        let recognised = veritar::envelope::openpgp::recognise(text.as_bytes()).is_some();
        assert_eq!(recognised, codes != NOT_CLAIMED, "{name}");
        if recognised {
            let read = crate::openpgp::read(text.as_bytes(), &Known::default());
            assert_eq!(read.codes(), codes, "{name}: {:?}", read.proof);
            if read.errors().is_empty() {
                assert_eq!(read.content.as_deref(), Some(&plain[..]), "{name}");
            }
            if name == "a second message" {
                let told = read.message(&veritar::code::OPENPGP_TRAILING).to_owned();
                let at = format!("at byte {} of the text: another OpenPGP message", usual.len());
                assert!(told.ends_with(&at), "{told}");
            }
        }
        if let Some(gpg) = &gpg {
            let file = gpg.home.path().join("armored");
            std::fs::write(&file, &text).unwrap();
            let arguments = ["--batch", "--quiet", "--no-options", "--decrypt"];
            let output = Command::new("gpg").arg("--homedir").arg(gpg.home.path()).args(arguments).arg(&file).output();
            let output = output.unwrap();
            let reads = output.status.success() && output.stdout.starts_with(plain);
            if reads != (gpgs == Gpgs::Reads) {
                wrong.push(format!("{name}: {output:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// No claim is made that this is a message.
const NOT_CLAIMED: &[&str] = &["not claimed"];

/// What gpg 2.2 makes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gpgs {
    /// The content, and exit code 0.
    Reads,
    Complains,
}

/// One bit at a time, as RFC 9580, section 6.1.1, writes it.
fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x00B7_04CE, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 16, |crc, _| {
            if crc & 0x80_0000 == 0 { crc << 1 } else { (crc << 1 ^ 0x0186_4CFB) & 0x00FF_FFFF }
        })
    })
}
