//! The commands that the book and the README show are ones that the program takes.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;

use crate::args::Cli;

/// Every page that shows commands.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let entries = fs::read_dir(root.join("docs/src")).unwrap().map(|entry| entry.unwrap().path());
    let pages = entries.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.chain([root.join("README.md")]).collect()
}

/// The commands of a page, each with the lines that it goes on in.
fn commands(page: &str) -> Vec<String> {
    let mut lines = page.lines();
    let mut commands = Vec::new();
    while let Some(line) = lines.next() {
        let Some(mut command) = line.strip_prefix("$ ").map(str::to_owned) else { continue };
        while let Some(first) = command.strip_suffix('\\') {
            command = first.to_owned() + lines.next().unwrap_or_default();
        }
        commands.push(command);
    }
    commands
}

#[test]
fn every_command_of_the_pages_is_one_that_the_program_takes() {
    let mut tried = 0;
    for page in pages() {
        for command in commands(&fs::read_to_string(&page).unwrap()) {
            let words = shlex::split(&command).unwrap_or_else(|| panic!("{}: {command}", page.display()));
            // What a shell would run one after the other, or from one into the other.
            for words in words.split(|word| ["&&", "|", ";"].contains(&word.as_str())) {
                let words: Vec<_> = words.iter().take_while(|word| *word != ">").collect();
                if words.first().is_some_and(|program| *program == "flip-wasm") {
                    tried += 1;
                    if let Err(error) = Cli::try_parse_from(&words) {
                        panic!("{}: {command}\n{error}", page.display());
                    }
                }
            }
        }
    }
    assert!(tried > 20, "only {tried} commands are found");
}
