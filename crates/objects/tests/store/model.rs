//! Random operations, on the store and on a plain model of it: every answer and every list must be the same,
//! also after reopening.

use std::collections::BTreeMap;
use std::sync::Arc;

use iamd_objects::*;
use proptest::prelude::*;

use crate::fixture::*;
use crate::uploads::{complete_of, named, part, upload_of};

const KEYS: [&str; 8] = ["a", "a/", "a/b", "a/c", "ab", "b//x", "é", "z/../y"];

#[derive(Debug, Clone)]
enum Operation {
    Put { key: usize, size: usize, versioning: Versioning, encrypt: bool },
    Fail { key: usize, size: usize },
    Upload { key: usize, parts: usize, versioning: Versioning, encrypt: bool },
    Copy { from: usize, to: usize, versioning: Versioning },
    Delete { key: usize, versioning: Versioning },
    DeleteVersion { key: usize, number: usize },
    SetTags { key: usize, number: usize, tag: u8 },
    Reopen,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let key = 0..KEYS.len();
    let versioning =
        prop_oneof![Just(Versioning::Off), Just(Versioning::Enabled), Just(Versioning::Suspended)];
    let size =
        prop_oneof![0..100usize, 32_700..32_800usize, 65_500..65_600usize, 130_000..200_000usize];
    let operation = prop_oneof![
        6 => (key.clone(), size.clone(), versioning.clone(), any::<bool>())
            .prop_map(|(key, size, versioning, encrypt)| Operation::Put { key, size, versioning, encrypt }),
        1 => (key.clone(), size).prop_map(|(key, size)| Operation::Fail { key, size }),
        2 => (key.clone(), 1..3usize, versioning.clone(), any::<bool>())
            .prop_map(|(key, parts, versioning, encrypt)| Operation::Upload { key, parts, versioning, encrypt }),
        2 => (key.clone(), key.clone(), versioning.clone())
            .prop_map(|(from, to, versioning)| Operation::Copy { from, to, versioning }),
        4 => (key.clone(), versioning).prop_map(|(key, versioning)| Operation::Delete { key, versioning }),
        3 => (key.clone(), 0..3usize).prop_map(|(key, number)| Operation::DeleteVersion { key, number }),
        2 => (key, 0..3usize, any::<u8>())
            .prop_map(|(key, number, tag)| Operation::SetTags { key, number, tag }),
        1 => Just(Operation::Reopen),
    ];
    prop::collection::vec(operation, 1..30)
}

#[derive(Debug, Clone, PartialEq)]
struct Version {
    id: VersionId,
    /// `None` for a delete marker.
    object: Option<(Vec<u8>, Vec<(String, String)>)>,
}

/// The versions of each key, newest first.
#[derive(Default)]
struct Model(BTreeMap<String, Vec<Version>>);

impl Model {
    fn write(&mut self, key: &str, version: Version) {
        let versions = self.0.entry(key.to_owned()).or_default();
        versions.retain(|other| other.id != version.id);
        versions.insert(0, version);
    }

    fn remove(&mut self, key: &str, id: VersionId) {
        if let Some(versions) = self.0.get_mut(key) {
            versions.retain(|other| other.id != id);
            if versions.is_empty() {
                self.0.remove(key);
            }
        }
    }

    fn newest(&self, key: &str) -> Option<&Version> {
        self.0.get(key)?.first()
    }

    fn versions(&self, key: &str) -> &[Version] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// What lists with a delimiter show, by going through everything.
    fn list(&self, prefix: &str, delimiter: &str) -> (Vec<String>, Vec<String>) {
        let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
        for (key, versions) in &self.0 {
            let Some(rest) = key.strip_prefix(prefix).filter(|_| versions[0].object.is_some())
            else {
                continue;
            };
            match rest.find(delimiter).filter(|_| !delimiter.is_empty()) {
                Some(at) => prefixes.push(format!("{prefix}{}{delimiter}", &rest[..at])),
                None => keys.push(key.clone()),
            }
        }
        prefixes.dedup();
        (keys, prefixes)
    }
}

