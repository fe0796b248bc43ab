//! The probes of a registry's storage, held against a real registry: what it cannot give out any more must be told, and
//! what it gives out must not be an error.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::Digest as _;
use veritar::finding::Severity;
use veritar::limits::Limits;
use veritar::probe::{Evidence, Learned, Settings};
use veritar::rule::{Choice, parse};
use veritar::verify::Outcome;

use super::{codes, learn};
use crate::build::gzip;
use crate::support::{corpus, options, program, secrets};

pub const RULES: &str = r#"
schema = 1
id = "storage"
title = "a registry's storage"
product = "registry"
versions = "2"
[detect]
any = ["**/docker/registry/v2/**"]
[[entry]]
id = "blobs"
path = "**/docker/registry/v2/blobs/sha256/**/data"
probe = "registry-blob"
why = "images are made of blobs"
[[entry]]
id = "links"
path = "**/docker/registry/v2/repositories/**/link"
probe = "registry-link"
why = "tags are links"
[[reference]]
id = "closed"
from = ["blobs", "links"]
to = ["blobs", "links"]
"#;

fn hex(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An OCI layout in a folder.
pub struct Layout(PathBuf);

impl Layout {
    fn put(&self, bytes: &[u8], media_type: &str) -> Value {
        fs::write(self.0.join("blobs/sha256").join(hex(bytes)), bytes).unwrap();
        json!({"mediaType": media_type, "digest": format!("sha256:{}", hex(bytes)), "size": bytes.len()})
    }

    /// An image of layers, each a file of that name; the last may be foreign.
    fn image(&self, architecture: &str, layers: &[&str], foreign: Option<&str>) -> Value {
        let mut diffs = Vec::new();
        let mut described = Vec::new();
        for name in layers.iter().chain(&foreign) {
            let mut tar = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_ustar();
            header.set_size(5);
            tar.append_data(&mut header, name, &b"hello"[..]).unwrap();
            let bytes = tar.into_inner().unwrap();
            diffs.push(format!("sha256:{}", hex(&bytes)));
            let mut layer = self.put(&gzip(&bytes), "application/vnd.oci.image.layer.v1.tar+gzip");
            if foreign == Some(name) {
                layer["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip".into();
                layer["urls"] = json!(["https://elsewhere.example/layer"]);
            }
            described.push(layer);
        }
        let history: Vec<Value> = diffs.iter().map(|_| json!({"created_by": "hand"})).collect();
        let config = json!({
            "architecture": architecture, "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": diffs}, "history": history
        });
        let config = self.put(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json");
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": described});
        let mut manifest = self.put(manifest.to_string().as_bytes(), media_type);
        manifest["platform"] = json!({"architecture": architecture, "os": "linux"});
        manifest
    }

    pub fn make(folder: &Path) -> Self {
        let layout = Self(folder.join("oci"));
        fs::create_dir_all(layout.0.join("blobs/sha256")).unwrap();
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let one = layout.image(architecture, &["a", "b"], None);
        let other = layout.image("s390x", &["a", "c"], None);
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": [one, other]});
        let many = layout.put(index.to_string().as_bytes(), media_type);
        let foreign = layout.image(architecture, &["d"], Some("e"));
        let named = |mut manifest: Value, name: &str| {
            manifest["annotations"] = json!({"org.opencontainers.image.ref.name": name});
            manifest
        };
        let manifests = [named(one.clone(), "one"), named(many, "many"), named(foreign, "foreign")];
        let index = json!({"schemaVersion": 2, "manifests": manifests});
        fs::write(layout.0.join("index.json"), index.to_string()).unwrap();
        fs::write(layout.0.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        layout
    }
}

/// A registry that runs over a storage.
pub struct Registry {
    child: Child,
    port: u16,
    config: PathBuf,
}

impl Registry {
    pub fn serve(folder: &Path, storage: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage:\n  filesystem: {{rootdirectory: {storage:?}}}\n  \
             delete: {{enabled: true}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\nvalidation: {{manifests: {{urls: {{allow: \
             [\"^https://\"]}}}}}}\ncompatibility: {{schema1: {{enabled: true}}}}\n"
        );
        fs::write(&config, text).unwrap();
        let mut serve = Command::new("docker-registry");
        serve.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let child = serve.spawn().unwrap();
        let registry = Self { child, port, config };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    pub fn at(&self, image: &str) -> String {
        format!("docker://127.0.0.1:{}/{image}", self.port)
    }

    pub fn push(&self, layout: &Layout, name: &str, image: &str, options: &[&str]) {
        let from = format!("oci:{}:{name}", layout.0.display());
        let mut copy = skopeo("copy");
        copy.args(options).arg("--dest-tls-verify=false").arg(from).arg(self.at(image));
        assert!(copy.status().unwrap().success(), "{image}");
    }

    /// Whether all of an image can be pulled.
    fn pull(&self, image: &str, folder: &Path) -> bool {
        let to = folder.join("pulled");
        let _ = fs::remove_dir_all(&to);
        let mut copy = skopeo("copy");
        copy.args(["--all", "--src-tls-verify=false"]).arg(self.at(image)).arg(format!("dir:{}", to.display()));
        copy.stderr(Stdio::null()).status().unwrap().success()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn skopeo(what: &str) -> Command {
    let mut command = Command::new("skopeo");
    command.args(["--insecure-policy", what]).stdout(Stdio::null());
    command
}

/// What is pulled; of `team/foreign:1` a layer would have to come from elsewhere.
const IMAGES: &[&str] = &["team/oci:1", "team/v2s2:1", "team/v2s1:1", "team/many:1", "lists/many:1"];

/// The storage that a real registry made of images of every kind; nothing where it is not installed.
pub fn storage(test: &str) -> Option<&'static Path> {
    static STORAGE: OnceLock<tempfile::TempDir> = OnceLock::new();
    if !program(test, "docker-registry") || !program(test, "skopeo") || !program(test, "tar") {
        return None;
    }
    let made = STORAGE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::make(folder.path());
        let registry = Registry::serve(folder.path(), &folder.path().join("storage"));
        registry.push(&layout, "one", "team/oci:1", &["--format", "oci"]);
        registry.push(&layout, "one", "team/v2s2:1", &["--format", "v2s2"]);
        registry.push(&layout, "one", "team/v2s1:1", &["--format", "v2s1"]);
        registry.push(&layout, "many", "team/many:1", &["--all"]);
        registry.push(&layout, "many", "lists/many:1", &["--all", "--format", "v2s2"]);
        registry.push(&layout, "foreign", "team/foreign:1", &[]);
        folder
    });
    Some(made.path())
}

/// What is found in an archive of a storage by the rules above.
fn judge(tar: Vec<u8>) -> Outcome {
    let mut options = options(1);
    options.rules = vec![Arc::new(parse("own.toml", RULES, &Limits::default()).unwrap_or_else(|e| panic!("{e}")))];
    options.choice = Choice::Named;
    let archive = veritar::verify::Archive::from_source("storage", Box::new(veritar::source::MemorySource::new(tar)));
    veritar::verify::verify(archive, &options, &mut secrets()).unwrap()
}

fn packed(storage: &Path) -> Vec<u8> {
    let output = Command::new("tar").arg("-C").arg(storage).args(["-cf", "-", "docker"]).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Codes of errors and warnings, each once.
fn told(outcome: &Outcome) -> BTreeSet<(Severity, &'static str)> {
    let grave = outcome.findings.iter().filter(|finding| finding.severity > Severity::Info);
    grave.map(|finding| (finding.severity, finding.code.id)).collect()
}

/// A copy of the storage to break.
struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    fn of(made: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copied = Command::new("cp").arg("-a").arg(made.join("storage")).arg(folder.path()).status().unwrap();
        assert!(copied.success());
        Self { folder }
    }

    fn storage(&self) -> PathBuf {
        self.folder.path().join("storage")
    }

    fn v2(&self) -> PathBuf {
        self.storage().join("docker/registry/v2")
    }

    fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        self.v2().join(format!("blobs/sha256/{}/{hex}/data", &hex[..2]))
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.v2().join("repositories").join(name)
    }

    /// The digest and the manifest that a tag stands for.
    fn manifest(&self, repository: &str) -> (String, Value) {
        let digest = fs::read_to_string(self.repository(repository).join("_manifests/tags/1/current/link")).unwrap();
        let manifest = serde_json::from_slice(&fs::read(self.blob(&digest)).unwrap()).unwrap();
        (digest, manifest)
    }

    /// Changes a file: `None` takes it away, with its folder.
    fn change(path: &Path, change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) {
        match change(fs::read(path).unwrap()) {
            Some(bytes) => fs::write(path, bytes).unwrap(),
            None => fs::remove_dir_all(path.parent().unwrap()).unwrap(),
        }
    }

    fn images_pulled(&self) -> BTreeSet<&'static str> {
        let registry = Registry::serve(self.folder.path(), &self.storage());
        IMAGES.iter().copied().filter(|image| registry.pull(image, self.folder.path())).collect()
    }
}

const ERROR: Severity = Severity::Error;
const WARNING: Severity = Severity::Warning;

#[test]
fn what_a_registry_stores_is_closed() {
    let Some(made) = storage("registry::what_a_registry_stores_is_closed") else { return };
    let outcome = judge(packed(&made.join("storage")));
    assert_eq!(outcome.findings, [], "{:#?}", outcome.findings);
    let copy = Copy::of(made);
    assert_eq!(copy.images_pulled().len(), IMAGES.len());
    // Each kind is there, and is seen as what it is: what hangs on manifests is followed.
    for (repository, references) in
        [("team/oci", 3), ("team/v2s2", 3), ("team/v2s1", 2), ("team/many", 2), ("lists/many", 2), ("team/foreign", 2)]
    {
        let (digest, _) = copy.manifest(repository);
        let learned = blob(&copy.blob(&digest));
        let count = learned.evidence.iter().filter(|one| matches!(one, Evidence::Reference(_))).count();
        assert_eq!(count, references, "{repository}: {:?}", learned.evidence);
    }
}

fn blob(path: &Path) -> Learned {
    learn(
        "registry-blob",
        path.to_str().unwrap().trim_start_matches('/'),
        &fs::read(path).unwrap(),
        &Settings::new(),
        None,
    )
}

#[test]
fn what_the_registry_kept_in_the_corpus_stores_is_closed() {
    let outcome = judge(fs::read(corpus().join("kept/registry-2.8.2.tar")).unwrap());
    assert_eq!(outcome.findings, [], "{:#?}", outcome.findings);
}

#[test]
fn what_one_storage_lacks_another_in_the_archive_does_not_give() {
    let kept = fs::read(corpus().join("kept/registry-2.8.2.tar")).unwrap();
    // Twice the same storage; of each blob in turn, the second has all but this.
    let packed = |without: Option<&str>| {
        let mut out = tar::Builder::new(Vec::new());
        for place in ["one", "two/repositories"] {
            for entry in tar::Archive::new(&kept[..]).entries().unwrap() {
                let mut entry = entry.unwrap();
                let path = entry.path().unwrap().to_str().unwrap().to_owned();
                if !entry.header().entry_type().is_file() || (place != "one" && Some(&*path) == without) {
                    continue;
                }
                let mut header = entry.header().clone();
                out.append_data(&mut header, format!("{place}/{path}"), &mut entry).unwrap();
            }
        }
        out.into_inner().unwrap()
    };
    assert_eq!(told(&judge(packed(None))), BTreeSet::new());
    let mut archive = tar::Archive::new(&kept[..]);
    let paths = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().to_str().unwrap().to_owned());
    let blobs: Vec<String> = paths.filter(|path| path.contains("/blobs/") && path.ends_with("/data")).collect();
    assert!(blobs.len() > 2);
    for blob in blobs {
        let codes: Vec<_> = told(&judge(packed(Some(&blob)))).into_iter().map(|(_, code)| code).collect();
        assert!(codes.contains(&"reference/missing"), "{blob}: {codes:?}");
    }
}

#[test]
fn hard_links_are_not_looked_at_and_that_is_told() {
    let kept = fs::read(corpus().join("kept/registry-2.8.2.tar")).unwrap();
    let undecided = BTreeSet::from([(ERROR, "probe/hard-link")]);
    // Each file in turn lies somewhere else, and its name links there.
    let mut archive = tar::Archive::new(&kept[..]);
    let entries = archive.entries().unwrap().filter(|entry| entry.as_ref().unwrap().header().entry_type().is_file());
    let files = entries.count();
    assert!(files > 8);
    for number in 0..files {
        let mut out = tar::Builder::new(Vec::new());
        let mut met = 0;
        for entry in tar::Archive::new(&kept[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().into_owned();
            let mut header = entry.header().clone();
            let is_file = header.entry_type().is_file();
            met += usize::from(is_file);
            if !is_file || met != number + 1 {
                out.append_data(&mut header, path, &mut entry).unwrap();
                continue;
            }
            out.append_data(&mut header, "elsewhere", &mut entry).unwrap();
            header.set_entry_type(tar::EntryType::Link);
            header.set_size(0);
            out.append_link(&mut header, path, "elsewhere").unwrap();
        }
        // What is in a manifest is not known then, nor where a tag leads: nothing is missing for that.
        assert_eq!(told(&judge(out.into_inner().unwrap())), undecided, "file {number}");
    }
}

/// Breaks one thing; what is told of it, and which images the real registry still gives out.
fn broken(made: &Path, damage: impl FnOnce(&Copy)) -> (BTreeSet<(Severity, &'static str)>, Vec<&'static str>) {
    let copy = Copy::of(made);
    damage(&copy);
    let told = told(&judge(packed(&copy.storage())));
    let pulled = copy.images_pulled();
    (told, IMAGES.iter().copied().filter(|image| !pulled.contains(image)).collect())
}

#[test]
fn each_damage_is_told_by_its_own_code_and_stops_the_real_registry() {
    let Some(made) = storage("registry::each_damage_is_told_by_its_own_code_and_stops_the_real_registry") else {
        return;
    };
    let flip = |mut bytes: Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        Some(bytes)
    };
    let layer = |copy: &Copy, number: usize| {
        let (_, manifest) = copy.manifest("team/oci");
        copy.blob(manifest["layers"][number]["digest"].as_str().unwrap())
    };
    // The layer `b`: of the image alone and in both lists.
    let with_b = ["team/oci:1", "team/v2s2:1", "team/v2s1:1", "team/many:1", "lists/many:1"];

    let (told, stopped) = broken(made, |copy| Copy::change(&layer(copy, 1), flip));
    assert_eq!((told, &stopped[..]), ([(ERROR, "registry/blob-digest")].into(), &with_b[..]));

    let (told, stopped) = broken(made, |copy| Copy::change(&layer(copy, 1), |_| None));
    assert_eq!((told, &stopped[..]), ([(ERROR, "reference/missing")].into(), &with_b[..]));

    let (told, stopped) = broken(made, |copy| {
        Copy::change(&layer(copy, 1), |mut bytes| {
            bytes.truncate(bytes.len() - 1);
            Some(bytes)
        });
    });
    let expected = [(ERROR, "registry/blob-digest"), (WARNING, "reference/size")].into();
    assert_eq!((told, &stopped[..]), (expected, &with_b[..]));

    // The configuration: schema 1 has none.
    let (told, stopped) = broken(made, |copy| {
        let (_, manifest) = copy.manifest("team/oci");
        Copy::change(&copy.blob(manifest["config"]["digest"].as_str().unwrap()), |_| None);
    });
    let expected = ["team/oci:1", "team/v2s2:1", "team/many:1", "lists/many:1"];
    assert_eq!((told, &stopped[..]), ([(ERROR, "reference/missing")].into(), &expected[..]));

    // A manifest: by content, and by the link in its repository.
    let (told, stopped) = broken(made, |copy| Copy::change(&copy.blob(&copy.manifest("team/v2s1").0), flip));
    assert_eq!((told, &stopped[..]), ([(ERROR, "registry/blob-digest")].into(), &["team/v2s1:1"][..]));
    let revision = |copy: &Copy, repository: &str, digest: &str| {
        let hex = digest.strip_prefix("sha256:").unwrap();
        copy.repository(repository).join(format!("_manifests/revisions/sha256/{hex}/link"))
    };
    let (told, stopped) = broken(made, |copy| {
        Copy::change(&revision(copy, "team/oci", &copy.manifest("team/oci").0), |_| None);
    });
    assert_eq!((told, &stopped[..]), ([(ERROR, "reference/unlinked")].into(), &["team/oci:1"][..]));
    let (told, stopped) = broken(made, |copy| Copy::change(&copy.blob(&copy.manifest("lists/many").0), |_| None));
    assert_eq!((told, &stopped[..]), ([(ERROR, "reference/missing")].into(), &["lists/many:1"][..]));

    // The link to a layer in one repository of several.
    let (told, stopped) = broken(made, |copy| {
        let hex = layer(copy, 0).parent().unwrap().file_name().unwrap().to_owned();
        let link = copy.repository("team/v2s2/_layers/sha256").join(hex).join("link");
        Copy::change(&link, |_| None);
    });
    assert_eq!((told, &stopped[..]), ([(ERROR, "reference/unlinked")].into(), &["team/v2s2:1"][..]));

    // Links: cut, with a newline, empty, and to another manifest.
    let current = |copy: &Copy| copy.repository("team/oci/_manifests/tags/1/current/link");
    for change in [|link: Vec<u8>| link[..60].to_vec(), |link| [link, vec![b'\n']].concat(), |_| Vec::new()] {
        let (told, stopped) = broken(made, |copy| Copy::change(&current(copy), |link| Some(change(link))));
        assert_eq!((told, &stopped[..]), ([(ERROR, "registry/link-malformed")].into(), &["team/oci:1"][..]));
    }
    let (told, stopped) = broken(made, |copy| {
        let other = copy.manifest("team/foreign").0;
        Copy::change(&revision(copy, "team/oci", &copy.manifest("team/oci").0), |_| Some(other.into_bytes()));
    });
    assert_eq!((told, &stopped[..]), ([(ERROR, "registry/link-elsewhere")].into(), &["team/oci:1"][..]));

    // A blob in the folder of others: not found by the registry, and so not by its manifests.
    let (told, stopped) = broken(made, |copy| {
        let home = layer(copy, 1).parent().unwrap().to_owned();
        let elsewhere = copy.v2().join("blobs/sha256/zz");
        fs::create_dir(&elsewhere).unwrap();
        fs::rename(&home, elsewhere.join(home.file_name().unwrap())).unwrap();
    });
    let expected = [(ERROR, "registry/blob-misplaced"), (ERROR, "reference/missing")].into();
    assert_eq!((told, &stopped[..]), (expected, &with_b[..]));
}

#[test]
fn an_index_that_lacks_a_platform_warns() {
    let Some(made) = storage("registry::an_index_that_lacks_a_platform_warns") else { return };
    let (told, stopped) = broken(made, |copy| {
        let (_, index) = copy.manifest("team/many");
        let digest = index["manifests"][1]["digest"].as_str().unwrap();
        let hex = digest.strip_prefix("sha256:").unwrap();
        let manifest: Value = serde_json::from_slice(&fs::read(copy.blob(digest)).unwrap()).unwrap();
        Copy::change(&copy.blob(digest), |_| None);
        Copy::change(&copy.repository(&format!("team/many/_manifests/revisions/sha256/{hex}/link")), |_| None);
        // Nothing asks for its configuration in this repository any more.
        let config = manifest["config"]["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        Copy::change(&copy.repository(&format!("team/many/_layers/sha256/{config}/link")), |_| None);
    });
    // `--all` asks for every platform.
    assert_eq!((told, &stopped[..]), ([(WARNING, "reference/missing")].into(), &["team/many:1"][..]));
}

#[test]
fn what_garbage_collection_leaves_is_no_error() {
    let test = "registry::what_garbage_collection_leaves_is_no_error";
    let Some(made) = storage(test) else { return };
    let copy = Copy::of(made);
    let registry = Registry::serve(copy.folder.path(), &copy.storage());
    let mut delete = skopeo("delete");
    delete.arg("--tls-verify=false").arg(registry.at("team/foreign:1"));
    assert!(delete.status().unwrap().success());
    let blobs = || walk(&copy.v2().join("blobs")).len();
    let before = blobs();
    // Deleted and not collected: the manifest is there, but nothing leads to it. Its layer may be gone.
    assert!(IMAGES.iter().all(|image| registry.pull(image, copy.folder.path())));
    let foreign = copy.repository("team/foreign");
    assert!(walk(&foreign).iter().all(|path| !path.ends_with("current/link")));
    assert_eq!(told(&judge(packed(&copy.storage()))), BTreeSet::new());
    let collect = Command::new("docker-registry").arg("garbage-collect").arg(&registry.config).output().unwrap();
    assert!(collect.status.success());
    assert!(blobs() < before);
    let outcome = judge(packed(&copy.storage()));
    assert_eq!(told(&outcome), BTreeSet::new(), "{:#?}", outcome.findings);
    // The links that it leaves behind are noted.
    assert!(outcome.findings.iter().any(|finding| finding.code.id == "reference/missing"));
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn blob_of(content: &[u8]) -> Learned {
    let hex = hex(content);
    learn("registry-blob", &format!("v2/blobs/sha256/{}/{hex}/data", &hex[..2]), content, &Settings::new(), None)
}

#[test]
fn manifests_are_told_by_their_shape() {
    let names = |content: &Value| {
        let learned = blob_of(content.to_string().as_bytes());
        let names: Vec<String> = learned
            .evidence
            .iter()
            .filter_map(|one| {
                if let Evidence::Definition(defined) = one {
                    return Some(defined.name.split(':').next().unwrap().to_owned());
                }
                let Evidence::Reference(wanted) = one else { return None };
                Some(format!("-> {}", wanted.role))
            })
            .collect();
        (codes(&learned), names.join(" "))
    };
    let descriptor = json!({"digest": DIGEST, "size": 3});
    let image = "application/vnd.docker.distribution.manifest.v2+json";
    let list = "application/vnd.docker.distribution.manifest.list.v2+json";
    let good =
        |content: &Value, expected: &str| assert_eq!(names(content), (Vec::new(), expected.to_owned()), "{content}");
    let plain = "sha256";
    // The configuration of an image, and other JSON.
    good(
        &json!({"architecture": "amd64", "os": "linux", "config": {"Cmd": []}, "rootfs": {"diff_ids": [DIGEST]}}),
        plain,
    );
    good(&json!({"config": descriptor, "layers": [descriptor]}), plain);
    good(&json!({"schemaVersion": 3, "config": descriptor, "layers": [descriptor]}), plain);
    good(
        &json!({"schemaVersion": 2, "mediaType": "application/json", "config": descriptor, "layers": [descriptor]}),
        plain,
    );
    good(&json!({"schemaVersion": 2, "layers": [descriptor]}), plain);
    // Manifests, with and without a media type.
    let all = "sha256 manifest sha256 -> config -> layer";
    good(&json!({"schemaVersion": 2, "config": descriptor, "layers": [descriptor]}), all);
    good(
        &json!({"schemaVersion": 2, "mediaType": image, "config": descriptor, "layers": [descriptor], "subject": {"digest": "gone"}}),
        all,
    );
    good(&json!({"schemaVersion": 2, "config": descriptor, "layers": [], "manifests": []}), "sha256 manifest sha256");
    good(
        &json!({"schemaVersion": 2, "mediaType": list, "manifests": [descriptor]}),
        "sha256 manifest sha256 -> manifest",
    );
    good(
        &json!({"schemaVersion": 1, "name": "a", "fsLayers": [{"blobSum": DIGEST}], "history": []}),
        "sha256 manifest sha256 -> layer",
    );
    // Foreign layers, by their addresses or by their type; another algorithm.
    let foreign = [
        json!({"digest": DIGEST, "urls": ["https://x"]}),
        json!({"digest": DIGEST, "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}),
        json!({"digest": DIGEST, "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"}),
        json!({"digest": "sha512:00"}),
    ];
    good(&json!({"schemaVersion": 2, "config": descriptor, "layers": foreign}), "sha256 manifest sha256 -> config");
    // Without what it must have.
    for content in [
        json!({"schemaVersion": 2, "mediaType": image, "layers": [descriptor]}),
        json!({"schemaVersion": 2, "mediaType": image, "config": descriptor}),
        json!({"schemaVersion": 2, "mediaType": image, "config": descriptor, "layers": {"0": descriptor}}),
        json!({"schemaVersion": 2, "mediaType": list, "manifests": null}),
        json!({"schemaVersion": 2, "config": {}, "layers": []}),
        json!({"schemaVersion": 2, "config": descriptor, "layers": ["x", {"digest": "sha256:0"}, {"digest": "none"}, null]}),
        json!({"schemaVersion": 2, "config": descriptor, "layers": [{"digest": DIGEST.to_uppercase()}]}),
        json!({"schemaVersion": 1, "fsLayers": [{}]}),
    ] {
        assert_eq!(names(&content).0, ["registry/manifest-malformed"], "{content}");
    }
    let twice = format!(r#"{{"schemaVersion":2,"config":{descriptor},"layers":[],"layers":[{descriptor}]}}"#);
    assert_eq!(codes(&blob_of(twice.as_bytes())), ["json/duplicate-key"]);
}

#[test]
fn a_blob_is_held_only_where_it_may_be_a_manifest() {
    let manifest = json!({"schemaVersion": 2, "config": {"digest": DIGEST}, "layers": []}).to_string();
    let references =
        |content: &[u8]| blob_of(content).evidence.iter().filter(|one| matches!(one, Evidence::Reference(_))).count();
    assert_eq!(references(manifest.as_bytes()), 1);
    assert_eq!(references(format!(" \n{manifest}\n").as_bytes()), 1);
    // As large as a registry takes, and larger.
    let most = 4 << 20;
    let spaces = " ".repeat(most - manifest.len());
    assert_eq!(references(format!("{manifest}{spaces}").as_bytes()), 1);
    assert_eq!(references(format!("{spaces}{manifest}").as_bytes()), 1);
    let learned = blob_of(format!("{spaces} {manifest}").as_bytes());
    assert_eq!((codes(&learned), learned.evidence.len()), (Vec::new(), 1));
    let mut limits = Limits::default();
    limits.set("probe-bytes", 20).unwrap();
    let of = |content: &[u8]| {
        let (hex, settings) = (hex(content), Settings::new());
        let path = format!("blobs/sha256/{}/{hex}/data", &hex[..2]);
        let (path, size) = (path.as_bytes(), content.len() as u64);
        let subject = veritar::probe::Subject { path, size, settings: &settings, limits: &limits, at: None };
        let mut probe = (veritar::probe::find("registry-blob").unwrap().start)(&subject);
        content.chunks(3).for_each(|piece| probe.feed(piece));
        probe.finish()
    };
    assert_eq!(codes(&of(manifest.as_bytes())), ["probe/too-large"]);
    assert_eq!(codes(&of(b"a layer, which is not held")), [""; 0]);
    // Content that is cut or no manifest any more: its digest tells, and what hangs on it is not asked for.
    let learned = blob_of(&manifest.as_bytes()[..40]);
    assert_eq!((codes(&learned), learned.evidence.len()), (Vec::new(), 2));
}

#[test]
fn a_blob_expects_the_digest_of_its_path() {
    let content = b"content";
    let learned = blob_of(content);
    let expected = learned.expected.as_ref().unwrap();
    assert_eq!(expected.sha256[..], sha2::Sha256::digest(content)[..]);
    assert_eq!(expected.otherwise.code.id, "registry/blob-digest");
    assert!(
        matches!(&learned.evidence[..], [Evidence::Definition(one)] if one.size == Some(7) && one.name == format!("sha256:{}", hex(content)))
    );
    let hex = hex(content);
    for path in [
        format!("blobs/sha256/zz/{hex}/data"),
        format!("blobs/sha256/{}/{}/data", &hex[..2].to_uppercase(), hex.to_uppercase()),
        format!("blobs/sha256/{}/{}/data", &hex[..2], &hex[..63]),
        format!("blobs/sha512/{}/{hex}/data", &hex[..2]),
        format!("blobs/sha256/{}/{hex}/data.bak", &hex[..2]),
        format!("{hex}/data"),
        "data".to_owned(),
    ] {
        let learned = learn("registry-blob", &path, content, &Settings::new(), None);
        assert_eq!(codes(&learned), ["registry/blob-misplaced"], "{path}");
        assert_eq!(learned.evidence.len(), 0, "{path}");
    }
}

#[test]
fn links_hold_a_digest_and_nothing_else() {
    let link = |path: &str, content: &[u8]| learn("registry-link", path, content, &Settings::new(), None);
    let path = format!("v2/repositories/a/_layers/sha256/{}/link", &DIGEST[7..]);
    assert_eq!(codes(&link(&path, DIGEST.as_bytes())), [""; 0]);
    let checked = Cell::new(0);
    for wrong in [
        String::new(),
        DIGEST[..70].to_owned(),
        format!("{DIGEST}\n"),
        format!("{DIGEST}0"),
        format!(" {DIGEST}"),
        DIGEST.to_uppercase(),
        DIGEST[7..].to_owned(),
        DIGEST.replace("sha256", "sha512"),
        DIGEST.replace('9', "g"),
        "\0".repeat(71),
        DIGEST.repeat(100_000),
    ] {
        let learned = link(&path, wrong.as_bytes());
        assert_eq!(codes(&learned), ["registry/link-malformed"], "{:?}", wrong.get(..80));
        checked.set(checked.get() + 1);
    }
    assert_eq!(checked.get(), 11);
    let other = DIGEST.replace('f', "e");
    assert_eq!(codes(&link(&path, other.as_bytes())), ["registry/link-elsewhere"]);
    // A path that names no digest, or another algorithm's, says nothing of it.
    assert_eq!(codes(&link("v2/repositories/a/_manifests/tags/1/current/link", other.as_bytes())), [""; 0]);
    assert_eq!(codes(&link(&format!("a/_layers/sha512/{}/link", "0".repeat(128)), other.as_bytes())), [""; 0]);
}

#[test]
fn blobs_under_an_id() {
    let id = "7f3c9d2e-1b4a";
    let of = |path: &str, content: &[u8]| learn("registry-id-blob", path, content, &Settings::new(), None);
    let learned = of(&format!("v2/blobs/id/7f/{id}/data"), b"content");
    assert_eq!(codes(&learned), [""; 0]);
    assert!(
        matches!(&learned.evidence[..], [Evidence::Definition(one)] if one.size == Some(7) && one.name == format!("id:{id}"))
    );
    assert_eq!(codes(&of(&format!("v2/blobs/id/7f/{id}/data"), b"")), ["registry/blob-empty"]);
    for path in
        [format!("v2/blobs/id/70/{id}/data"), format!("v2/blobs/id/7f/{id}/link"), format!("v2/blobs/{id}/data")]
    {
        let learned = of(&path, b"content");
        assert_eq!(codes(&learned), ["registry/blob-misplaced"], "{path}");
        assert_eq!(learned.faults()[0].severity, Some(WARNING), "{path}");
    }
}
