//! A copy of the workspace, in which components can be made wrong.
//!
//! It is kept from run to run, and all that is built in it shares one target directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Whether a mutant is fast does not matter, how soon it is built does.
const QUICK: &str = "\n[profile.component]\nopt-level = 1\nlto = false\ncodegen-units = 16\n";

pub struct Workspace(PathBuf);

impl Workspace {
    /// The workspace as it is.
    pub fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
        mirror(&root.join("components"), &copy.join("components"));
        for entry in fs::read_dir(root).unwrap() {
            let entry = entry.unwrap();
            let link = copy.join(entry.file_name());
            let skipped =
                ["target", "components", ".cargo", ".git"].iter().any(|name| entry.file_name() == *name);
            if !skipped && link.symlink_metadata().is_err() {
                symlink(entry.path(), link).unwrap();
            }
        }
        fs::create_dir_all(copy.join(".cargo")).unwrap();
        let config = fs::read_to_string(root.join(".cargo/config.toml")).unwrap() + QUICK;
        fs::write(copy.join(".cargo/config.toml"), config).unwrap();
        Self(copy)
    }

    /// Builds these components; the files, which bear the names of their classes.
    pub fn build(&self, components: &[&str]) -> Result<Vec<PathBuf>, flip_component_build::Error> {
        let out = self.0.join("built");
        let built = flip_component_build::build(&self.0, components, &out)?;
        let named = built.iter().zip(components).map(|(path, component)| {
            let builtin = flip_runtime::BUILTINS.iter().find(|builtin| builtin.name == *component).unwrap();
            let named = out.join(builtin.class).with_extension("wasm");
            fs::rename(path, &named).unwrap();
            named
        });
        Ok(named.collect())
    }

    /// Does something while a file below `components/` has one text in place of another.
    pub fn with<T>(
        &self,
        file: &str,
        text: &str,
        instead: &str,
        work: impl FnOnce() -> T,
    ) -> Result<T, String> {
        let path = self.0.join("components").join(file);
        let before = fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
        if before.matches(text).count() != 1 {
            return Err(format!(
                "{file} has this {} times and not once: {text}",
                before.matches(text).count()
            ));
        }
        fs::write(&path, before.replace(text, instead)).unwrap();
        let done = work();
        fs::write(&path, before).unwrap();
        Ok(done)
    }
}

/// Makes a folder the copy of another one. Files that are the same stay: cargo looks at their times.
fn mirror(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(to).unwrap() {
        let entry = entry.unwrap();
        if !from.join(entry.file_name()).exists() {
            let path = entry.path();
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
    }
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copy = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            mirror(&entry.path(), &copy);
        } else {
            let contents = fs::read(entry.path()).unwrap();
            if fs::read(&copy).ok().as_ref() != Some(&contents) {
                fs::write(copy, contents).unwrap();
            }
        }
    }
}
