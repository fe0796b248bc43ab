//! Damage: actions times places, on a plain tar and on what it is wrapped in.

use super::mangled::{crlf, random};
use super::products::{Member, pack};

/// One damaged archive: where it stands in its table, and its bytes.
pub struct Damaged {
    pub row: String,
    pub column: String,
    pub bytes: Vec<u8>,
}

/// A place for damage: where a flipped bit, a cut or foreign bytes go, and where an overwritten byte goes.
struct Place {
    name: &'static str,
    at: usize,
    field: usize,
}

const BLOCK: usize = 512;

/// Where each member's header stands.
fn headers(members: &[Member]) -> Vec<usize> {
    let mut at = 0;
    let sizes = members.iter().map(|member| member.content.as_ref().map_or(0, Vec::len));
    let ends = sizes.map(|size| {
        at += BLOCK + size.next_multiple_of(BLOCK);
        at
    });
    std::iter::once(0).chain(ends).take(members.len()).collect()
}

/// What one may do at a place, by name; `None` where it changes nothing.
fn at_place(bytes: &[u8], place: &Place) -> Vec<(&'static str, Option<Vec<u8>>)> {
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = bytes.to_vec();
        change(&mut changed);
        (changed != bytes).then_some(changed)
    };
    let (at, block) = (place.at, place.at / BLOCK * BLOCK);
    let up_to = |length: usize| (block + length).min(bytes.len());
    let foreign = random(BLOCK, 11);
    vec![
        ("one bit flipped", with(&|bytes| bytes[at] ^= 1)),
        ("one byte overwritten", with(&|bytes| bytes[place.field] = 0xFF)),
        ("512 bytes zeroed", with(&|bytes| bytes[block..up_to(BLOCK)].fill(0))),
        ("4096 bytes zeroed", with(&|bytes| bytes[block..up_to(4096)].fill(0))),
        ("cut off here", with(&|bytes| bytes.truncate(at))),
        ("7 bytes inserted", with(&|bytes| drop(bytes.splice(at..at, foreign[..7].to_vec())))),
        ("512 bytes inserted", with(&|bytes| drop(bytes.splice(block..block, foreign.clone())))),
        ("7 bytes deleted", with(&|bytes| drop(bytes.drain(at..at + 7)))),
        ("512 bytes deleted", with(&|bytes| drop(bytes.drain(block..up_to(BLOCK))))),
        (
            "swapped with the next 512 bytes",
            with(&|bytes| {
                if let Some(two) = bytes.get_mut(block..block + 2 * BLOCK) {
                    two.rotate_left(BLOCK);
                }
            }),
        ),
        ("512 bytes repeated", with(&|bytes| drop(bytes.splice(block..block, bytes[block..up_to(BLOCK)].to_vec())))),
    ]
}

/// Damage to the blocks of a plain tar: one row an action, one column a place.
pub fn blocks(members: &[Member]) -> Vec<Damaged> {
    let (tar, headers) = (pack(members), headers(members));
    let size_of = |index: usize| members[index].content.as_ref().map_or(0, Vec::len);
    // An inspect dump: text that nothing holds a checksum over, and padding behind it.
    let dump = (4..12).find(|index| size_of(*index) > 6 * BLOCK && size_of(*index) % BLOCK < BLOCK - 32).unwrap();
    let (middle, padding) = (headers[dump], headers[dump] + BLOCK + size_of(dump));
    let end = tar.len() - 2 * BLOCK;
    let places = [
        // A byte of the name; a byte of the size.
        Place { name: "first header", at: 5, field: 130 },
        Place { name: "a header in the middle", at: middle + 5, field: middle + 130 },
        Place { name: "content", at: middle + 3 * BLOCK + 100, field: middle + 3 * BLOCK + 100 },
        Place { name: "padding", at: padding + 8, field: padding + 8 },
        Place { name: "end marker", at: end + 100, field: end + 100 },
    ];
    let mut damaged = Vec::new();
    for place in &places {
        for (action, bytes) in at_place(&tar, place) {
            let column = place.name.to_owned();
            damaged.extend(bytes.map(|bytes| Damaged { row: action.to_owned(), column, bytes }));
        }
    }
    damaged
}

