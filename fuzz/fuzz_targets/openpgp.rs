//! One line: the property stands in `veritar_fuzz::openpgp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| veritar_fuzz::openpgp(data));
