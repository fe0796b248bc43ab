//! A backup of UCP as large as those of a small cluster: that of the corpus with a larger snapshot of etcd.

use std::error::Error;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use crate::archive::Seed;
use crate::bbolt::{self, Element, PAGE, branch, freelist, inline, leaf, pair, tree};
use crate::wrap;

/// The backup before it is encrypted.
pub(crate) const PLAIN: &str = "ucp.tar";
const KEPT: &str = "corpus/kept/ucp-mke-3.4.5.tar.gpg";
const SNAPSHOT: &str = "etcd.backup.db";

/// The archive, not encrypted.
pub(crate) fn backup(folder: &Path, database_bytes: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    let kept = decrypted(folder)?;
    let mut builder = tar::Builder::new(Vec::new());
    let mut replaced = false;
    for entry in tar::Archive::new(&kept[..]).entries()? {
        let mut entry = entry?;
        let mut header = entry.header().clone();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        if entry.path()?.ends_with(SNAPSHOT) {
            content = snapshot(database_bytes);
            header.set_size(content.len() as u64);
            header.set_cksum();
            replaced = true;
        }
        builder.append(&header, &content[..])?;
    }
    if !replaced {
        return Err(format!("there is no {SNAPSHOT} in {KEPT}").into());
    }
    Ok(builder.into_inner()?)
}

/// What is in the corpus. `folder` has a home of gpg without anybody's settings.
fn decrypted(folder: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let made = Command::new("gpg")
        .args(["--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback"])
        .args(["--passphrase-file", "corpus/passphrase", "--decrypt", KEPT])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("GNUPGHOME", folder.join(wrap::GPG_HOME))
        .stderr(Stdio::inherit())
        .output()?;
    if !made.status.success() {
        return Err(format!("gpg cannot decrypt {KEPT}: {}", made.status).into());
    }
    Ok(made.stdout)
}

/// What etcd saves: a bbolt database, and behind it the SHA-256 of the database.
fn snapshot(database_bytes: usize) -> Vec<u8> {
    let mut bytes = database(database_bytes);
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

/// The pages of a database from 2 on, as they are written.
struct Pages {
    pages: Vec<Vec<u8>>,
    next: u64,
}

impl Pages {
    fn push(&mut self, page: Vec<u8>) -> u64 {
        let number = self.next;
        self.next += (page.len() / PAGE) as u64;
        self.pages.push(page);
        number
    }
}

/// A first key, and the page that begins with it.
type Child = (Vec<u8>, u64);

/// Etcd's buckets, with so many bytes of revisions or a little more.
fn database(bytes: usize) -> Vec<u8> {
    let mut pages = Pages { pages: Vec::new(), next: 2 };
    let freelist = pages.push(freelist(2, &[]));
    // The root comes when all is known that it refers to.
    let root = pages.push(vec![0; PAGE]);
    let members = pages.push(leaf(pages.next, &[pair(b"1", b"{}"), pair(b"2", b"{}"), pair(b"3", b"{}")]));
    let meta = [pair(b"consistent_index", &77_u64.to_be_bytes()), pair(b"term", &5_u64.to_be_bytes())];
    let meta = pages.push(leaf(pages.next, &meta));
    let keys = revisions(&mut pages, bytes);
    let buckets = [
        inline(b"alarm", &[]),
        inline(b"cluster", &[pair(b"clusterVersion", b"3.4.0")]),
        tree(b"key", keys),
        tree(b"members", members),
        tree(b"meta", meta),
    ];
    pages.pages[1] = leaf(root, &buckets);
    bbolt::file(root, freelist, &pages.pages)
}

/// The bucket of the revisions: leaves with as much as goes into a page, and branches up to one that has all below it.
fn revisions(pages: &mut Pages, bytes: usize) -> u64 {
    let mut seed = Seed(17);
    let mut children: Vec<Child> = Vec::new();
    let mut elements: Vec<Element> = Vec::new();
    let (mut filled, mut written, mut revision) = (16, 0, 0_u64);
    while written < bytes {
        revision += 1;
        let key = [&revision.to_be_bytes()[..], b"_", &[0; 8]].concat();
        let size = 100 + seed.below(1400) as usize;
        let element = pair(&key, &seed.content(size));
        if filled + 16 + key.len() + size > PAGE {
            children.push((elements[0].key.clone(), pages.push(leaf(pages.next, &elements))));
            elements.clear();
            written += PAGE;
            filled = 16;
        }
        filled += 16 + key.len() + size;
        elements.push(element);
    }
    while children.len() > 1 {
        let below = std::mem::take(&mut children);
        for group in below.chunks(100) {
            let references: Vec<(&[u8], u64)> = group.iter().map(|(key, page)| (&key[..], *page)).collect();
            children.push((group[0].0.clone(), pages.push(branch(pages.next, &references))));
        }
    }
    children[0].1
}
