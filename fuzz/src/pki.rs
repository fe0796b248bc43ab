//! Keys and certificates: arbitrary PEM and DER through both probes, in every cut, and DER again in PEM.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use veritar::code::Severity;
use veritar::limits::Limits;
use veritar::probe::pki::{Certificate, PublicHalf, fits, issued};
use veritar::probe::{Evidence, Learned, Settings, Subject, find};

use crate::cut::Draw;

/// 2030-01-01, and a warning that may come.
const DAY: i64 = 1_893_456_000;

/// Reads the input with both probes in every cut: the same is learned. Put into PEM, DER that is good is good still, and the
/// same. What is learned can be judged together.
pub fn probe_pki(data: &[u8]) {
    let mut draw = Draw::from(data);
    for (name, label) in [("private-key", "PRIVATE KEY"), ("certificate", "CERTIFICATE")] {
        let learned = learn(name, data, data.len().max(1));
        for size in [1, 1 + draw.below(100)] {
            let again = learn(name, data, size);
            assert_eq!(learned.faults(), again.faults(), "{name} in pieces of {size}");
            assert_eq!(learned.facts(), again.facts(), "{name} in pieces of {size}");
        }
        for text in
            learned.facts().iter().map(|(_, value)| value).chain(learned.faults().iter().map(|fault| &fault.message))
        {
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
        judge(&learned);
        if data.first() != Some(&0x30) {
            continue;
        }
        let body = base64::engine::general_purpose::STANDARD.encode(data);
        let mut pem = format!("-----BEGIN {label}-----\n");
        for line in body.as_bytes().chunks(64) {
            writeln!(pem, "{}", std::str::from_utf8(line).expect("base64")).expect("memory can be written");
        }
        writeln!(pem, "-----END {label}-----").expect("memory can be written");
        let armored = learn(name, pem.as_bytes(), pem.len());
        if is_good(&learned) {
            // Another label than that of its form is told, and nothing else.
            let others = armored.faults().iter().filter(|fault| fault.code.id != "key/irregular");
            assert_eq!(codes(others), codes(learned.faults().iter()), "{name}");
            assert_eq!(without_encoding(&armored), without_encoding(&learned), "{name}");
        }
    }
}

fn codes<'a>(faults: impl Iterator<Item = &'a veritar::probe::Fault>) -> Vec<&'static str> {
    faults.map(|fault| fault.code.id).collect()
}

fn without_encoding(learned: &Learned) -> Vec<&(Cow<'static, str>, String)> {
    learned.facts().iter().filter(|(name, _)| *name != "encoding").collect()
}

fn is_good(learned: &Learned) -> bool {
    learned.faults().iter().all(|fault| fault.severity.unwrap_or(fault.code.severity) < Severity::Warning)
}

fn judge(learned: &Learned) {
    let hidden = PublicHalf::Hidden("nothing is known".into());
    let (mut half, mut chain): (&PublicHalf, &[Certificate]) = (&hidden, &[]);
    for evidence in &learned.evidence {
        match evidence {
            Evidence::PrivateKey(found) => half = found,
            Evidence::Certificates(found) => chain = found,
            _ => {}
        }
    }
    let _ = (fits(half, chain), issued(chain, chain));
}

fn learn(name: &str, data: &[u8], size: usize) -> Learned {
    let settings = Settings::from([("min-days".to_owned(), vec!["30".to_owned()])]);
    let limits = Limits::default();
    let length = data.len() as u64;
    let settings = if name == "certificate" { settings } else { Settings::new() };
    let subject = Subject { path: b"member", size: length, settings: &settings, limits: &limits, at: Some(DAY) };
    let mut probe = (find(name).expect("a probe of the catalog").start)(&subject);
    data.chunks(size).for_each(|piece| probe.feed(piece));
    probe.finish()
}
