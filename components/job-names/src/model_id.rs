//! The id of a model at the hub.

use std::fmt;

use flip_sdk::Error;

/// A model's id: a UUID, spelt as the job spells it, because directories and objects bear that name.
///
/// Python's `uuid.UUID` decides which spellings there are: 32 hexadecimal digits, with hyphens anywhere,
/// in braces, after `urn:uuid:`. What it takes beyond that, as its `int` takes it, is no UUID here:
/// signs, spaces, underscores, a `0x`, digits of other scripts. No id that is left can leave a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelId(String);

impl ModelId {
    /// Checks an id.
    ///
    /// # Errors
    ///
    /// `invalid-argument` where it is no UUID.
    pub fn new(id: String) -> Result<Self, Error> {
        let bare = id.replace("urn:", "").replace("uuid:", "");
        let digits = || bare.trim_matches(['{', '}']).chars().filter(|&character| character != '-');
        match digits().count() == 32 && digits().all(|digit| digit.is_ascii_hexdigit()) {
            true => Ok(Self(id)),
            false => Err(Error::InvalidArgument(format!("The model ID: {id} is not a valid UUID"))),
        }
    }

    /// The id, as it was spelt.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_spellings_of_a_uuid_are_pythons() {
        for id in [
            "3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "3FA85F64-5717-4562-B3FC-2C963F66AFA6",
            "{3fa85f64-5717-4562-b3fc-2c963f66afa6}",
            "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "3fa85f6457174562b3fc2c963f66afa6",
            "3fa8-5f6457174562b3fc2c963f66afa6-",
            "{{3fa85f6457174562b3fc2c963f66afa6",
        ] {
            assert_eq!(ModelId::new(id.to_owned()).unwrap().as_str(), id);
        }
    }

    #[test]
    fn anything_else_is_named_in_the_error() {
        for id in [
            "",
            "my-model",
            "3fa85f64-5717-4562-b3fc-2c963f66afa",
            "3fa85f64-5717-4562-b3fc-2c963f66afa6a",
            "3fa85f64-5717-4562-b3fc-2c963f66afag",
            "3fa85f6457174562{b3fc2c963f66afa6",
            "{-}3fa85f6457174562b3fc2c963f66afa6",
            "URN:UUID:3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "../../3fa85f6457174562b3fc2c963f66",
            // Python's `int` takes these.
            "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            " aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "a_a_a_a_a_a_a_a_a_a_a_a_a_a_a_ab",
            "١١١١١١١١١١١١١١١١١١١١١١١١١١١١١١١١",
        ] {
            let Err(Error::InvalidArgument(text)) = ModelId::new(id.to_owned()) else { panic!("{id}") };
            assert_eq!(text, format!("The model ID: {id} is not a valid UUID"));
        }
    }

    proptest! {
        #[test]
        fn a_model_id_is_one_part_of_a_path(id in "[-{}0-9a-f./:\\\\urnid\0]{30,48}") {
            if let Ok(id) = ModelId::new(id) {
                prop_assert_eq!(crate::path_part(id.as_str()).unwrap(), id.as_str());
            }
        }
    }
}
