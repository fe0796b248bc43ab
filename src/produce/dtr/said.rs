//! What DTR says when there is no backup, and what to do then.
//!
//! Promises: what was said stands in the sentence; what is not known is handed on as it came. Refuses to know: how it was
//! run.

use crate::produce::reason::{self, Reason};
use crate::produce::{Trouble, run};

const REASONS: &[Reason] = &[
    (
        &["x509"],
        "UCP showed a certificate that the authority given did not issue for this name; fetch the authority again, compare \
         its fingerprint with the one an administrator reads on a manager, and look at the URL",
    ),
    (&["unauthorized"], NOT_LET_IN),
    (&["invalid", "password"], NOT_LET_IN),
    (&["authentication", "fail"], NOT_LET_IN),
    (&["no such host"], NOT_THERE),
    (&["connection refused"], NOT_THERE),
    (&["i/o timeout"], NOT_THERE),
    (&["replica", "not found"], NO_REPLICA),
    (&["replica", "no such"], NO_REPLICA),
];

const NOT_LET_IN: &str = "UCP did not let this user in; give name and password of an administrator of UCP";
const NOT_THERE: &str = "UCP does not answer there; look at the URL, and that UCP is up";
const NO_REPLICA: &str = "there is no such replica in this UCP; give the identifier at the end of the name of the container \
                          dtr-rethink-…";

/// The trouble with what is known of its reason.
pub(super) fn explain(mut trouble: run::Trouble) -> Trouble {
    if let Some(short) = without_certificates(&trouble.command) {
        trouble.command = short;
    }
    match reason::find(&trouble, REASONS) {
        Some((line, reason)) => Trouble::Refused(format!("DTR made no backup, and said: {line}; {reason}")),
        None => trouble.into(),
    }
}

/// The command without the lines of the authority, which stand in the receipt: nobody reads a sentence with them in it.
fn without_certificates(command: &str) -> Option<String> {
    let (before, rest) = command.split_once("$'-----BEGIN CERTIFICATE-----")?;
    let (_, after) = rest.rsplit_once("-----END CERTIFICATE-----'")?;
    Some(format!("{before}\"$(cat ucp-ca.pem)\"{after}"))
}
