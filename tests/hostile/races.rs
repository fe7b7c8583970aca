//! Another process swaps a directory for a link, tens of thousands of times, while a guest works there.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use flip_runtime::Limits;
use serde_json::{Value, json};

use super::files::granting;
use super::table::{Attack, Ended, Expected, elsewhere, host};
use crate::{EVERYTHING, Site, lines, on_go};

/// How often the directory is swapped, at least.
const TRIES: u32 = 20_000;

const INSIDE: Expected =
    Expected::Harmless("every outcome is one of the directory or nothing; never of what the link points to");

pub const ATTACKS: &[Attack] = &[
    host(
        "31",
        "a directory swapped for a link while files in it are read",
        |limits| {
            swapped(
                limits,
                &[
                    json!({"read": ["job", "swapped/mine", 0, 9]}),
                    json!({"read": ["job", "swapped/secret", 0, 9]}),
                    json!({"tensor": ["job", "swapped/secret", 0, [6]]}),
                ],
            )
        },
        "",
        INSIDE,
    )
    .once(),
    host(
        "31",
        "a directory swapped for a link while it is listed and measured",
        |limits| {
            swapped(
                limits,
                &[
                    json!({"entries": ["job", "swapped", null, 9]}),
                    json!({"usage": ["job", ""]}),
                    json!({"stat": ["job", "swapped/secret"]}),
                ],
            )
        },
        "",
        INSIDE,
    )
    .once(),
    host(
        "31",
        "a directory swapped for a link while files are written and moved there",
        |limits| {
            swapped(
                limits,
                &[
                    json!({"write": ["job", "swapped/secret", "mine"]}),
                    json!({"create-dir-all": ["job", "swapped/new"]}),
                    json!({"rename": ["job", "swapped/secret", "job", "taken"]}),
                ],
            )
        },
        "",
        INSIDE,
    )
    .once(),
    host(
        "31",
        "a directory swapped for a link while the tree is deleted",
        |limits| {
            swapped(
                limits,
                &[
                    json!({"clear": "job"}),
                    json!({"remove": ["job", "swapped"]}),
                    json!({"remove": ["job", "swapped/secret"]}),
                ],
            )
        },
        "",
        INSIDE,
    )
    .once(),
    host("31", "a directory swapped for a link while the tree is zipped", zipped, "", INSIDE).once(),
    elsewhere(
        "31",
        "a file that becomes a link while it is zipped",
        "tests/archive_changes.rs::a_file_that_becomes_a_link_is_not_followed",
    ),
];

/// How often the guest is called meanwhile, at least.
const CALLS: u32 = 10;

/// Swaps `job/swapped` for a link to `outside` and back, until both have tried often enough.
fn while_swapped(site: &Site, mut work: impl FnMut()) {
    let calls = AtomicU32::new(0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            let (mut tries, mut swaps) = (0, 0);
            while tries < TRIES || calls.load(Ordering::Relaxed) < CALLS {
                // Whatever the guest has deleted, or put in its way, is made anew.
                match swap(site) {
                    Ok(()) => swaps += 1,
                    Err(_) => make(site),
                }
                tries += 1;
            }
            assert!(swaps > TRIES / 2, "{swaps} swaps of {tries} tries");
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            work();
            calls.fetch_add(1, Ordering::Relaxed);
        }
        swapping.join().unwrap();
    });
}

/// The directory makes way for the link, and comes back.
fn swap(site: &Site) -> io::Result<()> {
    let (swapped, away, link) = (site.path("job/swapped"), site.path("away"), site.path("link"));
    fs::rename(&swapped, &away)?;
    fs::rename(&link, &swapped)?;
    fs::rename(&swapped, &link)?;
    fs::rename(&away, &swapped)
}

fn make(site: &Site) {
    let (swapped, away, link) = (site.path("job/swapped"), site.path("away"), site.path("link"));
    for path in [&swapped, &away, &link] {
        let _ = fs::remove_dir_all(path);
        let _ = fs::remove_file(path);
    }
    let _ = fs::create_dir(&away);
    let _ = fs::write(away.join("mine"), "mine");
    let _ = symlink(site.path("outside"), &link);
    let _ = fs::rename(&away, &swapped);
}

fn with_secrets(limits: Limits) -> Site {
    let site = granting(EVERYTHING, limits);
    site.write("outside/secret", "SECRET");
    site
}

/// The errands again and again; none may see the secret, or touch it.
fn swapped(limits: Limits, errands: &[Value]) -> Ended {
    let site = with_secrets(limits);
    let errands: Vec<_> = errands.iter().cycle().take(300).cloned().collect();
    while_swapped(&site, || {
        let (mut runner, log) = site.runner(on_go(errands.clone()));
        runner.handle_event("go", &site.context).unwrap();
        for outcome in lines(&log) {
            let seen = outcome.starts_with("ok") && outcome.contains("secret");
            assert!(!seen && !outcome.contains("SECRET") && !outcome.contains("[83, 69"), "{outcome}");
            assert!(!outcome.contains("permitted"), "{outcome}");
        }
    });
    assert_eq!(
        (site.names("outside"), site.read("outside/secret")),
        (vec!["secret".to_owned()], "SECRET".to_owned())
    );
    Ok("nothing of the outside".to_owned())
}

fn zipped(limits: Limits) -> Ended {
    let site = with_secrets(limits);
    let mut round = 0;
    let call = flip_runtime::services::Call::new(
        std::time::Instant::now() + std::time::Duration::from_secs(600),
        flip_runtime::AbortSignal::default(),
    );
    while_swapped(&site, || {
        round += 1;
        let keys: Vec<_> = (0..20).map(|number| format!("{round}-{number}.zip")).collect();
        let errands = keys.iter().map(|key| json!({"put-archive": [key, "job", ""]}));
        for (key, outcome) in keys.iter().zip(site.run(errands.collect())) {
            if !outcome.starts_with("ok") {
                continue;
            }
            let zip =
                flip_runtime::services::ObjectStore::get(&*site.store, &call, key, 0, u32::MAX).unwrap();
            let zip = zip::ZipArchive::new(std::io::Cursor::new(zip.to_vec())).unwrap();
            assert!(zip.file_names().all(|name| !name.unwrap().contains("secret")), "{key} holds the secret");
        }
    });
    Ok("nothing of the outside".to_owned())
}
