//! Other components of the job.

use flip_sdk::peers::LookupError;

/// Why the component that the argument `argument` names as `id` cannot be had as a `role`, for the
/// reason of a system panic.
pub fn no_such_peer(argument: &str, id: &str, role: &str, error: &LookupError) -> String {
    let found = match error {
        LookupError::NotFound => "but no component of the job has this id".to_owned(),
        LookupError::WrongRole(found) => format!("but is: {found}"),
        LookupError::NotPermitted(line) => {
            format!("which this component may not call; the policy would have to say: {line}")
        }
    };
    format!("{argument}: the component {id:?} must be a {role}, {found}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_names_the_id_and_what_was_found() {
        let reason = |error| no_such_peer("persistor_id", "persistor", "model persistor", &error);
        assert_eq!(
            reason(LookupError::NotFound),
            "persistor_id: the component \"persistor\" must be a model persistor, but no component of the \
             job has this id"
        );
        assert!(reason(LookupError::WrongRole("an executor".to_owned())).ends_with("but is: an executor"));
        let reason = reason(LookupError::NotPermitted("peers = [\"persistor\"]".to_owned()));
        assert!(reason.ends_with("would have to say: peers = [\"persistor\"]"), "{reason}");
    }
}
