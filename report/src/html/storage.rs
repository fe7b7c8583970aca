//! What was stored, and what was deleted.

use maud::{Markup, html};

use super::parts::{bytes, code, digest, first, more, name, number, tree};
use crate::model::{Component, Deleted, Place, Report, Stored};

const MAX_OBJECTS: usize = 200;

/// Objects and deletions, each with what was in it.
pub fn storage(report: &Report) -> Option<Markup> {
    let of = |(place, component)| -> (&Place, &Component) { (place, component) };
    let stored: Vec<_> = report
        .components()
        .map(of)
        .flat_map(|(place, component)| {
            component.usage.stored.iter().map(move |stored| (place, component, stored))
        })
        .collect();
    let deleted: Vec<_> = report
        .components()
        .map(of)
        .flat_map(|(place, component)| {
            component.usage.deleted.iter().map(move |deleted| (place, component, deleted))
        })
        .collect();
    if stored.is_empty() && deleted.is_empty() {
        return None;
    }
    let (objects, more_objects) = first(&stored, MAX_OBJECTS);
    let (trees, more_trees) = first(&deleted, MAX_OBJECTS);
    Some(html! {
        h3 { "Stored" }
        @if objects.is_empty() { p.muted { "Nothing was stored." } }
        @for (place, component, stored) in objects { (object(place, component, stored)) }
        (more(more_objects as u64, "object"))
        h3 { "Deleted" }
        @if trees.is_empty() { p.muted { "Nothing was deleted." } }
        @for (place, component, deleted) in trees { (deletion(place, component, deleted)) }
        (more(more_trees as u64, "deletion"))
    })
}

fn object(place: &Place, component: &Component, stored: &Stored) -> Markup {
    html! {
        article.card.object {
            h4 { (code(&stored.key)) }
            p {
                (bytes(stored.size))
                @if let (Some(files), Some(whole)) = (stored.files, stored.bytes) {
                    ", an archive of " (number(files)) " files of " (bytes(whole))
                }
                span.muted { " by " (name(&component.id)) " at " (name(&place.name)) }
            }
            p { "sha256 " (digest(stored.sha256.as_deref())) }
            @if let Some(content) = &stored.content {
                details { summary { "What is in it" } (tree(content, "Content, sizes before compression")) }
            }
        }
    }
}

fn deletion(place: &Place, component: &Component, deleted: &Deleted) -> Markup {
    html! {
        article.card.deletion {
            h4 { (code(&deleted.path)) }
            p {
                (number(deleted.files)) " files, " (number(deleted.directories)) " directories, " (bytes(deleted.bytes))
                span.muted { " by " (name(&component.id)) " at " (name(&place.name)) }
            }
            @if deleted.before.is_some() || deleted.after.is_some() {
                details {
                    summary { "Before and after" }
                    div.sides {
                        @if let Some(before) = &deleted.before { div { (tree(before, "Before")) } }
                        @if let Some(after) = &deleted.after { div { (tree(after, "After")) } }
                    }
                }
            }
        }
    }
}
