//! Framing against the examples of RFC 9580, section 4.2.1, and against every cut.

use super::*;

#[test]
fn lengths_are_those_of_the_rfc() {
    // RFC 9580, 4.2.1.5: 100, 1723 and 100000, and the partial chain 32768 + 2 + 1 + 65536 + 1693.
    assert_eq!(new_length(&[0x64]), Ok((Length::Definite(100), 1)));
    assert_eq!(new_length(&[0xc5, 0xfb]), Ok((Length::Definite(1723), 2)));
    assert_eq!(new_length(&[0xff, 0, 1, 0x86, 0xa0]), Ok((Length::Definite(100_000), 5)));
    let chain: [&[u8]; 5] = [&[0xef], &[0xe1], &[0xe0], &[0xf0], &[0xc5, 0xdd]];
    let lengths: Vec<_> = chain.iter().map(|octets| new_length(octets).expect("a length").0).collect();
    assert_eq!(
        lengths,
        [
            Length::Partial(32_768),
            Length::Partial(2),
            Length::Partial(1),
            Length::Partial(65_536),
            Length::Definite(1_693)
        ]
    );
    assert_eq!(new_length(&[0xfe]), Ok((Length::Partial(1 << 30), 1)));
}

#[test]
fn headers_of_both_formats() {
    let read = |bytes: &[u8]| match boundary(bytes) {
        Boundary::Header { header, used } => (header.tag, header.length, used),
        other => panic!("{other:?}"),
    };
    assert_eq!(read(&[0x8c, 13]), (3, Length::Definite(13), 2));
    assert_eq!(read(&[0x85, 1, 12]), (1, Length::Definite(268), 3));
    assert_eq!(read(&[0x86, 0, 1, 0, 0]), (1, Length::Definite(65_536), 5));
    assert_eq!(read(&[0xa3]), (8, Length::Indeterminate, 1));
    assert_eq!(read(&[0xd2, 0xed]), (18, Length::Partial(8_192), 2));
    assert_eq!(boundary(&[0x85, 1]), Boundary::Need(3));
    assert_eq!(boundary(&[0xd2]), Boundary::Need(2));
    assert_eq!(boundary(&[0xd2, 0xc0]), Boundary::Need(3));
    assert_eq!(boundary(&[0x80, 0]), Boundary::Garbage(0x80));
    assert_eq!(boundary(b"tar"), Boundary::Garbage(b't'));
}

/// Reads one body from `stream` handed over in pieces of `size`, and how it stood at the end.
fn read_body(length: Length, stream: &[u8], size: usize) -> (Vec<u8>, usize, Cut) {
    let (mut body, mut given, mut rest) = (Body::new(length), Vec::new(), stream);
    let mut window = size;
    loop {
        match body.step(&rest[..window.min(rest.len())]) {
            Step::Run(count) => {
                given.extend_from_slice(&rest[..count]);
                body.pass(count);
                (rest, window) = (&rest[count..], size);
            }
            Step::Skip(count) => (rest, window) = (&rest[count..], size),
            Step::Need(count) if count > rest.len() => return (given, rest.len(), body.cut()),
            Step::Need(count) => window = count,
            Step::End => return (given, rest.len(), Cut::Not),
        }
    }
}

#[test]
fn a_body_is_the_same_however_it_is_cut() {
    let mut stream = b"abcd".to_vec();
    stream.extend_from_slice(&[0xe0, b'e', 0xe1, b'f', b'g', 0xc0, 0x00]);
    stream.extend_from_slice(&[b'h'; 192]);
    stream.extend_from_slice(b"next packet");
    let mut whole = b"abcdefg".to_vec();
    whole.extend_from_slice(&[b'h'; 192]);
    for size in [1, 2, 3, 5, 7, 64, 1_000] {
        assert_eq!(read_body(Length::Partial(4), &stream, size), (whole.clone(), 11, Cut::Not), "pieces of {size}");
    }
}

#[test]
fn a_chain_may_end_in_nothing() {
    assert_eq!(read_body(Length::Partial(2), &[1, 2, 0], 1), (vec![1, 2], 0, Cut::Not));
}

#[test]
fn every_cut_is_told_with_its_figures() {
    assert_eq!(read_body(Length::Definite(5), b"abc", 1), (b"abc".to_vec(), 0, Cut::Definite { needed: 5, got: 3 }));
    assert_eq!(read_body(Length::Partial(4), b"abc", 2), (b"abc".to_vec(), 0, Cut::Chunk { needed: 4, got: 3 }));
    assert_eq!(read_body(Length::Partial(2), b"ab", 2), (b"ab".to_vec(), 0, Cut::Length));
    assert_eq!(read_body(Length::Partial(2), b"ab\xc0", 1).2, Cut::Length);
    assert_eq!(read_body(Length::Partial(2), b"ab\x05cde", 9).2, Cut::Chunk { needed: 5, got: 3 });
    assert_eq!(read_body(Length::Indeterminate, b"abc", 2), (b"abc".to_vec(), 0, Cut::Not));
}
