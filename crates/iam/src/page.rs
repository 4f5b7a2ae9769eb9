//! Pages of lists: `MaxItems`, `Marker`, `IsTruncated`.
//!
//! A marker names the last item that was given, so that what is added or removed meanwhile neither
//! repeats nor hides others. It is opaque to callers, and refused when it is not one of ours.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use iamd_directory::{Entities, Entity};
use iamd_types::Error;

/// Items of a page when `MaxItems` is not given (IAM API reference).
const DEFAULT_ITEMS: usize = 100;
/// What markers begin with, before their encoding.
const MARKER_VERSION: &str = "1/";

/// What a caller asks for.
pub(crate) struct Paging<'a> {
    pub(crate) marker: Option<&'a str>,
    pub(crate) max_items: Option<i32>,
}

/// A part of a list.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) marker: Option<String>,
}

impl<T> Page<T> {
    /// `IsTruncated`, which every list answers.
    pub(crate) fn is_truncated(&self) -> Option<bool> {
        Some(self.marker.is_some())
    }

    pub(crate) fn map<U>(self, render: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(render).collect(), marker: self.marker }
    }
}

impl<'a> Paging<'a> {
    pub(crate) fn new(marker: &'a Option<String>, max_items: Option<i32>) -> Self {
        Self { marker: marker.as_deref(), max_items }
    }

    /// A page of items that come in an order of their own. `key` tells items apart.
    ///
    /// # Errors
    /// `ValidationError` for a marker that is not one of ours.
    pub(crate) fn of<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Error> {
        let mut items: Vec<T> = items.into_iter().collect();
        if let Some(last) = self.last()? {
            let (place, last) = last.split_once('/').ok_or_else(invalid_marker)?;
            let place: usize = place.parse().map_err(|_| invalid_marker())?;
            // If the item is gone, what came after it has moved up to its place.
            let start = items.iter().position(|item| key(item) == last).map_or(place, |at| at + 1);
            items.drain(..start.min(items.len()));
            return Ok(self.cut(items, |at, item| format!("{}/{}", start + at, key(item))));
        }
        Ok(self.cut(items, |at, item| format!("{at}/{}", key(item))))
    }

    /// A page of the entities under a path prefix, in the order of their names.
    ///
    /// # Errors
    /// `ValidationError` for a marker that is not one of ours.
    pub(crate) fn of_entities<'e, T: Entity>(
        &self,
        entities: &'e Entities<T>,
        path_prefix: &Option<String>,
    ) -> Result<Page<&'e T>, Error> {
        let last = self.last()?;
        let prefix = path_prefix.as_deref().unwrap_or_default();
        let under = |entity: &&T| entity.entity_path().starts_with(prefix);
        let wanted = self.count() + 1;
        let items: Vec<&T> = match &last {
            Some(last) => entities.after(last).filter(under).take(wanted).collect(),
            None => entities.iter().filter(under).take(wanted).collect(),
        };
        Ok(self.cut(items, |_, item| item.entity_name().to_owned()))
    }

    fn cut<T>(&self, mut items: Vec<T>, cursor: impl Fn(usize, &T) -> String) -> Page<T> {
        let count = self.count();
        if items.len() <= count {
            return Page { items, marker: None };
        }
        items.truncate(count);
        let marker = items.last().map(|last| encode(&cursor(count - 1, last)));
        Page { items, marker }
    }

    fn count(&self) -> usize {
        self.max_items.and_then(|items| usize::try_from(items).ok()).unwrap_or(DEFAULT_ITEMS).max(1)
    }

    /// The cursor in the marker.
    fn last(&self) -> Result<Option<String>, Error> {
        self.marker.map(|marker| decode(marker).ok_or_else(invalid_marker)).transpose()
    }
}

fn encode(cursor: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{MARKER_VERSION}{cursor}"))
}

fn decode(marker: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(marker).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.strip_prefix(MARKER_VERSION).map(str::to_owned)
}

fn invalid_marker() -> Error {
    Error::validation("Invalid Marker.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(items: &[&str], max: i32) -> Vec<Vec<String>> {
        let mut marker = None;
        let mut pages = vec![];
        loop {
            let paging = Paging { marker: marker.as_deref(), max_items: Some(max) };
            let page = paging.of(items.iter().copied(), |item| (*item).to_owned()).unwrap();
            pages.push(page.items.iter().map(|item| (*item).to_owned()).collect());
            match page.marker {
                Some(next) => marker = Some(next),
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_cover_the_list_once() {
        assert_eq!(walk(&["a", "b", "c"], 2), [vec!["a", "b"], vec!["c"]]);
        assert_eq!(walk(&["a", "b"], 2), [vec!["a", "b"]]);
        assert_eq!(walk(&[], 2), [Vec::<String>::new()]);
    }

    #[test]
    fn a_removed_item_hides_no_other() {
        let all = ["a", "b", "c", "d"];
        let paging = Paging { marker: None, max_items: Some(2) };
        let first = paging.of(all, |item| (*item).to_owned()).unwrap();
        let paging = Paging { marker: first.marker.as_deref(), max_items: Some(2) };
        let second = paging.of(["a", "c", "d"], |item| (*item).to_owned()).unwrap();
        // `b`, the last item given, is gone: the list goes on where it was.
        assert_eq!(second.items, ["c", "d"]);
        let second = paging.of(["b", "c", "d"], |item| (*item).to_owned()).unwrap();
        assert_eq!(second.items, ["c", "d"]);
    }

    #[test]
    fn foreign_markers_are_refused() {
        for marker in ["", "x", "!", "AAAA", &URL_SAFE_NO_PAD.encode("2/x")] {
            let paging = Paging { marker: Some(marker), max_items: None };
            let error = paging.of([1], |_| String::new()).err().unwrap();
            assert_eq!(error.message(), "Invalid Marker.", "{marker}");
        }
    }
}
