//! What leaves a site, as files.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use crate::error::Error;
use crate::exchange::Dxo;
use crate::json::Json;
use crate::safetensors::Output;

/// The longest part of a file's name that a task's name gives, in characters.
const MAX_TASK: usize = 50;

/// Writes a dxo into `folder`, by its number in the trace and its task; says where.
pub(super) fn put(dxo: Dxo, folder: &Path, seq: u64, task: &str) -> Result<Vec<PathBuf>, Error> {
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let task = task.chars().take(MAX_TASK).map(|c| if c.is_alphanumeric() { c } else { '_' });
    let mut files = Vec::new();
    write(dxo, folder, &format!("{seq}-{}", task.collect::<String>()), &mut files)?;
    Ok(files)
}

/// Writes tensors as a dxo file, plain values as JSON, and each member of a collection on its own.
fn write(dxo: Dxo, folder: &Path, name: &str, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    if let Some(members) = dxo.members() {
        for (n, member) in members.values().enumerate() {
            // The member's own name may be no name of a file.
            write(member.clone(), folder, &format!("{name}.{n}"), files)?;
        }
        return Ok(());
    }
    let path = match dxo.values() {
        Some(values) => {
            let path = folder.join(format!("{name}.json"));
            let members = [
                ("kind".to_owned(), Json::of(dxo.kind().name()).unwrap_or_else(|_| Json::null())),
                ("meta".to_owned(), Json::object(&dxo.meta)),
                ("data".to_owned(), values.clone()),
            ];
            let text = Json::object_text(members.iter().map(|(name, value)| (name, value)));
            std::fs::write(&path, text).map_err(Error::file(&path))?;
            path
        }
        None => {
            let path = folder.join(format!("{name}.safetensors"));
            let metadata = IndexMap::new();
            Output::create(&path, &dxo, &metadata)?.commit(dxo, &metadata)?;
            path
        }
    };
    files.push(path);
    Ok(())
}
