//! `flip-wasm test` tells a component that is wrong from one that is right: each mutant fails a case of its
//! component, and the component itself, built in the same way, passes them all.

mod copy;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{Site, shown};
use copy::Workspace;
use table::{MUTANTS, Mutant};

/// Runs a component's cases with a file that was built of it. No built-in, it has its policy from a file.
fn cases(component: &str, wasm: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cases = root.join(format!("components/{component}/cases.yaml"));
    let policy = root.join(format!("runtime/policies/{component}.toml"));
    let [wasm, cases, policy] = [wasm, &cases, &policy].map(|path| path.to_str().unwrap());
    shown(&Site::new().output(&["test", wasm, cases, "--policy", policy]))
}

/// Why a mutant was not found out; none where it was.
fn survives(workspace: &Workspace, mutant: &Mutant) -> Option<String> {
    let built = workspace
        .with(mutant.file, mutant.text, mutant.replacement, || workspace.build(&[mutant.component]))
        .and_then(|built| built.map_err(|error| error.to_string()));
    let shown = match built {
        Ok(built) => cases(mutant.component, &built[0]),
        Err(error) => return Some(error),
    };
    let found = shown.starts_with("exit code 1\n") && shown.contains(&format!("FAILED  {}", mutant.case));
    (!found).then_some(shown)
}

#[test]
#[ignore = "it builds every mutant, which takes minutes: cargo xtask test runs it"]
fn each_mutant_fails_a_case() {
    let workspace = Workspace::new();
    let components: BTreeSet<_> = MUTANTS.iter().map(|mutant| mutant.component).collect();
    let builtins: BTreeSet<_> = flip_runtime::BUILTINS.iter().map(|builtin| builtin.name).collect();
    assert_eq!(components, builtins);
    let components: Vec<_> = components.into_iter().collect();
    let built = workspace.build(&components).unwrap();
    for (component, wasm) in components.iter().zip(&built) {
        let shown = cases(component, wasm);
        assert!(shown.starts_with("exit code 0\n"), "{component}: {shown}");
    }
    let survivors: Vec<_> = MUTANTS
        .iter()
        .filter_map(|mutant| {
            Some(format!("{}, {}: {}", mutant.component, mutant.what, survives(&workspace, mutant)?))
        })
        .collect();
    assert!(survivors.is_empty(), "{} of {}:\n{}", survivors.len(), MUTANTS.len(), survivors.join("\n"));
}
