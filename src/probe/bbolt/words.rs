//! Little-endian numbers in a slice.
//!
//! Promises: what is not there is 0. Refuses to know: what the numbers mean.

fn at<const BYTES: usize>(bytes: &[u8], at: usize) -> [u8; BYTES] {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; BYTES])
}

pub(super) fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes(at(bytes, offset))
}

pub(super) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(at(bytes, offset))
}

pub(super) fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(at(bytes, offset))
}

/// The first eight bytes as a number that sorts as they do; zeros where there are fewer.
pub(super) fn prefix(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
    u64::from_be_bytes(key.first_chunk().copied().unwrap_or(bytes))
}

/// A length as an offset.
pub(super) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// An offset as a length; past what memory has, the largest.
pub(super) fn narrow(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::prefix;

    #[test]
    fn prefixes_sort_as_keys_do() {
        let keys: [&[u8]; 7] = [b"", b"\0", b"a", b"a\0b", b"ab", b"abcdefgh", b"abcdefgi"];
        assert!(keys.windows(2).all(|pair| prefix(pair[0]) <= prefix(pair[1])));
        assert_eq!((prefix(b"ab"), prefix(b"\0\0\0\0\0\0\x01\x02_")), (0x6162_0000_0000_0000, 0x102));
    }
}
