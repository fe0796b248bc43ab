//! Probes of documents: JSON, inspect dumps, and what a registry stores.
//!
//! Promises: the same is learned of every cut; what is read of a JSON document is what serde_json makes of it. Refuses to
//! know: rules.

use sha2::{Digest as _, Sha256};
use veritar::limits::Limits;
use veritar::probe::{self, Closure, Evidence, Learned, Settings, Subject};

use crate::cut::Draw;

/// What the probe called `name` learns, the same for every cut.
fn learn(name: &str, path: &str, content: &[u8], settings: &Settings) -> Learned {
    let limits = Limits::default();
    let kind = probe::find(name).unwrap();
    let cut = |sizes: &mut dyn FnMut() -> usize| {
        let size = content.len() as u64;
        let subject = Subject { path: path.as_bytes(), size, settings, limits: &limits, at: None };
        let mut probe = (kind.start)(&subject);
        let mut rest = content;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(sizes().clamp(1, rest.len()));
            probe.feed(piece);
            rest = after;
        }
        probe.finish()
    };
    let whole = cut(&mut || usize::MAX);
    let mut draw = Draw::from(content);
    for learned in [cut(&mut || 1), cut(&mut || draw.size())] {
        assert_eq!(learned.faults(), whole.faults());
        assert_eq!(learned.facts(), whole.facts());
        assert_eq!(format!("{:?}", learned.evidence), format!("{:?}", whole.evidence));
    }
    for fault in whole.faults() {
        assert!(!fault.message.is_empty() && !fault.message.chars().any(char::is_control), "{:?}", fault.message);
        assert!(fault.offset.is_none_or(|offset| offset <= content.len() as u64));
    }
    whole
}

/// The input is a document; where its last line is a JSON pointer, that leads where serde_json says.
pub fn probe_json(data: &[u8]) {
    let (document, line) = match data.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[][..]),
    };
    learn("docker-inspect", "folder/ucp-kv.json", document, &Settings::new());
    let pointer = std::str::from_utf8(line).unwrap_or_default();
    let mut settings = Settings::new();
    for (name, value) in [("required", pointer.to_owned()), ("facts", format!("fact={pointer}"))] {
        settings.insert(name.to_owned(), vec![value]);
    }
    let star = [("refers", "part=/layers/*/digest"), ("refers-size", "/size"), ("unless", "/urls"), ("defines", "/id")];
    settings.extend(star.map(|(name, value)| (name.to_owned(), vec![value.to_owned()])));
    if (probe::find("json").unwrap().check)(&settings).is_err() {
        return;
    }
    let learned = learn("json", "row", document, &settings);
    let has = |id: &str| learned.faults().iter().any(|fault| fault.code.id == id);
    let is_read = !has("json/malformed") && !has("json/beyond-reader");
    match serde_json::from_slice::<serde_json::Value>(document) {
        Err(error) => assert!(!is_read, "{error}"),
        Ok(value) => {
            assert!(is_read, "{:?}", learned.faults());
            let there = value.pointer(pointer).filter(|value| !value.is_null());
            // Of members that stand twice serde_json keeps the last.
            if !has("json/duplicate-key") {
                assert_eq!(there.is_none(), has("json/member-missing"), "{pointer}");
            }
            if let (Some(serde_json::Value::String(text)), [(name, fact)]) = (there, learned.facts())
                && !has("json/duplicate-key")
            {
                assert_eq!((&**name, fact), ("fact", text));
            }
        }
    }
}

/// The input is a blob under its digest, a link, and a blob under an id.
pub fn probe_registry(data: &[u8]) {
    let hex: String = Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect();
    let root = "docker/registry/v2";
    let blob = learn("registry-blob", &format!("{root}/blobs/sha256/{}/{hex}/data", &hex[..2]), data, &Settings::new());
    let expected = blob.expected.as_ref().map(|expected| expected.sha256);
    assert_eq!(expected, Some(Sha256::digest(data).into()));
    let repository = format!("{root}/repositories/team/app");
    let revision = format!("{repository}/_manifests/revisions/sha256/{hex}/link");
    let mut all = vec![blob];
    for path in [&*revision, "repositories/_layers/link", &String::from_utf8_lossy(data)] {
        all.push(learn("registry-link", path, data, &Settings::new()));
    }
    all.push(learn("registry-link", &revision, format!("sha256:{hex}").as_bytes(), &Settings::new()));
    all.push(learn("registry-id-blob", &format!("{root}/blobs/id/ab/abc/data"), data, &Settings::new()));
    // Whatever order they come in, the same does not hold.
    let judged = |order: &mut dyn Iterator<Item = &Learned>| {
        let mut closure = Closure::new(&Limits::default());
        for evidence in order.flat_map(|learned| &learned.evidence) {
            if let Evidence::Definition(definition) = evidence {
                closure.define(b"member", definition);
            }
            if let Evidence::Reference(reference) = evidence {
                closure.refer(b"member", reference);
            }
        }
        let dangling = closure.finish().expect("below the limit");
        let mut names: Vec<String> =
            dangling.iter().map(|one| format!("{} {:?} {:?}", one.name, one.unmet, one.severity)).collect();
        names.sort();
        names
    };
    assert_eq!(judged(&mut all.iter()), judged(&mut all.iter().rev()));
}