/// Damage to a plain tar as a whole, and to its members.
pub fn whole(members: &[Member]) -> Vec<Damaged> {
    let (tar, headers) = (pack(members), headers(members));
    let find = |name: &str| members.iter().position(|member| member.name.ends_with(name)).unwrap();
    let without = |index: usize| {
        let mut left = members.to_vec();
        left.remove(index);
        pack(&left)
    };
    let with_content = |index: usize, content: &[u8]| {
        let mut changed = members.to_vec();
        changed[index].content = Some(content.to_vec());
        pack(&changed)
    };
    let flipped_in = |index: usize| {
        let mut changed = tar.clone();
        let length = members[index].content.as_ref().unwrap().len();
        changed[headers[index] + BLOCK + length / 2] ^= 1;
        changed
    };
    let then = |more: &[u8]| [&tar[..], more].concat();
    let content = |index: usize| members[index].content.as_deref().unwrap();
    let (client_key, cluster_key) = (find("ucp-client-root-ca/key.pem"), find("ucp-cluster-root-ca/key.pem"));
    assert_eq!(content(client_key).len(), content(cluster_key).len());
    let mut swapped = tar.clone();
    for at in 0..BLOCK {
        swapped.swap(headers[client_key] + at, headers[cluster_key] + at);
    }
    let twice = {
        let mut more = members.to_vec();
        more.insert(7, members[6].clone());
        pack(&more)
    };
    let (store, etcd) = (find("auth-store.tar.gz"), find("etcd.backup.db"));
    let controller_key = find("ucp-controller-server-certs/key.pem");
    let rows = [
        ("cut between two members, after 20", tar[..headers[20]].to_vec()),
        ("cut before the end marker", tar[..tar.len() - 2 * BLOCK].to_vec()),
        ("cut between the end marker's two blocks", tar[..tar.len() - BLOCK].to_vec()),
        ("cut after 20 members and closed with a new end marker", pack(&members[..20])),
        ("cut after 26 members and closed with a new end marker", pack(&members[..26])),
        ("member removed: the controller's key", without(controller_key)),
        ("member removed: an inspect dump", without(6)),
        ("member removed: an empty file", without(find("client_ca.pem"))),
        ("member there twice", twice),
        ("content replaced: an inspect dump by another's", with_content(6, content(7))),
        ("content replaced: the etcd snapshot by noise", with_content(etcd, &random(content(etcd).len(), 5))),
        ("content replaced: the controller's key by another", with_content(controller_key, content(client_key))),
        ("content replaced: the controller's key by nothing", with_content(controller_key, b"")),
        ("headers of two members of one size swapped", swapped),
        ("one bit flipped in a member that is an archive (auth-store.tar.gz)", flipped_in(store)),
        ("one bit flipped in a member with a checksum (etcd.backup.db)", flipped_in(etcd)),
        ("garbage appended", then(&random(700, 3))),
        ("zeros appended", then(&[0; 9 * BLOCK])),
        ("a second archive appended", then(&tar)),
        ("line feeds changed to carriage return and line feed", crlf(&tar)),
    ];
    rows.map(|(row, bytes)| Damaged { row: row.to_owned(), column: "the tar".to_owned(), bytes }).into()
}

/// A wrapper's bytes that matter, as offsets from the start and, for the check, from the end.
#[derive(Clone, Copy)]
pub struct Marks {
    pub magic: usize,
    pub field: usize,
    pub check_from_end: usize,
}

/// Damage to the file that a tar was wrapped into.
pub fn wrapped(column: &str, bytes: &[u8], marks: Marks) -> Vec<Damaged> {
    let length = bytes.len();
    assert!(length > 3000, "{column}: only {length} bytes");
    let (middle, check) = (length / 2, length - marks.check_from_end);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = bytes.to_vec();
        change(&mut changed);
        assert!(changed != bytes, "{column}: nothing is damaged");
        changed
    };
    let foreign = random(700, 3);
    let insert = |at: usize| with(&|bytes| drop(bytes.splice(at..at, foreign[..7].to_vec())));
    let delete = |at: usize| with(&|bytes| drop(bytes.drain(at..(at + 7).min(length))));
    let zero = |at: usize, size: usize| with(&|bytes| bytes[at..(at + size).min(length)].fill(0));
    let repeat = |at: usize| with(&|bytes| drop(bytes.splice(at..at, bytes[at..at + BLOCK].to_vec())));
    let swap = |one: usize, other: usize| {
        with(&|bytes| {
            for at in 0..BLOCK {
                bytes.swap(one + at, other + at);
            }
        })
    };
    let mut rows = Vec::new();
    for (place, at) in [
        ("the magic number", marks.magic),
        ("a field of the header", marks.field),
        ("the middle", middle),
        ("the check or trailer", check),
    ] {
        rows.push((format!("one bit flipped in {place}"), with(&|bytes| bytes[at] ^= 1)));
        rows.push((format!("one byte overwritten in {place}"), with(&|bytes| bytes[at] ^= 0xFF)));
    }
    // The page reads by action.
    rows.sort_by_key(|(row, _)| row.starts_with("one byte"));
    let last = length - BLOCK;
    let more = [
        ("512 bytes zeroed at the start", zero(0, BLOCK)),
        ("512 bytes zeroed in the middle", zero(middle, BLOCK)),
        ("512 bytes zeroed at the end", zero(last, BLOCK)),
        ("4096 bytes zeroed in the middle", zero(middle.saturating_sub(2048), 4096)),
        ("cut off at the start, nothing left", Vec::new()),
        ("cut off in the header", bytes[..=marks.field].to_vec()),
        ("cut off in the middle", bytes[..middle].to_vec()),
        ("cut off in the check or trailer", bytes[..check].to_vec()),
        ("the last byte missing", bytes[..length - 1].to_vec()),
        ("7 bytes inserted at the start", insert(0)),
        ("7 bytes inserted in the middle", insert(middle)),
        ("7 bytes inserted in the check or trailer", insert(check)),
        ("7 bytes deleted at the start", delete(0)),
        ("7 bytes deleted in the middle", delete(middle)),
        ("7 bytes deleted in the check or trailer", delete(check)),
        ("512 bytes swapped, start and middle", swap(0, middle)),
        ("512 bytes swapped, two in the middle", swap(middle - BLOCK, middle)),
        ("512 bytes swapped, middle and end", swap(middle, last)),
        ("512 bytes repeated at the start", repeat(0)),
        ("512 bytes repeated in the middle", repeat(middle)),
        ("512 bytes repeated at the end", repeat(last)),
        ("garbage appended", [bytes, &foreign].concat()),
        ("zeros appended", [bytes, &[0; BLOCK]].concat()),
        ("the same file appended again", [bytes, bytes].concat()),
        ("line feeds changed to carriage return and line feed", crlf(bytes)),
    ];
    rows.extend(more.map(|(row, bytes)| (row.to_owned(), bytes)));
    rows.into_iter().map(|(row, bytes)| Damaged { row, column: column.to_owned(), bytes }).collect()
}
