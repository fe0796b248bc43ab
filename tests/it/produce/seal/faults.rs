//! Writers that fail, and sealers that are dropped: what is there afterwards is no archive, and the fault is told as it was.

use std::io::{self, ErrorKind, Write};

use veritar::produce::seal::{Format, Seal, Trouble};
use veritar::secret::Known;

use super::{COMPRESSIONS, PASSPHRASE, Shared, by_certificates, by_passphrase, is_whole, sealed, somebody};
use crate::openpgp::{known, noise};

/// ENOSPC.
const NO_SPACE: i32 = 28;

/// Takes some bytes, fails once, and would take the rest.
struct Faulty {
    below: Shared,
    left: usize,
    error: Option<io::Error>,
}

impl Faulty {
    fn after(left: usize, error: io::Error) -> (Self, Shared) {
        let below = Shared::default();
        (Self { below: below.clone(), left, error: Some(error) }, below)
    }
}

impl Write for Faulty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0
            && let Some(error) = self.error.take()
        {
            self.left = usize::MAX;
            return Err(error);
        }
        let count = bytes.len().min(self.left);
        self.left -= count;
        self.below.write(&bytes[..count])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Seals `plain` into `out`, and fails as the first step that fails.
fn attempt(seal: &Seal, plain: &[u8], out: impl Write + Send + 'static) -> io::Result<()> {
    let mut sealer = seal.start(out).map_err(|trouble| match trouble {
        Trouble::Write(error) => error,
        other => panic!("{other}"),
    })?;
    for piece in plain.chunks(100) {
        if let Err(error) = sealer.write_all(piece) {
            // Told again to whoever goes on, who gets nothing written.
            let again = sealer.write_all(piece).unwrap_err();
            assert_eq!((again.kind(), again.raw_os_error()), (error.kind(), error.raw_os_error()));
            assert_eq!(sealer.flush().unwrap_err().kind(), error.kind());
            assert_eq!(sealer.finish().map(drop).unwrap_err().kind(), error.kind());
            return Err(error);
        }
    }
    sealer.finish().map(drop)
}

/// Seals of every kind whose keys cost no time, and what opens them.
fn seals() -> (Vec<Seal>, Known) {
    let (public, secret) = somebody(|builder| builder);
    let mut seals = Vec::new();
    for compression in COMPRESSIONS {
        seals.push(Seal { compression, lock: None });
        seals.push(by_certificates(compression, Format::SeipdV1, vec![public.clone()]));
        seals.push(by_certificates(compression, Format::SeipdV2, vec![public.clone()]));
    }
    (seals, known(&[], &[secret]))
}

#[test]
fn a_fault_at_any_byte_comes_out_as_it_is() {
    let (seals, unlock) = seals();
    let plain = noise(300);
    for seal in seals {
        let length = sealed(&seal, &plain, 100).len();
        assert!(length < 800, "{length}");
        for left in 0..length {
            let (out, below) = Faulty::after(left, io::Error::from_raw_os_error(NO_SPACE));
            let error = attempt(&seal, &plain, out).unwrap_err();
            assert_eq!(
                (error.kind(), error.raw_os_error()),
                (ErrorKind::StorageFull, Some(NO_SPACE)),
                "{seal:?}, {left}"
            );
            // The writer would have taken more after its fault, and was not asked to.
            let bytes = below.bytes();
            assert_eq!(bytes.len(), left, "{seal:?}");
            assert!(!is_whole(&bytes, &unlock), "{seal:?}, {left} of {length}");
        }
        let (out, below) = Faulty::after(length, io::Error::from_raw_os_error(NO_SPACE));
        attempt(&seal, &plain, out).unwrap();
        assert_eq!(below.bytes().len(), length);
    }
}

/// Where the encoders hold megabytes back, a fault meets them in another state.
#[test]
fn a_fault_far_into_it_comes_out_as_it_is() {
    let (seals, unlock) = seals();
    let plain = noise(9_000_000);
    for seal in seals {
        for left in [1_000, 4_194_304, 8_500_000] {
            let custom = io::Error::new(ErrorKind::QuotaExceeded, "the folder is full, delete something");
            let (out, below) = Faulty::after(left, custom);
            let mut sealer = seal.start(out).unwrap();
            let written = plain.chunks(300_000).try_for_each(|piece| sealer.write_all(piece));
            let error = match written {
                Err(error) => error,
                Ok(()) => sealer.finish().map(drop).unwrap_err(),
            };
            assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
            assert_eq!(error.to_string(), "the folder is full, delete something");
            assert_eq!(below.bytes().len(), left);
            assert!(!is_whole(&below.bytes(), &unlock), "{seal:?}, {left}");
        }
    }
}

