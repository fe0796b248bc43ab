//! MSR 3 through a `kubectl` that takes the documented commands and no others.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;
use veritar::produce::flow::{Backup, Order, back_up, preview};
use veritar::produce::kubernetes::{Cluster, Kind};
use veritar::produce::msr::{Msr, Options};
use veritar::produce::run::Command as Run;
use veritar::produce::seal::{Lock, Seal};
use veritar::produce::{Producer as _, Trouble};
use veritar::secret::{Known, Secret};

use super::stand_in::{asked, names, order, script, world};
use crate::build::products::{dtr, pack};
use crate::cli::{passphrase, veritar};
use crate::support::program;

const NAME: &str = "msr-3.1.5-mymsr-1631549510+0200.tar";

/// What `kubectl` answers of a healthy installation; `backup` is what the last command does.
fn cases(backup: &str) -> String {
    format!(
        r#"
"config current-context") echo prod;;
"--namespace myns get deployment mymsr-api -o jsonpath="*)
    printf 'myns\nistio/proxyv2:1.20.0\nregistry.mirantis.com/msr/msr-api:3.1.5\n';;
"--namespace myns get persistentvolumeclaim mymsr -o jsonpath="*) printf 'pvc-1\nBound\n';;
"--namespace myns get persistentvolume pvc-1 -o jsonpath="*) printf '%s\n\n\n\n\n\n' "$here";;
"--namespace myns exec -i deployment/mymsr-api -- msr backup -") {backup};;
"#
    )
}

/// A backup with a row that is larger than what waits in a buffer: of one that fails, there is something to keep.
fn good() -> Vec<u8> {
    let mut members = dtr::plain_root("3.1.5");
    let row = members.iter_mut().find(|member| member.name.ends_with("/properties/0")).unwrap();
    row.content = Some(format!("{{\"id\":\"properties-0\",\"value\":\"{}\"}}", "v".repeat(600_000)).into_bytes());
    pack(&members)
}

/// A folder with the stand-in, what it streams, and a folder to write to.
struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn new(cases: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("target")).unwrap();
        fs::write(folder.path().join("good.tar"), good()).unwrap();
        script(folder.path(), "kubectl", cases);
        Self { folder }
    }

    fn good() -> Self {
        Self::new(&cases("cat \"$here/good.tar\""))
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn target(&self) -> std::path::PathBuf {
        self.path().join("target")
    }

    fn options(&self) -> Options {
        let kubectl = self.path().join("kubectl");
        let cluster = Cluster { kubectl: Run::new(kubectl), context: None, namespace: Some("myns".to_owned()) };
        Options { cluster, name: "mymsr".to_owned(), ..Options::default() }
    }

    fn back_up(&self, options: Options) -> Backup {
        self.back_up_as(options, &order(&self.target()), Known::default())
    }

    fn back_up_as(&self, options: Options, order: &Order, mut known: Known) -> Backup {
        back_up(&mut Msr::new(options), order, &world(), &mut known)
    }

    /// That nothing has a name that stands for an archive; and the report.
    fn nothing_but_failed(&self, backup: &Backup, kept: bool) -> Value {
        assert!(backup.published.is_none(), "{backup:#?}");
        let failed = [format!("{NAME}.failed"), format!("{NAME}.failed.json")];
        // Of an archive without a byte there is nothing to keep but the report.
        assert_eq!(names(&self.target()), if kept { &failed[..] } else { &failed[1..] });
        serde_json::from_slice(&fs::read(self.target().join(&failed[1])).unwrap()).unwrap()
    }
}

