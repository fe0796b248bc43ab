//! One line: the property stands in `veritar_fuzz::rule_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| veritar_fuzz::rule_file(data));
