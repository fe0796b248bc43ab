//! An OpenPGP message cut into other packet lengths: framing is not authenticated, so that no key is needed.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

/// The octets of a chunk, in turns: what Go's implementation wrote before 2020, where a large write met a full buffer.
const CHUNKS: [(u64, u8); 2] = [(1, 0), (16_384, 14)];
/// The header of a new-format packet with tag 18, and of a length in four octets.
const ENCRYPTED: u8 = 0xD2;
const FOUR_OCTETS: u8 = 0xFF;

/// Copies a message whose second packet is of tag 18 and known length, that packet in partial lengths.
pub(crate) fn reframe(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let mut from = BufReader::with_capacity(1 << 20, File::open(from)?);
    let mut to = BufWriter::with_capacity(1 << 20, File::create(to)?);
    // The passphrase packet: an old-format header with a length in one octet.
    let mut header = [0; 2];
    from.read_exact(&mut header)?;
    if header[0] != 0x8C {
        return Err("the message does not begin with a packet for a passphrase".into());
    }
    to.write_all(&header)?;
    copy(&mut from, &mut to, header[1].into())?;
    let mut header = [0; 6];
    from.read_exact(&mut header)?;
    let [ENCRYPTED, FOUR_OCTETS, length @ ..] = header else {
        return Err("no encrypted packet with a length of four octets follows".into());
    };
    let mut left = u64::from(u32::from_be_bytes(length));
    to.write_all(&[ENCRYPTED])?;
    for (octets, power) in CHUNKS.into_iter().cycle() {
        if left <= octets {
            break;
        }
        to.write_all(&[0xE0 | power])?;
        copy(&mut from, &mut to, octets)?;
        left -= octets;
    }
    to.write_all(&[FOUR_OCTETS])?;
    to.write_all(&u32::try_from(left)?.to_be_bytes())?;
    copy(&mut from, &mut to, left)?;
    if from.read(&mut [0])? != 0 {
        return Err("something follows the encrypted packet".into());
    }
    to.flush()?;
    Ok(())
}

fn copy(from: &mut impl Read, to: &mut impl Write, octets: u64) -> Result<(), Box<dyn Error>> {
    if std::io::copy(&mut from.take(octets), to)? != octets {
        return Err("the message ends too early".into());
    }
    Ok(())
}
