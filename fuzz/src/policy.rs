//! Policies, and the paths in their cleanup rules.

use flip_runtime::policy::CleanupRule;
use flip_runtime::{Digest, Grants, Policy};

use crate::files::{in_folder, put};
use crate::message::{assert_lines, assert_one_line};

/// Reads a policy, and each line as a cleanup rule.
pub fn policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    text.lines().take(16).for_each(cleanup_rule);
    in_folder(|folder| {
        let path = folder.join("policy.toml");
        put(&path, Some(data));
        let policy = match Policy::read(&path) {
            Ok(policy) => policy,
            // The line that is wrong is shown.
            Err(error) => return assert_lines(error),
        };
        assert!(text.parse::<Policy>().is_ok());
        for name in policy.names() {
            said_again(policy.grants(&[name]).expect("the grants of a name"));
        }
    });
}

fn cleanup_rule(text: &str) {
    match text.parse::<CleanupRule>() {
        Ok(rule) => assert_eq!(rule.to_string().parse(), Ok(rule)),
        Err(error) => assert_one_line(error),
    }
}

/// What is granted, said as it stands in a policy, grants the same.
fn said_again(grants: &Grants) {
    let said = |grants: &Grants| Grants::INTERFACES.map(|interface| grants.of_interface(interface));
    let lines: Vec<_> = said(grants).into_iter().flatten().filter(|line| *line != Grants::NOTHING).collect();
    lines.iter().for_each(assert_one_line);
    let again = format!("[components.again]\n{}", lines.join("\n"));
    let again: Policy = again.parse().unwrap_or_else(|error| panic!("{again:?}: {error}"));
    assert_eq!(said(grants), said(again.grants(&["again"]).expect("a table")));
    if let Some(digest) = grants.sha256 {
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
    }
}
