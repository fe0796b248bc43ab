//! Registry storage, packed where it is found: a real registry gives out every image again after the documented restore.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use veritar::digest::{Hasher, Hashes, hex};
use veritar::produce::flow::{Backup, back_up, preview};
use veritar::produce::images::{Images, Options, Place};
use veritar::produce::kubernetes::Cluster;
use veritar::produce::run::Command as Run;
use veritar::produce::{Made, Planned, Producer, Survey, Trouble, World};
use veritar::secret::Known;

use super::stand_in::{asked, names, order, script, world};
use crate::build::products::images::{by_id, classic};
use crate::build::tarball::Tarball;
use crate::cli::veritar;
use crate::engine::Engine;
use crate::probe::registry::{Layout, Registry, skopeo, storage};
use crate::support::program;

const REPLICA: &str = "1a2b3c4d5e6f";

/// What the engine answers on a node with the replica: its volumes as one name each, and the one the registry has mounted.
fn docker(volumes: &[&str], mounted: Option<&str>) -> String {
    let volumes: Vec<String> = volumes.iter().map(|volume| format!("'{volume}'")).collect();
    let registry = match mounted {
        Some(volume) => format!(
            r#"printf '%s' '[{{"Id":"0","Config":{{"Env":["PATH=/bin","DTR_VERSION=2.9.4"]}},"Mounts":[{{"Type":"bind","Source":"/x"}},{{"Type":"volume","Name":"{volume}"}}]}}]'"#
        ),
        None => "echo 'Error: No such container' >&2; exit 1".to_owned(),
    };
    format!(
        r#"
"ps --filter name=dtr-rethink --format {{{{.Names}}}}") echo node-1/dtr-rethinkdb-{REPLICA};;
"container inspect dtr-registry-{REPLICA}") {registry};;
"volume ls --quiet --filter name={REPLICA}") printf '%s\n' dtr-ca-{REPLICA} {};;
"volume inspect "*)
    printf '[{{"Driver":"local","Mountpoint":"%s/volumes/%s/_data","Name":"%s","Options":%s,"Scope":"local"}}]' \
        "$here" "$3" "$3" "$(cat "$here/$3.options" 2>/dev/null || echo null)";;"#,
        volumes.join(" ")
    )
}

/// A folder with a stand-in, a small storage as the data of a volume, and a folder to write to.
struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn new(volume: &str, cases: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("target")).unwrap();
        let stage = Self { folder };
        stage.put(volume);
        script(stage.path(), "docker", cases);
        stage
    }

    /// One more volume with images.
    fn put(&self, volume: &str) {
        for member in classic("") {
            let path = self.volumes().join(volume).join("_data").join(&member.name);
            match &member.content {
                Some(content) => fs::write(path, content).unwrap(),
                None => fs::create_dir_all(path).unwrap(),
            }
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn volumes(&self) -> PathBuf {
        self.path().join("volumes")
    }

    fn data(&self, volume: &str) -> PathBuf {
        self.volumes().join(volume).join("_data")
    }

    fn target(&self) -> PathBuf {
        self.path().join("target")
    }

    fn volume(&self, volume: Option<&str>, replica: Option<&str>) -> Images {
        let docker = self.path().join("docker");
        let owned = |text: Option<&str>| text.map(str::to_owned);
        self.of(Place::Volume { docker: Run::new(docker), volume: owned(volume), replica: owned(replica) })
    }

    fn directory(&self, path: PathBuf, volume: Option<&str>) -> Images {
        self.of(Place::Directory { path, volume: volume.map(str::to_owned) })
    }

    fn of(&self, place: Place) -> Images {
        Images::new(Options { place, target: Some(self.target()) })
    }

    fn back_up(&self, mut images: Images) -> Backup {
        back_up(&mut images, &order(&self.target()), &world(), &mut Known::default())
    }

    /// Why there is no archive, where nothing was even begun.
    fn refused(&self, images: Images) -> (Trouble, String) {
        let mut backup = self.back_up(images);
        assert!(names(&self.target()).is_empty(), "{:?}", names(&self.target()));
        assert_eq!(backup.troubles.len(), 1, "{backup:#?}");
        let trouble = backup.troubles.remove(0);
        let text = trouble.to_string();
        (trouble, text)
    }
}

fn fact<'a>(backup: &'a Backup, name: &str) -> &'a str {
    backup.receipt.facts().get(name).map_or("", String::as_str)
}