fn said(backup: &Backup) -> String {
    backup.troubles.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_the_installation_writes_gets_its_name() {
    let stage = Stage::good();
    let backup = stage.back_up(stage.options());
    assert!(backup.troubles.is_empty(), "{backup:#?}");
    let published = backup.published.as_ref().unwrap();
    assert_eq!(published.archive, stage.target().join(NAME));
    assert_eq!(fs::read(&published.archive).unwrap(), good());
    let receipt: Value = serde_json::from_slice(&fs::read(&published.sidecar).unwrap()).unwrap();
    assert_eq!(receipt["verdict"], "pass");
    assert_eq!(receipt["family"], "msr/prod/myns/mymsr");
    let facts = &receipt["facts"];
    assert_eq!(facts["version"], "3.1.5");
    assert_eq!(facts["image"], "registry.mirantis.com/msr/msr-api:3.1.5");
    assert_eq!((&facts["context"], &facts["namespace"]), (&"prod".into(), &"myns".into()));
    // The images are not in it: where they are is told, and they are within reach here.
    let images = facts["images"].as_str().unwrap();
    assert!(images.contains(stage.path().to_str().unwrap()), "{images}");
    assert!(images.contains("`veritar backup images --claim mymsr --namespace myns`"), "{images}");
    assert_eq!(receipt["report"]["archives"][0]["rules"][0]["id"], "msr-3");
    let log = asked(stage.path(), "kubectl");
    assert_eq!(log.last().unwrap(), "--namespace myns exec -i deployment/mymsr-api -- msr backup -");
    assert_eq!(log.iter().filter(|line| line.contains("exec")).count(), 1);
}

#[test]
fn options_stand_where_the_manual_has_them() {
    let stage = Stage::new(
        r#"
"--context c --namespace myns get deployment mymsr-api -o jsonpath="*) printf 'myns\nmsr/msr-api:3.1.5\n';;
"--context c --namespace myns get persistentvolumeclaim other -o jsonpath="*) printf '\nPending\n';;
"--context c --namespace myns exec -i deployment/mymsr-api -- msr backup --ignore-scan-data -") cat "$here/good.tar";;
"#,
    );
    let mut options = stage.options();
    options.cluster.context = Some("c".to_owned());
    options.ignore_scan_data = true;
    options.claim = Some("other".to_owned());
    let backup = stage.back_up(options);
    assert!(backup.published.is_some(), "{backup:#?}");
    let images = &backup.receipt.facts()["images"];
    assert!(images.contains("other has no volume (it is Pending)"), "{images}");
}

#[test]
fn what_is_not_whole_gets_no_name() {
    for (backup, kept, expected) in [
        // Well-formed so far, and the exit code says nothing: what `kubectl` does when it loses the connection.
        ("head -c 400000 \"$here/good.tar\"", true, "fail"),
        // Every member is there, the end is not.
        ("head -c -1024 \"$here/good.tar\"", true, "fail"),
        ("true", false, "fail"),
        ("echo 'time=\"now\" level=info msg=\"on the wrong side\"'; cat \"$here/good.tar\"", true, "fail"),
        // Whole, and not to be trusted.
        ("cat \"$here/good.tar\"; echo 'command terminated with exit code 1' >&2; exit 1", true, "error"),
        ("head -c 400000 \"$here/good.tar\"; kill -9 $$", true, "error"),
    ] {
        let stage = Stage::new(&cases(backup));
        let made = stage.back_up(stage.options());
        let report = stage.nothing_but_failed(&made, kept);
        assert_eq!(report["verdict"], expected, "{backup}: {report:#}");
        assert_eq!(made.troubles.is_empty(), expected == "fail", "{backup}: {}", said(&made));
    }
}

#[test]
fn a_stop_ends_the_program_and_leaves_no_archive() {
    let stage = Stage::new(&cases("head -c 400000 \"$here/good.tar\"; echo $$ > \"$here/pid\"; exec sleep 600"));
    let (world, pid) = (world(), stage.path().join("pid"));
    let stop = std::sync::Arc::clone(&world.stop);
    let backup = std::thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            while !pid.exists() && begun.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(20));
            }
            stop.store(true, Ordering::Relaxed);
        });
        back_up(&mut Msr::new(stage.options()), &order(&stage.target()), &world, &mut Known::default())
    });
    assert!(backup.troubles.iter().all(Trouble::is_stop) && backup.troubles.len() == 1, "{}", said(&backup));
    stage.nothing_but_failed(&backup, true);
    let process = fs::read_to_string(pid).unwrap();
    assert!(!Path::new("/proc").join(process.trim()).exists(), "it still runs");
}

