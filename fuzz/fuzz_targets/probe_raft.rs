//! One line: the property stands in `veritar_fuzz::probe_raft`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| veritar_fuzz::probe_raft(data));
