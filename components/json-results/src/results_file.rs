//! Where a results file lies.

/// A file in the job's folder, named by the args `results_dir` and `json_file_name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsFile {
    directories: Vec<String>,
    name: String,
}

/// Why args name no place for a results file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It would lie elsewhere.
    #[error("{argument}: {path:?} leaves the job's folder")]
    Leaves {
        /// The argument.
        argument: &'static str,
        /// What it says.
        path: String,
    },
    /// No path holds a NUL.
    #[error("{argument}: holds a NUL character")]
    Nul {
        /// The argument.
        argument: &'static str,
    },
    /// It would be a directory.
    #[error("json_file_name: {0:?} names no file")]
    NoFile(String),
    /// Two files would be one.
    #[error("json_file_name: {0:?} is the name of another file")]
    Taken(String),
}

impl ResultsFile {
    /// The file `json_file_name` in `results_dir`.
    ///
    /// # Errors
    ///
    /// Where it would leave the job's folder, or be no file.
    pub fn new(results_dir: &str, json_file_name: &str) -> Result<Self, PathError> {
        let (above, name) = json_file_name.rsplit_once('/').unwrap_or(("", json_file_name));
        if matches!(name, "" | "." | "..") {
            return Err(PathError::NoFile(json_file_name.to_owned()));
        }
        let mut directories = Vec::new();
        follow(&mut directories, results_dir, "results_dir", results_dir)?;
        follow(&mut directories, above, "json_file_name", json_file_name)?;
        Ok(Self { directories, name: name.to_owned() })
    }

    /// Another file in the same directory.
    ///
    /// # Errors
    ///
    /// Where it is the same file.
    pub fn beside(&self, name: &str) -> Result<Self, PathError> {
        match self.name == name {
            true => Err(PathError::Taken(name.to_owned())),
            false => Ok(Self { name: name.to_owned(), ..self.clone() }),
        }
    }

    /// The directory that it lies in, relative to the job's folder, which is the empty path.
    pub fn directory(&self) -> String {
        self.directories.join("/")
    }

    /// Its path, relative to the job's folder.
    pub fn path(&self) -> String {
        let parts = self.directories.iter().chain([&self.name]).map(String::as_str);
        parts.collect::<Vec<_>>().join("/")
    }
}

/// Goes down, or up again, by the parts of `way`, of an argument that says `path`. The host's storage
/// takes no path that goes up, and follows no link out of the folder.
fn follow(
    directories: &mut Vec<String>,
    way: &str,
    argument: &'static str,
    path: &str,
) -> Result<(), PathError> {
    if path.contains('\0') {
        return Err(PathError::Nul { argument });
    }
    let leaves = || PathError::Leaves { argument, path: path.to_owned() };
    if path.starts_with('/') {
        return Err(leaves());
    }
    for part in way.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                directories.pop().ok_or_else(leaves)?;
            }
            _ => directories.push(part.to_owned()),
        }
    }
    Ok(())
}