#[test]
fn what_kubectl_says_is_told_with_the_next_step() {
    for (cases, words) in [
        (
            "config*) echo prod;;\n*get\\ deployment*) echo 'Error from server (NotFound): deployments.apps \"mymsr-api\" not found' >&2; exit 1;;",
            &["not found", "give the installation's name"][..],
        ),
        ("config*) echo prod;;\n*get\\ deployment*) echo;;", &["is not what it was asked for"]),
        (
            "config*) echo prod;;\n*get\\ deployment*) printf 'myns\\ngoharbor/harbor-core:v2.9.0\\n';;",
            &["MSR 4 is Harbor", "Velero"],
        ),
        ("config*) echo prod;;\n*get\\ deployment*) printf 'myns\\nmsr/msr-api:4.0.0\\n';;", &["MSR 4 is Harbor"]),
    ] {
        let stage = Stage::new(cases);
        let backup = stage.back_up(stage.options());
        let text = said(&backup);
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
        assert!(names(&stage.target()).is_empty(), "nothing was begun");
    }
    let stage = Stage::good();
    for name in ["-x", "my msr", "--all", ""] {
        let backup = stage.back_up(Options { name: name.to_owned(), ..stage.options() });
        assert!(matches!(backup.troubles[..], [Trouble::Usage(_)]), "{name}: {}", said(&backup));
    }
    assert_eq!(asked(stage.path(), "kubectl"), [""; 0]);
    let mut options = stage.options();
    options.cluster.kubectl = Run::new("veritar-no-such-kubectl");
    let backup = stage.back_up(options);
    assert!(said(&backup).contains("there is no such program"), "{}", said(&backup));
}

#[test]
fn inside_of_a_cluster_there_is_no_context() {
    let cases =
        cases("cat \"$here/good.tar\"").replace("echo prod", "echo 'error: current-context is not set' >&2; exit 1");
    let stage = Stage::new(&cases.replace("msr-api:3.1.5", "msr-api@sha256:00ff"));
    let backup = stage.back_up(stage.options());
    let published = backup.published.as_ref().unwrap();
    assert_eq!(published.archive, stage.target().join("msr-mymsr-1631549510+0200.tar"));
    assert!(!backup.receipt.facts().contains_key("context"));
    assert!(backup.receipt.warnings().iter().any(|warning| warning.contains("version of MSR")), "{backup:#?}");
}

#[test]
fn the_plan_is_what_is_run_and_writes_nothing() {
    let stage = Stage::good();
    let seen = preview(&mut Msr::new(stage.options()), &order(&stage.target()), &world()).unwrap();
    assert_eq!(seen.archive, stage.target().join(NAME));
    let command = seen.steps[0].command.as_ref().unwrap();
    assert!(command.ends_with("exec -i deployment/mymsr-api -- msr backup -"), "{command}");
    assert_eq!((seen.steps.len(), seen.looked.len()), (1, 4));
    assert!(asked(stage.path(), "kubectl").iter().all(|line| !line.contains("exec")));
    assert!(names(&stage.target()).is_empty());
}

