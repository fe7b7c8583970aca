//! An S3 server in the test's own process, and what the tests store in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::Body;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flip_runtime::services::{ArchiveLimits, Call, ObjectStore, ServiceError, Store, StoreOptions};
use hyper::Response;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{Server, logged, runtime};

pub const ID: &str = "THE-ACCESS-KEY-ID";
pub const SECRET: &str = "the-s3cret-access-key";
/// The least that S3 takes.
pub const PART: usize = 5 << 20;

/// What has to wait for a server that stalls waits no longer than this.
pub const SOON: Duration = Duration::from_millis(1800);

/// What waits for a server that is late has all the time it can need.
pub const PATIENT: Duration = Duration::from_secs(30);

pub fn options(clean_up_time: Duration) -> StoreOptions {
    StoreOptions {
        part_size: PART,
        first_pause: Duration::from_millis(1),
        clean_up_time,
        ..StoreOptions::default()
    }
}

pub fn env(endpoint: &str) -> Vec<(String, String)> {
    [
        ("AWS_ACCESS_KEY_ID", ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "eu-west-2"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_PROFILE", "ignored"),
        ("HOME", "ignored"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .to_vec()
}

/// An S3 server that checks signatures. Its buckets, and its uploads in progress, are directories in `root`.
pub fn serve(runtime: &Runtime, root: &Path) -> Server {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).unwrap());
    builder.set_auth(SimpleAuth::from_single(ID, SECRET));
    let service = builder.build();
    Server::start(runtime, move |request| {
        let service = service.clone();
        Box::pin(async move {
            match service.call(request.map(s3s::Body::from)).await {
                Ok(response) => response.map(Body::new),
                Err(error) => Response::builder().status(500).body(Body::from(format!("{error:?}"))).unwrap(),
            }
        })
    })
}

/// A server with one bucket, and a store in it.
pub struct S3 {
    pub server: Server,
    pub root: TempDir,
    pub store: Store,
    pub runtime: Runtime,
}

impl S3 {
    pub fn new() -> Self {
        Self::with(SOON)
    }

    pub fn with(clean_up_time: Duration) -> Self {
        logged();
        let runtime = runtime();
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("bucket")).unwrap();
        let server = serve(&runtime, root.path());
        let handle = runtime.handle().clone();
        let env = env(&server.address);
        let store = Store::open("s3://bucket/results/net", env, options(clean_up_time), handle).unwrap();
        Self { server, root, store, runtime }
    }

    /// Another store in the bucket.
    pub fn store_with(&self, clean_up_time: Duration) -> Arc<Store> {
        let env = env(&self.server.address);
        let handle = self.runtime.handle().clone();
        Arc::new(Store::open("s3://bucket/results/net", env, options(clean_up_time), handle).unwrap())
    }

    /// Everything that the server keeps: objects, parts, uploads in progress, files in the making.
    pub fn files(&self) -> Vec<String> {
        files(self.root.path())
    }

    pub fn object(&self, key: &str) -> PathBuf {
        self.root.path().join("bucket/results/net").join(key)
    }

    pub fn assert_nothing_left(&self) {
        // A request whose connection is cut ends on the server some time later.
        for _ in 0..200 {
            if self.files().is_empty() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("left: {:?}", self.files());
    }
}

pub fn open(url: &str, env: Vec<(String, String)>, runtime: &Runtime) -> Result<Store, ServiceError> {
    Store::open(url, env, options(SOON), runtime.handle().clone())
}

pub fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![root.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// Bytes that do not compress, for two parts.
static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 1_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..2 * PART).map(next).collect()
});

/// A directory to archive: with `parts` parts' worth of bytes that do not compress.
pub fn source(parts: usize) -> (TempDir, Dir) {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("weights"), &NOISE[..parts * PART]).unwrap();
    fs::write(directory.path().join("notes.txt"), "notes").unwrap();
    let dir = Dir::open_ambient_dir(directory.path(), ambient_authority()).unwrap();
    (directory, dir)
}

/// Each way to store, by name. The small ones take one request, the large one several.
pub fn uploads(store: &Store, call: &Call, which: &str) -> Result<(), ServiceError> {
    let (_kept, source) = source(if which == "large" { 2 } else { 0 });
    match which {
        "put" => store.put(call, "k/key", vec![b'x'; 50_000]).map(drop),
        _ => store.put_archive(call, "k/key", &source, ArchiveLimits::default()).map(drop),
    }
}

/// The text of an error that must be `Unavailable`, name what failed, and hold no credentials.
pub fn unavailable(result: Result<(), ServiceError>) -> String {
    let error = result.unwrap_err();
    let ServiceError::Unavailable(text) = &error else { panic!("{error:?}") };
    assert!(text.contains("k/key") && text.len() < 400, "{text}");
    assert!(!text.contains(SECRET) && !text.contains(ID), "{text}");
    text.clone()
}

pub const BODIES: [(&str, &str, &str); 4] = [
    ("put", "PUT", ""),
    ("small", "PUT", ""),
    ("large", "PUT", "partNumber=2"),
    ("large", "PUT", "partNumber=3"),
];
