//! What was meant by a name that is not known.

/// Names less alike than this are other names.
const ALIKE: f64 = 0.7;

/// The known name that the unknown one comes nearest to, if it comes near any.
pub(super) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let alike = |known: &str| strsim::jaro_winkler(unknown, known);
    known.max_by(|a, b| alike(a).total_cmp(&alike(b))).filter(|nearest| alike(nearest) >= ALIKE)
}

/// An error of serde, with the known name that the unknown one comes nearest to.
pub fn with_suggestion(error: &str) -> String {
    let mut quoted = error.split('`').skip(1).step_by(2);
    let unknown = ["unknown field `", "unknown variant `", "unknown directory `"];
    let is_unknown = unknown.into_iter().any(|unknown| error.contains(unknown));
    let nearest = is_unknown.then(|| nearest(quoted.next()?, quoted));
    let error = error.trim_end();
    match nearest.flatten() {
        Some(name) => format!("{error}\ndid you mean `{name}`?"),
        None => error.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested() {
        let error =
            |unknown: &str| format!("unknown field `{unknown}`, expected one of `hub`, `events`, `peers`");
        assert!(with_suggestion(&error("event")).ends_with("\ndid you mean `events`?"));
        assert_eq!(with_suggestion(&error("zzz")), error("zzz"));
        assert_eq!(with_suggestion("something `else`, and `more`"), "something `else`, and `more`");
    }
}