/// Members, as GNU tar lists them.
fn listed(archive: &Path) -> Vec<String> {
    let output = Command::new("tar").arg("-tf").arg(archive).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn unpack(archive: &Path, into: &Path) {
    fs::create_dir_all(into).unwrap();
    let status = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(into).status().unwrap();
    assert!(status.success());
}

fn is_same(one: &Path, other: &Path) {
    let output = Command::new("diff").arg("-r").arg(one).arg(other).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Every manifest of a storage: its repository and its digest.
fn manifests(storage: &Path) -> BTreeSet<(String, String)> {
    let home = storage.join("docker/registry/v2/repositories");
    let output = Command::new("find").arg(&home).args(["-path", "*/revisions/*/link"]).output().unwrap();
    let found: BTreeSet<(String, String)> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|link| {
            let repository = link.strip_prefix(home.to_str().unwrap()).unwrap().split_once("/_manifests").unwrap().0;
            (repository[1..].to_owned(), fs::read_to_string(link).unwrap())
        })
        .collect();
    found
}

#[test]
fn every_image_is_pulled_from_a_fresh_registry_after_the_documented_restore() {
    let Some(made) = storage("images::every_image_is_pulled_from_a_fresh_registry_after_the_documented_restore") else {
        return;
    };
    let volume = format!("dtr-registry-{REPLICA}");
    let stage = Stage::new("other", &docker(&[&volume], Some(&volume)));
    fs::create_dir_all(stage.data(&volume)).unwrap();
    let copied = Command::new("cp").arg("-a").arg(made.join("storage/docker")).arg(stage.data(&volume)).status();
    assert!(copied.unwrap().success());

    let backup = stage.back_up(stage.volume(None, None));
    assert!(backup.troubles.is_empty(), "{backup:#?}");
    let published = backup.published.unwrap();
    let fresh = tempfile::tempdir().unwrap();
    unpack(&published.archive, &fresh.path().join("var/lib/docker/volumes"));
    let restored = fresh.path().join("var/lib/docker/volumes").join(&volume).join("_data");
    is_same(&stage.data(&volume), &restored);

    let manifests = manifests(&made.join("storage"));
    assert!(manifests.len() >= 6, "{manifests:?}");
    assert_eq!(pulled(fresh.path(), &restored, &manifests), manifests.len());
}

/// How many of these images a fresh registry over `restored` gives out by digest.
fn pulled(folder: &Path, restored: &Path, manifests: &BTreeSet<(String, String)>) -> usize {
    let registry = Registry::serve(folder, restored);
    fs::create_dir_all(folder.join("pulled")).unwrap();
    let is_pulled = |(repository, digest): &&(String, String)| {
        let image = registry.at(&format!("{repository}@{digest}"));
        let mut pull = skopeo("inspect");
        pull.args(["--raw", "--tls-verify=false", &image]);
        // A layer of this one would have to come from elsewhere.
        if repository != "team/foreign" {
            let to = format!("dir:{}", folder.join("pulled").join(&digest[7..]).display());
            pull = skopeo("copy");
            pull.args(["--all", "--src-tls-verify=false", &image, &to]);
        }
        pull.status().unwrap().success()
    };
    manifests.iter().filter(is_pulled).count()
}

/// Does something while the archive is on its way.
struct Meanwhile<F> {
    images: Images,
    what: F,
}

struct Once<'a, F> {
    out: &'a mut dyn Write,
    what: Option<&'a F>,
}

