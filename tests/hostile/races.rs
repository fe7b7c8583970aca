//! Another process swaps a directory for a link, tens of thousands of times, while a guest works there.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use flip_runtime::Limits;
use serde_json::{Value, json};

use super::files::granting;
use super::table::{Attack, CommandLine, Ended, Expected, covered, host};
use crate::{EVERYTHING, Site, lines, on_go};

/// How often the directory is swapped in all, at least.
pub const TRIES: u32 = 20_000;

/// How often in one of the rounds.
pub(super) const TRIES_OF_A_ROUND: u32 = TRIES / super::OFTEN as u32;

const INSIDE: Expected =
    Expected::Harmless("every outcome is one of the directory or nothing; never of what the link points to");

pub const ATTACKS: &[Attack] = &[
    host(
        "31",
        "a directory swapped for a link, twenty thousand times in twenty rounds, while files in it are read",
        |limits| swapped(limits, &read()),
        CommandLine::Test("cli/tests/hostile_races.rs::nothing_of_the_outside_is_read"),
        "",
        INSIDE,
    ),
    host(
        "31",
        "a directory swapped for a link, twenty thousand times in twenty rounds, while it is listed and measured",
        |limits| swapped(limits, &listed()),
        CommandLine::Test("cli/tests/hostile_races.rs::nothing_of_the_outside_is_listed"),
        "",
        INSIDE,
    ),
    host(
        "31",
        "a directory swapped for a link, twenty thousand times in twenty rounds, while files are written and moved there",
        |limits| swapped(limits, &written()),
        CommandLine::Test("cli/tests/hostile_races.rs::nothing_of_the_outside_is_written"),
        "",
        INSIDE,
    ),
    host(
        "31",
        "a directory swapped for a link, twenty thousand times in twenty rounds, while the tree is deleted",
        |limits| swapped(limits, &deleted()),
        CommandLine::Test("cli/tests/hostile_races.rs::nothing_of_the_outside_is_deleted"),
        "",
        INSIDE,
    ),
    host(
        "31",
        "a directory swapped for a link, twenty thousand times in twenty rounds, while the tree is zipped",
        zipped,
        CommandLine::Test("cli/tests/hostile_races.rs::nothing_of_the_outside_is_zipped"),
        "",
        INSIDE,
    ),
    host(
        "31",
        "a directory of the store swapped for a link, twenty thousand times in twenty rounds, while objects are stored and read there",
        super::objects::swapped,
        CommandLine::Test("cli/tests/hostile_objects.rs::nothing_of_the_outside_is_stored_or_read"),
        "",
        INSIDE,
    ),
    covered(
        "31",
        "a file that becomes a link while it is zipped",
        "tests/archive_changes.rs::a_file_that_becomes_a_link_is_not_followed",
        CommandLine::Test("cli/tests/hostile_races.rs::a_file_that_becomes_a_link_is_not_zipped"),
    ),
];

/// Files in it are read.
pub fn read() -> [Value; 3] {
    [
        json!({"read": ["job", "swapped/mine", 0, 9]}),
        json!({"read": ["job", "swapped/secret", 0, 9]}),
        json!({"tensor": ["job", "swapped/secret", 0, [6]]}),
    ]
}

/// It is listed and measured.
pub fn listed() -> [Value; 3] {
    [
        json!({"entries": ["job", "swapped", null, 9]}),
        json!({"usage": ["job", ""]}),
        json!({"stat": ["job", "swapped/secret"]}),
    ]
}

/// Files are written and moved there.
pub fn written() -> [Value; 3] {
    [
        json!({"write": ["job", "swapped/secret", "mine"]}),
        json!({"create-dir-all": ["job", "swapped/new"]}),
        json!({"rename": ["job", "swapped/secret", "job", "taken"]}),
    ]
}

/// The tree is deleted.
pub fn deleted() -> [Value; 3] {
    [
        json!({"clear": "job"}),
        json!({"remove": ["job", "swapped"]}),
        json!({"remove": ["job", "swapped/secret"]}),
    ]
}

/// How often the guest is called meanwhile, at least.
const CALLS: u32 = 10;

/// A directory that is swapped for a link.
pub struct Swapped {
    directory: PathBuf,
    /// Where it and the link are meanwhile.
    spare: PathBuf,
    /// Where the link leads.
    outside: PathBuf,
}

impl Swapped {
    /// Directory, spare place, and target of the link lie in one filesystem; the spare place is nobody's.
    pub fn new(directory: PathBuf, spare: PathBuf, outside: PathBuf) -> Self {
        Self { directory, spare, outside }
    }

    fn away(&self) -> PathBuf {
        self.spare.join("away")
    }

    fn link(&self) -> PathBuf {
        self.spare.join("link")
    }

    /// The directory makes way for the link, and comes back.
    fn swap(&self) -> io::Result<()> {
        fs::rename(&self.directory, self.away())?;
        fs::rename(self.link(), &self.directory)?;
        fs::rename(&self.directory, self.link())?;
        fs::rename(self.away(), &self.directory)
    }