#[test]
fn no_secret_reaches_the_program_or_the_papers() {
    let passphrase = "a passphrase nobody may see";
    let known = || Known { passphrases: vec![Secret::new(passphrase.into())], ..Known::default() };
    for backup in ["cat \"$here/good.tar\"", "cat \"$here/good.tar\"; head -c 12000000 /dev/zero; echo bad >&2; exit 3"]
    {
        let stage = Stage::new(&cases(backup));
        let lock = Lock { passphrases: vec![Secret::new(passphrase.into())], ..Lock::default() };
        let order = Order { seal: Seal { lock: Some(lock), ..Seal::default() }, ..order(&stage.target()) };
        let made = stage.back_up_as(stage.options(), &order, known());
        assert_eq!(made.published.is_some(), !backup.contains("exit 3"), "{made:#?}");
        let mut looked = format!("{made:?}");
        looked.push_str(&fs::read_to_string(stage.path().join("kubectl.seen")).unwrap());
        assert!(looked.contains("msr\nbackup\n-\n"), "the stand-in saw its own arguments");
        looked.push_str(&String::from_utf8_lossy(&made.receipt.to_json()));
        assert_eq!(names(&stage.target()).len(), 2, "{:?}", names(&stage.target()));
        for name in names(&stage.target()) {
            looked.push_str(&String::from_utf8_lossy(&fs::read(stage.target().join(name)).unwrap()));
        }
        assert!(!looked.contains(passphrase));
    }
}

/// The fields are taken out by the real `kubectl`, of objects as a cluster keeps them.
#[test]
fn the_real_kubectl_reads_the_templates() {
    if !program("msr::the_real_kubectl_reads_the_templates", "kubectl") {
        return;
    }
    let local = "kubectl label --local -f \"$here/$object.yaml\" veritar=test -o \"$last\"";
    let stage = Stage::new(&format!(
        "*) for last; do :; done\n case \"$*\" in\n config*) kubectl config current-context;;\n\
         *persistentvolumeclaim*) object=claim; {local};;\n *persistentvolume*) object=volume; {local};;\n \
         *deployment*) object=deployment; {local};;\n esac;;"
    ));
    let put = |object: &str, text: &str| fs::write(stage.path().join(object), text).unwrap();
    put(
        "deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: mymsr-api, namespace: myns}\nspec:\n  selector: {matchLabels: {a: b}}\n  \
         template:\n    metadata: {labels: {a: b}}\n    spec:\n      containers:\n      - {name: proxy, image: 'istio/proxyv2:1.20.0'}\n      \
         - {name: api, image: 'registry.mirantis.com/msr/msr-api:3.1.5'}\n",
    );
    put(
        "claim.yaml",
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: mymsr, namespace: myns}\nspec: {volumeName: pvc-1}\nstatus: {phase: Bound}\n",
    );
    let volume = |spec: &str| {
        format!(
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: pvc-1}}\nspec:\n  capacity: {{storage: 1Gi}}\n{spec}"
        )
    };
    put("volume.yaml", &volume("  nfs: {server: nas, path: /export}\n"));
    let survey = Msr::new(stage.options()).survey(&world()).unwrap();
    assert_eq!(survey.name, NAME.strip_suffix(".tar").unwrap());
    let facts: std::collections::BTreeMap<_, _> = survey.facts.into_iter().collect();
    assert_eq!(facts["namespace"], "myns");
    assert!(facts["images"].contains("mount -t nfs -o ro nas:/export /mnt"), "{facts:?}");
    let affinity = "  local: {path: /disk/msr}\n  nodeAffinity:\n    required:\n      nodeSelectorTerms:\n      - matchExpressions:\n        - {key: \
                    kubernetes.io/hostname, operator: In, values: [node-1, node-2]}\n";
    for (spec, kind, nodes) in [
        (
            "  hostPath: {path: /tmp/hostpath-provisioner/myns/msr}\n",
            Kind::Directory("/tmp/hostpath-provisioner/myns/msr".into()),
            0,
        ),
        (affinity, Kind::Directory("/disk/msr".into()), 2),
        ("  csi: {driver: rbd.csi.ceph.com, volumeHandle: x}\n", Kind::Driver("rbd.csi.ceph.com".to_owned()), 0),
        ("  fc: {wwids: [x]}\n", Kind::Other, 0),
    ] {
        put("volume.yaml", &volume(spec));
        let volume = stage.options().cluster.volume("mymsr", &world()).unwrap();
        assert_eq!((volume.kind, volume.nodes.len()), (kind, nodes));
    }
}

