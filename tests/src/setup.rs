//! The configuration of a local cloud.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::sync::OnceCell;

use crate::deployment::{self, NEEDS_LOCAL_CLOUD};
use crate::programs::{built, project};
use crate::{Cloud, faults};

/// The configuration of a local cloud.
#[derive(Default)]
pub struct Setup {
    dying: Vec<&'static str>,
    replaced: Vec<(&'static str, &'static str)>,
    forbidden: Vec<(&'static str, &'static str)>,
    allowed: Option<String>,
    without_recording: bool,
    ffprobe: Option<PathBuf>,
    first_key: bool,
    parameters: Vec<(&'static str, String)>,
    xray_daemon: Option<std::net::SocketAddr>,
}

impl Cloud {
    /// Starts a cloud for one test.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// Configures a cloud for one test.
    #[must_use]
    pub fn setup() -> Setup {
        Setup::default()
    }

    /// Returns the cloud that all tests share that neither stop it nor count its calls; each test creates its own owners. It is
    /// the deployment, if the tests run against one.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Cloud> = OnceCell::const_new();
        let start = async || match deployment::address() {
            Some(address) => Self::Deployed(address),
            None => Self::start().await,
        };
        SHARED.get_or_init(start).await
    }
}

impl Setup {
    /// Sends the segments of traced functions to this address.
    #[must_use]
    pub fn xray_daemon(mut self, address: std::net::SocketAddr) -> Self {
        self.xray_daemon = Some(address);
        self
    }

    /// Sets a parameter of the template.
    #[must_use]
    pub fn parameter(mut self, name: &'static str, value: &str) -> Self {
        self.parameters.push((name, value.to_owned()));
        self
    }

    /// Replaces a function with one that crashes on start.
    #[must_use]
    pub fn crashing(mut self, function: &'static str) -> Self {
        self.dying.push(function);
        self
    }

    /// Replaces a text of the project's template, which must contain it.
    #[must_use]
    pub fn template_with(mut self, text: &'static str, instead: &'static str) -> Self {
        self.replaced.push((text, instead));
        self
    }

    /// Replaces an action in the policy of a function (by its name in the template) with one that has no effect.
    #[must_use]
    pub fn without_permission(mut self, function: &'static str, action: &'static str) -> Self {
        self.forbidden.push((function, action));
        self
    }

    /// Sets the only private host that imports may reach, instead of 127.0.0.1.
    #[must_use]
    pub fn allow_only_host(mut self, host: &str) -> Self {
        self.allowed = Some(host.to_owned());
        self
    }

    /// Disables the recording of functions' requests, because some of them are meant to be refused.
    #[must_use]
    pub fn without_recording(mut self) -> Self {
        self.without_recording = true;
        self
    }

    /// Replaces ffprobe with another program.
    #[must_use]
    pub fn ffprobe(mut self, program: &Path) -> Self {
        self.ffprobe = Some(program.to_owned());
        self
    }

    /// Creates the first API key as `make dev` does, in the data folder's file `api-key`.
    #[must_use]
    pub fn first_key(mut self) -> Self {
        self.first_key = true;
        self
    }

    /// Starts the cloud, and waits until it is ready.
    pub async fn start(self) -> Cloud {
        assert!(deployment::address().is_none(), "{NEEDS_LOCAL_CLOUD}");
        let folder = tempfile::Builder::new().prefix("files-test-").tempdir().expect("a folder").keep();
        let text = |path: &Path| path.to_str().expect("a readable path").to_owned();
        let mut command = vec![text(&built().join("files-local")), "--port".into(), "0".into()];
        command.extend(["--data".into(), text(&folder.join("data"))]);
        command.extend(["--layer".into(), format!("bin/ffprobe={}", text(&self.layer()))]);
        command.extend(["--layer".into(), format!("bin/ffmpeg={}", text(&layer_program("ffmpeg")))]);
        let allowed = self.allowed.as_deref().unwrap_or("127.0.0.1");
        let mut parameters = BTreeMap::from([
            ("PublicUrl", "{api}".to_owned()),
            ("AllowImportHosts", allowed.to_owned()),
            // The defaults suit accounts with 10 concurrent executions; the tests run more imports.
            ("ImportConcurrency", "20".to_owned()),
            ("OwnerImportWorkers", "0".to_owned()),
        ]);
        parameters.extend(self.parameters.iter().cloned());
        for (name, value) in parameters {
            command.extend(["--parameter".to_owned(), format!("{name}={value}")]);
        }
        if self.first_key {
            command.extend(["--setup".into(), text(&project().join("infra/scripts/first-key.sh"))]);
        }
        command.extend(["--template".into(), text(&self.template(&folder))]);
        if !self.without_recording {
            command.extend(["--record-requests".into(), text(&requests())]);
        }
        command.extend(["--functions".into(), text(&self.functions(&folder))]);
        if let Some(daemon) = self.xray_daemon {
            command.extend(["--xray-daemon".into(), daemon.to_string()]);
        }
        if emulated().is_some() {
            command.push("--emulated".into());
        }
        if let Some(seed) = faults::seed() {
            let faults = folder.join("faults.json");
            std::fs::write(&faults, faults::rules(seed).to_string()).expect("the rules");
            command.extend(["--faults".into(), text(&faults)]);
        }
        Cloud::run(folder, &command).await
    }