    /// Whatever has been deleted of it, or put in its way, is made anew.
    fn make(&self) {
        for path in [&self.directory, &self.away(), &self.link()] {
            let _ = fs::remove_dir_all(path);
            let _ = fs::remove_file(path);
        }
        let _ = fs::create_dir_all(self.away());
        let _ = fs::write(self.away().join("mine"), "mine");
        let _ = symlink(&self.outside, self.link());
        let _ = fs::rename(self.away(), &self.directory);
    }

    /// Swaps it for a link and back, as often as this at least, while the work is done again and again.
    ///
    /// # Panics
    ///
    /// Where the work does, or where the swaps do not succeed.
    pub fn during(&self, least: u32, mut work: impl FnMut()) {
        /// Ends the swapping where the work panics: it would wait for more of it.
        struct Over<'a>(&'a AtomicBool);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let calls = AtomicU32::new(0);
        let [done, over] = [const { AtomicBool::new(false) }; 2];
        thread::scope(|scope| {
            let swapping = scope.spawn(|| {
                let (mut tries, mut swaps) = (0, 0);
                let enough = || calls.load(Ordering::Relaxed) >= CALLS || over.load(Ordering::Relaxed);
                while swaps < least || !enough() {
                    match self.swap() {
                        Ok(()) => swaps += 1,
                        Err(_) => self.make(),
                    }
                    tries += 1;
                    if tries > 100 * least && swaps < least {
                        break;
                    }
                }
                done.store(true, Ordering::Relaxed);
                assert!(swaps >= least, "{swaps} swaps of {tries} tries");
            });
            let over = Over(&over);
            while !done.load(Ordering::Relaxed) {
                work();
                calls.fetch_add(1, Ordering::Relaxed);
            }
            drop(over);
            swapping.join().unwrap();
        });
    }
}

fn while_swapped(site: &Site, work: impl FnMut()) {
    Swapped::new(site.path("job/swapped"), site.path("spare"), site.path("outside"))
        .during(TRIES_OF_A_ROUND, work);
}

/// Nothing that is told holds the secret, its name, or its first bytes, and nothing is refused for a reason
/// that would tell what is there.
///
/// # Panics
///
/// Where it does.
pub fn assert_inside(outcome: &str) {
    let seen = outcome.starts_with("ok") && outcome.contains("secret");
    assert!(!seen && !outcome.contains("SECRET") && !outcome.contains("[83, 69"), "{outcome}");
    assert!(!outcome.contains("permitted"), "{outcome}");
}

fn with_secrets(limits: Limits) -> Site {
    let site = granting(EVERYTHING, limits);
    site.write("outside/secret", "SECRET");
    site
}

/// The errands again and again; none may see the secret, or touch it.
fn swapped(limits: Limits, errands: &[Value]) -> Ended {
    let site = with_secrets(limits);
    let (kinds, mut met) = (errands.len(), BTreeSet::new());
    let errands: Vec<_> = errands.iter().cycle().take(300).cloned().collect();
    while_swapped(&site, || {
        let (mut runner, log) = site.runner(on_go(errands.clone()));
        runner.handle_event("go", &site.context).unwrap();
        for (number, outcome) in lines(&log).iter().enumerate() {
            assert_inside(outcome);
            met.insert((number % kinds, outcome.starts_with("ok")));
        }
    });
    let both = (0..kinds).any(|errand| met.contains(&(errand, true)) && met.contains(&(errand, false)));
    assert!(both, "no errand met the directory both there and away: {met:?}");
    assert_eq!(
        (site.names("outside"), site.read("outside/secret")),
        (vec!["secret".to_owned()], "SECRET".to_owned())
    );
    Ok("nothing of the outside".to_owned())
}

/// The zip of this name does not hold the secret. Whether it holds what lies in the directory: it was not swapped then.
///
/// # Panics
///
/// Where it does, or is none.
pub fn assert_archive_inside(name: &str, zip: Vec<u8>) -> bool {
    let zip = zip::ZipArchive::new(io::Cursor::new(zip)).unwrap();
    assert!(zip.file_names().all(|name| !name.unwrap().contains("secret")), "{name} holds the secret");
    zip.file_names().any(|name| name.unwrap() == "swapped/mine")
}

/// How often twenty archives are made in one call at most, until they have met the directory both there and away.
const ARCHIVES: u32 = 100;

fn zipped(limits: Limits) -> Ended {
    let site = with_secrets(limits);
    let (mut round, mut met) = (0, BTreeSet::new());
    let call = flip_runtime::services::Call::new(
        std::time::Instant::now() + std::time::Duration::from_secs(600),
        flip_runtime::AbortSignal::default(),
    );
    while_swapped(&site, || {
        for _ in 0..ARCHIVES {
            round += 1;
            let keys: Vec<_> = (0..20).map(|number| format!("{round}-{number}.zip")).collect();
            let errands = keys.iter().map(|key| json!({"put-archive": [key, "job", ""]}));
            for (key, outcome) in keys.iter().zip(site.run(errands.collect())) {
                if !outcome.starts_with("ok") {
                    continue;
                }
                let zip =
                    flip_runtime::services::ObjectStore::get(&*site.store, &call, key, 0, u32::MAX).unwrap();
                met.insert(assert_archive_inside(key, zip.to_vec()));
            }
            if met.len() == 2 {
                break;
            }
        }
    });
    assert_eq!(met.len(), 2, "no two archives met the directory there and away: {met:?}");
    Ok("nothing of the outside".to_owned())
}
