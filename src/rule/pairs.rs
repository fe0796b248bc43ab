//! Pairs: a key, its certificate and who issued that, in one folder.
//!
//! Promises: every certificate is held against every key and issuer of its folder, as long as that costs no more than was
//! granted; what cannot be compared is told, and is no match. Refuses to know: where the members came from, and how gravely it is taken.

use std::collections::BTreeMap;

use crate::code::{self, Code, Severity};
use crate::entry::normalized;
use crate::probe::pki::{Answer, Certificate, PublicHalf, TRIES, fits, issued};
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

/// What was found of all pairs.
#[derive(Default)]
pub(super) struct Judged {
    /// What does not fit, each with the number of the member that it is told of.
    pub(super) faults: Vec<(usize, Fault)>,
    /// Whether more was to be compared than was granted: what is left was not.
    pub(super) is_over: bool,
}

/// Holds the members of each folder against each other, in at most `grant` comparisons: a folder may hold one name a thousand
/// times, and then each copy would be held against each other one. `wants_issuer` asks who issued the certificates, too.
pub(super) fn judge(members: &[Member<'_>], wants_issuer: bool, grant: u64) -> Judged {
    let mut left = grant;
    let mut pay = |cost: usize| match left.checked_sub(u64::try_from(cost).unwrap_or(u64::MAX)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let mut folders: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
    for (number, member) in members.iter().enumerate() {
        folders.entry(folder(member.path)).or_default().push(number);
    }
    let mut judged = Judged::default();
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
                    if !pay(1) {
                        return Judged { is_over: true, ..judged };
                    }
                    let fault = fault(fits(public, chain), &code::CERTIFICATE_KEY_MISMATCH, key);
                    judged.faults.extend(fault.map(|fault| (number, fault)));
                }
            }
            if wants_issuer && of(Part::Issuer).next().is_none() {
                judged.faults.extend(unvouched(chain).map(|fault| (number, fault)));
            }
            for (_, issuer) in of(Part::Issuer).filter(|(_, issuer)| !certificates(issuer).is_empty()) {
                let issuers = certificates(issuer);
                if !pay(chain.len().saturating_add(issuers.len()).min(TRIES)) {
                    return Judged { is_over: true, ..judged };
                }
                let fault = fault(issued(chain, issuers), &code::CERTIFICATE_NOT_ISSUED, issuer);
                judged.faults.extend(fault.map(|fault| (number, fault)));
            }
        }
    }
    judged
}

/// A certificate beside which nobody stands who issued it. A root issued itself, which its probe checks: one whose names or key
/// identifiers were damaged is a root no more, and looks like this.
fn unvouched(chain: &[Certificate]) -> Option<Fault> {
    let issued = |first: &Certificate, other| first.names_as_issuer(other) && first.identifies(other) != Some(false);
    let first = chain.first().filter(|first| !chain.iter().any(|other| issued(first, other)))?;
    let message = format!("nobody there issued {}, so whether it is as it was issued cannot be told", first.subject());
    let severity = first.is_authority().then_some(Severity::Warning);
    Some(Fault { code: &code::CERTIFICATE_NOT_COMPARED, severity, message, offset: None })
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
