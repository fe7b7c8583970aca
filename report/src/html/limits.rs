//! What a component used of what it may use.

use maud::{Markup, html};

use super::parts::{bar, bytes, code, number_of, percent, table, time};
use crate::model::{Limit, Unit};

const MAX_LIMITS: usize = 100;

/// Bars for what is known, the others in a list.
pub fn limits(limits: &[Limit], of: &str) -> Markup {
    let (known, others): (Vec<_>, Vec<_>) =
        limits.iter().take(MAX_LIMITS).partition(|limit| limit.used.is_some());
    let rows = html! {
        @for limit in &known {
            @let used = limit.used.unwrap_or(0.0);
            @let share = if limit.allowed > 0.0 { used / limit.allowed } else { f64::from(u8::from(used > 0.0)) };
            tr data-limit=[limit.name.is_ascii().then_some(&limit.name)] {
                th scope="row" { (code(&limit.name)) }
                td.number { (amount(used, limit.unit)) }
                td.number { (amount(limit.allowed, limit.unit)) }
                td { (bar(level(share), share)) }
                td.number { (percent(Some(share))) }
            }
        }
    };
    let head = [("limit", ""), ("used", "number"), ("allowed", "number"), ("share", "wide"), ("", "number")];
    let head = head.map(|(title, class)| if title.is_empty() { ("in %", class) } else { (title, class) });
    html! {
        @if !known.is_empty() { (table(&format!("Limits of {of}"), "limits", "Use of each limit", &head, rows)) }
        @if !others.is_empty() {
            details.others {
                summary { "Limits whose use is not measured" }
                ul.inline { @for limit in others { li { (code(&limit.name)) " " (amount(limit.allowed, limit.unit)) } } }
            }
        }
    }
}

/// Nearly used up is worth a look; the number says it too.
fn level(share: f64) -> &'static str {
    match share {
        share if share >= 1.0 => "bad",
        share if share >= 0.8 => "warning",
        _ => "",
    }
}

fn amount(amount: f64, unit: Unit) -> Markup {
    match unit {
        // A conversion to an integer saturates.
        Unit::Bytes => bytes(amount as u64),
        Unit::Seconds => time(amount),
        Unit::Count if amount.fract() == 0.0 && (0.0..=u64::MAX as f64).contains(&amount) => {
            super::parts::number(amount as u64)
        }
        Unit::Count => number_of(Some(amount)),
    }
}
