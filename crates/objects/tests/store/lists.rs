//! Lists: pages, delimiters, markers, and large buckets.

use std::collections::BTreeSet;
use std::time::Instant;

use futures_util::FutureExt;
use iamd_objects::*;

use crate::fixture::*;

async fn filled(names: &[&str]) -> Fixture {
    let fixture = Fixture::new().await;
    for name in names {
        put(&fixture.bucket, name, b"").await;
    }
    fixture
}

fn page(bucket: &Bucket, list: &List) -> (Vec<String>, Vec<String>, Option<Position>) {
    let listing = at_once(bucket.list(list)).unwrap();
    let keys = listing.objects.iter().map(|it| it.key.as_str().to_owned()).collect();
    (keys, listing.prefixes, listing.next)
}

/// All pages, with the position handed on as a marker or as a token.
pub(crate) fn pages(bucket: &Bucket, list: &List, as_marker: bool) -> (Vec<String>, Vec<String>) {
    let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
    let mut list = list.clone();
    loop {
        let (page_keys, page_prefixes, next) = page(bucket, &list);
        assert!(page_keys.len() + page_prefixes.len() <= list.limit);
        keys.extend(page_keys);
        prefixes.extend(page_prefixes);
        let Some(next) = next else { return (keys, prefixes) };
        list.after = Some(match as_marker {
            true => {
                Position::after_marker(next.as_marker(), &list.prefix, list.delimiter.as_deref())
            }
            false => Position::from_text(&next.to_text()).unwrap(),
        });
    }
}

#[tokio::test]
async fn prefixes_and_delimiters() {
    let fixture = filled(&["a", "a/", "a/b", "a/b/c", "a/d", "ab", "b/", "b/x", "c"]).await;
    for (prefix, delimiter, keys, prefixes) in [
        ("", "", "a a/ a/b a/b/c a/d ab b/ b/x c", ""),
        ("", "/", "a ab c", "a/ b/"),
        ("a", "/", "a ab", "a/"),
        ("a/", "/", "a/ a/b a/d", "a/b/"),
        ("a/b", "/", "a/b", "a/b/"),
        ("z", "/", "", ""),
        ("", "b", "a a/ a/d c", "a/b ab b"),
        ("", "/b", "a a/ a/d ab b/ b/x c", "a/b"),
    ] {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for limit in 1..=10 {
            let delimiter = Some(delimiter.to_owned());
            let list = List { prefix: prefix.to_owned(), delimiter, after: None, limit };
            for as_marker in [false, true] {
                let found = pages(&fixture.bucket, &list, as_marker);
                assert_eq!(found, (words(keys), words(prefixes)), "{list:?} {as_marker}");
            }
        }
    }
    let none = List { limit: 0, ..List::default() };
    assert_eq!(page(&fixture.bucket, &none), (vec![], vec![], None));
}

#[tokio::test]
async fn start_after_need_not_be_a_key() {
    let fixture = filled(&["a", "b", "d/x", "d/y"]).await;
    let after = |marker: &str, delimiter: Option<&str>| List {
        after: Some(Position::after_marker(marker, "", delimiter)),
        delimiter: delimiter.map(str::to_owned),
        limit: 9,
        ..List::default()
    };
    assert_eq!(page(&fixture.bucket, &after("a", None)).0, ["b", "d/x", "d/y"]);
    assert_eq!(page(&fixture.bucket, &after("aa", None)).0, ["b", "d/x", "d/y"]);
    assert_eq!(page(&fixture.bucket, &after("d/x", None)).0, ["d/y"]);
    assert_eq!(page(&fixture.bucket, &after("b", Some("/"))).1, ["d/"]);
    assert!(page(&fixture.bucket, &after("d/", Some("/"))).1.is_empty());
    // A marker before the prefix, and behind it.
    let list = List { prefix: "d/".to_owned(), ..after("a", None) };
    assert_eq!(page(&fixture.bucket, &list).0, ["d/x", "d/y"]);
    let list = List { prefix: "d/".to_owned(), ..after("e", None) };
    assert!(page(&fixture.bucket, &list).0.is_empty());
}

