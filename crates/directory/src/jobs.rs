//! Reports that were asked for and can be fetched by id. [`crate::Usage`] writes them down: a client may fetch its
//! report from a server that was started again meanwhile.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use iamd_store::Op;
use iamd_types::{AccountId, Timestamp};

/// The most jobs kept; the oldest makes room.
const MAX_JOBS: usize = 4096;
/// How long a job is kept, in seconds: seven days. How long AWS keeps it is not documented.
const KEPT_SECONDS: i64 = 7 * 24 * 60 * 60;
/// What keys of the store begin with; no access key id does.
pub(crate) const PREFIX: &str = "j/";

/// A report about an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The id, a UUID.
    pub id: String,
    /// Whose job it is.
    pub account: AccountId,
    /// The ARN of what it is about.
    pub subject: String,
    /// Whether it tells actions, too.
    pub tells_actions: bool,
    /// When it was asked for.
    pub created: Timestamp,
}

/// All jobs.
#[derive(Default)]
pub struct Jobs(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// The oldest first.
    jobs: VecDeque<Kept>,
    /// Keys of what made room for others, and is still in the store.
    forgotten: Vec<String>,
}

struct Kept {
    job: Job,
    written: bool,
}

impl Jobs {
    /// Keeps a job, and forgets those that are too old or too many.
    pub fn put(&self, job: Job) {
        let mut table = self.table();
        let oldest = job.created.plus_seconds(-KEPT_SECONDS);
        let is_over = |table: &Table| {
            let front = table.jobs.front();
            front.is_some_and(|it| it.job.created < oldest) || table.jobs.len() >= MAX_JOBS
        };
        while is_over(&table) {
            let Some(kept) = table.jobs.pop_front() else { break };
            if kept.written {
                table.forgotten.push(key(&kept.job));
            }
        }
        table.jobs.push_back(Kept { job, written: false });
    }

    /// The account's job of this id, unless it is too old.
    pub fn find(&self, account: AccountId, id: &str, now: Timestamp) -> Option<Job> {
        let table = self.table();
        let kept = table.jobs.iter().find(|it| it.job.account == account && it.job.id == id)?;
        let is_good = kept.job.created >= now.plus_seconds(-KEPT_SECONDS);
        is_good.then(|| kept.job.clone())
    }

    /// Takes in what was written down before. Keys come in the order of time.
    pub(crate) fn load(&self, key: &str, value: &[u8]) -> Option<()> {
        let mut parts = key.strip_prefix(PREFIX)?.splitn(3, '/');
        let created = Timestamp::from_seconds(parts.next()?.parse().ok()?);
        let (account, id) = (parts.next()?.parse().ok()?, parts.next()?.to_owned());
        let (level, subject) = std::str::from_utf8(value).ok()?.split_once(' ')?;
        let tells_actions = match level {
            "actions" => true,
            "services" => false,
            _ => return None,
        };
        let job = Job { id, account, subject: subject.to_owned(), tells_actions, created };
        self.table().jobs.push_back(Kept { job, written: true });
        Some(())
    }

    /// What is to be written down, with what to tell [`Jobs::written`] afterwards.
    pub(crate) fn unwritten(&self) -> Vec<(Op, Written)> {
        let table = self.table();
        let new = table.jobs.iter().filter(|it| !it.written).map(|Kept { job, .. }| {
            let level = if job.tells_actions { "actions" } else { "services" };
            let value = format!("{level} {}", job.subject);
            let key = key(job);
            (Op::put(key.as_bytes(), value.into_bytes()), Written(key))
        });
        let gone = table.forgotten.iter();
        let gone = gone.map(|key| (Op::delete(key.as_bytes()), Written(key.clone())));
        new.chain(gone).collect()
    }

