//! Links in the directories of a guest, planted by somebody else: none leads out.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use flip_wasm_tests::Site;
use flip_wasm_tests::hostile::links::{OUT, looks};
use serde_json::json;

/// A site with something outside of what is granted, which must stay as it is.
fn with_secrets() -> Site {
    let site = Site::granting_everything();
    site.write("outside/secret", "secret");
    site.write("outside/deep/secret", "secret");
    site
}

#[track_caller]
fn assert_untouched(site: &Site) {
    assert_eq!(site.names("outside"), ["deep", "secret"]);
    assert_eq!(site.names("outside/deep"), ["secret"]);
    assert_eq!(
        (site.read("outside/secret"), site.read("outside/deep/secret")),
        ("secret".into(), "secret".into())
    );
}

#[test]
pub fn a_link_out_leads_nowhere() {
    let site = with_secrets();
    let outside = site.path("outside");
    site.link(outside.join("secret"), "job/file");
    site.link(&outside, "job/folder");
    for (link, target) in OUT {
        site.link(target, &format!("job/{link}"));
    }
    // Whatever is there, or nothing: the component is told the same.
    let told = |link: &str| {
        let outcomes = site.run(looks(link)).into_iter();
        outcomes.map(|outcome| outcome.replace(link, "LINK")).collect::<Vec<_>>()
    };
    let dangling = told("dangling");
    for link in ["file", "folder"].into_iter().chain(OUT.map(|(link, _)| link)) {
        assert_eq!(told(link), dangling, "{link}");
        assert_eq!(site.does(json!({"stat": ["job", link]})), format!("ok symlink {link} 0"));
        assert_eq!(site.does(json!({"usage": ["job", link]})), "ok 1 files, 0 directories, 0 bytes");
    }
    assert!(dangling.iter().all(|outcome| !outcome.starts_with("ok")), "{dangling:?}");
    assert_untouched(&site);
}

#[test]
fn nothing_is_written_or_moved_through_a_link_out() {
    let site = with_secrets();
    site.link("../outside", "job/directory");
    site.write("job/mine", "mine");
    for errand in [
        json!({"write": ["job", "directory/new", "x"]}),
        json!({"write": ["job", "directory/secret", "x"]}),
        json!({"create-dir-all": ["job", "directory/new"]}),
        json!({"rename": ["job", "mine", "job", "directory/new"]}),
        json!({"rename": ["job", "directory/secret", "job", "new"]}),
        json!({"remove": ["job", "directory/secret"]}),
        json!({"remove": ["job", "directory/deep/secret"]}),
    ] {
        let outcome = site.does(errand.clone());
        let refused = outcome.starts_with("not found: ") || outcome.starts_with("invalid argument: ");
        assert!(refused, "{errand}: {outcome}");
    }
    assert_eq!(site.names("job"), ["directory", "mine"]);
    assert_untouched(&site);
}

#[test]
fn what_is_written_takes_the_place_of_a_link_and_not_of_its_target() {
    let site = with_secrets();
    site.link("../outside/secret", "job/file");
    site.link("../outside/new", "job/dangling");
    site.link("../outside", "job/directory");
    for name in ["file", "dangling", "directory"] {
        assert_eq!(site.does(json!({"write": ["job", name, "mine"]})), "ok");
        assert_eq!(site.read(&format!("job/{name}")), "mine");
    }
    assert_untouched(&site);
}

