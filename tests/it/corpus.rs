//! The corpus is part of the specification: every archive in it has an expectation, a paragraph, and is read in every way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use veritar::code;
use veritar::finding::Severity;
use veritar::verify::Outcome;

use crate::build::cases;
use crate::support::{corpus, pieces, root, verify_file, verify_source, whole};

/// An `.expect` file, written by hand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    verdict: String,
    /// The rule sets that judged.
    #[serde(default)]
    rules: Vec<String>,
    /// The codes of all errors, and of all warnings.
    #[serde(default)]
    errors: BTreeSet<String>,
    #[serde(default)]
    warnings: BTreeSet<String>,
    /// Codes that must be among the notes.
    #[serde(default)]
    notes: BTreeSet<String>,
    /// The formats, outermost first.
    layers: Vec<String>,
    /// What the report must say.
    #[serde(default)]
    says: Vec<String>,
    /// The number of entries, where it was read.
    entries: Option<u64>,
}

/// Every archive of the corpus, by its path from there.
fn archives() -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for folder in ["good", "odd", "bad", "kept"] {
        for entry in std::fs::read_dir(corpus().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if !name.ends_with(".expect") {
                found.insert(format!("{folder}/{name}"), path);
            }
        }
    }
    assert!(found.len() > 90, "only {} archives in the corpus", found.len());
    found
}

