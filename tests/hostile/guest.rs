//! Filters in WebAssembly text: a shell that does its duty, with the attack put into one place of it.

/// The shell; each `(;name;)` in it is a place.
const SHELL: &str = include_str!("wat/filter.wat");

/// A filter with these texts put into these places.
pub fn filter<const N: usize>(places: [(&str, &str); N]) -> String {
    places.into_iter().fold(SHELL.to_owned(), |text, (place, attack)| {
        let marker = format!("(;{place};)");
        assert!(text.contains(&marker), "the shell has no place {place}");
        text.replacen(&marker, attack, 1)
    })
}

/// A filter that does this when it is called; `$dxo`, `$context` and `$i` are at hand.
pub fn process(attack: &str) -> String {
    filter([("process", attack)])
}

/// A filter whose code has these definitions.
pub fn fields(attack: &str) -> String {
    filter([("fields", attack)])
}

/// This filter, as a handler of events as well: its code has the functions `interests` and `handle`.
pub fn handling(filter: &str) -> String {
    let text = filter.trim_end().strip_suffix(')').unwrap();
    format!(
        r#"{text}
        (func $interests (result (list string)) (canon lift (core func $main "interests") (memory $memory)))
        (func $handle (param "event-type" string) (param "ctx" (borrow $fl-context))
          (result (result (error $error)))
          (canon lift (core func $main "handle") (memory $memory) (realloc $realloc)))
        (instance $handler (export "interests" (func $interests)) (export "handle-event" (func $handle)))
        (export "flip:fl/event-handler@0.1.0" (instance $handler)))"#
    )
}
