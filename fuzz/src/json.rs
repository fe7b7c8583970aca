//! JSON texts.

use flip_runtime::Json;

use crate::message::assert_one_line;

/// Reads a JSON text, and the members of an object.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let strict = serde_json::from_str::<serde_json::Value>(text);
    let json = match Json::parse(text) {
        Ok(json) => json,
        Err(error) => {
            assert!(strict.is_err(), "JSON that is none to this reader: {text:?}");
            return assert_one_line(error);
        }
    };
    assert_eq!(json.text(), text);
    let members = match json.members() {
        Ok(members) => members,
        Err(error) => return assert_one_line(error),
    };
    // The order and the text of the members stay, also where they are written again.
    let written = members.iter().map(|(name, member)| {
        assert_eq!(Json::parse(member.text()).as_ref(), Ok(member));
        format!("{}: {}", serde_json::Value::from(name.as_str()), member.text())
    });
    let written = format!("{{{}}}", written.collect::<Vec<_>>().join(", "));
    let again = Json::parse(written).expect("JSON").members().expect("an object");
    assert!(members.iter().eq(again.iter()), "{members:?} {again:?}");
    if let Ok(serde_json::Value::Object(strict)) = strict {
        assert!(strict.keys().eq(members.keys()), "{:?} {:?}", strict.keys(), members.keys());
    }
}
