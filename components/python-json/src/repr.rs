//! Numbers and texts, as Python prints them.

use std::fmt::Write;

/// Python's `repr` of a float, by JSON's names for what is not finite.
pub fn float<W: Write>(out: &mut W, float: f64) -> std::fmt::Result {
    if float.is_nan() {
        return out.write_str("NaN");
    }
    if float.is_infinite() {
        return out.write_str(if float > 0.0 { "Infinity" } else { "-Infinity" });
    }
    // Rust too prints the fewest digits that read back as the same float, and turns to exponents below
    // 1e-4 and from 1e16 on. But of two such texts that are equally near, as they are for many a float32
    // in a float64, it takes either; Python takes the even one, as rounding to so many digits does.
    let shortest = format!("{float:?}");
    let digits = shortest.split('e').next().and_then(|digits| digits.split_once('.'));
    let decimals = digits.map_or(0, |(_, decimals)| decimals.len());
    let rounded = match shortest.contains('e') {
        true => format!("{float:.decimals$e}"),
        false => format!("{float:.decimals$}"),
    };
    // At a power of two, what is nearest may read back as the float below.
    let text = if rounded.parse() == Ok(float) { rounded } else { shortest };
    // Python gives an exponent a sign, and two digits at least.
    match text.split_once('e') {
        None => out.write_str(&text),
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => write!(out, "{digits}e-{exponent:0>2}"),
            None => write!(out, "{digits}e+{exponent:0>2}"),
        },
    }
}

/// A text in quotes, in ASCII.
pub fn string<W: Write>(out: &mut W, text: &str) -> std::fmt::Result {
    out.write_char('"')?;
    for piece in text.split_inclusive(escaped) {
        let mut chars = piece.chars();
        match chars.next_back().filter(|last| escaped(*last)) {
            None => out.write_str(piece)?,
            Some(last) => {
                out.write_str(chars.as_str())?;
                escape(out, last)?;
            }
        }
    }
    out.write_char('"')
}

fn escaped(c: char) -> bool {
    !(' '..='~').contains(&c) || c == '"' || c == '\\'
}

/// A character as JSON escapes it: shortly, or by the UTF-16 that it takes.
fn escape<W: Write>(out: &mut W, c: char) -> std::fmt::Result {
    match c {
        '"' | '\\' => write!(out, "\\{c}"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\u{8}' => out.write_str("\\b"),
        '\u{c}' => out.write_str("\\f"),
        _ => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}")),
    }
}
