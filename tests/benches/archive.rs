//! A directory zipped and uploaded to an S3 server, once. `cargo xtask bench` runs it beside `archive.py`,
//! on the same data and the same server.
//!
//! `make DIRECTORY BYTES` writes the data. `serve ROOT` is the server, a process of its own, until its
//! standard input ends; it prints the variables that lead to it. `upload URL DIRECTORY [LEVEL]` takes these,
//! and prints what it took. `check ZIP DIRECTORY` fails unless the one holds what the other does.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark may stop where its own set-up fails"
)]

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write, stdin};
use std::path::Path;
use std::time::{Duration, Instant};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use flip_runtime::services::{ArchiveLimits, ObjectStore, Store, StoreOptions};
use flip_wasm_tests::servers::{archives, call_of, runtime, s3};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use zip::ZipArchive;

fn main() {
    // cargo bench adds a flag of its own.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", directory, bytes] => make(Path::new(directory), bytes.parse().unwrap()),
        ["serve", root] => serve(Path::new(root)),
        ["upload", url, directory] => upload(url, Path::new(directory), StoreOptions::default()),
        ["upload", url, directory, level] => {
            let deflate_level = level.parse().unwrap();
            upload(url, Path::new(directory), StoreOptions { deflate_level, ..StoreOptions::default() });
        }
        ["check", zip, directory] => check(Path::new(zip), Path::new(directory)),
        _ => println!("measured by: cargo xtask bench"),
    }
}

/// What four sites leave: half of it random bytes, which deflate as badly as weights do, half text.
fn make(directory: &Path, bytes: usize) {
    let noise = archives::noise(bytes / 2);
    let mut numbers = noise.chunks_exact(4).map(|four| u32::from_le_bytes(four.try_into().unwrap()) as usize);
    let mut below = |limit: usize| numbers.next().unwrap() % limit;
    let words: Vec<String> = (0..50_000)
        .map(|_| format!("{}=0.{:06}", ["loss", "round", "site", "epoch"][below(4)], below(1_000_000)))
        .collect();
    for (site, weights) in noise.chunks_exact(bytes / 8).enumerate() {
        let site = directory.join(format!("site-{}", site + 1));
        fs::create_dir_all(&site).unwrap();
        fs::write(site.join("weights.pt"), weights).unwrap();
        let mut log = BufWriter::new(File::create(site.join("log.txt")).unwrap());
        let mut written = 0;
        while written < bytes / 8 {
            let word = &words[below(words.len())];
            written += word.len() + 1;
            let end = if below(1000) == 0 { '\n' } else { ' ' };
            write!(log, "{word}{end}").unwrap();
        }
        log.flush().unwrap();
    }
}

fn serve(root: &Path) {
    let runtime = runtime();
    let server = s3::serve(&runtime, root);
    println!(
        "{}",
        json!({
            "AWS_ACCESS_KEY_ID": s3::ID,
            "AWS_SECRET_ACCESS_KEY": s3::SECRET,
            "AWS_DEFAULT_REGION": "eu-west-2",
            "AWS_ENDPOINT_URL": server.address,
        })
    );
    stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn upload(url: &str, directory: &Path, options: StoreOptions) {
    let level = options.deflate_level;
    let runtime = runtime();
    let env = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    let store = Store::open(url, env, options, runtime.handle().clone()).unwrap();
    let source = Dir::open_ambient_dir(directory, ambient_authority()).unwrap();
    let call = call_of(Duration::from_secs(600));
    let before = memory("VmRSS");
    let (cpu, wall) = (cpu_time(), Instant::now());
    let archived = store.put_archive(&call, "archive.zip", &source, ArchiveLimits::default()).unwrap();
    let (cpu, wall) = (cpu_time() - cpu, wall.elapsed());
    println!(
        "{}",
        json!({
            "cpu": cpu.as_secs_f64(),
            "wall": wall.as_secs_f64(),
            "memory": memory("VmHWM").zip(before).map(|(peak, before)| peak - before),
            "size": archived.meta.size,
            "level": level,
        })
    );
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A figure of this process in bytes, where the system is Linux.
fn memory(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

fn check(zip: &Path, directory: &Path) {
    let mut zip = ZipArchive::new(File::open(zip).unwrap()).unwrap();
    let mut expected = Vec::new();
    for file in s3::files(directory) {
        // Reading to the end checks the entry's checksum, too.
        let mut contents = Vec::new();
        zip.by_name(&file).unwrap().read_to_end(&mut contents).unwrap();
        assert!(contents == fs::read(directory.join(&file)).unwrap(), "{file} is another in the archive");
        expected.push(format!("{}/", Path::new(&file).parent().unwrap().display()));
        expected.push(file);
    }
    expected.sort();
    expected.dedup();
    let mut names: Vec<_> =
        (0..zip.len()).map(|index| zip.by_index(index).unwrap().name().unwrap().into_owned()).collect();
    names.sort();
    assert_eq!(names, expected);
}