#[test]
fn a_fault_while_the_keys_are_written_comes_out_as_it_is() {
    for format in [Format::SeipdV1, Format::SeipdV2] {
        for left in [0, 1, 30] {
            let (out, below) = Faulty::after(left, ErrorKind::ConnectionReset.into());
            let trouble = by_passphrase(COMPRESSIONS[0], format).start(out).unwrap_err();
            assert!(
                matches!(&trouble, Trouble::Write(error) if error.kind() == ErrorKind::ConnectionReset),
                "{trouble}"
            );
            assert_eq!(below.bytes().len(), left);
        }
    }
}

/// A disk may report what it could not write no sooner than when it is asked to.
#[test]
fn a_fault_of_the_last_flush_is_a_fault() {
    struct Flushless(Shared);
    impl Write for Flushless {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::Error::from_raw_os_error(5))
        }
    }
    for seal in seals().0 {
        let error = attempt(&seal, b"content", Flushless(Shared::default())).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(5), "{seal:?}");
    }
}

/// One byte at a time, interrupted before each.
#[test]
fn a_slow_writer_gets_everything() {
    struct Slow(Shared, bool);
    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(ErrorKind::Interrupted.into()) } else { self.0.write(&bytes[..bytes.len().min(1)]) }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (seals, unlock) = seals();
    let plain = noise(20_000);
    for seal in seals.iter().filter(|seal| seal.lock.is_some()) {
        let below = Shared::default();
        attempt(seal, &plain, Slow(below.clone(), false)).unwrap();
        super::assert_whole(&below.bytes(), &unlock, &plain, &format!("{seal:?}"));
    }
}

/// A writer that takes nothing and says so is an error too.
#[test]
fn a_writer_that_takes_nothing_is_a_fault() {
    struct Stuck;
    impl Write for Stuck {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Ok(0)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for seal in seals().0 {
        assert_eq!(attempt(&seal, b"content", Stuck).unwrap_err().kind(), ErrorKind::WriteZero, "{seal:?}");
    }
}

/// Encoders end their streams when they are dropped; here that would make half a backup a whole archive.
#[test]
fn a_sealer_that_is_dropped_writes_no_end() {
    let (mut seals, mut unlock) = seals();
    seals.push(by_passphrase(COMPRESSIONS[2], Format::SeipdV1));
    seals.push(by_passphrase(COMPRESSIONS[1], Format::SeipdV2));
    unlock.passphrases = known(&[PASSPHRASE], &[]).passphrases;
    for seal in seals {
        for size in [0, 1, 600, 1_000_000, 9_000_000] {
            let below = Shared::default();
            let mut sealer = seal.start(below.clone()).unwrap();
            sealer.write_all(&noise(size)).unwrap();
            let before = below.bytes();
            drop(sealer);
            assert!(below.bytes() == before, "{seal:?} wrote when it was dropped");
            assert!(!is_whole(&before, &unlock), "{seal:?}, {size} bytes");
        }
    }
}

#[test]
fn a_sealer_that_is_dropped_by_a_panic_writes_no_end() {
    let (seals, unlock) = seals();
    for seal in seals {
        let below = Shared::default();
        let thread = std::thread::spawn({
            let (seal, below) = (seal.clone(), below.clone());
            move || {
                let mut sealer = seal.start(below).unwrap();
                sealer.write_all(b"content").unwrap();
                std::panic::resume_unwind(Box::new(sealer.flush().is_ok()));
            }
        });
        thread.join().unwrap_err();
        assert!(!is_whole(&below.bytes(), &unlock), "{seal:?}");
    }
}

#[test]
fn a_cut_anywhere_is_seen() {
    let (seals, unlock) = seals();
    let plain = noise(400);
    for seal in seals.iter().filter(|seal| seal.lock.is_some() || seal.compression != COMPRESSIONS[0]) {
        let bytes = sealed(seal, &plain, 400);
        assert!(is_whole(&bytes, &unlock));
        for cut in 0..bytes.len() {
            assert!(!is_whole(&bytes[..cut], &unlock), "{seal:?} cut at {cut} of {}", bytes.len());
        }
    }
}
