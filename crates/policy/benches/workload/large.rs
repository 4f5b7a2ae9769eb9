//! The large workload. Principals and requests are made when they are asked for, since a million of them would take
//! the memory that the indexes are to be measured in.

use std::sync::Arc;

use arc_swap::ArcSwap;
use iamd_policy::{
    Document, Effect, Evaluator, Index, PolicyKind, PrincipalNumber, Reference, Request, Verdict,
};

use super::indexed::Indexed;
use super::{Asked, Material, Noise, Owner, RESOURCE_KIND, Shape};

/// Everybody's policies.
pub(crate) struct Large {
    material: Material,
    indexed: Indexed,
    /// The index of each account, as it is published.
    accounts: Vec<ArcSwap<Index>>,
}

/// A request, and who asks it.
pub(crate) struct Question {
    account: usize,
    principal: PrincipalNumber,
    owner: Owner,
    asked: Asked,
}

impl Question {
    pub(crate) fn request(&self) -> Request<'_> {
        self.asked.request(&self.owner)
    }

    /// The principal's documents, by the lists of which each must allow.
    pub(crate) fn layers(&self) -> Vec<Vec<usize>> {
        self.owner.layers()
    }
}

impl Large {
    /// Puts the indexes together. Also returns how many bytes they take beyond the compiled documents.
    pub(crate) fn new(shape: &Shape) -> (Self, usize) {
        let material = Material::new(shape);
        let (mut indexed, bytes) = Indexed::new(&material);
        let accounts = indexed.take_accounts().into_iter().map(ArcSwap::from_pointee).collect();
        (Self { material, indexed, accounts }, bytes)
    }

    pub(crate) fn principals(&self) -> usize {
        self.indexed.principals()
    }

    pub(crate) fn documents(&self) -> &[Document] {
        &self.material.documents
    }

    /// The median and the most statements of some thousand principals.
    pub(crate) fn statements(&self) -> (usize, usize) {
        let some = (0..self.principals()).step_by(self.principals() / 5000 + 1);
        let mut counts: Vec<usize> =
            some.map(|it| self.material.count(&self.material.owner(it))).collect();
        counts.sort_unstable();
        (counts[counts.len() / 2], counts[counts.len() - 1])
    }

    /// The request of this number, of a random principal.
    pub(crate) fn question(&self, seed: usize) -> Question {
        let mut noise = Noise(seed as u64);
        let number = noise.below(self.principals());
        let owner = self.material.owner(number);
        let asked = super::asked(&mut noise, &self.material, number, &owner);
        let account = number % self.accounts.len();
        Question { account, principal: self.indexed.number(number), owner, asked }
    }

    /// From the principal's number to the decision.
    pub(crate) fn decide(&self, question: &Question) -> Verdict {
        let request = question.request();
        let index = self.accounts[question.account].load();
        index.decide(question.principal, &request, RESOURCE_KIND, &[]).unwrap()
    }

    /// The indexes as they are now.
    pub(crate) fn indexes(&self) -> Vec<Arc<Index>> {
        self.accounts.iter().map(ArcSwap::load_full).collect()
    }

    /// Gives questions as they are decided together.
    pub(crate) fn together<T>(
        &self,
        indexes: &[Arc<Index>],
        questions: &[Question],
        take: impl FnOnce(&[iamd_policy::Question<'_>]) -> T,
    ) -> T {
        let requests: Vec<Request<'_>> = questions.iter().map(Question::request).collect();
        let asked = questions.iter().zip(&requests).map(|(it, request)| iamd_policy::Question {
            index: &indexes[it.account],
            principal: it.principal,
            request,
            resource_kind: RESOURCE_KIND,
            more: &[],
        });
        take(&asked.collect::<Vec<_>>())
    }

    /// What the reference says.
    pub(crate) fn reference(&self, question: &Question) -> (Effect, Option<PolicyKind>) {
        let request = question.request();
        self.material.plain(&question.owner, |policies| {
            let decision = Reference.decide(&request, policies);
            (decision.effect, decision.decided_by)
        })
    }

    /// Writes a policy of one account anew, and publishes the account's index.
    pub(crate) fn change(&self, seed: usize) {
        let mut noise = Noise(seed as u64);
        let account = noise.below(self.accounts.len());
        let mut index = Index::clone(&self.accounts[account].load());
        self.indexed.change(&mut index, account, &self.material, &mut noise);
        self.accounts[account].store(Arc::new(index));
    }
}