struct Run {
    fixture: Fixture,
    model: Model,
    random: Random,
}

impl Run {
    async fn apply(mut self, operation: Operation) -> Self {
        let bucket = Arc::clone(&self.fixture.bucket);
        match operation {
            Operation::Put { key: name, size, versioning, encrypt } => {
                let data = self.random.bytes(size);
                let put = Put { versioning, encrypt, ..put_of(KEYS[name]) };
                let stored = bucket.put(put, body(&data, 50_000)).await.unwrap();
                self.wrote(KEYS[name], versioning, stored.version, data, Vec::new());
            }
            Operation::Fail { key: name, size } => {
                let data = self.random.bytes(size);
                bucket.put(put_of(KEYS[name]), broken(&data)).await.unwrap_err();
            }
            Operation::Upload { key: name, parts, versioning, encrypt } => {
                let new = NewUpload { encrypt, ..upload_of(KEYS[name]) };
                let upload = bucket.create_upload(new).await.unwrap();
                let (mut all, mut list) = (Vec::new(), Vec::new());
                for number in 1..=parts {
                    let size = if number < parts { MIN_PART as usize } else { 70_000 };
                    let data = self.random.bytes(size);
                    let number = number as u16;
                    list.push(named(number, &part(&bucket, &upload, number, &data).await));
                    all.extend(data);
                }
                let complete = Complete { versioning, ..complete_of(&upload, list) };
                let stored = bucket.complete_upload(complete).await.unwrap();
                self.wrote(KEYS[name], versioning, stored.version, all, Vec::new());
            }
            Operation::Copy { from, to, versioning } => self.copy(from, to, versioning).await,
            Operation::Delete { key: name, versioning } => {
                let deleted = delete(&bucket, KEYS[name], versioning).await;
                match versioning {
                    Versioning::Off => self.model.remove(KEYS[name], VersionId::Null),
                    _ => {
                        let id = deleted.version.unwrap();
                        assert_eq!(id == VersionId::Null, versioning == Versioning::Suspended);
                        self.model.write(KEYS[name], Version { id, object: None });
                    }
                }
            }
            Operation::DeleteVersion { key: name, number } => {
                let id = self.model.versions(KEYS[name]).get(number).map(|it| it.id);
                let id = id.unwrap_or(VersionId::Id([9; 16]));
                let delete = Delete {
                    key: key(KEYS[name]),
                    version: Some(id),
                    versioning: Versioning::Off,
                    if_match: None,
                };
                bucket.delete(delete).await.unwrap();
                self.model.remove(KEYS[name], id);
            }
            Operation::SetTags { key: name, number, tag } => {
                let tags = vec![("tag".to_owned(), tag.to_string())];
                let id = self.model.versions(KEYS[name]).get(number).map(|it| it.id);
                let id = id.unwrap_or(VersionId::Id([9; 16]));
                let set = bucket.set_tags(&key(KEYS[name]), Some(id), tags.clone(), None).await;
                let versions = self.model.0.get_mut(KEYS[name]).into_iter().flatten();
                let object = versions.filter(|it| it.id == id).find_map(|it| it.object.as_mut());
                assert_eq!(set.is_ok(), object.is_some());
                if let Some(object) = object {
                    object.1 = tags;
                }
            }
            Operation::Reopen => {
                drop(bucket);
                self.fixture = self.fixture.reopen();
            }
        }
        self
    }