#[test]
fn a_link_inside_is_followed_to_read_and_never_to_delete() {
    let site = with_secrets();
    site.write("job/real/a", "hello");
    site.link("real", "job/link");
    site.link("real/a", "job/file");
    site.assert_outcomes([
        (json!({"read": ["job", "file", 0, 9]}), r#"ok "hello""#),
        (json!({"read": ["job", "link/a", 0, 9]}), r#"ok "hello""#),
        (json!({"entries": ["job", "link", null, 9]}), "ok [file a 5]"),
        (json!({"stat": ["job", "file"]}), "ok symlink file 0"),
        (json!({"remove": ["job", "file"]}), "ok 1 files, 0 directories, 0 bytes"),
        (json!({"remove": ["job", "link"]}), "ok 1 files, 0 directories, 0 bytes"),
        (json!({"read": ["job", "real/a", 0, 9]}), r#"ok "hello""#),
    ]);
}

#[test]
fn links_in_a_circle_are_no_hang() {
    let site = Site::granting_everything();
    site.link("b", "job/a");
    site.link("a", "job/b");
    site.link(".", "job/self");
    for errand in looks("a") {
        let outcome = site.does(errand.clone());
        assert!(outcome.starts_with("invalid argument: a"), "{errand}: {outcome}");
    }
    assert_eq!(site.does(json!({"usage": ["job", ""]})), "ok 3 files, 0 directories, 0 bytes");
    assert_eq!(site.does(json!({"clear": "job"})), "ok 3 files, 0 directories, 0 bytes");
}

#[test]
fn clearing_deletes_links_and_not_what_they_point_to() {
    let site = with_secrets();
    site.link("../outside", "job/directory");
    site.write("job/d/a", "x");
    site.link(site.path("outside/secret"), "job/d/file");
    site.link("../../outside/deep", "job/d/deep");
    assert_eq!(site.does(json!({"clear": "job"})), "ok 4 files, 1 directories, 1 bytes");
    assert_eq!(site.names("job"), [""; 0]);
    assert_untouched(&site);
}

/// Swaps `job/swapped` between a directory and a link to the outside, all the time that `work` is under way.
fn while_swapped(site: &Site, work: impl FnOnce()) {
    let (swapped, outside) = (site.path("job/swapped"), site.path("outside"));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            let mut swaps = 0;
            while !done.load(Ordering::Relaxed) || swaps < 10_000 {
                // Whatever the guest has deleted is made anew.
                let _ = fs::create_dir(&swapped);
                let _ = fs::write(swapped.join("mine"), "mine");
                let _ = fs::remove_dir_all(&swapped);
                let _ = std::os::unix::fs::symlink(&outside, &swapped);
                let _ = fs::remove_file(&swapped);
                swaps += 1;
            }
        });
        work();
        done.store(true, Ordering::Relaxed);
        swapping.join().unwrap();
    });
}

#[test]
fn a_directory_that_is_swapped_for_a_link_while_it_is_cleared_leads_nowhere() {
    let site = with_secrets();
    while_swapped(&site, || {
        for _ in 0..10 {
            let outcome = site.does(json!({"again": [1_000, {"clear": "job"}]}));
            assert!(!outcome.contains("permitted"), "{outcome}");
        }
    });
    assert_untouched(&site);
}

#[test]
fn a_directory_that_is_swapped_for_a_link_while_it_is_read_leads_nowhere() {
    let site = with_secrets();
    fs::write(site.path("outside/mine"), "secret").unwrap();
    while_swapped(&site, || {
        let errands = [
            json!({"read": ["job", "swapped/mine", 0, 9]}),
            json!({"read": ["job", "swapped/secret", 0, 9]}),
            json!({"entries": ["job", "swapped", null, 9]}),
            json!({"write": ["job", "swapped/mine", "mine"]}),
            json!({"remove": ["job", "swapped/mine"]}),
        ];
        let outcomes = site.run(errands.iter().cycle().take(5_000).cloned().collect());
        assert!(
            outcomes.iter().all(|outcome| !outcome.contains("secret")
                || outcome.starts_with("not found")
                || outcome.starts_with("invalid argument")),
            "a secret was read"
        );
    });
    assert_eq!(fs::read_to_string(site.path("outside/mine")).unwrap(), "secret");
    fs::remove_file(site.path("outside/mine")).unwrap();
    assert_untouched(&site);
}
