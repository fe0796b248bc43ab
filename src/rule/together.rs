//! Members that must fit each other: what was learned of each is kept until the end, and then held against the others.
//!
//! Promises: the order of the members does not matter; what is kept is bounded, and what could not be kept is told instead
//! of passed over. Refuses to know: how a member is read, and whether the rule is in force.

use std::sync::Arc;

use super::pairs::{self, Member, Part};
use super::rafts;
use super::set::{RelationKind, RuleSet};
use crate::code;
use crate::limits::Limits;
use crate::place::kept_path;
use crate::probe::{Closure, Evidence, Fault, Learned};
use crate::secret::Secret;

/// Comparisons of a pair for each member that may be kept: a key, a certificate with its chain and an issuer take about six for
/// the three of them.
const COMPARISONS: u64 = 2;

/// What one rule set keeps of members that must fit each other.
pub(super) struct Together {
    /// By number of the relation; only references need one.
    closures: Vec<Option<Closure>>,
    kept: Vec<Kept>,
    limit: u64,
    raft_limit: u64,
    is_over: bool,
}

/// What was learned of one member.
struct Kept {
    rule: String,
    path: Vec<u8>,
    offset: u64,
    learned: Arc<Learned>,
}

/// Something that does not fit, and the member that it is told of.
pub(super) struct Misfit {
    pub(super) fault: Fault,
    pub(super) entry: Option<(Vec<u8>, Option<u64>)>,
}

impl Together {
    pub(super) fn new(set: &RuleSet, limits: &Limits) -> Self {
        let closure =
            |kind: &RelationKind| matches!(kind, RelationKind::Reference { .. }).then(|| Closure::new(limits));
        Self {
            closures: set.relations.iter().map(|relation| closure(&relation.kind)).collect(),
            kept: Vec::new(),
            limit: limits.evidence,
            raft_limit: limits.raft_held_bytes,
            is_over: false,
        }
    }

    /// Takes note of what was learned of a member that `rule` matches.
    pub(super) fn learned(&mut self, set: &RuleSet, rule: &str, path: &[u8], offset: u64, learned: &Arc<Learned>) {
        let mut is_wanted = false;
        for (relation, closure) in set.relations.iter().zip(&mut self.closures) {
            match (&relation.kind, closure) {
                (RelationKind::Reference { from, to }, Some(closure)) => {
                    let (refers, defines) = (from.iter().any(|id| id == rule), to.iter().any(|id| id == rule));
                    for evidence in &learned.evidence {
                        match evidence {
                            Evidence::Definition(definition) if defines => closure.define(path, definition),
                            Evidence::Reference(reference) if refers => closure.refer(path, reference),
                            _ => {}
                        }
                    }
                }
                (kind, _) => is_wanted |= kind.entries().contains(&rule),
            }
        }
        if !is_wanted {
            return;
        }
        if u64::try_from(self.kept.len()).unwrap_or(u64::MAX) >= self.limit {
            self.is_over = true;
            return;
        }
        let path = kept_path(path).to_vec();
        self.kept.push(Kept { rule: rule.to_owned(), path, offset, learned: Arc::clone(learned) });
        if learned.evidence.iter().any(|evidence| matches!(evidence, Evidence::RaftLog(_))) {
            self.shrink();
        }
    }

    /// Whether a key was met that an unlock key opens.
    pub(super) fn is_locked(&self) -> bool {
        let mut evidence = self.kept.iter().flat_map(|kept| &kept.learned.evidence);
        evidence.any(|evidence| matches!(evidence, Evidence::SwarmKey(key) if key.is_locked()))
    }

    /// What does not fit by relation number `number`.
    pub(super) fn judge(&mut self, number: usize, kind: &RelationKind, unlock_keys: &[Secret]) -> Vec<Misfit> {
        if self.is_over && !matches!(kind, RelationKind::Reference { .. }) {
            let message = format!(
                "whether keys, certificates and logs fit each other was not judged: more than {} members of them (--limit \
                 evidence=N)",
                self.limit
            );
            return vec![Misfit::of_all(Fault { code: &code::LIMIT_REACHED, severity: None, message, offset: None })];
        }
        match kind {
            RelationKind::Reference { .. } => {
                let closure = self.closures.get_mut(number).and_then(Option::take);
                match closure.map(Closure::finish) {
                    Some(Ok(dangling)) => dangling
                        .iter()
                        .map(|one| Misfit { fault: one.fault(), entry: Some((one.path.clone(), None)) })
                        .collect(),
                    Some(Err(fault)) => vec![Misfit::of_all(fault)],
                    None => Vec::new(),
                }
            }
            RelationKind::Raft { .. } => self.rafts(kind, unlock_keys),
            RelationKind::Pair { key, certificate, issuer } => {
                self.pairs(key.as_deref(), certificate, issuer.as_deref())
            }
        }
    }
}

impl Together {
    fn rafts(&self, kind: &RelationKind, unlock_keys: &[Secret]) -> Vec<Misfit> {
        let named = self.kept.iter().filter(|kept| kind.entries().contains(&kept.rule.as_str()));
        let members = named.map(|kept| (kept, kept.path.as_slice(), kept.learned.evidence.as_slice()));
        let faults = rafts::judge_all(members, unlock_keys).into_iter().flat_map(|judged| judged.faults);
        let entry = |kept: &Kept| (kept.path.clone(), Some(kept.offset));
        faults.map(|(member, fault)| Misfit { fault, entry: member.map(entry) }).collect()
    }

    /// Makes the logs kept let go of their oldest encrypted entries when all of them together hold too much.
    fn shrink(&self) {
        let logs = || {
            let evidence = self.kept.iter().flat_map(|kept| &kept.learned.evidence);
            evidence.filter_map(|evidence| if let Evidence::RaftLog(log) = evidence { Some(log) } else { None })
        };
        let held: u64 = logs().map(|log| log.held_bytes()).fold(0, u64::saturating_add);
        let mut over = held.saturating_sub(self.raft_limit);
        for log in logs() {
            let before = log.held_bytes();
            log.hold_at_most(before.saturating_sub(over));
            over = over.saturating_sub(before.saturating_sub(log.held_bytes()));
        }
    }

    fn pairs(&self, key: Option<&str>, certificate: &str, issuer: Option<&str>) -> Vec<Misfit> {
        let parts = [(Part::Key, key), (Part::Certificate, Some(certificate)), (Part::Issuer, issuer)];
        let mut kept = Vec::new();
        let mut members = Vec::new();
        for (part, rule) in parts {
            for one in self.kept.iter().filter(|one| Some(one.rule.as_str()) == rule) {
                members.push(Member { part, path: &one.path, evidence: &one.learned.evidence });
                kept.push(one);
            }
        }
        let entry = |number: usize| kept.get(number).map(|one| (one.path.clone(), Some(one.offset)));
        let judged = pairs::judge(&members, issuer.is_some(), self.limit.saturating_mul(COMPARISONS));
        let misfits = judged.faults.into_iter().map(|(number, fault)| Misfit { fault, entry: entry(number) });
        let over = judged.is_over.then(|| {
            let message =
                "not all keys and certificates were held against each other: many of them lie in one folder, or \
                           under one name (--limit evidence=N)"
                    .to_owned();
            Misfit::of_all(Fault { code: &code::LIMIT_REACHED, severity: None, message, offset: None })
        });
        misfits.chain(over).collect()
    }
}

impl Misfit {
    fn of_all(fault: Fault) -> Self {
        Self { fault, entry: None }
    }
}
