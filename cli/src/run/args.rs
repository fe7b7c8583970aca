//! The arguments of `flip-wasm run`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use flip_runtime::Limits;

/// Run a job's components, driven by a recorded trace.
///
/// The job's folder holds FLIP's config_fed_server.json and config_fed_client.json. Its components run as at
/// the server and at each site: they get the trace's events, carry out its tasks, filter its results. What
/// belongs to the FL engine is left alone. What leaves a site is written to WORKSPACE/outbox.
///
/// The environment variables that FLIP's Python package reads are read as well: LOCAL_DEV, NET_ID,
/// IMAGES_DIR, UPLOADED_FEDERATED_DATA_BUCKET, FLIP_API_INTERNAL_URL, INTERNAL_SERVICE_KEY,
/// INTERNAL_SERVICE_KEY_HEADER, and AWS_* for an s3:// store. One that is empty counts as not set.
#[derive(Args)]
#[command(
    after_help = "Example:\n  flip-wasm run job --trace trace.jsonl --workspace workspace --report report.json"
)]
pub struct Run {
    /// The job's folder.
    pub job: PathBuf,
    /// The recorded run.
    #[arg(long, value_name = "TRACE.jsonl")]
    pub trace: PathBuf,
    /// Where it runs, in NVFLARE's layout: server/, a folder for each site, images/.
    #[arg(long, value_name = "DIR")]
    pub workspace: PathBuf,
    /// Where results are uploaded to: s3://bucket/prefix, file:///directory or memory://. By default
    /// WORKSPACE/store.
    #[arg(long, value_name = "URL", env = "UPLOADED_FEDERATED_DATA_BUCKET", hide_env = true)]
    pub store: Option<String>,
    /// The Central Hub. Without it requests are only written to WORKSPACE/hub.jsonl.
    #[arg(long, value_name = "URL", env = "FLIP_API_INTERNAL_URL", hide_env = true)]
    pub hub: Option<String>,
    /// The key that the hub asks for; only from the environment, since arguments can be read by others.
    #[arg(skip = std::env::var("INTERNAL_SERVICE_KEY").unwrap_or_default())]
    pub key: String,
    /// The name of the header that carries the key.
    #[arg(skip = std::env::var("INTERNAL_SERVICE_KEY_HEADER").ok().filter(|name| !name.is_empty()))]
    pub key_header: Option<String>,
    /// What the components may do, as TOML; the built-in ones have policies of their own.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// What a component may use that the policies name no limits for, such as memory=32MiB,call-time=10s; and
    /// what loading one may take.
    #[arg(long, value_name = "NAME=VALUE,...", value_parser = crate::args::limits)]
    pub limits: Option<Limits>,
    /// The net whose images the sites have, in place of the trace's.
    #[arg(long, value_name = "ID", env = "NET_ID", hide_env = true)]
    pub net_id: Option<String>,
    /// Where images are, a folder for each net, in place of WORKSPACE/images.
    #[arg(long, value_name = "DIR", env = "IMAGES_DIR", hide_env = true, value_parser = path())]
    pub images: Option<PathBuf>,
    /// As on a developer's machine: nothing is deleted, uploaded or reported.
    #[arg(long, env = "LOCAL_DEV", hide_env = true, value_parser = switch)]
    pub local_dev: bool,
    /// Write a report, as JSON or, where the name ends in .html, as a page: what ran, with which rights, what
    /// left, and when.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write an audit trail: the components and their grants, each call that touched a file, an object or the
    /// hub, what came in and went out. A new file, best outside the workspace; flip-wasm audit checks it.
    #[arg(long, value_name = "FILE")]
    pub audit: Option<PathBuf>,
}

/// On or off; a variable that is set to nothing is off.
fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "on" | "true" | "t" | "yes" | "y" => Ok(true),
        "" | "0" | "off" | "false" | "f" | "no" | "n" => Ok(false),
        _ => Err("neither true nor false".to_owned()),
    }
}

/// A path that may be empty.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}
