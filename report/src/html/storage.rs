//! What was stored, and what was deleted.

use maud::{Markup, html};

use super::parts::{bytes, code, digest, first, more, name, number, tree};
use crate::model::{Besides, Component, Deleted, Place, Report, Stored, Usage};

const MAX_OBJECTS: usize = 200;

/// Objects and deletions, each with what was in it.
pub fn storage(report: &Report) -> Option<Markup> {
    let stored: Vec<_> = report
        .components()
        .flat_map(|(place, component)| {
            component.usage.stored.iter().map(move |stored| (place, component, stored))
        })
        .collect();
    let deleted: Vec<_> = report
        .components()
        .flat_map(|(place, component)| {
            component.usage.deleted.iter().map(move |deleted| (place, component, deleted))
        })
        .collect();
    let more_of = |(_, component): (&Place, &Component)| {
        !component.usage.stored_besides.is_nothing() || !component.usage.deleted_besides.is_nothing()
    };
    if stored.is_empty() && deleted.is_empty() && !report.components().any(more_of) {
        return None;
    }
    let (objects, more_objects) = first(&stored, MAX_OBJECTS);
    let (trees, more_trees) = first(&deleted, MAX_OBJECTS);
    Some(html! {
        h3 { "Stored" }
        @if objects.is_empty() && besides(report, |usage| usage.stored_besides).next().is_none() {
            p.muted { "Nothing was stored." }
        }
        @for (place, component, stored) in objects { (object(place, component, stored)) }
        (more(more_objects as u64, "object"))
        @for (component, besides) in besides(report, |usage| usage.stored_besides) {
            (stored_besides(component, besides))
        }
        h3 { "Deleted" }
        @if trees.is_empty() && besides(report, |usage| usage.deleted_besides).next().is_none() {
            p.muted { "Nothing was deleted." }
        }
        @for (place, component, deleted) in trees { (deletion(place, component, deleted)) }
        (more(more_trees as u64, "deletion"))
        @for (component, besides) in besides(report, |usage| usage.deleted_besides) {
            (deleted_besides(component, besides))
        }
    })
}

/// The components that did more than is listed.
fn besides(report: &Report, of: fn(&Usage) -> Besides) -> impl Iterator<Item = (&Component, Besides)> {
    let all = report.components().map(move |(_, component)| (component, of(&component.usage)));
    all.filter(|(_, besides)| !besides.is_nothing()).take(MAX_OBJECTS)
}

/// What a component stored and is not listed.
fn stored_besides(component: &Component, besides: Besides) -> Markup {
    let more = if component.usage.stored.is_empty() { "" } else { " more" };
    html! {
        p.muted {
            (name(&component.id)) " stored " (number(besides.count)) (more) (one_or(besides.count, " object", " objects"))
            " of " (bytes(besides.bytes)) "."
        }
    }
}

/// The same of what it deleted.
fn deleted_besides(component: &Component, besides: Besides) -> Markup {
    let more = if component.usage.deleted.is_empty() { "" } else { " more" };
    html! {
        p.muted {
            (name(&component.id)) " deleted " (number(besides.count)) (one_or(besides.count, " time", " times")) (more)
            ": " (number(besides.files)) (one_or(besides.files, " file of ", " files of ")) (bytes(besides.bytes)) "."
        }
    }
}

fn object(place: &Place, component: &Component, stored: &Stored) -> Markup {
    html! {
        article.card.object {
            h4 { (code(&stored.key)) }
            p {
                (bytes(stored.size))
                @if let (Some(files), Some(whole)) = (stored.files, stored.bytes) {
                    ", an archive of " (number(files)) (one_or(files, " file of ", " files of ")) (bytes(whole))
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
                (number(deleted.files)) (one_or(deleted.files, " file, ", " files, "))
                (number(deleted.directories)) (one_or(deleted.directories, " directory, ", " directories, "))
                (bytes(deleted.bytes))
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

fn one_or(number: u64, one: &'static str, several: &'static str) -> &'static str {
    if number == 1 { one } else { several }
}
