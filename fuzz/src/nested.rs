//! Archives that are members: arbitrary bytes for the probe that goes inside.

use veritar::probe::{self, Learned, Probe, Settings, Subject};

use crate::limits;

/// Learns of the input whole and in every cut: the same each time; dropped half-way, the probe holds nobody up.
pub fn probe_nested(data: &[u8]) {
    let settings = Settings::from([
        ("entries".to_owned(), vec!["3".to_owned()]),
        ("required".to_owned(), vec!["a".to_owned(), "./b/c".to_owned()]),
    ]);
    let whole = finished(start(data, &settings), data, data.len().max(1));
    for size in [1, 7, 511, 4096] {
        let cut = finished(start(data, &settings), data, size);
        assert_eq!(whole.faults(), cut.faults(), "in pieces of {size}");
        assert_eq!(whole.facts(), cut.facts(), "in pieces of {size}");
    }
    let mut probe = start(data, &settings);
    probe.feed(&data[..data.len() / 2]);
}

fn start(data: &[u8], settings: &Settings) -> Box<dyn Probe> {
    let limits = limits();
    let kind = probe::find("archive").expect("the probe is in the catalog");
    (kind.start)(&Subject { path: b"inside.tar.gz", size: data.len() as u64, settings, limits: &limits, at: None })
}

fn finished(mut probe: Box<dyn Probe>, data: &[u8], size: usize) -> Learned {
    data.chunks(size).for_each(|piece| probe.feed(piece));
    probe.finish()
}
