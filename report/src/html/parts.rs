//! Small parts that the whole page is made of.

use maud::{Markup, html};

use crate::model::Tree;
use crate::sentence::{Piece, Sentence};
use crate::text::{UNKNOWN, count, counted, duration, figure, share, size, trimmed, visible};

/// The longest name that is shown, in characters.
const MAX_NAME: usize = 120;

/// The longest text, in characters.
const MAX_TEXT: usize = 1_000;

/// The files of a tree that are shown.
const MAX_FILES: usize = 300;

/// A name that someone else chose, by itself in what it does to the direction of the text.
pub fn name(name: &str) -> Markup {
    isolated(name, MAX_NAME)
}

/// A longer text from elsewhere.
pub fn text(text: &str) -> Markup {
    isolated(text, MAX_TEXT)
}

/// A name in the type of code.
pub fn code(name: &str) -> Markup {
    html! { code { (isolated(name, MAX_NAME)) } }
}

fn isolated(text: &str, most: usize) -> Markup {
    match text.is_empty() {
        true => html! { span.muted { "(empty)" } },
        false => html! { bdi { (visible(text, most)) } },
    }
}

/// A digest, whole: someone may compare it.
pub fn digest(digest: Option<&str>) -> Markup {
    match digest {
        Some(digest) => html! { code.digest { bdi { (visible(digest, 64)) } } },
        None => html! { span.muted { "no digest" } },
    }
}

/// A sentence.
pub fn sentence(sentence: &Sentence) -> Markup {
    html! {
        @for piece in sentence.pieces() {
            @match piece {
                Piece::Text(text) => (text),
                Piece::Name(name) => bdi { (name) },
            }
        }
    }
}

/// A number of things. What it is exactly stands in the element, for programs that read the page.
pub fn number(number: u64) -> Markup {
    html! { data value=(number) { (count(number)) } }
}

/// A number of bytes.
pub fn bytes(bytes: u64) -> Markup {
    html! { data value=(bytes) { (size(bytes)) } }
}

/// A time in seconds.
pub fn time(seconds: f64) -> Markup {
    html! { data value=(seconds) { (duration(seconds)) } }
}

/// A share of a whole.
pub fn percent(part: Option<f64>) -> Markup {
    match part {
        Some(part) => html! { data value=(part) { (share(part)) } },
        None => html! { (UNKNOWN) },
    }
}

/// A figure.
pub fn number_of(number: Option<f64>) -> Markup {
    match number {
        Some(number) => html! { data value=(number) { (figure(number)) } },
        None => html! { (UNKNOWN) },
    }
}

/// How something stands, by a sign and a word, then by colour.
pub fn badge(class: &str, text: &str) -> Markup {
    html! { span class={ "badge " (class) } { (text) } }
}

/// A bar of a share. The number stands beside it.
pub fn bar(class: &str, share: f64) -> Markup {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    html! { span class={ "bar " (class) } aria-hidden="true" { i style={ "width:" (rounded(share * 100.0)) "%" } {} } }
}

/// A number for a style or a drawing: at most two digits after the point.
pub fn rounded(number: f64) -> String {
    trimmed(&format!("{number:.2}")).to_owned()
}

/// The first `most` of some things, and how many others there are.
pub fn first<T>(all: &[T], most: usize) -> (&[T], usize) {
    let shown = all.get(..most).unwrap_or(all);
    (shown, all.len() - shown.len())
}

/// Says what is not shown.
pub fn more(left_out: u64, one: &str) -> Markup {
    html! { @if left_out > 0 { p.muted { (counted(left_out, &format!("more {one}"))) ", which the report file may have." } } }
}

/// A table that scrolls by itself where the page is narrow; the keyboard can scroll it too.
pub fn table(label: &str, class: &str, caption: &str, head: &[(&str, &str)], rows: Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label=(label) {
            table class=(class) {
                caption { (caption) }
                thead { tr { @for (title, class) in head { th scope="col" class=[Some(class).filter(|c| !c.is_empty())] { (title) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// Files with their sizes.
pub fn tree(tree: &Tree, label: &str) -> Markup {
    let (shown, rest) = first(&tree.entries, MAX_FILES);
    let left_out = tree.left_out.saturating_add(rest as u64);
    let rows = html! {
        @for entry in shown {
            tr {
                th scope="row" { (code(&entry.path)) }
                td.number { @match entry.size { Some(size) => (bytes(size)), None => span.muted { "directory" } } }
            }
        }
    };
    html! {
        @if shown.is_empty() { p.muted { (label) ": nothing" } }
        @else { (table(label, "files", label, &[("file", ""), ("size", "number")], rows)) }
        (more(left_out, "file"))
        @if tree.and_more { p.muted { "And more, which was not counted." } }
    }
}
