//! Names of users and groups, as the system's own two files give them.
//!
//! Promises: a number that has no name there has none. Refuses to know: directories of users on other machines; the number
//! is in the archive in any case.

use std::collections::HashMap;

/// Names by number.
#[derive(Debug, Default)]
pub(super) struct Names {
    users: HashMap<u32, Vec<u8>>,
    groups: HashMap<u32, Vec<u8>>,
}

impl Names {
    /// Those of this system; none where its files cannot be read, as in a container without them.
    pub(super) fn of_the_system() -> Self {
        let read = |path: &str| table(&std::fs::read(path).unwrap_or_default());
        Self { users: read("/etc/passwd"), groups: read("/etc/group") }
    }

    /// A user's name, or nothing.
    pub(super) fn user(&self, id: u32) -> &[u8] {
        self.users.get(&id).map(Vec::as_slice).unwrap_or_default()
    }

    /// A group's name, or nothing.
    pub(super) fn group(&self, id: u32) -> &[u8] {
        self.groups.get(&id).map(Vec::as_slice).unwrap_or_default()
    }
}

/// `name:password:number:…`, a line each, the first of a number counts. Names that no header field takes are passed over.
fn table(text: &[u8]) -> HashMap<u32, Vec<u8>> {
    let mut names = HashMap::new();
    for line in text.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b':');
        let (name, number) = (fields.next(), fields.nth(1));
        let number = number.and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
        if let (Some(name @ [_, ..]), Some(number)) = (name, number)
            && name.len() < 32
            && name.is_ascii()
            && !name.contains(&0)
        {
            names.entry(number).or_insert_with(|| name.to_vec());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn the_first_name_of_a_number_counts() {
        let names =
            table(b"root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/root:\n# no\n+::::\ndaemon:*:1:1\n:x:2:\nx:y:z:\n");
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!((&*names[&0], &*names[&1]), (&b"root"[..], &b"daemon"[..]));
    }
}
