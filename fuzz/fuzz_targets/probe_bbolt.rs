//! One line: the property stands in `veritar_fuzz::probe_bbolt`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| veritar_fuzz::probe_bbolt(data));
