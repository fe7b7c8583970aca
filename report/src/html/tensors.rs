//! What a filter did to each tensor of an update.

use maud::{Markup, html};

use super::histogram::spark;
use super::parts::{badge, bar, first, more, name, table};
use crate::model::{Became, Change};
use crate::text::{count, figure, share, visible};

/// A table of at most `room` tensors. Its rows are kept small: there may be a thousand.
pub fn tensors(change: &Change, room: usize, label: &str) -> Markup {
    let (shown, rest) = first(&change.tensors, room);
    let head = [
        ("tensor", ""),
        ("type", ""),
        ("elements", "number"),
        ("|Δw|", ""),
        ("zeroed", "number wide"),
        ("clipped", "number"),
        ("norm", "number"),
        ("after", "number"),
        ("all below", "number"),
        ("after", "number"),
    ];
    // Of a filter that works in stages, each has a cutoff and gamma of its own; else there is one of all.
    let staged = change.is_staged();
    let of_stages = [("cutoff", "number"), ("gamma", "number")];
    let head = head.into_iter().chain(of_stages.into_iter().filter(|_| staged)).collect::<Vec<_>>();
    let all = &change.all;
    let optional = |number: Option<f64>, show: fn(f64) -> String| number.map_or_else(|| "–".to_owned(), show);
    let rows = html! {
        @for tensor in shown {
            @let change = &tensor.change;
            tr {
                th scope="row" { (name(&tensor.name)) }
                td {
                    (visible(&tensor.dtype, 20)) " " (shape(&tensor.shape))
                    @match tensor.became {
                        Became::Same => {},
                        Became::Added => (badge("warning", "! added")),
                        Became::Removed => (badge("warning", "! removed")),
                        Became::Reshaped => (badge("warning", "! another shape")),
                    }
                }
                td.number { (count(change.elements)) }
                td { (spark(change, all)) }
                td.number { (optional(change.zeroed, share)) (bar("", change.zeroed.unwrap_or(0.0))) }
                td.number { (optional(change.clipped, share)) }
                td.number { (optional(change.norm.before, figure)) }
                td.number { (optional(change.norm.after, figure)) }
                td.number { (optional(change.max.before, figure)) }
                td.number { (optional(change.max.after, figure)) }
                @if staged {
                    td.number { (optional(change.cutoff, figure)) }
                    td.number { (optional(change.gamma, figure)) }
                }
            }
        }
    };
    html! {
        @if !shown.is_empty() {
            details.others {
                summary { "Tensor by tensor: " (count(change.tensors.len() as u64)) }
                (table(&format!("Tensors, {label}"), "tensors", "Each tensor before and after", &head, rows))
                (more(change.left_out.saturating_add(rest as u64), "tensor"))
            }
        }
    }
}

/// `64 × 3 × 7 × 7`.
fn shape(shape: &[u64]) -> String {
    let (shown, rest) = first(shape, 8);
    let shown: Vec<_> = shown.iter().map(u64::to_string).collect();
    format!("{}{}", shown.join("×"), if rest > 0 { "×…" } else { "" })
}
