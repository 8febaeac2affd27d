//! How a cloud is started.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::deployment::{self, NEEDS_LOCAL_CLOUD};
use crate::programs::{built, project};
use crate::{Cloud, faults};

/// How a cloud is started.
#[derive(Default)]
pub struct Setup {
    dying: Vec<&'static str>,
    replaced: Vec<(&'static str, &'static str)>,
    forbidden: Vec<(&'static str, &'static str)>,
    allowed: Option<String>,
    unrecorded: bool,
    ffprobe: Option<PathBuf>,
    first_key: bool,
}

impl Setup {
    /// With a function that dies as soon as it is started.
    #[must_use]
    pub fn dying(mut self, function: &'static str) -> Self {
        self.dying.push(function);
        self
    }

    /// With the project's template, but for this text, which must occur in it.
    #[must_use]
    pub fn template_with(mut self, text: &'static str, instead: &'static str) -> Self {
        self.replaced.push((text, instead));
        self
    }

    /// With the project's template, but that the policy of this function (by its name in the template) has another
    /// action in the place of this one.
    #[must_use]
    pub fn forbidding(mut self, function: &'static str, action: &'static str) -> Self {
        self.forbidden.push((function, action));
        self
    }

    /// With this as the only private host that imports may reach, instead of 127.0.0.1.
    #[must_use]
    pub fn allowing_only(mut self, host: &str) -> Self {
        self.allowed = Some(host.to_owned());
        self
    }

    /// Without recording what functions ask for: some of it is asked to be refused.
    #[must_use]
    pub fn unrecorded(mut self) -> Self {
        self.unrecorded = true;
        self
    }

    /// With this program in ffprobe's place.
    #[must_use]
    pub fn ffprobe(mut self, program: &Path) -> Self {
        self.ffprobe = Some(program.to_owned());
        self
    }

    /// With the first API key that `make dev` makes, in the data folder's file `api-key`.
    #[must_use]
    pub fn first_key(mut self) -> Self {
        self.first_key = true;
        self
    }

    /// Starts the cloud and waits until it is ready.
    pub async fn start(self) -> Cloud {
        assert!(deployment::address().is_none(), "{NEEDS_LOCAL_CLOUD}");
        let folder = tempfile::Builder::new().prefix("files-test-").tempdir().expect("a folder").keep();
        let text = |path: &Path| path.to_str().expect("a readable path").to_owned();
        let mut command = vec![text(&built().join("files-local")), "--port".into(), "0".into()];
        command.extend(["--data".into(), text(&folder.join("data"))]);
        command.extend(["--layer".into(), format!("bin/ffprobe={}", text(&self.layer()))]);
        let allowed = self.allowed.as_deref().unwrap_or("127.0.0.1");
        for parameter in [
            "PublicUrl={api}".to_owned(),
            format!("AllowImportHosts={allowed}"),
            // The default is for accounts of 10 concurrent executions; the tests' imports are many.
            "ImportConcurrency=20".to_owned(),
        ] {
            command.extend(["--parameter".to_owned(), parameter]);
        }
        if self.first_key {
            command.extend(["--setup".into(), text(&project().join("infra/scripts/first-key.sh"))]);
        }
        command.extend(["--template".into(), text(&self.template(&folder))]);
        if !self.unrecorded {
            command.extend(["--record-requests".into(), text(&requests())]);
        }
        command.extend(["--functions".into(), text(&self.functions(&folder))]);
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

    /// The program in ffprobe's place: `FILES_FFPROBE` names another one, which `make test-arm64` does.
    fn layer(&self) -> PathBuf {
        let named = || std::env::var_os("FILES_FFPROBE").filter(|file| !file.is_empty()).map(PathBuf::from);
        self.ffprobe.clone().or_else(named).unwrap_or_else(|| built().join("ffprobe"))
    }

    /// The template's file.
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

    /// The folder of the functions' binaries.
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

/// The template with an action that nobody knows in the place of one of a function's.
fn without(template: &str, function: &str, action: &str) -> String {
    let (begin, mut inside) = (format!("  {function}:"), false);
    let mut line = |line: &str| {
        let begins = line.starts_with("  ") && !line.starts_with("   ");
        inside = if begins { line == begin } else { inside };
        if inside { line.replace(action, "none:None") } else { line.to_owned() }
    };
    let changed = template.lines().map(&mut line).collect::<Vec<_>>().join("\n") + "\n";
    assert_ne!(template, changed, "{function} may not do {action}");
    changed
}

/// The folder of the functions' programs.
fn programs() -> PathBuf {
    emulated().unwrap_or_else(built)
}

/// The folder of functions that are emulated: `FILES_TESTS_FUNCTIONS`, which `make test-arm64` fills.
fn emulated() -> Option<PathBuf> {
    let named = std::env::var_os("FILES_TESTS_FUNCTIONS").filter(|folder| !folder.is_empty());
    named.map(PathBuf::from)
}

/// Where it is recorded what functions ask of the services, for `make check-policies`.
fn requests() -> PathBuf {
    built().with_file_name("requests")
}
