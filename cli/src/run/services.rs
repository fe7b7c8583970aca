//! The object store and the hub of a run.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use flip_runtime::services::{
    HttpHub, HttpHubOptions, Hub, HubRequest, ObjectStore, RecordedHub, Secret, Store, StoreOptions,
};
use flip_runtime::{Error, Runtime};
use serde_json::json;

use super::args::Run;

/// The hub of a run.
pub enum TheHub {
    /// It is there.
    Http(Arc<HttpHub>),
    /// Requests are only recorded.
    Recorded(Arc<RecordedHub>),
}

impl TheHub {
    pub fn service(&self) -> Arc<dyn Hub> {
        match self {
            Self::Http(hub) => hub.clone(),
            Self::Recorded(hub) => hub.clone(),
        }
    }
}

/// The hub that the arguments name.
pub fn hub(args: &Run, runtime: &Runtime) -> Result<TheHub, Error> {
    let Some(url) = args.hub.as_ref().filter(|url| !url.is_empty()) else {
        return Ok(TheHub::Recorded(Arc::default()));
    };
    let mut options = HttpHubOptions::default();
    if let Some(header) = &args.key_header {
        options.key_header.clone_from(header);
    }
    let key = Secret::from(args.key.as_str());
    Ok(TheHub::Http(Arc::new(HttpHub::new(url, key, &options, runtime.tokio().clone())?)))
}

/// The store that the arguments name, or a folder of the workspace.
pub fn store(args: &Run, runtime: &Runtime) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let url = match args.store.as_deref() {
        Some(url) if !url.is_empty() => url.to_owned(),
        _ => {
            let folder = args.workspace.join("store");
            let file = |source| Error::File { path: folder.clone(), source };
            std::fs::create_dir_all(&folder).map_err(file)?;
            let folder = folder.canonicalize().map_err(file)?;
            Store::url_of(&folder).unwrap_or_default()
        }
    };
    let store = Store::open(&url, variables(), StoreOptions::default(), runtime.tokio().clone());
    Ok(Arc::new(store.map_err(Error::from)?))
}

/// Writes what the hub would have got, a request a line.
pub fn write_requests(requests: &[HubRequest], path: &Path, args: &Run) -> anyhow::Result<()> {
    if requests.is_empty() {
        return Ok(());
    }
    let header = args.key_header.clone().unwrap_or_else(|| HttpHubOptions::default().key_header);
    let mut lines = String::new();
    for HubRequest { method, path, body } in requests {
        let body = body.as_deref().map(serde_json::from_str::<serde_json::Value>).transpose()?;
        let headers = json!({ &header: "<key>" });
        let method = method.to_string();
        writeln!(lines, "{}", json!({ "method": method, "path": path, "headers": headers, "body": body }))?;
    }
    std::fs::write(path, lines).map_err(|source| Error::File { path: path.to_owned(), source })?;
    Ok(())
}

/// The environment, as far as it is text.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
