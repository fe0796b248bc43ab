//! Keys and certificates beside each other: which belongs to which, and who issued whom.
//!
//! Promises: a yes is computed, and stands on no name alone; work is bounded whatever the files hold. Refuses to know: which
//! files belong together, and what day it is.

use super::key::PublicKey;
use super::private::PublicHalf;
use super::signature::Checked;
use super::x509::Certificate;

/// Signatures computed to find one issuer chain.
pub const TRIES: usize = 64;
/// Certificates of one chain.
const DEPTH: usize = 16;

/// What is known about two things that should belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// They do.
    Yes,
    /// They do not; why, as a fragment that may be shown.
    No(String),
    /// It cannot be computed here; why, as a fragment that may be shown.
    CannotTell(String),
}

/// Whether the private key is that of the first of the certificates: servers present that one with it.
#[must_use]
pub fn fits(key: &PublicHalf, certificates: &[Certificate]) -> Answer {
    let Some(first) = certificates.first() else { return Answer::CannotTell("there is no certificate".into()) };
    let (public, proven) = match key {
        PublicHalf::Derived(public) => (public, true),
        PublicHalf::Told(public) => (public, false),
        PublicHalf::Hidden(why) => return Answer::CannotTell(why.clone()),
    };
    if public == first.key() {
        return if proven {
            Answer::Yes
        } else {
            let what =
                format!("a key of {} that is not reckoned with: only its public half was compared", public.algorithm());
            Answer::CannotTell(what)
        };
    }
    if let (PublicKey::Other { .. }, PublicKey::Other { .. }) = (public, first.key())
        && public.algorithm() == first.key().algorithm()
        && !proven
    {
        // The same point may be written in several ways.
        return Answer::CannotTell(format!("a key of {} that is not reckoned with", public.algorithm()));
    }
    let mut places = certificates.iter().zip(1_u64..);
    match places.find(|(certificate, _)| certificate.key() == public) {
        Some((_, place)) => Answer::No(format!(
            "the private key is that of certificate {place} of the file, and the first, which is used with it, is for \
             another key ({})",
            first.subject()
        )),
        None => Answer::No(format!(
            "the private key ({}) is not that of the certificate for {} ({})",
            public.algorithm(),
            first.subject(),
            first.key().algorithm()
        )),
    }
}

/// Whether the first of the certificates was issued by one of `issuers`, directly or through further certificates of its
/// own file: names, signatures, that issuers are CAs, and their path lengths. Validity is not looked at.
#[must_use]
pub fn issued(certificates: &[Certificate], issuers: &[Certificate]) -> Answer {
    let Some(first) = certificates.first() else { return Answer::CannotTell("there is no certificate".into()) };
    if issuers.is_empty() {
        return Answer::CannotTell("there is no issuer's certificate".into());
    }
    let mut climb = Climb { chain: certificates, issuers, tries: TRIES, refusals: Vec::new(), unknown: None };
    let mut used = vec![false; certificates.len()];
    if let Some(own) = used.first_mut() {
        *own = true;
    }
    if climb.up(first, &mut used, 0, 0) {
        return Answer::Yes;
    }
    if let Some(why) = climb.unknown {
        return Answer::CannotTell(why);
    }
    Answer::No(climb.refusals.into_iter().next().unwrap_or_else(|| {
        format!("no certificate there has the name of the issuer of {}: {}", first.subject(), first.issuer())
    }))
}

/// The way from a certificate to its issuer.
struct Climb<'a> {
    chain: &'a [Certificate],
    issuers: &'a [Certificate],
    tries: usize,
    /// Why certificates of the right name were not the issuer's.
    refusals: Vec<String>,
    /// Why it may be that one was, after all.
    unknown: Option<String>,
}

impl<'a> Climb<'a> {
    /// From `certificate`, below which stand `below` CAs that are not self-issued.
    fn up(&mut self, certificate: &'a Certificate, used: &mut [bool], below: u64, depth: usize) -> bool {
        let issuers = self.issuers;
        for issuer in issuers.iter().filter(|issuer| certificate.names_as_issuer(issuer)) {
            // The one that is trusted stands for itself, even where it is no CA.
            let itself = certificate.der() == issuer.der();
            if self.step(certificate, issuer, if itself { None } else { Some(below) }) {
                return true;
            }
        }
        if depth >= DEPTH {
            self.unknown = Some(format!("the chain has more than {DEPTH} certificates"));
            return false;
        }
        let chain = self.chain;
        for (index, issuer) in chain.iter().enumerate().filter(|(_, issuer)| certificate.names_as_issuer(issuer)) {
            if used.get(index) != Some(&false) || !self.step(certificate, issuer, Some(below)) {
                continue;
            }
            if let Some(mark) = used.get_mut(index) {
                *mark = true;
            }
            if self.up(issuer, used, below.saturating_add(u64::from(!issuer.is_self_issued())), depth.saturating_add(1))
            {
                return true;
            }
        }
        false
    }

    /// Whether `issuer` issued `certificate`, and may; `below` is not asked of the one that is trusted itself.
    fn step(&mut self, certificate: &Certificate, issuer: &Certificate, below: Option<u64>) -> bool {
        let Some(tries) = self.tries.checked_sub(1) else {
            self.unknown = Some(format!("more than {TRIES} certificates have the names of issuers"));
            return false;
        };
        self.tries = tries;
        match certificate.signed_by(issuer) {
            Checked::Good => match below.map_or(Ok(()), |below| issuer.may_issue(below)) {
                Ok(()) => true,
                Err(why) => {
                    self.refusals.insert(0, format!("{} signed it, but must not: {why}", issuer.subject()));
                    false
                }
            },
            Checked::Bad => {
                let (subject, issuer) = (certificate.subject(), issuer.subject());
                self.refusals.push(format!(
                    "the signature on the certificate for {subject} was not made by the key of {issuer}: one of them is \
                     damaged, or the issuer is another of the same name"
                ));
                false
            }
            Checked::Unknown(why) => {
                self.unknown = Some(why);
                false
            }
        }
    }
}