    async fn copy(&mut self, from: usize, to: usize, versioning: Versioning) {
        let source = CopySource {
            bucket: Arc::clone(&self.fixture.bucket),
            key: key(KEYS[from]),
            version: None,
            condition: ReadCondition::default(),
            seen: None,
        };
        let changes = Changes {
            key: key(KEYS[to]),
            attributes: None,
            tags: None,
            class: StorageClass::Standard,
            algorithm: None,
            condition: WriteCondition::default(),
            versioning,
            encrypt: false,
        };
        let copied = self.fixture.bucket.copy(&source, changes).await;
        let object = self.model.newest(KEYS[from]).and_then(|it| it.object.clone());
        assert_eq!(copied.is_ok(), object.is_some());
        if let (Ok((stored, _)), Some((data, tags))) = (copied, object) {
            self.wrote(KEYS[to], versioning, stored.version, data, tags);
        }
    }

    fn wrote(
        &mut self,
        key: &str,
        versioning: Versioning,
        id: VersionId,
        data: Vec<u8>,
        tags: Vec<(String, String)>,
    ) {
        assert_eq!(id == VersionId::Null, versioning != Versioning::Enabled);
        self.model.write(key, Version { id, object: Some((data, tags)) });
    }

    async fn compare(&self) {
        let bucket = &self.fixture.bucket;
        let page =
            bucket.list_versions(&ListVersions { limit: 1000, ..Default::default() }).unwrap();
        let listed: Vec<_> = page
            .versions
            .iter()
            .map(|it| {
                (it.key.as_str(), it.version, it.is_latest, it.object.as_ref().map(|it| it.size))
            })
            .collect();
        let expected: Vec<_> = self
            .model
            .0
            .iter()
            .flat_map(|(key, versions)| {
                versions.iter().enumerate().map(move |it| (key.as_str(), it))
            })
            .map(|(key, (at, it))| {
                (key, it.id, at == 0, it.object.as_ref().map(|(data, _)| data.len() as u64))
            })
            .collect();
        assert_eq!(listed, expected);
        for (prefix, delimiter) in [("", ""), ("", "/"), ("a", "/"), ("a/", "/"), ("b/", "/")] {
            for limit in [1, 3] {
                let list = List {
                    prefix: prefix.to_owned(),
                    delimiter: Some(delimiter.to_owned()),
                    after: None,
                    limit,
                };
                let found = crate::lists::pages(bucket, &list, limit == 3);
                assert_eq!(found, self.model.list(prefix, delimiter), "{list:?}");
            }
        }
        for name in KEYS {
            for version in self.model.versions(name) {
                let got = bucket.get(get_of(name, Some(version.id), Portion::Whole)).await;
                match (&version.object, got) {
                    (Some((data, tags)), Ok(object)) => {
                        assert_eq!(&object.info.attributes.tags, tags);
                        assert!(collect(object).await.unwrap() == *data, "{name} {}", version.id);
                    }
                    (None, Err(Error::IsDeleteMarker { .. })) => {}
                    (_, got) => panic!("{name} {version:?}: {:?}", got.map(|it| it.info)),
                }
            }
            let newest = self.model.newest(name).and_then(|it| it.object.as_ref());
            let got = bucket.head(get_of(name, None, Portion::Whole)).await;
            assert_eq!(got.ok().map(|it| it.info.size), newest.map(|(data, _)| data.len() as u64));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 100, ..Default::default() })]

    #[test]
    fn the_store_does_as_the_model(operations in operations(), seed in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::new().await;
            let mut run = Run { fixture, model: Model::default(), random: Random(seed) };
            for operation in operations {
                run = run.apply(operation).await;
                run.compare().await;
            }
            // Nothing is left of what was replaced or failed.
            for (name, versions) in std::mem::take(&mut run.model.0) {
                for version in versions {
                    let (key, version) = (key(&name), Some(version.id));
                    let delete = Delete { key, version, versioning: Versioning::Off, if_match: None };
                    run.fixture.bucket.delete(delete).await.unwrap();
                }
            }
            let fixture = run.fixture.reopen();
            assert!(fixture.files().is_empty(), "{:?}", fixture.files());
        });
    }
}