    /// Returns the program for the layer with ffprobe: `FILES_FFPROBE` overrides it, as `make test-arm64` does.
    fn layer(&self) -> PathBuf {
        self.ffprobe.clone().unwrap_or_else(|| layer_program("ffprobe"))
    }

    /// Returns the template's file.
    fn template(&self, folder: &Path) -> PathBuf {
        let original = project().join("template.yaml");
        if self.replaced.is_empty() && self.forbidden.is_empty() {
            return original;
        }
        let mut template = std::fs::read_to_string(original).expect("the template");
        for (text, instead) in &self.replaced {
            assert!(template.contains(text), "the template has no {text}");
            template = template.replace(text, instead);
        }
        for (function, action) in &self.forbidden {
            template = without(&template, function, action);
        }
        let file = folder.join("template.yaml");
        std::fs::write(&file, template).expect("a file");
        file
    }

    /// Returns the folder of the functions' binaries.
    fn functions(&self, folder: &Path) -> PathBuf {
        if self.dying.is_empty() {
            return programs();
        }
        let functions = folder.join("functions");
        std::fs::create_dir(&functions).expect("a folder");
        let python = built().join("python");
        std::os::unix::fs::symlink(python, functions.join("python")).expect("a link");
        for function in std::fs::read_dir(project().join("functions")).expect("the functions").flatten() {
            let name = function.file_name();
            let path = functions.join(&name);
            if self.dying.iter().any(|dying| name == **dying) {
                std::fs::write(&path, "#!/bin/sh\nexit 1\n").expect("a script");
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a script");
            } else {
                std::os::unix::fs::symlink(programs().join(&name), &path).expect("a link");
            }
        }
        functions
    }
}

/// Returns the template with an unknown action instead of one in a function's policy.
fn without(template: &str, function: &str, action: &str) -> String {
    let (begin, mut inside) = (format!("  {function}:"), false);
    let mut line = |line: &str| {
        let begins = line.starts_with("  ") && !line.starts_with("   ");
        inside = if begins { line == begin } else { inside };
        if inside { line.replace(action, "none:None") } else { line.to_owned() }
    };
    let changed = template.lines().map(&mut line).collect::<Vec<_>>().join("\n") + "\n";
    assert_ne!(template, changed, "{function} has no permission {action}");
    changed
}

/// Returns the folder of the functions' programs.
fn programs() -> PathBuf {
    emulated().unwrap_or_else(built)
}

/// Returns the folder of emulated functions: `FILES_TESTS_FUNCTIONS`, which `make test-arm64` fills.
fn emulated() -> Option<PathBuf> {
    let named = std::env::var_os("FILES_TESTS_FUNCTIONS").filter(|folder| !folder.is_empty());
    named.map(PathBuf::from)
}

/// Returns the folder in which functions' requests are recorded for `make check-policies`.
fn requests() -> PathBuf {
    built().with_file_name("requests")
}

/// Returns a program of a layer: the variable `FILES_` with its name overrides it, as `make test-arm64` does.
fn layer_program(name: &str) -> PathBuf {
    let variable = format!("FILES_{}", name.to_ascii_uppercase());
    let named = std::env::var_os(variable).filter(|file| !file.is_empty()).map(PathBuf::from);
    named.unwrap_or_else(|| built().join(name))
}