impl<F: Fn() + Send> Producer for Meanwhile<F> {
    fn word(&self) -> &'static str {
        self.images.word()
    }

    fn survey(&mut self, world: &World) -> Result<Survey, Trouble> {
        self.images.survey(world)
    }

    fn plan(&self) -> Vec<Planned> {
        self.images.plan()
    }

    fn produce(&mut self, world: &World, out: &mut dyn Write) -> Result<Made, Trouble> {
        self.images.produce(world, &mut Once { out, what: Some(&self.what) })
    }
}

impl<F: Fn()> Write for Once<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(what) = self.what.take() {
            what();
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[test]
fn a_push_while_it_is_packed_leaves_it_whole() {
    let test = "images::a_push_while_it_is_packed_leaves_it_whole";
    if !["docker-registry", "skopeo", "tar"].iter().all(|name| program(test, name)) {
        return;
    }
    let stage = Stage::new("unused", "");
    let data = stage.data("live");
    let layout = Layout::make(stage.path());
    let registry = Registry::serve(stage.path(), &data);
    registry.push(&layout, "one", "team/live:1", &[]);
    // Large enough to be on their way when the push comes: one is packed first, whatever the order.
    for repository in ["aaa", "zzz"] {
        let upload = data.join("docker/registry/v2/repositories").join(repository).join("_uploads/abandoned");
        fs::create_dir_all(&upload).unwrap();
        fs::write(upload.join("data"), vec![7; 8 << 20]).unwrap();
    }
    let mut meanwhile = Meanwhile {
        images: stage.directory(data.clone(), None),
        what: || registry.push(&layout, "many", "team/live:2", &["--all"]),
    };
    let backup = back_up(&mut meanwhile, &order(&stage.target()), &world(), &mut Known::default());
    let published = backup.published.unwrap_or_else(|| panic!("{:#?}", backup.outcome));
    let fresh = tempfile::tempdir().unwrap();
    let restored = fresh.path().join("storage");
    unpack(&published.archive, &restored);
    // The manifest of the tag that came meanwhile is there, and so is all that hangs on it.
    assert!(restored.join("docker/registry/v2/repositories/team/live/_manifests/tags/2/current/link").exists());
    let manifests = manifests(&restored);
    assert!(manifests.len() >= 3, "{manifests:?}");
    assert_eq!(pulled(fresh.path(), &restored, &manifests), manifests.len());
}

#[test]
fn the_archive_of_a_volume_goes_back_to_where_volumes_are() {
    for kind in ["dtr-registry", "dtr-nfs-registry", "dtr-registry-nfs"] {
        let volume = format!("{kind}-{REPLICA}");
        let stage = Stage::new(&volume, &docker(&[&volume], Some(&volume)));
        let backup = stage.back_up(stage.volume(None, None));
        let published = backup.published.as_ref().unwrap_or_else(|| panic!("{backup:#?}"));
        assert_eq!(published.archive, stage.target().join(format!("images-2.9.4-{REPLICA}-1631549510+0200.tar")));
        let listed = listed(&published.archive);
        assert_eq!(listed[0], format!("{volume}/_data/"));
        assert!(listed.iter().all(|member| member.starts_with(&listed[0])), "{listed:?}");
        let again = tempfile::tempdir().unwrap();
        unpack(&published.archive, again.path());
        is_same(&stage.volumes(), again.path());

        assert_eq!(fact(&backup, "unpack-into"), stage.volumes().to_str().unwrap());
        assert_eq!((fact(&backup, "volume"), fact(&backup, "replica")), (&*volume, REPLICA));
        assert_eq!((fact(&backup, "version"), fact(&backup, "layout")), ("2.9.4", "blobs by digest"));
        assert_eq!(fact(&backup, "members"), listed.len().to_string());
        let receipt: Value = serde_json::from_slice(&fs::read(&published.sidecar).unwrap()).unwrap();
        assert_eq!(receipt["family"], format!("images/{volume}"));
        assert_eq!(receipt["verdict"], "pass");
        assert_eq!(receipt["report"]["archives"][0]["rules"][0]["id"], "dtr-images");
        assert_eq!(receipt["ran"].as_array().unwrap().len(), 3);
        assert!(backup.receipt.warnings().is_empty(), "{:?}", backup.receipt.warnings());
    }
}

#[test]
fn the_volume_in_use_is_the_one_that_the_registry_mounts() {
    let (local, nfs) = (format!("dtr-registry-{REPLICA}"), format!("dtr-nfs-registry-{REPLICA}"));
    let stage = Stage::new(&local, &docker(&[&local, &nfs], Some(&nfs)));
    stage.put(&nfs);
    assert_eq!(fact(&stage.back_up(stage.volume(None, None)), "volume"), nfs);
    // The registry is gone, and with it what it mounted: who is asked must say.
    let stage = Stage::new(&local, &docker(&[&local, &nfs], None));
    let (trouble, text) = stage.refused(stage.volume(None, None));
    assert!(matches!(trouble, Trouble::Usage(_)) && text.contains(&nfs) && text.contains("give the volume"), "{text}");
    let backup = stage.back_up(stage.volume(Some(&local), None));
    assert_eq!((fact(&backup, "volume"), fact(&backup, "replica")), (&*local, REPLICA));
    assert!(
        backup
            .published
            .is_some_and(|published| published.archive.ends_with("images-1a2b3c4d5e6f-1631549510+0200.tar"))
    );
    // One alone needs no registry that runs.
    let stage = Stage::new(&local, &docker(&[&local], None));
    assert_eq!(fact(&stage.back_up(stage.volume(None, Some(REPLICA))), "volume"), local);
    assert!(!asked(stage.path(), "docker").iter().any(|line| line.starts_with("ps")));
}

#[test]
fn what_speaks_against_it_is_said_before_anything_is_written() {
    let volume = format!("dtr-registry-{REPLICA}");
    let refused = |cases: &str, given: Option<&str>, replica: Option<&str>, words: &[&str]| {
        let stage = Stage::new(&volume, cases);
        let (_, text) = stage.refused(stage.volume(given, replica));
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    refused("ps*) ;;", None, None, &["no container named dtr-rethink"]);
    refused(
        "ps*) printf 'dtr-rethinkdb-000000000001\\ndtr-rethinkdb-000000000002\\n';;",
        None,
        None,
        &["several replicas", "000000000001, 000000000002"],
    );
    refused("ps*) echo 'Cannot connect to the Docker daemon' >&2; exit 1;;", None, None, &["Cannot connect"]);
    refused(&docker(&[], None), None, None, &["has no volume", "cloud provider"]);
    refused(&docker(&[&volume], Some(&volume)), None, Some("1A2B"), &["12 hexadecimal digits"]);
    refused(&docker(&[&volume], Some(&volume)), Some("--all"), None, &["is no name of a volume"]);
    refused(
        "volume*) echo \"Error: No such volume: $3\" >&2; exit 1;;",
        Some("registry"),
        None,
        &["No such volume", "`docker volume ls`"],
    );
    refused("volume*) echo '[]';;", Some("registry"), None, &["is not what it was asked for"]);
    // The engine is on another machine.
    refused(&docker(&[], None), Some("registry"), None, &["which this machine does not have", "DOCKER_HOST"]);

    // A share that nothing has mounted is an empty folder, or worse, one with old images.
    let stage = Stage::new(&volume, &docker(&[&volume], Some(&volume)));
    fs::write(stage.path().join(format!("{volume}.options")), r#"{"type":"nfs","device":":/export","o":"addr=nas"}"#)
        .unwrap();
    let (_, text) = stage.refused(stage.volume(None, None));
    assert!(text.contains("is a share") && text.contains("start DTR"), "{text}");

    // Not a registry's storage.
    let stage = Stage::new(&volume, &docker(&[&volume], Some(&volume)));
    let wrong = |path: PathBuf, words: &str| {
        let (_, text) = stage.refused(stage.directory(path, None));
        assert!(text.contains(words), "{text}");
    };
    wrong(stage.volumes(), "holds no docker/registry/v2");
    wrong(stage.path().join("nowhere"), "is not there");
    wrong(stage.path().join("docker"), "is no directory");
    fs::create_dir_all(stage.path().join("new/docker/registry/v2/repositories")).unwrap();
    wrong(stage.path().join("new"), "holds no blobs");

    // The archive would be packed into itself, however its folder is called.
    symlink(stage.data(&volume), stage.path().join("link")).unwrap();
    for target in [stage.data(&volume).join("docker"), stage.path().join("link")] {
        let place = Place::Directory { path: stage.data(&volume), volume: None };
        let mut images = Images::new(Options { place, target: Some(target) });
        let text = images.survey(&world()).unwrap_err().to_string();
        assert!(text.contains("lies among the images"), "{text}");
    }
}

#[test]
fn a_directory_goes_back_to_one_like_itself() {
    let stage = Stage::new("v", "");
    let backup = stage.back_up(stage.directory(stage.data("v"), None));
    let published = backup.published.as_ref().unwrap_or_else(|| panic!("{backup:#?}"));
    assert_eq!(listed(&published.archive)[0], "./");
    let again = tempfile::tempdir().unwrap();
    unpack(&published.archive, again.path());
    is_same(&stage.data("v"), again.path());
    assert!(fact(&backup, "unpack-into").starts_with(stage.data("v").to_str().unwrap()));
    assert_eq!(asked(stage.path(), "docker"), [""; 0]);

    // Mounted elsewhere, and a volume's all the same.
    let volume = format!("dtr-nfs-registry-{REPLICA}");
    let backup = stage.back_up(stage.directory(stage.data("v"), Some(&volume)));
    let published = backup.published.as_ref().unwrap_or_else(|| panic!("{backup:#?}"));
    assert_eq!(listed(&published.archive)[0], format!("{volume}/_data/"));
    assert_eq!(fact(&backup, "unpack-into"), "/var/lib/docker/volumes");
    let (trouble, _) = {
        let stage = Stage::new("v", "");
        stage.refused(stage.directory(stage.data("v"), Some("../out")))
    };
    assert!(matches!(trouble, Trouble::Usage(_)), "{trouble}");
}

#[test]
fn the_volume_of_a_claim_is_packed_where_this_machine_has_it() {
    let stage = Stage::new("msr", "");
    let kubectl = |volume: &str| {
        script(
            stage.path(),
            "kubectl",
            &format!(
                "\"config current-context\") echo prod;;\n\
                 \"--namespace myns get persistentvolumeclaim msr -o jsonpath=\"*) printf 'pvc-1\\nBound\\n';;\n\
                 \"--namespace myns get persistentvolume pvc-1 -o jsonpath=\"*) printf '{volume}';;"
            ),
        );
    };
    let images = || {
        let kubectl = stage.path().join("kubectl");
        let cluster = Cluster { kubectl: Run::new(kubectl), context: None, namespace: Some("myns".to_owned()) };
        stage.of(Place::Claim { cluster, claim: "msr".to_owned() })
    };
    kubectl("/veritar/nowhere\\n\\n\\n\\n\\nnode-7\\n");
    let (_, text) = stage.refused(images());
    assert!(text.contains("/veritar/nowhere of node-7"), "{text}");
    kubectl("\\n\\nnas\\n/export/msr\\n\\n\\n");
    let (_, text) = stage.refused(images());
    assert!(text.contains("mount -t nfs -o ro nas:/export/msr /mnt"), "{text}");
    kubectl(&format!("\\n{}\\n\\n\\n\\nnode-7\\n", stage.data("msr").display()));
    let backup = stage.back_up(images());
    let published = backup.published.as_ref().unwrap_or_else(|| panic!("{backup:#?}"));
    assert_eq!(published.archive, stage.target().join("images-msr-1631549510+0200.tar"));
    assert_eq!(listed(&published.archive)[0], "./");
    assert_eq!(fact(&backup, "persistent-volume"), "pvc-1");
    let warnings = backup.receipt.warnings();
    assert!(matches!(warnings, [warning] if warning.contains("belongs to node-7")), "{warnings:?}");
    let receipt: Value = serde_json::from_slice(&fs::read(&published.sidecar).unwrap()).unwrap();
    assert_eq!(receipt["family"], "images/prod/msr/pvc-1");
}

#[test]
fn a_storage_that_lost_something_gets_no_name() {
    for break_it in [
        // A blob that another disk would have noticed, and one that is gone.
        |data: &Path| {
            let blob = blob(data);
            let bytes = fs::read(&blob).unwrap();
            fs::write(&blob, bytes.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>()).unwrap();
        },
        |data: &Path| fs::remove_file(blob(data)).unwrap(),
    ] {
        let stage = Stage::new("v", "");
        break_it(&stage.data("v"));
        let backup = stage.back_up(stage.directory(stage.data("v"), None));
        assert!(backup.published.is_none());
        let names = names(&stage.target());
        assert!(
            matches!(&names[..], [archive, report] if archive.ends_with(".tar.failed") && report.ends_with(".failed.json")),
            "{names:?}"
        );
    }
}

fn blob(data: &Path) -> PathBuf {
    let output =
        Command::new("find").arg(data.join("docker/registry/v2/blobs")).args(["-name", "data"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().max().unwrap().into()
}

/// Lets somebody push while the archive is written.
struct Pushing {
    upload: PathBuf,
    bytes: u64,
}

impl Write for Pushing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut upload = fs::File::options().append(true).open(&self.upload)?;
        upload.write_all(b"more")?;
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_changed_meanwhile_is_told_with_what_it_means() {
    let stage = Stage::new("v", "");
    let uploads = stage.data("v").join("docker/registry/v2/repositories/library/hello/_uploads");
    for (name, bytes) in [("a", 8 << 20), ("b", 1)] {
        fs::create_dir_all(uploads.join(name)).unwrap();
        fs::write(uploads.join(name).join("data"), vec![7; bytes]).unwrap();
    }
    let socket = std::os::unix::net::UnixListener::bind(stage.path().join("s")).unwrap();
    fs::rename(stage.path().join("s"), uploads.join("socket")).unwrap();
    let mut images = stage.directory(stage.data("v"), None);
    let survey = images.survey(&world()).unwrap();
    let mut out = Pushing { upload: uploads.join("a/data"), bytes: 0 };
    let made = images.produce(&world(), &mut out).unwrap();
    let [changed, skipped] = &made.warnings[..] else { panic!("{:?}", made.warnings) };
    assert!(changed.starts_with("the registry was in use: ") && changed.contains("/_uploads/a/data was "), "{changed}");
    assert!(changed.contains("while nobody pushes"), "{changed}");
    assert!(skipped.contains("_uploads/socket: a socket"), "{skipped}");
    drop(socket);
    // The room that was asked for is enough, and not far more.
    let expected = survey.expected_bytes.unwrap();
    assert!(expected >= out.bytes && expected < out.bytes + out.bytes / 2, "{expected} for {}", out.bytes);
}

#[test]
fn the_layout_and_the_plan_are_told_beforehand() {
    let stage = Stage::new("v", "");
    let home = stage.path().join("by-id");
    for member in by_id("") {
        let path = home.join(&member.name);
        match &member.content {
            Some(content) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            None => fs::create_dir_all(path).unwrap(),
        }
    }
    let seen = preview(&mut stage.directory(home.clone(), Some("v")), &order(&stage.target()), &world()).unwrap();
    assert!(seen.survey.facts.contains(&("layout", "blobs by id".to_owned())), "{:?}", seen.survey.facts);
    assert_eq!(seen.steps.len(), 1);
    assert_eq!(seen.steps[0].says, format!("pack {} as v/_data", home.display()));
    assert!(names(&stage.target()).is_empty());
    assert!(stage.back_up(stage.directory(home, None)).published.is_some());
}

#[test]
fn what_may_not_be_read_is_named() {
    // Root may read everything: the test asks again as somebody else.
    if !rustix_is_root() {
        println!("skipped images::what_may_not_be_read_is_named: only root can become somebody else");
        return;
    }
    let stage = Stage::new("v", "");
    let blob = blob(&stage.data("v"));
    fs::set_permissions(blob.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    let this = std::env::current_exe().unwrap();
    for folder in this.ancestors().skip(1).chain([stage.path()]) {
        let mode = fs::metadata(folder).unwrap().permissions().mode();
        if folder != stage.path() && mode & 0o005 != 0o005 {
            println!("skipped images::what_may_not_be_read_is_named: others may not run this program");
            return;
        }
    }
    fs::set_permissions(stage.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&this)
        .args(["--exact", "produce::images::somebody_else_looks", "--ignored", "--nocapture"])
        .env("VERITAR_TEST_IMAGES", stage.data("v"))
        .stderr(Stdio::null())
        .output();
    let Ok(output) = output else {
        println!("skipped images::what_may_not_be_read_is_named: setpriv is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let folder = blob.parent().unwrap().display().to_string();
    let named = said.contains("failed to look through ") && said.contains(&format!("{folder}: Permission denied"));
    assert!(named && said.contains("such as root"), "{said}");
}

fn rustix_is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout.trim_ascii() == b"0"
}

/// Not a test of its own: what the other one has somebody else do.
#[test]
#[ignore = "started by the test above"]
fn somebody_else_looks() {
    let Some(path) = std::env::var_os("VERITAR_TEST_IMAGES") else { return };
    let place = Place::Directory { path: path.into(), volume: None };
    let looked = Images::new(Options { place, target: None }).survey(&world());
    println!("LOOKED: {}", looked.map_or_else(|trouble| trouble.to_string(), |_| "all was read".to_owned()));
}

#[test]
fn the_command_line_finds_docker_in_the_path() {
    let volume = format!("dtr-registry-{REPLICA}");
    let stage = Stage::new(&volume, &docker(&[&volume], Some(&volume)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(std::iter::once(stage.path().to_owned()).chain(std::env::split_paths(&path))).unwrap();
    let typed = |to: &Path, words: &[&str]| {
        let mut command = veritar();
        command.env("PATH", &path).args(["backup", "images", "--unencrypted", "--to"]).arg(to).args(words);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), format!("{}{}", text(&output.stdout), text(&output.stderr)))
    };
    let (code, told) = typed(&stage.target(), &["--dry-run"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains(&format!("pack {} as {volume}/_data", stage.data(&volume).display())), "{told}");
    assert!(names(&stage.target()).is_empty());
    let (code, told) = typed(&stage.data(&volume), &[]);
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("lies among the images"), "{told}");
    for wrong in [["--claim", "msr", "--volume", "v"], ["--directory", "/", "--replica", REPLICA]] {
        assert_eq!(typed(&stage.target(), &wrong).0, 2);
    }
    let (code, told) = typed(&stage.target(), &["--read-back"]);
    assert_eq!(code, 0, "{told}");
    let there = names(&stage.target());
    assert_eq!(there.len(), 2, "{there:?}");
    assert!(there[0].starts_with(&format!("images-2.9.4-{REPLICA}-")) && there[0].ends_with(".tar"), "{there:?}");
    assert_eq!(listed(&stage.target().join(&there[0]))[0], format!("{volume}/_data/"));

    fs::write(blob(&stage.data(&volume)), "rotten").unwrap();
    let (code, told) = typed(&stage.target(), &["--name", "rotten"]);
    assert_eq!(code, 1, "{told}");
    assert_eq!(names(&stage.target())[2..], ["rotten.tar.failed", "rotten.tar.failed.json"]);
}

/// What the stand-in answers is what a real engine does: of a container, of volumes, and of what is not there.
/// Bytes are brought to the disk while more are written: where it fails then, that is an error like any other.
#[test]
fn a_disk_that_fails_on_the_way_is_met_on_the_way() {
    let test = "produce::images::a_disk_that_fails_on_the_way_is_met_on_the_way";
    if !program(test, "strace") {
        return;
    }
    let stage = Stage::new("images", "");
    let big = crate::openpgp::noise(80 << 20);
    let hash = hex(&Hasher::of(Hashes::SHA256, &big).sha256.unwrap());
    let folder = stage.data("images").join(format!("docker/registry/v2/blobs/sha256/{}/{hash}", &hash[..2]));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("data"), &big).unwrap();
    let back_up = |fault: &str| {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", fault]);
        strace.arg(env!("CARGO_BIN_EXE_veritar")).args(["backup", "images", "--unencrypted", "--name", "a"]);
        strace.arg("--directory").arg(stage.data("images")).arg("--to").arg(stage.target()).output().unwrap()
    };
    let output = back_up("inject=fdatasync:error=EIO:when=1");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if text.contains("ptrace") {
        println!("skipped {test}: strace cannot trace here");
        return;
    }
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("bring to the disk (fdatasync)") && text.contains("the disk may be failing"), "{text}");
    assert_eq!(names(&stage.target()), ["a.tar.failed", "a.tar.failed.json"]);
    // Nothing but the disk spoke against it.
    let output = back_up("inject=fdatasync:delay_enter=1000:when=1");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_volume_of_a_real_engine_is_found_and_put_back() {
    let test = "images::the_volume_of_a_real_engine_is_found_and_put_back";
    if !program(test, "dockerd") || !program(test, "docker") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let Some(engine) = Engine::start(root.path()) else {
        println!("skipped {test}: dockerd does not run here");
        return;
    };
    let (local, nfs) = (format!("dtr-registry-{REPLICA}"), format!("dtr-nfs-registry-{REPLICA}"));
    let docker =
        |words: &[&str], input: &str| engine.docker(words, input).unwrap_or_else(|| panic!("docker {words:?}"));
    docker(&["volume", "create", &local], "");
    let nfs_options = ["--opt", "type=nfs", "--opt", "o=addr=127.0.0.1", "--opt", "device=:/export"];
    docker(&[&["volume", "create"], &nfs_options[..], &[&nfs]].concat(), "");
    let data = root.path().join("data/volumes").join(&local).join("_data");
    for member in classic("") {
        let path = data.join(&member.name);
        match &member.content {
            Some(content) => fs::write(path, content).unwrap(),
            None => fs::create_dir_all(path).unwrap(),
        }
    }
    let stage = Stage::new("unused", "");
    let images = |volume: Option<&str>, replica: Option<&str>| {
        let socket = engine.host();
        let docker = Run::new("docker").argument("-H").argument(socket);
        let owned = |text: Option<&str>| text.map(str::to_owned);
        stage.of(Place::Volume { docker, volume: owned(volume), replica: owned(replica) })
    };
    let (_, text) = stage.refused(images(None, None));
    assert!(text.contains("no container named dtr-rethink"), "{text}");
    let (_, text) = stage.refused(images(None, Some(REPLICA)));
    assert!(text.contains("several volumes") && text.contains(&nfs), "{text}");
    let (_, text) = stage.refused(images(Some(&nfs), None));
    assert!(text.contains("is a share"), "{text}");
    let (_, text) = stage.refused(images(Some("registry"), None));
    assert!(text.to_lowercase().contains("no such volume"), "{text}");

    // A container that was made tells its version and what it has mounted, whether it runs or not.
    let image = Tarball::default().file("none", b"").end();
    docker(&["import", "-", "registry:test"], std::str::from_utf8(&image).unwrap());
    let (name, mount) = (format!("dtr-registry-{REPLICA}"), format!("{local}:/storage"));
    docker(
        &["create", "--name", &name, "--env", "DTR_VERSION=2.9.4", "--volume", &mount, "registry:test", "/none"],
        "",
    );
    let backup = stage.back_up(images(None, Some(REPLICA)));
    let published = backup.published.as_ref().unwrap_or_else(|| panic!("{backup:#?}"));
    assert_eq!((fact(&backup, "volume"), fact(&backup, "version")), (&*local, "2.9.4"));
    let volumes = PathBuf::from(fact(&backup, "unpack-into"));
    assert_eq!(volumes, root.path().join("data/volumes"));

    let before = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-a").arg(data.join("docker")).arg(before.path()).status();
    assert!(copied.unwrap().success());
    fs::remove_dir_all(data.join("docker")).unwrap();
    unpack(&published.archive, &volumes);
    is_same(before.path(), &data);
}