/// `veritar backup msr` with the stand-in in PATH: exit code, standard output, standard error.
fn typed(stage: &Stage, words: &[&str]) -> (i32, String, String) {
    let mut command = on_stage(stage);
    let output = command.args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn on_stage(stage: &Stage) -> std::process::Command {
    let mut command = veritar();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(stage.path().to_owned()).chain(std::env::split_paths(&path)));
    command.env("PATH", path.unwrap()).env("VERITAR_PASSPHRASE_FILE", passphrase());
    command.args(["backup", "msr", "--installation", "mymsr", "--namespace", "myns", "--to"]).arg(stage.target());
    command
}

#[test]
fn the_command_line_seals_and_publishes_and_tells_no_secret() {
    let stage = Stage::good();
    let (code, told, errors) = typed(&stage, &["--compress", "gzip", "--name", "nightly"]);
    assert_eq!(code, 0, "{told}{errors}");
    assert_eq!(names(&stage.target()), ["nightly.tar.gz.gpg", "nightly.tar.gz.gpg.manifest.json"]);
    let archive = stage.target().join("nightly.tar.gz.gpg");
    let verified = veritar().arg("verify").arg(&archive).args(["--passphrase-file", &passphrase()]).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
    let seen = fs::read_to_string(stage.path().join("kubectl.seen")).unwrap();
    assert!(seen.contains("msr\nbackup\n-\n") && !seen.contains("VERITAR_"), "{seen}");
    let sidecar = fs::read_to_string(stage.target().join("nightly.tar.gz.gpg.manifest.json")).unwrap();
    let secret = String::from_utf8(crate::build::passphrase()).unwrap();
    for text in [seen, sidecar, told, errors] {
        assert!(!text.contains(&secret), "{text}");
    }
}

#[test]
fn the_exit_code_says_what_became_of_it() {
    for (backup, expected) in [
        ("head -c 400000 \"$here/good.tar\"", 1),
        ("cat \"$here/good.tar\"; exit 1", 4),
        ("head -c 400000 \"$here/good.tar\"; sleep 600", 4),
    ] {
        let stage = Stage::new(&cases(backup));
        let (code, told, errors) = typed(&stage, &["--patience", "1"]);
        assert_eq!(code, expected, "{backup}: {told}{errors}");
        assert!(told.contains("is not published"), "{told}");
        // What was written until then may still lie in a buffer of the encryption: then there is nothing to keep.
        assert!(names(&stage.target()).iter().all(|name| name.contains(".failed")), "{:?}", names(&stage.target()));
    }
    let stage = Stage::good();
    assert_eq!(typed(&stage, &["--installation=-x"]).0, 2);
    assert_eq!(typed(&stage, &["--kubectl", "veritar-no-such-kubectl"]).0, 4);
    let (code, told, _) = typed(&stage, &["--dry-run"]);
    assert_eq!(code, 0);
    assert!(told.contains("kubectl --namespace myns exec -i deployment/mymsr-api -- msr backup -"), "{told}");
    assert!(names(&stage.target()).is_empty());
}

#[test]
fn a_signal_ends_it_in_good_order() {
    let stage = Stage::new(&cases("head -c 400000 \"$here/good.tar\"; echo $$ > \"$here/pid\"; exec sleep 600"));
    let pid = stage.path().join("pid");
    let mut running = on_stage(&stage).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while fs::read_to_string(&pid).unwrap_or_default().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never began");
        std::thread::sleep(Duration::from_millis(20));
    }
    let asked = std::process::Command::new("kill").arg(running.id().to_string()).status().unwrap();
    assert!(asked.success());
    assert_eq!(running.wait().unwrap().code(), Some(143));
    let process = fs::read_to_string(pid).unwrap();
    assert!(!Path::new("/proc").join(process.trim()).exists(), "it still runs");
    assert!(names(&stage.target()).iter().all(|name| name.contains(".failed")), "{:?}", names(&stage.target()));
}
