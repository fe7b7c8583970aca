//! Objects: keys that leave the prefix, and links in a store that is a directory.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use flip_runtime::Limits;
use flip_runtime::services::{Store, StoreOptions};
use serde_json::{Value, json};

use super::errands::{Errands, Listing, listing};
use super::files::granting;
use super::races::{Swapped, TRIES_OF_A_ROUND, assert_inside};
use super::table::Ended;
use crate::{EVERYTHING, Site, runtime};

pub(super) fn keys_that_leave() -> Errands {
    let keys = ["", ".", "..", "../a", "a/../../b", "/a", "a/", "a//b", "a\0b", "a\nb"];
    let asked = keys.into_iter().flat_map(|key| {
        [
            json!({"put": [key, "x"]}),
            json!({"put-archive": [key, "job", ""]}),
            json!({"get": [key, 0, 9]}),
            json!({"head": key}),
        ]
    });
    Errands::granting(EVERYTHING).told("invalid argument: ", asked)
}

const OWN_OBJECTS: &str = r#"
    object-store = ["put", "get", "head"]
    object-prefixes = ["own"]
"#;

/// What is decoded would be a key of somebody else's; what is not is one under the prefix, or under another.
pub(super) fn keys_that_look_like_others() -> Errands {
    let under = ["own/%2e%2e/x", "own/%2e%2e%2fx", "own/%2E%2E%2Fx", "own/a%5cb", "own/%252e%252e%252fx"];
    let errands = Errands::granting(OWN_OBJECTS);
    let errands = under.into_iter().fold(errands, |errands, key| {
        errands
            .told("ok ", [json!({"put": [key, "x"]})])
            .told("ok \"x\"", [json!({"get": [key, 0, 9]})])
            // None of them has become what it looks like.
            .told("not permitted: object-prefixes", [json!({"get": ["x", 0, 9]})])
            .told("not found: ", [json!({"get": ["own/x", 0, 9]})])
    });
    let others = ["own%2fx", "%2e%2e/own/x", "%6fwn/x"];
    let errands = errands.told(
        "not permitted: object-prefixes",
        others.into_iter().flat_map(|key| [json!({"put": [key, "x"]}), json!({"head": key})]),
    );
    let none = ["own\\x", "own\\..\\x", "own/..\\x", "\\own\\x", "own/x\\"];
    errands.told(
        "invalid argument: ",
        none.into_iter().flat_map(|key| [json!({"put": [key, "x"]}), json!({"get": [key, 0, 9]})]),
    )
}

/// Links in the folder `own` of a store: out of it, to what is there and to what is not, straight and by another; to
/// the objects of others, and to itself.
pub const LINKS: [(&str, &str); 6] = [
    ("folder", "../../outside"),
    ("file", "../../outside/secret"),
    ("chain", "folder"),
    ("dangling", "../../outside/nothing"),
    ("others", "../others"),
    ("circle", "circle"),
];

/// What may be done with objects under `own`, and what can be archived.
pub const OWN: &str = r#"
    directories = { job = "read" }
    object-store = ["put", "put-archive", "get", "head"]
    object-prefixes = ["own"]
"#;

/// Every way to read an object, and to look whether there is one.
pub fn reads(link: &str) -> Vec<Value> {
    let keys = [format!("own/{link}"), format!("own/{link}/secret"), format!("own/{link}/deep/secret")];
    let asked = keys.iter().flat_map(|key| {
        [
            json!({"get": [key, 0, 9]}),
            json!({"get": [key, 2, 1]}),
            json!({"get": [key, 0, 0]}),
            json!({"head": key}),
        ]
    });
    asked.collect()
}

/// Every way to store one, at the link and behind it.
pub fn writes(link: &str) -> Vec<Value> {
    let keys =
        ["", "/secret", "/new", "/deep/new", "/new/folder/new"].map(|inner| format!("own/{link}{inner}"));
    let asked =
        keys.iter().flat_map(|key| [json!({"put": [key, "x"]}), json!({"put-archive": [key, "job", ""]})]);
    asked.collect()
}

/// Makes `store` in the folder, with the links in it, and `outside` beside it.
///
/// # Panics
///
/// Where it cannot.
pub fn plant(folder: &Path) {
    for (name, text) in [("store/others", "OTHERS"), ("outside", "SECRET"), ("outside/deep", "SECRET")] {
        fs::create_dir_all(folder.join(name)).unwrap();
        fs::write(folder.join(name).join("secret"), text).unwrap();
    }
    fs::create_dir(folder.join("store/own")).unwrap();
    for (link, target) in LINKS {
        symlink(target, folder.join("store/own").join(link)).unwrap();
    }
}

/// What is in `store` and `outside`.
pub fn left(folder: &Path) -> Listing {
    listing(&|name| match name {
        "workspace" => folder.join("store"),
        "outside" => folder.join("outside"),
        _ => folder.join("nothing"),
    })
}

/// A site whose objects lie in its folder `store`.
fn with_store(policy: &str, limits: Limits) -> Site {
    let mut site = granting(policy, limits);
    plant(&site.path(""));
    let url = Store::url_of(&site.path("store")).unwrap();
    let store = Store::open(&url, [], StoreOptions::default(), runtime().tokio().clone()).unwrap();
    site.services.object_store = Some(Arc::new(store));
    site
}

/// Whatever is there, or nothing: the component is told the same.
pub(super) fn through_links(limits: Limits, asked: fn(&str) -> Vec<Value>, told: &str) -> Ended {
    let site = with_store(OWN, limits);
    let before = left(&site.path(""));
    let mut last = String::new();
    for (link, _) in LINKS {
        for (errand, outcome) in asked(link).into_iter().zip(site.run(asked(link))) {
            assert!(outcome.starts_with(told), "{errand}: {outcome}");
            last = outcome;
        }
    }
    assert_eq!(left(&site.path("")), before);
    Ok(last)
}

/// Objects in a directory that is swapped are read, and stored under new names.
pub fn swapped_errands(round: u32) -> Vec<Value> {
    let errands = (0..10).flat_map(|number| {
        [
            json!({"get": ["own/swapped/mine", 0, 9]}),
            json!({"get": ["own/swapped/secret", 0, 9]}),
            json!({"put": [format!("own/swapped/{round}/{number}"), "mine"]}),
            json!({"put": [format!("own/swapped/{round}-{number}"), "mine"]}),
        ]
    });
    errands.collect()
}

/// A directory of the store is swapped for a link out of it all the time.
pub(super) fn swapped(limits: Limits) -> Ended {
    let site = with_store(EVERYTHING, limits);
    let outside = || listing(&|name| site.path(if name == "outside" { name } else { "nothing" }));
    let (before, mut round, mut met) = (outside(), 0, BTreeSet::new());
    fs::create_dir(site.path("spare")).unwrap();
    let swapped = Swapped::new(site.path("store/own/swapped"), site.path("spare"), site.path("outside"));
    swapped.during(TRIES_OF_A_ROUND, || {
        round += 1;
        let errands = swapped_errands(round);
        for (errand, outcome) in errands.iter().zip(site.run(errands.clone())) {
            assert_inside(&outcome);
            if *errand == errands[0] {
                met.insert(outcome.starts_with("ok"));
            }
        }
    });
    assert_eq!(outside(), before);
    assert_eq!(met.len(), 2, "no two reads met the directory there and away: {met:?}");
    Ok("nothing of the outside".to_owned())
}
