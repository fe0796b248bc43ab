//! Pairs: a key, its certificate and who issued that, in one folder.
//!
//! Promises: every certificate is held against every key and issuer of its folder; what cannot be compared is told, and is
//! no match. Refuses to know: where the members came from, and how gravely it is taken.

use std::collections::BTreeMap;

use crate::code::{self, Code};
use crate::entry::normalized;
use crate::probe::pki::{Answer, Certificate, PublicHalf, fits, issued};
use crate::probe::{Evidence, Fault};

/// What a member is in a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Key,
    Certificate,
    Issuer,
}

/// A member of a pair: what it is, its path, what was learned of it.
pub(super) struct Member<'m> {
    pub(super) part: Part,
    pub(super) path: &'m [u8],
    pub(super) evidence: &'m [Evidence],
}

/// What does not fit, each with the number of the member that it is told of.
pub(super) fn judge(members: &[Member<'_>]) -> Vec<(usize, Fault)> {
    let mut folders: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for (number, member) in members.iter().enumerate() {
        folders.entry(folder(member.path)).or_default().push(number);
    }
    let mut faults = Vec::new();
    for numbers in folders.values() {
        let of = |part: Part| {
            let of_part =
                numbers.iter().copied().filter(move |number| members.get(*number).is_some_and(|one| one.part == part));
            of_part.filter_map(|number| Some((number, members.get(number)?)))
        };
        for (number, certificate) in of(Part::Certificate) {
            let chain = certificates(certificate);
            // A file without any is told by its probe.
            if chain.is_empty() {
                continue;
            }
            for (_, key) in of(Part::Key) {
                for public in keys(key) {
                    faults.extend(
                        fault(fits(public, chain), &code::CERTIFICATE_KEY_MISMATCH, key).map(|fault| (number, fault)),
                    );
                }
            }
            for (_, issuer) in of(Part::Issuer).filter(|(_, issuer)| !certificates(issuer).is_empty()) {
                let answer = issued(chain, certificates(issuer));
                faults.extend(fault(answer, &code::CERTIFICATE_NOT_ISSUED, issuer).map(|fault| (number, fault)));
            }
        }
    }
    faults
}

/// What an answer other than yes means; `beside` is the member that was compared with.
fn fault(answer: Answer, otherwise: &'static Code, beside: &Member<'_>) -> Option<Fault> {
    let (code, why) = match answer {
        Answer::Yes => return None,
        Answer::No(why) => (otherwise, why),
        Answer::CannotTell(why) => (&code::CERTIFICATE_NOT_COMPARED, why),
    };
    let message = format!("held against {}: {why}", beside.path.escape_ascii());
    Some(Fault { code, severity: None, message, offset: None })
}

fn keys<'m>(member: &Member<'m>) -> impl Iterator<Item = &'m PublicHalf> {
    member
        .evidence
        .iter()
        .filter_map(|evidence| if let Evidence::PrivateKey(key) = evidence { Some(key) } else { None })
}

fn certificates<'m>(member: &Member<'m>) -> &'m [Certificate] {
    let found = member.evidence.iter().find_map(|evidence| match evidence {
        Evidence::Certificates(found) => Some(found.as_slice()),
        _ => None,
    });
    found.unwrap_or_default()
}

/// The folder that a member lies in.
fn folder(path: &[u8]) -> Vec<u8> {
    let path = normalized(path);
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
    path.get(..end).unwrap_or_default().to_vec()
}
