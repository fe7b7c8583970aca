//! Names and numbers as people read them.

use std::time::Duration;

use bytesize::ByteSize;

/// Some thousand years: no run takes longer.
const MAX_SECONDS: f64 = 1e11;

/// What stands where a figure is not known.
pub const UNKNOWN: &str = "–";

/// A text from elsewhere: what is hidden in it becomes visible, and of more than `most` characters the first stand for
/// all, with their number.
///
/// ```
/// assert_eq!(flip_report::text::visible("a\u{202e}b\n", 10), "a\\u{202e}b\\n");
/// assert_eq!(flip_report::text::visible("abcdef", 3), "abc… (6 characters)");
/// ```
pub fn visible(text: &str, most: usize) -> String {
    let mut shown = String::new();
    let mut characters = text.chars();
    for character in characters.by_ref().take(most) {
        if is_hidden(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    let rest = characters.count();
    if rest > 0 {
        let all = most.saturating_add(rest) as u64;
        shown.push_str(&format!("… ({} characters)", count(all)));
    }
    shown
}

/// Whether it breaks a line, turns its direction, moves a cursor, or is not seen.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `1 file`, `2,000 files`.
pub fn counted(number: u64, one: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {one}{s}", count(number))
}

/// `5.3 KiB`.
pub fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// `2.7 ms`, `4.21 s`, `1h 2m 3s`, `2 days 1h`.
pub fn duration(seconds: f64) -> String {
    match Duration::try_from_secs_f64(seconds) {
        _ if seconds > MAX_SECONDS => "more than can be shown".to_owned(),
        Err(_) => UNKNOWN.to_owned(),
        Ok(_) if seconds == 0.0 => "0 s".to_owned(),
        Ok(_) if seconds < 0.999_95 => format!("{:.1} ms", seconds * 1e3),
        Ok(_) if seconds < 59.995 => format!("{seconds:.2} s"),
        Ok(time) => {
            let rounded =
                Duration::from_secs(time.as_secs().saturating_add(u64::from(time.subsec_millis() >= 500)));
            humantime::format_duration(rounded).to_string().replace("day", " day")
        }
    }
}

/// `90.0%`.
pub fn share(share: f64) -> String {
    match share {
        share if !share.is_finite() => UNKNOWN.to_owned(),
        share if share.abs() > 1e6 => figure(share),
        share if share > 0.0 && share < 0.000_5 => "<0.1%".to_owned(),
        share => format!("{:.1}%", share * 100.0),
    }
}

/// Four digits that matter: `0.01234`, `0.5`, `1.234 × 10⁻⁷`.
pub fn figure(number: f64) -> String {
    if !number.is_finite() {
        return UNKNOWN.to_owned();
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{number:.3e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    match power.parse::<i32>().unwrap_or(0) {
        4..=14 if number.fract() == 0.0 => format!("{number:.0}"),
        power @ -4..=3 => {
            let places = usize::try_from(3 - power).unwrap_or(0);
            trimmed(&format!("{number:.places$}")).to_owned()
        }
        power => format!("{} × 10{}", trimmed(digits), superscript(power)),
    }
}

/// Without zeros at the end that say nothing.
pub fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// `⁻⁷`.
pub fn superscript(number: i32) -> String {
    let raised = |character| match character {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        _ => '⁰',
    };
    number.to_string().chars().map(raised).collect()
}