fn expectation(name: &str) -> Expectation {
    let path = corpus().join(format!("{name}.expect"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn codes(outcome: &Outcome, severity: Severity) -> BTreeSet<String> {
    let of = outcome.findings.iter().filter(|finding| finding.severity == severity);
    of.map(|finding| finding.code.id.to_owned()).collect()
}

#[test]
fn every_archive_is_judged_as_expected() {
    let mut wrong = Vec::new();
    for (name, path) in archives() {
        let (expected, outcome) = (expectation(&name), verify_file(&path, 2));
        let mut report = Vec::new();
        let result = [veritar::report::Result::Looked(Box::new(outcome.clone()))];
        veritar::report::text(&mut report, &result, true).unwrap();
        let report = String::from_utf8(report).unwrap();
        let mut complain = |what: String| wrong.push(format!("{name}: {what}"));
        if outcome.verdict.to_string() != expected.verdict {
            complain(format!("verdict {}, expected {}", outcome.verdict, expected.verdict));
        }
        for (severity, wanted) in [(Severity::Error, &expected.errors), (Severity::Warning, &expected.warnings)] {
            let found = codes(&outcome, severity);
            if found != *wanted {
                complain(format!("{}s {found:?}, expected {wanted:?}", severity.as_str()));
            }
        }
        let notes = codes(&outcome, Severity::Info);
        if !expected.notes.is_subset(&notes) {
            complain(format!("notes {notes:?}, expected {:?}", expected.notes));
        }
        let rules: Vec<_> = outcome.rules.iter().map(|judged| judged.id.clone()).collect();
        if rules != expected.rules {
            complain(format!("rules {rules:?}, expected {:?}", expected.rules));
        }
        let layers: Vec<_> = outcome.layers.iter().map(|layer| layer.format.to_owned()).collect();
        if layers != expected.layers {
            complain(format!("layers {layers:?}, expected {:?}", expected.layers));
        }
        if expected.entries.is_some_and(|entries| entries != outcome.inventory.entries) {
            complain(format!("{} entries, expected {:?}", outcome.inventory.entries, expected.entries));
        }
        for text in &expected.says {
            if !report.contains(text) {
                complain(format!("the report does not say {text:?}:\n{report}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_cut_and_no_number_of_threads_changes_an_outcome() {
    for (name, path) in archives() {
        let bytes = std::fs::read(&path).unwrap();
        let expected = verify_source(&name, whole(&bytes), 1);
        // A Swarm's log is 64 MB of zeros: one way of each kind, or most of the time goes there.
        let is_large = expected.inventory.content_bytes > 16 << 20;
        for threads in if is_large { &[5][..] } else { &[1, 2, 5] } {
            let mut from_file = verify_file(&path, *threads);
            from_file.source.clone_from(&name);
            // Only a file has a name that can promise another format.
            from_file.findings.retain(|finding| finding.code != &code::WRAPPER_SUFFIX);
            assert_eq!(from_file, expected, "{name} as a file on {threads} threads");
        }
        for sizes in [&[1][..], &[511], &[513, 1, 7], &[4096, 3]] {
            // A million pieces of one byte prove no more than a hundred thousand.
            if sizes == [1] && bytes.len() > 100_000 || is_large && sizes.len() < 3 {
                continue;
            }
            for threads in if is_large { &[3][..] } else { &[1, 3] } {
                let outcome = verify_source(&name, pieces(&bytes, sizes), *threads);
                assert_eq!(outcome, expected, "{name} in pieces of {sizes:?} on {threads} threads");
            }
        }
    }
}

#[test]
fn every_byte_is_accounted_for() {
    for (name, path) in archives() {
        let outcome = verify_file(&path, 1);
        assert_eq!(outcome.bytes, path.metadata().unwrap().len(), "{name}");
        if let (Some(totals), [_]) = (outcome.totals, &outcome.layers[..]) {
            let sum = totals.header_bytes
                + totals.payload_bytes
                + totals.padding_bytes
                + totals.end_marker_bytes
                + totals.trailer_bytes
                + totals.lost_bytes;
            assert_eq!(sum, outcome.bytes, "{name}");
        }
    }
}

/// With `VERITAR_WRITE_CORPUS` set, writes the archives in the place of comparing them.
#[test]
fn the_corpus_is_what_the_generator_makes() {
    let write = std::env::var_os("VERITAR_WRITE_CORPUS").is_some();
    let kept: BTreeSet<String> = archives_on_disk("kept");
    let made = cases::all();
    for (name, bytes) in &made {
        let path = corpus().join(name);
        if write {
            std::fs::write(&path, bytes).unwrap();
        }
        let stored = std::fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(stored == *bytes, "{name} is not what the generator makes");
    }
    let made: BTreeSet<String> = made.into_iter().map(|(name, _)| name.to_owned()).collect();
    let stored: BTreeSet<String> = archives().into_keys().collect();
    assert_eq!(stored, made.union(&kept).cloned().collect());
}

fn archives_on_disk(folder: &str) -> BTreeSet<String> {
    let names = std::fs::read_dir(corpus().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap()).filter(|name| !name.ends_with(".expect"));
    names.map(|name| format!("{folder}/{name}")).collect()
}

#[test]
fn every_archive_has_its_paragraph_and_no_expectation_is_left_over() {
    let readme = std::fs::read_to_string(corpus().join("README.md")).unwrap();
    let archives = archives();
    for name in archives.keys() {
        assert!(readme.contains(&format!("`{name}`")), "corpus/README.md says nothing about {name}");
    }
    for folder in ["good", "odd", "bad", "kept"] {
        for entry in std::fs::read_dir(corpus().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if let Some(archive) = name.strip_suffix(".expect") {
                assert!(archives.contains_key(&format!("{folder}/{archive}")), "{name} expects something of nothing");
            }
        }
    }
}

/// Codes that no archive can raise by itself, and the test that raises each.
const ELSEWHERE: &[(&str, &str)] = &[
    ("probe/hard-link", "probe::registry::hard_links_are_not_looked_at_and_that_is_told"),
    ("openpgp/passphrase-missing", "cli::exit_codes_of_secrets"),
    ("openpgp/key-missing", "openpgp::without_a_secret_the_message_says_what_it_wants"),
    ("tar/partial", "tar::members_behind_damage_are_found_again"),
    ("tar/recovered", "tar::members_behind_damage_are_found_again"),
    ("mangled/carriage-returns", "mangled::carriage_returns_that_were_taken_out"),
    ("nested/container", "nested::the_member_is_judged_as_the_same_bytes_in_a_file"),
    ("nested/member-missing", "nested::a_member_that_is_not_there_or_stands_twice"),
    ("nested/member-twice", "nested::a_member_that_is_not_there_or_stands_twice"),
    ("nested/incomplete", "probe::archive::an_archive_without_members_or_with_too_few"),
    ("openpgp/signature-good", "signed::a_signature_is_good_bad_or_by_somebody_else"),
    ("openpgp/signature-bad", "signed::a_signature_is_good_bad_or_by_somebody_else"),
    ("openpgp/signature-unknown", "signed::a_signature_is_good_bad_or_by_somebody_else"),
    ("openpgp/unsigned", "signed::a_signature_is_good_bad_or_by_somebody_else"),
    ("openpgp/signature-doubtful", "signed::a_key_that_was_expired_or_revoked_is_not_relied_on"),
    ("key/empty", "probe::private_key::damage_is_named_with_its_place"),
    ("key/none", "probe::private_key::damage_is_named_with_its_place"),
    ("key/damaged", "probe::private_key::damage_is_named_with_its_place"),
    ("key/several", "probe::private_key::damage_is_named_with_its_place"),
    ("key/irregular", "probe::private_key::damage_is_named_with_its_place"),
    ("key/inconsistent", "probe::private_key::parts_of_two_keys_do_not_fit"),
    ("key/weak", "probe::private_key::every_form_of_every_kind_is_what_openssl_says_it_is"),
    ("key/unknown-algorithm", "probe::private_key::every_form_of_every_kind_is_what_openssl_says_it_is"),
    ("key/encrypted", "probe::private_key::encrypted_keys_are_named_and_hide_their_public_half"),
    ("certificate/empty", "probe::certificate::damage_is_named_with_its_place"),
    ("certificate/none", "probe::certificate::damage_is_named_with_its_place"),
    ("certificate/damaged", "probe::certificate::damage_is_named_with_its_place"),
    ("certificate/irregular", "probe::certificate::damage_is_named_with_its_place"),
    ("certificate/signature", "probe::certificate::a_ca_that_changed_its_key_is_no_damage"),
    ("certificate/expired", "probe::certificate::the_day_of_the_restore_is_judged_as_openssl_judges_it"),
    ("certificate/not-yet-valid", "probe::certificate::the_day_of_the_restore_is_judged_as_openssl_judges_it"),
    ("certificate/expires-soon", "probe::certificate::the_day_of_the_restore_is_judged_as_openssl_judges_it"),
    ("certificate/weak", "probe::certificate::what_a_certificate_says_is_what_openssl_says"),
    ("certificate/unknown-algorithm", "probe::certificate::what_a_certificate_says_is_what_openssl_says"),
    ("certificate/too-many", "probe::certificate::more_certificates_than_may_be_held"),
    ("certificate/key-mismatch", "probe::pairs::what_lies_in_one_folder_must_belong_together"),
    ("certificate/not-issued", "probe::pairs::what_lies_in_one_folder_must_belong_together"),
    ("certificate/not-compared", "probe::pairs::the_certificates_of_a_swarm_belong_together"),
    ("rule/gap", "rule_inside::rows_are_counted_without_gaps"),
    ("rule/condition-unknown", "rule_inside::a_rule_holds_for_the_versions_that_it_names"),
    ("rules/declined", "rule_inside::a_set_that_declines_judges_nothing"),
    ("rule/too-old", "rule_inside::a_backup_may_be_too_old"),
    ("rule/age-unknown", "rule_inside::a_backup_may_be_too_old"),
    ("rule/shrunk", "rule_inside::a_backup_may_be_too_small"),
    ("text/not-text", "probe::text::what_is_no_text_is_told_with_its_first_byte"),
    ("text/empty", "probe::text::nothing_at_all_is_text_unless_something_is_asked_for"),
    ("bbolt/meta", "probe::bbolt::what_is_no_database_has_no_meta"),
    ("bbolt/meta-copy", "probe::bbolt::the_newer_meta_that_holds_counts"),
    ("bbolt/tree", "probe::bbolt::what_no_bbolt_writes_is_named"),
    ("bbolt/freelist", "probe::bbolt::what_no_bbolt_writes_is_named"),
    ("bbolt/lost-pages", "probe::bbolt::what_no_bbolt_writes_is_named"),
    ("bbolt/truncated", "probe::bbolt::a_file_that_is_cut_says_so_and_nothing_else"),
    ("etcd/digest", "probe::etcd_snapshot::damage_is_told_by_the_digest_and_by_the_page"),
    ("etcd/no-digest", "probe::etcd_snapshot::a_database_without_its_digest"),
    ("etcd/no-keys", "probe::etcd_snapshot::what_is_no_snapshot"),
    ("probe/too-large", "limits::members_are_looked_into_and_followed_up_to_the_limits"),
    ("json/malformed", "probe::json::what_python_takes_and_refuses_is_taken_and_refused"),
    ("json/beyond-reader", "probe::json::what_the_grammar_allows_and_nobody_reads_is_undecided"),
    ("json/duplicate-key", "probe::json::a_member_that_stands_twice_is_noticed_at_any_depth"),
    ("json/member-missing", "probe::json::pointers_of_the_rfc_lead_where_it_says"),
    ("json/unfit-value", "probe::json::rows_define_and_refer"),
    ("inspect/malformed", "probe::docker_inspect::what_describes_no_container_says_so"),
    ("inspect/wrong-container", "probe::docker_inspect::a_dump_is_of_the_container_that_its_file_is_named_after"),
    ("registry/blob-digest", "probe::registry::each_damage_is_told_by_its_own_code_and_stops_the_real_registry"),
    ("registry/blob-misplaced", "probe::registry::a_blob_expects_the_digest_of_its_path"),
    ("registry/blob-empty", "probe::registry::blobs_under_an_id"),
    ("registry/link-malformed", "probe::registry::links_hold_a_digest_and_nothing_else"),
    ("registry/link-elsewhere", "probe::registry::links_hold_a_digest_and_nothing_else"),
    ("registry/manifest-malformed", "probe::registry::manifests_are_told_by_their_shape"),
    ("reference/missing", "probe::registry::each_damage_is_told_by_its_own_code_and_stops_the_real_registry"),
    ("reference/unlinked", "probe::registry::each_damage_is_told_by_its_own_code_and_stops_the_real_registry"),
    ("reference/size", "probe::registry::each_damage_is_told_by_its_own_code_and_stops_the_real_registry"),
    ("rules/nothing-applied", "rule::a_set_that_applies_to_nothing_proves_nothing"),
    ("raft/log-damaged", "probe::raft_log::every_flipped_bit_is_found_and_named"),
    ("raft/log-cut", "probe::raft_log::a_cut_file_is_told_from_one_that_ends"),
    ("raft/log-torn", "probe::raft_log::a_torn_record_is_the_last_and_has_a_sector_of_zeros"),
    ("raft/log-short", "probe::raft::what_is_missing_is_named"),
    ("raft/log-missing", "probe::raft::what_is_missing_is_named"),
    ("raft/log-mixed", "probe::raft::files_of_two_logs_do_not_pass_for_one"),
    ("raft/stray-bytes", "probe::raft_log::every_flipped_bit_is_found_and_named"),
    ("raft/entries-missing", "probe::raft::snapshot_and_log_must_know_each_other"),
    ("raft/wrong-name", "probe::raft_log::names_are_held_against_what_the_file_says"),
    ("raft/snapshot-damaged", "probe::raft_snapshot::every_flipped_bit_and_every_cut_is_damage"),
    ("raft/snapshot-broken", "probe::raft_snapshot::a_snapshot_holds_and_its_name_too"),
    ("raft/snapshot-missing", "probe::raft::snapshot_and_log_must_know_each_other"),
    ("raft/snapshot-unknown", "probe::raft::snapshot_and_log_must_know_each_other"),
    ("raft/not-authentic", "probe::raft::what_does_not_open_is_named"),
    ("swarm/key-damaged", "probe::swarm_key::every_line_is_needed"),
    ("swarm/raft-key-missing", "probe::raft::key_files_that_cannot_open_the_log"),
    ("swarm/key-in-clear", "probe::swarm_key::the_keys_that_docker_wrote"),
    ("swarm/unlock-key-needed", "probe::raft::an_unlock_key_is_proved_right_or_wrong"),
    ("swarm/unlock-key-wrong", "probe::raft::an_unlock_key_is_proved_right_or_wrong"),
    ("swarm/cipher-unknown", "probe::raft::key_files_that_cannot_open_the_log"),
    ("swarm/state-damaged", "probe::swarm_state::what_cannot_be_read_is_damage"),
    ("swarm/join-in-progress", "probe::swarm_state::what_cannot_be_read_is_damage"),
];

#[test]
fn every_code_has_an_archive() {
    let mut met: BTreeSet<String> = ELSEWHERE.iter().map(|(code, _)| (*code).to_owned()).collect();
    for name in archives().keys() {
        let expected = expectation(name);
        met.extend(expected.errors);
        met.extend(expected.warnings);
        met.extend(expected.notes);
    }
    let missing: Vec<_> = code::ALL.iter().map(|code| code.id).filter(|id| !met.contains(*id)).collect();
    assert!(missing.is_empty(), "no archive of the corpus raises {missing:?}");
    let unknown: Vec<_> = met.iter().filter(|id| code::find(id).is_none()).collect();
    assert!(unknown.is_empty(), "the corpus expects codes that do not exist: {unknown:?}");
    let _ = root();
}