    /// That this is in the store now.
    pub(crate) fn written(&self, Written(written): &Written) {
        let mut table = self.table();
        table.forgotten.retain(|it| it != written);
        // What made room while it was written is in the store all the same; it goes when it is too old at a start.
        let mut unwritten = table.jobs.iter_mut().filter(|it| !it.written);
        if let Some(kept) = unwritten.find(|it| key(&it.job) == *written) {
            kept.written = true;
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of a job that was written down, or taken out.
pub(crate) struct Written(String);

/// Keys that order by time.
fn key(job: &Job) -> String {
    format!("{PREFIX}{:012}/{}/{}", job.created.seconds(), job.account, job.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    fn job(number: i64, created: i64) -> Job {
        Job {
            id: format!("{number:08}-0000-4000-8000-000000000000"),
            account: "111122223333".parse().unwrap(),
            subject: format!("arn:aws:iam::111122223333:user/team one/u{number}"),
            tells_actions: number % 2 == 0,
            created: Timestamp::from_seconds(created),
        }
    }

    fn find(jobs: &Jobs, job: &Job, now: i64) -> Option<Job> {
        jobs.find(job.account, &job.id, Timestamp::from_seconds(now))
    }

    /// Writes down what there is to write, into a table as it will be after the next start.
    fn write(jobs: &Jobs, stored: &mut std::collections::BTreeMap<Vec<u8>, Vec<u8>>) -> Jobs {
        for (op, written) in jobs.unwritten() {
            match op {
                Op::Put { key, value } => drop(stored.insert(key.to_vec(), value.to_vec())),
                Op::Delete { key } => drop(stored.remove(&*key)),
            }
            jobs.written(&written);
        }
        assert!(jobs.unwritten().is_empty());
        let again = Jobs::default();
        for (key, value) in stored {
            again.load(std::str::from_utf8(key).unwrap(), value).unwrap();
        }
        again
    }

    #[test]
    fn jobs_are_kept_for_a_week_in_memory_and_in_the_store() {
        let (jobs, mut stored) = (Jobs::default(), std::collections::BTreeMap::new());
        let (first, second) = (job(1, 1_000_000), job(2, 1_000_000 + DAY));
        jobs.put(first.clone());
        jobs.put(second.clone());
        let again = write(&jobs, &mut stored);
        assert!(again.unwritten().is_empty());
        for jobs in [&jobs, &again] {
            let end = 1_000_000 + KEPT_SECONDS;
            assert_eq!(find(jobs, &first, end).as_ref(), Some(&first));
            assert_eq!(find(jobs, &first, end + 1), None);
            assert_eq!(find(jobs, &second, end + 1).as_ref(), Some(&second));
            let other = "444455556666".parse().unwrap();
            assert_eq!(jobs.find(other, &second.id, second.created), None);
        }
        again.put(job(3, 1_000_000 + 8 * DAY));
        write(&again, &mut stored);
        assert_eq!(stored.len(), 2);
    }

    #[test]
    fn the_oldest_makes_room() {
        let (jobs, mut stored) = (Jobs::default(), std::collections::BTreeMap::new());
        let count = i64::try_from(MAX_JOBS).unwrap();
        (0..count).for_each(|number| jobs.put(job(number, 1_000_000)));
        write(&jobs, &mut stored);
        jobs.put(job(count, 1_000_000));
        assert_eq!(find(&jobs, &job(0, 1_000_000), 1_000_000), None);
        assert!(find(&jobs, &job(1, 1_000_000), 1_000_000).is_some());
        let again = write(&jobs, &mut stored);
        assert_eq!(stored.len(), MAX_JOBS);
        assert_eq!(again.table().jobs.len(), MAX_JOBS);
    }

    #[test]
    fn what_is_no_job_is_passed_over() {
        let jobs = Jobs::default();
        let good = "j/000001000000/111122223333/x";
        for (key, value) in [
            ("j/", "actions a"),
            ("j/x/111122223333/x", "actions a"),
            ("j/000001000000/x/x", "actions a"),
            ("j/000001000000/111122223333", "actions a"),
            (good, "actions"),
            (good, "other a"),
        ] {
            assert_eq!(jobs.load(key, value.as_bytes()), None, "{key} {value}");
        }
        assert_eq!(jobs.load(good, &[0xff]), None);
    }
}