#[tokio::test]
async fn versions_page_within_a_key() {
    let fixture = Fixture::new().await;
    let bucket = &fixture.bucket;
    for name in ["a", "b", "b", "b", "c/1", "c/2"] {
        let put = Put { versioning: Versioning::Enabled, ..put_of(name) };
        bucket.put(put, body(b"", 1)).await.unwrap();
    }
    delete(bucket, "b", Versioning::Enabled).await;
    let all = bucket.list_versions(&ListVersions { limit: 99, ..Default::default() }).unwrap();
    assert_eq!(all.versions.len(), 7);
    assert!(all.versions[1].object.is_none() && all.versions[1].is_latest);
    for limit in 1..=7 {
        let mut list = ListVersions { limit, ..Default::default() };
        let mut found = Vec::new();
        loop {
            let page = bucket.list_versions(&list).unwrap();
            found.extend(page.versions);
            let Some((after, version)) = page.next else { break };
            (list.after, list.after_version) = (Some(after), version);
        }
        assert_eq!(found, all.versions, "{limit}");
    }
    let delimiter = Some("/".to_owned());
    let rolled = ListVersions { delimiter, limit: 5, ..Default::default() };
    let page = bucket.list_versions(&rolled).unwrap();
    assert!(page.next.is_none() || page.prefixes.is_empty());
    let behind = ListVersions { after: Some(Position::Key("b".to_owned())), limit: 9, ..rolled };
    assert_eq!(bucket.list_versions(&behind).unwrap().prefixes, ["c/"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_bucket_is_listed_in_steps() {
    let objects = 20_000 * rounds();
    let fixture = Fixture::new().await;
    let mut expected = BTreeSet::new();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let bucket = fixture.bucket.clone();
        let names: Vec<_> = (0..objects / 16)
            .map(|number| format!("{:02}/{:03}/{writer}-{number}", number % 7, number % 100))
            .collect();
        expected.extend(names.clone());
        writers.spawn(async move {
            for name in names {
                put(&bucket, &name, b"x").await;
            }
        });
    }
    writers.join_all().await;
    let fixture = {
        let start = Instant::now();
        let fixture = fixture.reopen();
        println!("{objects} objects opened in {:?}", start.elapsed());
        fixture
    };
    let list = List { limit: 1000, ..List::default() };
    let start = Instant::now();
    let (keys, _) = pages(&fixture.bucket, &list, false);
    println!("{objects} objects listed in {:?}", start.elapsed());
    assert!(keys.iter().eq(expected.iter()));
    let delimiter = Some("/".to_owned());
    let list = List { prefix: "03/".to_owned(), delimiter, limit: 10, ..List::default() };
    let start = Instant::now();
    let (keys, prefixes) = pages(&fixture.bucket, &list, true);
    println!("rolled up in {:?}", start.elapsed());
    assert_eq!((keys.len(), prefixes.len()), (0, 100));
}

/// Many delete markers keep nobody waiting: the list is made in steps, and writers come in between.
#[tokio::test]
async fn a_list_lets_writers_in_between_its_steps() {
    const MARKERS: usize = 1200;
    let fixture = filled(&["z/1"]).await;
    let bucket = &fixture.bucket;
    for number in 0..MARKERS {
        delete(bucket, &format!("m/{number:04}"), Versioning::Enabled).await;
    }
    let list = List { limit: 1000, ..List::default() };
    let mut listing = Box::pin(bucket.list(&list));
    assert!((&mut listing).now_or_never().is_none());
    put(bucket, "a", b"").await;
    put(bucket, "z/2", b"").await;
    assert!((&mut listing).now_or_never().is_none());
    let listing = listing.await.unwrap();
    let found: Vec<_> = listing.objects.iter().map(|it| it.key.as_str()).collect();
    assert_eq!((found, listing.next), (vec!["z/1", "z/2"], None));
    assert_eq!(keys_of(bucket, "m/").await, Vec::<String>::new());
}

async fn keys_of(bucket: &Bucket, prefix: &str) -> Vec<String> {
    let list = List { prefix: prefix.to_owned(), limit: 1000, ..List::default() };
    let listing = bucket.list(&list).await.unwrap();
    listing.objects.iter().map(|it| it.key.as_str().to_owned()).collect()
}
