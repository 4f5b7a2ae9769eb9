//! Reports that were asked for and can be fetched by id. They live as long as this process: a client whose job
//! is gone asks for another.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use iamd_types::{AccountId, Timestamp};

/// The most jobs kept; the oldest makes room.
const MAX_JOBS: usize = 4096;

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
pub struct Jobs(Mutex<VecDeque<Job>>);

impl Jobs {
    /// Keeps a job.
    pub fn put(&self, job: Job) {
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.len() >= MAX_JOBS {
            jobs.pop_front();
        }
        jobs.push_back(job);
    }

    /// The account's job of this id.
    pub fn find(&self, account: AccountId, id: &str) -> Option<Job> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.iter().find(|job| job.account == account && job.id == id).cloned()
    }
}
